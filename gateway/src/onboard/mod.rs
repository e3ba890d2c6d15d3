//! Putting up a box: find the cameras, learn the URLs of their streams, draft a configuration.
//!
//! ```text
//! onvif: who is there? ─▶ onvif: which streams? ──┐
//!                          vendor: the usual paths ┴─▶ streams ─▶ interview ─▶ draft: a commented configuration
//! ```
//!
//! [`onvif`] asks the cameras, [`vendor`] knows what their makers usually do, [`interview`] asks the installer, [`draft`]
//! writes what the installer would, all in one of two languages. [`sheet`] is the document to be filed and signed in the end.

pub mod draft;
pub mod interview;
pub mod onvif;
pub mod sheet;
pub mod vendor;
