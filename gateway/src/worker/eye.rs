//! What one camera does with an access unit: decode it, and pick the pictures that are due for the detector.
//!
//! The same steps run in the decode thread of a worker and in a replay of recorded footage.

use super::link::CameraJob;
use crate::camera::AccessUnit;
use crate::camera::decode::{DecodeError, Decoder};
use crate::camera::pace::Pace;
use crate::camera::picture::Picture;

/// What one camera needs between access unit and picture.
pub(crate) struct Eye {
    decoder: Decoder,
    pace: Pace,
}

/// What came of one access unit.
pub(crate) struct Glance {
    /// Pictures decoded.
    pub(crate) decoded: u64,
    /// The picture that is due for the detector, if one is.
    pub(crate) due: Option<Picture>,
    /// The access unit, or the picture that was due, is lost.
    pub(crate) lost: Option<DecodeError>,
}

// === impl Eye ===

impl Eye {
    pub(crate) fn new(job: &CameraJob) -> Self {
        Self { decoder: Decoder::default(), pace: Pace::new(job.detections_per_second) }
    }

    /// One access unit.
    pub(crate) fn see(&mut self, unit: &AccessUnit) -> Glance {
        // A gate that lets a quiet camera sleep belongs here: it sees every access unit before the decoder does.
        let mut glance = Glance { decoded: 0, due: None, lost: None };
        let mut due = None;
        let pace = &mut self.pace;
        let outcome = self.decoder.decode(unit, |decoded| {
            glance.decoded += 1;
            // Everything is decoded because later pictures refer to it; few are looked at.
            if decoded.is_clean && pace.is_due(decoded.media_time) {
                due = Some(decoded);
            }
        });
        glance.lost = outcome.err();
        match due.map(|decoded| self.decoder.finish(decoded)) {
            Some(Ok(picture)) => glance.due = Some(picture),
            Some(Err(error)) => glance.lost = Some(error),
            None => {}
        }
        glance
    }
}
