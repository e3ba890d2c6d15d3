//! An open eye: a decoder of its own, the pictures that are due, and what moves in them.

use std::time::Duration;

use super::eye::{Due, Glance, Task};
use super::link::CameraJob;
use super::order::Service;
use crate::camera::AccessUnit;
use crate::camera::appearance::{Appearance, Examiner};
use crate::camera::decode::Decoder;
use crate::camera::gate::Gate;
use crate::camera::motion::Motion;
use crate::camera::pace::Pace;
use crate::camera::picture::Picture;
use crate::camera::place::Place;
use crate::camera::reference::is_unreferenced;
use crate::camera::thumb::{Area, Thumb};

/// Key frames in a row from which on the camera is known to send nothing else.
const ALL_KEYS: u32 = 25;
/// How many times fewer pictures the detector gets when not all can be done.
const SLOWER: u32 = 2;
/// Pictures with motion that make it certain that something moved.
const MOVED_LEAST: u32 = 2;
/// Levels by which the latest picture must differ from the latest key frame to be the better memory of a cell: more than
/// the pulse of the encoder.
const NEWER_FROM: f32 = 6.0;

/// What a camera needs while it is awake.
pub(super) struct Sight {
    decoder: Decoder,
    pace: Pace,
    size_px: Option<(u32, u32)>,
    /// The detector has had all pictures up to this one.
    shown: Option<Duration>,
    motion: Motion,
    /// Number of the group of pictures.
    group: u64,
    /// Pictures with motion since the sentinel learned last, and whether any were left out meanwhile.
    moved: u32,
    left_out: bool,
    keys_in_a_row: u32,
    service: Service,
    /// Access units since the latest key frame; none where it has not been seen. And how many a group has.
    since_key: Option<usize>,
    group_units: usize,
    rests: bool,
    key_thumb: Option<Thumb>,
    thumb: Option<Thumb>,
    /// None where nobody wants to know what pictures look like.
    examiner: Option<Examiner>,
}

// === impl Sight ===

impl Sight {
    pub(super) fn new(job: &CameraJob) -> Self {
        Self {
            decoder: Decoder::default(),
            pace: Pace::new(job.detections_per_second),
            size_px: None,
            shown: None,
            motion: Motion::default(),
            group: 0,
            moved: 0,
            left_out: false,
            keys_in_a_row: 0,
            service: Service::Full,
            since_key: None,
            group_units: 0,
            rests: false,
            key_thumb: None,
            thumb: None,
            examiner: job.diagnose.then(Examiner::default),
        }
    }

    /// How much of the camera is watched from now on.
    pub(super) fn serve(&mut self, service: Service) {
        if std::mem::replace(&mut self.service, service) != service {
            self.pace.stretch(if service >= Service::Slower { SLOWER } else { 1 });
        }
    }

    /// Whether nothing moves before a camera that cannot sleep: then pictures that no other refers to are left out.
    pub(super) fn rest(&mut self, rests: bool) {
        self.rests = rests;
    }

    /// Decodes an access unit; every picture that is due goes to the detector.
    pub(super) fn see(&mut self, unit: &AccessUnit) -> Glance {
        let mut glance = Glance::default();
        if self.is_beyond_service(unit) {
            // What comes next could not be decoded either.
            self.decoder.wait_for_key();
            glance.passed_over = 1;
            return glance;
        }
        if (self.rests || self.service >= Service::ReferencePictures) && is_unreferenced(unit) {
            glance.passed_over = u64::from(!self.rests);
            return glance;
        }
        let mut due = None;
        let (pace, shown) = (&mut self.pace, self.shown);
        let outcome = self.decoder.decode(unit, |decoded| {
            glance.decoded += 1;
            // Everything is decoded because later pictures refer to it; few are looked at.
            let is_new = shown.is_none_or(|shown| decoded.media_time > shown);
            if decoded.is_clean && is_new && pace.is_due(decoded.media_time) {
                due = Some(decoded);
            }
        });
        glance.lost = outcome.err();
        match due.map(|decoded| self.decoder.finish(decoded)) {
            Some(Ok(picture)) => {
                self.size_px = Some((picture.width(), picture.height()));
                self.examine(&picture);
                let task = Task::Detect { moving: Vec::new() };
                glance.due = Some(Due { picture, slept: Duration::ZERO, task });
            }
            Some(Err(error)) => glance.lost = Some(error),
            None => {}
        }
        glance
    }

