//! What the cameras of an alarming sensor see: asked at once, answered within a bounded time.
//!
//! An answer only adds to the incident. "Nothing seen" takes nothing from a sensor's alarm.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::happening::Happening;
use super::mark::Mark;
use crate::event::{Look, Object, Saw};

/// Cameras asked for one incident, at most.
pub(super) const LOOKS_MAX: usize = 8;
/// Pictures that must show it, so that one flicker is no fire.
const PICTURES: u32 = 2;

/// A camera that was asked to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Looking {
    /// What is told of it.
    pub(crate) look: Look,
    /// When it was asked.
    pub(super) asked: Mark,
    /// Pictures that showed something.
    hits: u32,
    /// The answer has been told.
    pub(super) told: bool,
}

/// What the gateway knows about a camera before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Its stream may come.
    Open,
    /// It has no stream.
    Offline,
    /// It has no rule for what would show such a happening.
    Blind,
}

// === impl Looking ===

impl Looking {
    /// Asks a camera.
    pub(super) fn ask(now: Mark, camera: &str, eyes: Eyes) -> Self {
        let saw = match eyes {
            Eyes::Open => Saw::Looking,
            Eyes::Offline => Saw::CameraOffline,
            Eyes::Blind => Saw::CannotTell,
        };
        let look = Look { camera: camera.to_owned(), saw, labels: Vec::new(), score: None, pictures: 0 };
        // An answer that is known at once is told with the alarm.
        Looking { look, asked: now, hits: 0, told: false }
    }

    /// Whether it still waits for pictures.
    pub(super) fn is_open(&self, now: Mark, look_for: Duration) -> bool {
        matches!(self.look.saw, Saw::Looking | Saw::FireSeen | Saw::ObjectsSeen)
            && now.since(self.asked) < look_for
            && !self.told
    }

    /// One analysed picture with these labels and scores.
    pub(super) fn see<'a>(&mut self, happening: &Happening, seen: impl Iterator<Item = (&'a str, f32)>) {
        let look = &mut self.look;
        look.pictures += 1;
        let mut hit = false;
        for (label, score) in seen.filter(|(label, _)| happening.is_shown_by(label)) {
            hit = true;
            look.score = Some(look.score.unwrap_or(0.0).max(score));
            if !look.labels.iter().any(|known| known == label) {
                look.labels.push(label.to_owned());
                look.labels.sort_unstable();
            }
        }
        self.hits += u32::from(hit);
        if self.hits >= PICTURES {
            let fire = look.labels.iter().any(|label| matches!(label.as_str(), "fire" | "smoke" | "flame"));
            look.saw = if fire { Saw::FireSeen } else { Saw::ObjectsSeen };
        }
    }

    /// The camera's own rule has found these objects.
    pub(super) fn find(&mut self, happening: &Happening, objects: &[Object]) {
        if self.told && self.look.saw != Saw::Looking {
            return;
        }
        self.hits = PICTURES;
        self.see(happening, objects.iter().map(|object| (object.label.as_str(), object.score)));
    }

    /// The camera has lost its stream.
    pub(super) fn lose(&mut self) {
        if self.look.saw == Saw::Looking && self.look.pictures == 0 {
            self.look.saw = Saw::CameraOffline;
        }
    }

    /// Its time is over: it has an answer now.
    pub(super) fn settle(&mut self) {
        if self.look.saw == Saw::Looking {
            self.look.saw = if self.look.pictures > 0 { Saw::NothingSeen } else { Saw::NoPicture };
            self.look.labels.clear();
            self.look.score = None;
        }
    }

    /// It has an answer that will not change.
    pub(super) fn is_settled(&self) -> bool {
        self.look.saw != Saw::Looking
    }
}
