//! A camera that sleeps misses nothing: the real binary, cameras over RTSP, composed streams with a known truth.
//!
//! Each test plays a quiet place into which a person comes once. What is found by a camera that never sleeps is what
//! there is to find.

mod clips;
mod faults;
mod replay;
mod sleeping;
mod stage;
