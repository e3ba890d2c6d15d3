//! End-to-end tests: real parts only.

mod camera_worker;
