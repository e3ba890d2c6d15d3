//! Decoders for the looks of all sleeping cameras of a worker: one for each codec and picture size, not one for each
//! camera. Each key frame brings its own parameter sets, and is drained before the next comes, so that no camera sees
//! another one's picture.

use std::collections::HashMap;

use crate::camera::decode::{DecodeError, Decoder, Filter};
use crate::camera::picture::Picture;
use crate::camera::{AccessUnit, Codec};

/// Decoders kept; with more kinds of cameras than this, decoders are opened anew.
const DECODERS_MAX: usize = 8;

/// Looks at single key frames.
#[derive(Default)]
pub(crate) struct Looker {
    decoders: HashMap<(Codec, Option<(u32, u32)>), Decoder>,
}

// === impl Looker ===

impl Looker {
    /// Decodes a key frame of a camera whose pictures had `size_px` so far.
    pub(crate) fn look(
        &mut self,
        unit: &AccessUnit,
        size_px: Option<(u32, u32)>,
        filter: Filter,
    ) -> Result<Picture, DecodeError> {
        let kind = (unit.codec, size_px);
        if self.decoders.len() >= DECODERS_MAX && !self.decoders.contains_key(&kind) {
            self.decoders.clear();
        }
        self.decoders.entry(kind).or_default().look(unit, filter)
    }
}
