//! Sensors: MQTT messages in, readings out.
//!
//! [`mqtt`] subscribes and hands over, [`mapping`] turns a message into readings, [`topics`] finds whose message it is.

pub mod mapping;
pub mod mqtt;
pub mod reading;
pub mod topics;
