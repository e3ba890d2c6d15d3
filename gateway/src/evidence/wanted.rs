//! Stills that were asked for and have not come yet.

use std::collections::HashMap;

use crate::desk::Answer;
use crate::event::Evidence;
use crate::worker::link::StillRequest;

/// Longest side of a still, pixels.
const STILL_SIDE_PX: u32 = 1280;
/// A still that has not come after this many others were asked for will not come.
const WANTED_MAX: usize = 256;

/// Stills that were asked for and have not come yet.
#[derive(Debug, Default)]
pub struct Wanted {
    last: u64,
    of: HashMap<u64, Want>,
}

/// What a still is wanted for.
#[derive(Debug)]
pub struct Want {
    /// Incident id.
    pub incident: String,
    /// The camera that takes it.
    pub camera: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a still is for.
#[derive(Debug)]
pub enum Purpose {
    /// The event that opened or confirmed an incident. What the picture promises: see [`best`](super::best).
    Event {
        /// How large and sure the object in it is.
        promise: f32,
    },
    /// It may be better than those before.
    Better {
        /// How large and sure the object in it is.
        promise: f32,
    },
    /// A command waits for it.
    Command(Answer<Evidence>),
}

// === impl Wanted ===

impl Wanted {
    /// Commands that wait for a still wait no longer.
    pub fn forget_asked(&mut self) {
        self.of.retain(|_, want| !matches!(want.purpose, Purpose::Command(_)));
    }

    /// Notes a want and returns the request for the camera's worker.
    pub fn ask(&mut self, want: Want, picture: Option<u64>, subjects: Vec<[f32; 4]>) -> StillRequest {
        self.last += 1;
        let camera = want.camera.clone();
        self.of.insert(self.last, want);
        // A worker that died with a request never answers; its entry must not stay for ever.
        self.of.retain(|&request, _| request + WANTED_MAX as u64 > self.last);
        StillRequest { request: self.last, camera, picture, max_side_px: STILL_SIDE_PX, subjects }
    }

    /// The want that an answer is for.
    pub fn take(&mut self, request: u64) -> Option<Want> {
        self.of.remove(&request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_the_incident_they_were_asked_for() {
        let mut wanted = Wanted::default();
        let want = Want {
            incident: "01INC".to_owned(),
            camera: "gate".to_owned(),
            purpose: Purpose::Event { promise: 0.1 },
        };
        let request = wanted.ask(want, Some(3), Vec::new());
        assert!(wanted.take(request.request).is_some_and(|want| want.incident == "01INC"));
        assert!(wanted.take(request.request).is_none(), "answered once");
    }
}
