//! Picture in, tracked detections out.
//!
//! The way through: a [`picture::PictureView`] of the decoder's planes goes through [`detector::Detector::detect`], and
//! what that finds through [`track::Tracker::update`]. Knows no camera, no MQTT and no configuration file.
//!
//! Inside the detector, in the order of the data: `tensor` (planar YUV to the model's input, one pass), `session` (ONNX
//! Runtime), `family` (what the numbers mean; one file a family), `nms` (overlapping candidates).

pub mod catalogue;
pub mod detector;
pub mod error;
mod family;
mod geometry;
pub mod labels;
mod model_file;
pub mod nms;
mod onnx;
pub mod picture;
mod quantisation;
pub mod runtime;
mod session;
mod tensor;
pub mod tiles;
pub mod track;
