//! Health of every camera that sends pictures: from what its pictures look like and how its stream flows to findings.
//!
//! ```text
//! worker: appearance of a picture ──▶ sight: what it says ──┐
//!           counters of the stream ─▶ stream ───────────────┴─▶ hold: does it last? ──▶ findings
//!                                     usual: this camera by day and by night
//! ```
//!
//! [`sight`](self) holds a picture against how this very camera [usually](usual) looks, which is learned while nothing is
//! wrong. Day and night have a picture each, because infrared light shows another scene. A camera changes from one to the
//! other only with pictures that show something: what is black or covered at noon is not taken for night.
//!
//! Streams that do not flow at all are [`health`](crate::health)'s business.

pub mod day;
pub mod defect;
pub mod usual;
pub mod words;

mod hold;
mod sight;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use moshao_config::{Camera, Category, Config};
use serde::{Deserialize, Serialize};

use self::day::{Days, Rates};
use self::defect::Defect;
use self::hold::{Hold, Turn};
use self::sight::{NO_COLOUR, Said};
use self::stream::{Expected, Stream};
use self::usual::Usual;
use self::words::{sentence, title};
use crate::camera::appearance::Appearance;
use crate::clock::Moment;
use crate::rules::{Detail, Edge, Finding, RuleInfo, Source};
use crate::worker::link::{CameraCounters, StreamState};

/// Between two pictures no more than this counts: nobody knows what was in between.
const STEP_MAX: Duration = Duration::from_secs(10);
/// Brightness below which a picture with colours is one of the night, and above which it is none, levels.
const NIGHT_BELOW: f32 = 45.0;
const DAY_ABOVE: f32 = 60.0;
/// Tint of infrared light, levels.
const NO_TINT: f32 = 4.0;
/// Contrast of a picture that shows something, levels.
const SHOWS_SOMETHING: f32 = 12.0;
/// How long pictures must be of the other kind before day is night, where it is not known yet how the camera looks then:
/// infrared light is certain, dusk is not.
const TURN_AFTER: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(60));
/// Hours of the site's time in which the sun is up everywhere and at all seasons.
const DAYLIGHT: std::ops::Range<i8> = 10..16;
/// A view that somebody changed is taken for the usual one after so long.
const ADOPT_AFTER: Duration = Duration::from_secs(24 * 3600);

/// All cameras.
#[derive(Debug, Default)]
pub struct Quality {
    cameras: BTreeMap<String, CameraQuality>,
    zone: Option<TimeZone>,
    /// When time passed last.
    passed: Option<Duration>,
}

/// One camera.
#[derive(Debug)]
struct CameraQuality {
    source: Source,
    /// Its pictures and its stream are judged.
    is_diagnosed: bool,
    is_live: bool,
    usual: ByLight,
    is_night: bool,
    /// How long pictures have been of the other kind.
    other_for: Duration,
    /// By the place in [`Defect::ALL`].
    holds: [Hold; Defect::ALL.len()],
    stream: Stream,
    days: Days,
    seen: Option<Duration>,
    counted: Option<Duration>,
    moved_since: Option<Duration>,
}

/// How a camera usually looks, by day and by night.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ByLight {
    day: Usual,
    night: Usual,
}

/// What survives a restart, of one camera.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    camera: String,
    usual: ByLight,
    is_night: bool,
    days: Days,
}

// === impl Quality ===

impl Quality {
    /// Nothing is known of any camera.
    pub fn new(config: &Config) -> Self {
        let cameras = config.cameras.iter().map(|camera| (camera.id.clone(), CameraQuality::new(camera)));
        Self { cameras: cameras.collect(), zone: Some(config.gateway.time_zone.clone()), passed: None }
    }

    /// What a picture of a camera looks like.
    pub fn see(&mut self, now: Moment, camera: &str, seen: &Appearance) -> Vec<Finding> {
        let hour = self.local(now).map(|local| local.hour());
        let is_day = hour.is_some_and(|hour| DAYLIGHT.contains(&hour));
        self.cameras.get_mut(camera).map(|quality| quality.see(now, seen, is_day)).unwrap_or_default()
    }

    /// A camera's stream has changed state.
    pub fn stream(&mut self, camera: &str, state: &StreamState) {
        if let Some(quality) = self.cameras.get_mut(camera) {
            quality.is_live = matches!(state, StreamState::Live { .. });
            quality.stream.restart();
            quality.counted = None;
        }
    }

    /// What a camera did of late. `is_clock_trusted`: the box knows the time.
    pub fn count(&mut self, now: Moment, counted: &CameraCounters, is_clock_trusted: bool) -> Vec<Finding> {
        let quality = self.cameras.get_mut(&counted.camera);
        quality.map(|quality| quality.count(now, counted, is_clock_trusted)).unwrap_or_default()
    }

    /// Time has passed: for the shares of the day.
    pub fn tick(&mut self, now: Moment) -> Vec<Finding> {
        let lasting = since(&mut self.passed, now.mono);
        let local = self.local(now);
        let mut findings = Vec::new();
        for quality in self.cameras.values_mut() {
            if let Some(local) = local {
                let is_good = !quality.told().any(Defect::spoils_pictures);
                quality.days.pass(local.date(), lasting, quality.is_live, is_good);
            }
            findings.extend(quality.give_up(now));
        }
        findings
    }

