//! End-to-end tests: the real binary between a real camera server, real brokers and a subscriber.
//!
//! Sections of configuration are built in [`site`]; each other module is one part of what a gateway is there for.

mod bad_cameras;
mod best_still;
mod camera_worker;
mod clips;
mod commands;
mod decoding;
mod demo;
mod detect;
mod live_change;
mod main_stream;
mod onboarding;
mod outages;
mod overload;
mod people;
mod probe;
mod sensors;
mod sheet;
mod site;
mod stopping;
mod subscribers;
mod views;
