//! Sensors: MQTT messages in, readings out.
//!
//! [`mqtt`] subscribes and hands over, [`mapping`] turns a message into readings, [`topics`] finds whose message it is;
//! `discovery` knows the topics that devices have announced themselves.

mod binary;
mod discovery;
mod home_assistant;
pub mod mapping;
mod message;
pub mod mqtt;
mod pointer;
mod proof;
pub mod reading;
mod sparkplug;
mod template;
pub mod topics;
