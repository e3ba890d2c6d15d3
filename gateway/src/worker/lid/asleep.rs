//! The sleeping camera: what is looked at, and what is made of a look that differs.

use std::time::Duration;

use tracing::trace;

use super::{Judged, LOOK_FROM, Lid, WAKE_FROM};
use crate::camera::AccessUnit;
use crate::camera::decode::{DecodeError, Filter};
use crate::camera::opinion::{Opinion, Suspicion};
use crate::camera::place::Seen;
use crate::camera::ring::Push;
use crate::camera::thumb::{Area, Thumb};
use crate::camera::wake::Wake;
use crate::worker::eye::{Due, Glance, Task};
use crate::worker::looker::Looker;
use crate::worker::sight::Sight;

/// How far back before the latest look goes what is kept while looks differ and mean nothing.
const DOUBT_MAX: Duration = Duration::from_secs(6);

// === impl Lid ===

impl Lid {
    /// An access unit of a sleeping camera.
    pub(super) fn doze(&mut self, unit: AccessUnit, sight: &mut Sight, looker: &mut Looker) -> Glance {
        let at = unit.media_time;
        let (is_key, is_broken, bytes) = (unit.is_key, unit.lost_packets > 0, unit.data.len());
        if is_broken {
            // Whatever is missing, the next key frame shows what became of it.
            self.gate.look_soon();
            self.sentinel.skip();
        }
        let number = self.ring.end();
        let is_filling = self.ring.bytes() > self.part_of_ring(LOOK_FROM);
        let pushed = self.ring.push(unit);
        self.tally.spared += 1;
        if pushed == Push::Overrun || self.ring.bytes() > self.part_of_ring(WAKE_FROM) {
            if self.gate.wake(at, Wake::Overrun) {
                self.open(at, sight);
            }
            return Glance::default();
        }
        if is_key {
            return match is_filling || self.gate.wants_look(at, self.sentinel.is_proven()) {
                true => self.look(number, is_broken, sight, looker),
                false => Glance::default(),
            };
        }
        let is_alarm = self.sentinel.see(bytes);
        if !self.sees_enough() && self.gate.wake(at, Wake::Blind) || is_alarm && self.gate.alarm(at) {
            self.open(at, sight);
        }
        Glance::default()
    }

    /// Looks at the key frame with this number.
    fn look(&mut self, number: u64, is_broken: bool, sight: &mut Sight, looker: &mut Looker) -> Glance {
        let Some(unit) = self.ring.get(number) else { return Glance::default() };
        let at = unit.media_time;
        let size_px = sight.size_px();
        let mut look = |filter| match is_broken {
            true => Err(DecodeError::NoPicture),
            false => looker.look(unit, size_px, filter),
        };
        let patrols = self.gate.wants_patrol(at, self.place.restless_share());
        // The detector is used to whole pictures.
        let looked = look(if patrols { Filter::Whole } else { Filter::Skipped });
        self.tally.looks += 1;
        if let Ok(picture) = &looked {
            sight.examine(picture);
        }
        let parked: Vec<Area> = self.gate.parked();
        let seen = looked.and_then(|picture| {
            let seen = self.place.look(at, Thumb::of(&picture.view()), self.gate.threshold(), &parked);
            let picture = if seen == Seen::Quiet || patrols { picture } else { look(Filter::Whole)? };
            Ok((seen, picture))
        });
        let (seen, picture) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                if self.gate.look_failed(at) {
                    self.open(at, sight);
                }
                return Glance { lost: Some(error), ..Glance::default() };
            }
        };
        let suspicion = match seen {
            Seen::Quiet => {
                self.sentinel.learn(false);
                self.gate.looked(at);
                // Nothing before this picture is needed any more.
                self.ring.forget_before(number);
                patrols.then(|| self.gate.patrols(at))
            }
            Seen::Changed(moving) => self.suspect(at, Wake::Look, moving, sight),
            Seen::Switched => self.suspect(at, Wake::Switch, vec![[0.0, 0.0, 1.0, 1.0]], sight),
        };
        let (picture, task) = match suspicion {
            _ if self.gate.is_awake() => return Glance::default(),
            Some(suspicion) => {
                self.judged = Some(Judged { number, at, is_told: suspicion.is_told });
                // It waits for the detector, as those of the other cameras do, and may be kept for a still.
                (picture.detached(), Task::Judge(suspicion))
            }
            None if parked.is_empty() => return Glance::default(),
            None => {
                sight.has_shown(at);
                (picture, Task::Remember)
            }
        };
        let slept = self.slept + at.saturating_sub(self.fell_asleep);
        Glance { due: Some(Due { picture, slept, task }), ..Glance::default() }
    }

    /// Something has changed: the detector is to be asked, or the camera wakes.
    fn suspect(
        &mut self,
        at: Duration,
        because: Wake,
        moving: Vec<Area>,
        sight: &mut Sight,
    ) -> Option<Suspicion> {
        trace!(?at, reason = because.as_str(), ?moving, "a look differs");
        // What has been doubted for long is not looked back at.
        while let Some(next) = self.ring.key_after(self.ring.first())
            && (self.ring.get(next).is_some_and(|unit| unit.media_time + DOUBT_MAX < at)
                || self.ring.bytes() > self.part_of_ring(LOOK_FROM) && Some(next) != self.ring.latest_key())
        {
            self.ring.forget_before(next);
        }
        let suspicion = self.gate.suspects(at, because, moving);
        if self.gate.is_awake() {
            self.open(at, sight);
        }
        suspicion
    }

    /// The detector makes too little of a look to wake for it.
    pub(super) fn dismiss(&mut self, at: Duration, opinion: Opinion, sight: &mut Sight) {
        trace!(?at, ?opinion, "the look is dismissed");
        self.tally.dismissed += 1;
        self.sentinel.dismiss();
        let judged = self.judged.take();
        if opinion == Opinion::Nothing {
            self.place.dismiss(&self.gate.parked());
            if let Some(Judged { number, at, is_told: true }) = judged {
                // Nothing before it may be told any more.
                self.ring.forget_before(number);
                sight.has_shown(at);
            }
        }
    }
}
