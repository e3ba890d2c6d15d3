//! Stills and clips.

use std::time::Duration;

/// `[evidence]`: what is recorded, and how long and how much of it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidencePolicy {
    /// Levels of a camera's own incidents of which a clip is recorded.
    pub clip_levels: Vec<u8>,
    /// Cameras that see the place of an alarming sensor record as well.
    pub clip_linked: bool,
    /// How much of a clip lies before the alarm.
    pub pre_roll: Duration,
    /// How much of a clip lies after the alarm.
    pub post_roll: Duration,
    /// How much and how long stills are kept.
    pub stills: Keep,
    /// How much and how long clips are kept.
    pub clips: Keep,
}

/// How much and how long one class of evidence is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Most bytes that it may take; beyond it the oldest goes first.
    pub quota_bytes: u64,
    /// How long, unless it is held.
    pub lasting: Duration,
}
