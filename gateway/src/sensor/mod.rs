//! Sensors: MQTT messages in, readings out.
//!
//! [`mqtt`] subscribes and hands over, [`mapping`] turns a message into readings, [`topics`] finds whose message it is.

mod binary;
pub mod mapping;
pub mod mqtt;
mod pointer;
mod proof;
pub mod reading;
mod sparkplug;
pub mod topics;
