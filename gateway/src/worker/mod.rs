//! The camera worker: the child process that turns access units into observations.

pub mod codec;
pub mod link;
