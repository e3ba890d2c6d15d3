//! What the end-to-end tests stand on: real brokers, real RTSP servers, footage.

pub mod broker;
pub mod fake_broker;
pub mod gateway_parts;
pub mod subscriber;
