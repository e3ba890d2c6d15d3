//! The configuration file of the Moshao gateway.
//!
//! A file goes through two shapes: [`raw`](crate) is what the file says, with the place of everything in it; [`model`]
//! is what the gateway runs with, checked and complete. Between them every mistake is collected, so that one look at
//! the output mends the whole file.

pub mod model;

pub use model::*;