    /// Whether an access unit lies behind the part of its group that is decoded. To be asked of each, for it counts them.
    fn is_beyond_service(&mut self, unit: &AccessUnit) -> bool {
        if unit.is_key {
            if let Some(since) = self.since_key.replace(0) {
                self.group_units = since + 1;
            }
            return false;
        }
        let Some(since) = &mut self.since_key else { return false };
        *since += 1;
        let quarters = self.service.quarters_of_groups();
        quarters < 4 && *since * 4 >= self.group_units * quarters
    }

    /// The same for a camera that may sleep: notes what moves, and keeps from the detector what need not be seen.
    pub(super) fn see_moving(&mut self, unit: &AccessUnit, gate: &mut Gate, place: &mut Place) -> Glance {
        self.begin_group(unit);
        if self.keys_in_a_row >= ALL_KEYS && !self.pace.would_be_due(unit.media_time) {
            // Nothing refers to it.
            return Glance::default();
        }
        let mut glance = self.see(unit);
        self.left_out |= glance.passed_over > 0;
        let Some(Due { picture, task, .. }) = &mut glance.due else { return glance };
        let at = picture.media_time;
        let moving = self.note_motion(at, Thumb::of(&picture.view()), gate, place);
        *task = Task::Detect { moving };
        if gate.wants_detection(at) {
            gate.ask(at);
            self.shown = Some(at);
        } else {
            glance.due = None;
        }
        glance
    }

    /// Notes what a picture looks like, unless one was noted not long ago.
    pub(super) fn examine(&mut self, picture: &Picture) {
        if let Some(examiner) = &mut self.examiner {
            examiner.see(picture);
        }
    }

    /// What was noted since this was asked last.
    pub(super) fn take_appearance(&mut self) -> Option<Appearance> {
        self.examiner.as_mut().and_then(Examiner::take)
    }

    /// Where something moves that means something.
    fn note_motion(&mut self, at: Duration, now: Thumb, gate: &mut Gate, place: &mut Place) -> Vec<Area> {
        let threshold = gate.threshold();
        let change = self.motion.see(at, self.group, &now, threshold);
        let moving = change
            .map(|change| place.matters(at, &now, change, threshold, &gate.parked()))
            .unwrap_or_default();
        if !moving.is_empty() {
            self.moved += 1;
            gate.moves(at, &moving);
        }
        if self.key_thumb.is_none() {
            if moving.is_empty() {
                place.learn_noise(now.clone(), threshold);
            }
            self.key_thumb = Some(now.clone());
        }
        self.thumb = Some(now);
        moving
    }

    fn begin_group(&mut self, unit: &AccessUnit) {
        if !unit.is_key {
            self.keys_in_a_row = 0;
            return;
        }
        self.keys_in_a_row = self.keys_in_a_row.saturating_add(1);
        self.group += 1;
        self.key_thumb = None;
    }

    /// Whether something moved since this was asked last; none where nobody knows, because pictures were left out.
    pub(super) fn take_moved(&mut self) -> Option<bool> {
        let has_moved = std::mem::take(&mut self.moved) >= MOVED_LEAST;
        let left_out = std::mem::take(&mut self.left_out);
        (has_moved || !left_out).then_some(has_moved)
    }

    /// The picture's size, once one has been seen.
    pub(super) fn size_px(&self) -> Option<(u32, u32)> {
        self.size_px
    }

    /// Whether a picture has come out since it opened.
    pub(super) fn has_seen(&self) -> bool {
        self.thumb.is_some()
    }

    /// How things are: the latest key frame, which looks are compared with best, and what has changed since.
    pub(super) fn scene(&self) -> Option<Thumb> {
        let mut scene = self.thumb.clone()?;
        if let Some(key) = self.key_thumb.as_ref().filter(|key| key.fits(&scene)) {
            for (cell, key) in scene.cells.iter_mut().zip(&key.cells) {
                if (*cell - key).abs() < NEWER_FROM {
                    *cell = *key;
                }
            }
        }
        Some(scene)
    }

    /// The detector has had the picture at this time.
    pub(super) fn has_shown(&mut self, at: Duration) {
        self.shown = self.shown.max(Some(at));
    }

    /// Media time begins anew.
    pub(super) fn forget_time(&mut self) {
        self.shown = None;
        self.motion.forget();
    }

    /// Begins at a key frame, with a decoder that knows nothing.
    pub(super) fn start_over(&mut self) {
        self.decoder = Decoder::default();
        self.since_key = None;
        self.motion.forget();
        self.key_thumb = None;
        self.moved = 0;
    }

    /// Needs no decoder any more.
    pub(super) fn close(&mut self) {
        self.start_over();
        self.thumb = None;
    }
}
