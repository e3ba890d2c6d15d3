//! Picture in, tracked detections out.
//!
//! The way through: a [`picture::PictureView`] of the decoder's planes goes through [`detector::Detector::detect`], and
//! what that finds through [`track::Tracker::update`]. Knows no camera, no MQTT and no configuration file.

pub mod detector;
pub mod picture;
pub mod runtime;
pub mod track;
