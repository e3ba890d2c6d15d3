//! What the end-to-end tests stand on: real brokers, real RTSP servers, footage.

pub mod broker;
pub mod camera_server;
pub mod footage;