    /// The defects of a camera that are told now.
    pub fn told(&self, camera: &str) -> Vec<Defect> {
        self.cameras.get(camera).map(|quality| quality.told().collect()).unwrap_or_default()
    }

    /// A camera's shares of today and of the day before.
    pub fn rates(&self, camera: &str) -> (Option<Rates>, Option<Rates>) {
        let days = self.cameras.get(camera).map(|quality| &quality.days);
        days.map(|days| (days.today(), days.before())).unwrap_or_default()
    }

    /// Takes up a defect that was told before a restart: pictures without it will clear it.
    pub fn restore_told(&mut self, camera: &str, rule_id: &str) {
        let Some(quality) = self.cameras.get_mut(camera) else { return };
        if let Some(defect) = Defect::ALL.into_iter().find(|defect| defect.rule_id() == rule_id) {
            quality.holds[defect as usize] = Hold::told(defect.patience());
        }
    }

    /// Takes over what is known from before another configuration: all of cameras that are diagnosed as they were, of the
    /// others how they usually look.
    pub fn take_over(&mut self, before: Quality, old: &Config, new: &Config) {
        self.passed = before.passed;
        let diagnosis = |config: &Config, id: &str| {
            config.cameras.iter().find(|camera| camera.id == id).map(|camera| camera.diagnosis)
        };
        for (id, known) in before.cameras {
            let Some(quality) = self.cameras.get_mut(&id) else { continue };
            if diagnosis(old, &id) == diagnosis(new, &id) {
                *quality = known;
            } else {
                (quality.usual, quality.is_night, quality.days) = (known.usual, known.is_night, known.days);
                quality.is_live = known.is_live;
            }
        }
    }

    /// What has been learned.
    pub fn save(&self) -> Vec<u8> {
        let saved = |(camera, quality): (&String, &CameraQuality)| Saved {
            camera: camera.clone(),
            usual: quality.usual.clone(),
            is_night: quality.is_night,
            days: quality.days.clone(),
        };
        let saved: Vec<Saved> = self.cameras.iter().map(saved).collect();
        postcard::to_allocvec(&saved).expect("plain data in memory can be written")
    }

    /// Takes up what [`Quality::save`] gave. Cameras that are not diagnosed any more are left out.
    ///
    /// # Errors
    /// The bytes are not what `save` wrote; nothing is taken up.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        for Saved { camera, usual, is_night, days } in postcard::from_bytes::<Vec<Saved>>(saved)? {
            if let Some(quality) = self.cameras.get_mut(&camera) {
                (quality.usual, quality.is_night, quality.days) = (usual, is_night, days);
            }
        }
        Ok(())
    }

    fn local(&self, now: Moment) -> Option<jiff::civil::DateTime> {
        self.zone.as_ref().map(|zone| zone.to_datetime(now.wall))
    }
}

// === impl ByLight ===

impl ByLight {
    fn of(&self, is_night: bool) -> &Usual {
        if is_night { &self.night } else { &self.day }
    }
}

// === impl CameraQuality ===

impl CameraQuality {
    fn new(camera: &Camera) -> Self {
        let expected = Expected {
            frame_rate: camera.diagnosis.frame_rate,
            key_frame_interval: camera.diagnosis.key_frame_interval,
        };
        Self {
            source: Source::Camera(camera.id.clone()),
            is_diagnosed: camera.diagnosis.is_on,
            is_live: false,
            usual: ByLight::default(),
            is_night: false,
            other_for: Duration::ZERO,
            holds: [Hold::default(); Defect::ALL.len()],
            stream: Stream::new(expected),
            days: Days::default(),
            seen: None,
            counted: None,
            moved_since: None,
        }
    }

    fn see(&mut self, now: Moment, seen: &Appearance, is_day: bool) -> Vec<Finding> {
        let lasting = since(&mut self.seen, seen.media_time).min(STEP_MAX);
        if !self.is_diagnosed {
            return Vec::new();
        }
        self.turn(seen, is_day, lasting);
        let said = sight::judge(seen, self.usual.of(self.is_night), is_day);
        tracing::trace!(source = ?self.source, is_night = self.is_night, ?seen.media_time, ?said, "a picture");
        let findings = self.hold(now, &said, lasting);
        if self.is_sound(&said) {
            let usual = if self.is_night { &mut self.usual.night } else { &mut self.usual.day };
            usual.learn(seen);
        }
        findings.into_iter().chain(self.adopt(now)).collect()
    }

