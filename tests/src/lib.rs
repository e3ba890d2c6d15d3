//! What the end-to-end tests stand on: the real gateway binary, real brokers, real RTSP servers, footage.
//!
//! A test that needs something which this machine lacks says so with [`skip`] and ends.

pub mod batches;
pub mod broker;
pub mod browser;
pub mod camera_server;
pub mod centre;
pub mod commander;
pub mod compose;
pub mod fake_broker;
pub mod fake_sink;
pub mod footage;
pub mod gateway;
pub mod gateway_parts;
pub mod nats;
pub mod page_client;
pub mod processes;
pub mod simulated_camera;
pub mod subscriber;
pub mod video;
pub mod wait;
pub mod worker;

use std::io::Write;

/// Says plainly that the running test is skipped, past the test harness, which keeps the output of tests that pass.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Where standard error is closed there is nobody to tell.
    drop(writeln!(std::io::stderr(), "SKIPPED {test}: {reason}"));
}
