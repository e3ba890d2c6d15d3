//! The world in miniature: cameras and sensors that are not there, for the demo, for tests and for trying things out.
//!
//! [`scene`] draws what a camera would see, [`feed`] turns it (or recorded files) into access units, [`rtsp`] serves
//! them as a camera does, [`fault`] makes that camera misbehave, and [`sensors`] plays smoke and temperature sensors
//! on a broker. [`fleet`] is many gateways at once, for the centre's broker. [`broker`] is a small MQTT broker inside the process, and [`story`] checks that the demo shows what it
//! has to show.

pub mod broker;
pub mod fault;
pub mod feed;
pub mod fleet;
pub mod rtsp;
pub mod scene;
pub mod scene_set;
pub mod sensors;
pub mod story;