    /// Day becomes night, or night day: at once where a picture is wrong by the one and right by the other.
    fn turn(&mut self, seen: &Appearance, is_day: bool, lasting: Duration) {
        let is_infrared = seen.colour < NO_COLOUR && seen.tint.0.hypot(seen.tint.1) < NO_TINT;
        let is_other = match self.is_night {
            false => is_infrared || seen.luma < NIGHT_BELOW,
            // Colours come back with the day, where the night has none.
            true => {
                let night = &self.usual.night;
                !is_infrared && (seen.luma > DAY_ABOVE || night.is_known() && night.colour < NO_COLOUR)
            }
        };
        if !is_other {
            self.other_for = Duration::ZERO;
            return;
        }
        let is_right = |usual: &Usual| {
            usual.is_known() && sight::judge(seen, usual, is_day).iter().all(|(_, figures)| figures.is_none())
        };
        let shows_something = seen.contrast >= SHOWS_SOMETHING && seen.sharpness.is_some();
        let is_too_dark = is_day && seen.luma < NIGHT_BELOW && !is_infrared;
        if shows_something && !is_too_dark {
            self.other_for += lasting;
        }
        let patience = if is_infrared { TURN_AFTER.0 } else { TURN_AFTER.1 };
        let fits = || is_right(self.usual.of(!self.is_night)) && !is_right(self.usual.of(self.is_night));
        if self.other_for >= patience || fits() {
            self.is_night = !self.is_night;
            self.other_for = Duration::ZERO;
            // What the other light only made look so is forgotten.
            self.holds.iter_mut().filter(|hold| !hold.is_told()).for_each(|hold| *hold = Hold::default());
        }
    }

    /// Nothing is wrong with the picture, nothing was of late, and it is of the light that it is taken for.
    fn is_sound(&self, said: &[Said]) -> bool {
        let of_pictures = |defect: &&Defect| defect.spoils_pictures() && **defect != Defect::Torn;
        let was_well =
            Defect::ALL.iter().filter(of_pictures).all(|defect| self.holds[*defect as usize].is_empty());
        // What was told before a restart cannot be judged by a camera that is not known: it begins afresh.
        let is_new = !self.usual.day.is_known() && !self.usual.night.is_known();
        said.iter().all(|(_, figures)| figures.is_none()) && (was_well || is_new) && self.other_for.is_zero()
    }

    /// Clears what was told before somebody switched the diagnosis off.
    fn give_up(&mut self, now: Moment) -> Vec<Finding> {
        if self.is_diagnosed {
            return Vec::new();
        }
        let told: Vec<Defect> = self.told().collect();
        self.holds = [Hold::default(); Defect::ALL.len()];
        told.into_iter().map(|defect| self.finding(now, defect, Turn::Cleared, "")).collect()
    }

    fn count(&mut self, now: Moment, counted: &CameraCounters, is_clock_trusted: bool) -> Vec<Finding> {
        let lasting = since(&mut self.counted, now.mono).min(STEP_MAX);
        if !self.is_diagnosed || !self.is_live {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if let Some(clock) = stream::clock(counted.clock_offset_s, is_clock_trusted) {
            findings.extend(self.hold(now, &[clock], lasting));
        }
        if let Some(said) = self.stream.count(counted, lasting) {
            findings.extend(self.hold(now, &said, stream::WINDOW));
        }
        findings
    }

    fn hold(&mut self, now: Moment, said: &[Said], lasting: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (defect, figures) in said {
            let hold = &mut self.holds[*defect as usize];
            let Some(turn) = hold.pass(figures.is_some(), lasting, defect.patience()) else { continue };
            if *defect == Defect::Moved {
                self.moved_since = (turn == Turn::Raised).then_some(now.mono);
            }
            findings.push(self.finding(now, *defect, turn, figures.as_deref().unwrap_or_default()));
        }
        findings
    }

    /// A view that was changed long ago is the usual one.
    fn adopt(&mut self, now: Moment) -> Option<Finding> {
        let hold = &mut self.holds[Defect::Moved as usize];
        if !hold.is_told() {
            return None;
        }
        let since = *self.moved_since.get_or_insert(now.mono);
        if now.mono.saturating_sub(since) < ADOPT_AFTER {
            return None;
        }
        *hold = Hold::default();
        (self.usual, self.moved_since) = (ByLight::default(), None);
        Some(self.finding(now, Defect::Moved, Turn::Cleared, ""))
    }

    fn told(&self) -> impl Iterator<Item = Defect> {
        Defect::ALL.into_iter().filter(|defect| self.holds[*defect as usize].is_told())
    }

    fn finding(&self, now: Moment, defect: Defect, turn: Turn, figures: &str) -> Finding {
        let rule = Arc::new(RuleInfo {
            id: defect.rule_id(),
            level: 4,
            code: defect.code().to_owned(),
            category: Category::Device,
            kind: format!("camera-{}", defect.as_str()),
            title: title(defect).to_owned(),
        });
        let (edge, detail) = match turn {
            Turn::Raised => (Edge::Raised, Detail::Symptom(sentence(defect, figures))),
            Turn::Cleared => (Edge::Cleared, Detail::Nothing),
        };
        Finding { rule, source: self.source.clone(), edge, detail, origin_unix_ms: now.wall.as_millisecond() }
    }
}

/// Time since the last time; nothing the first time, or where time began anew.
fn since(last: &mut Option<Duration>, now: Duration) -> Duration {
    last.replace(now).map(|last| now.saturating_sub(last)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
