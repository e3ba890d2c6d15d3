//! The crate from outside, with ONNX Runtime: one binary, so that it is linked once.
//!
//! Tests that need real models, pictures and footage skip, and say so, where `MOSHAO_TEST_DATA` is missing.

/// Several pictures at once, and turned ones.
mod batches;
mod common;
/// Exports of the usual toolchains, where somebody has made them.
mod exports;
/// Detections against references, family by family; what must be refused.
mod golden;
/// Damaged and malicious model files.
mod hostile;
/// Ids over footage.
mod tracking;
