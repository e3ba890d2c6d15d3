//! End-to-end tests: real parts only.
