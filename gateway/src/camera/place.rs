//! What a camera knows of its place: how it looked of late, what in it is restless, and which part of it counts.

use std::time::Duration;

use moshao_config::Polygon;

use super::change::{Change, Threshold};
use super::look::Looks;
use super::restless::{Lesson, Restless};
use super::thumb::{Area, Thumb};
use super::watched::Watched;

/// What a camera knows of its place.
#[derive(Debug, Clone, Default)]
pub struct Place {
    looks: Looks,
    restless: Restless,
    watched: Watched,
    /// A look with a change that may mean something: what it teaches is known later.
    doubt: Option<(Duration, Thumb, Change)>,
}

/// What a look shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Nothing that means anything.
    Quiet,
    /// Something has changed here.
    Changed(Vec<Area>),
    /// It is another picture altogether.
    Switched,
}

// === impl Place ===

impl Place {
    /// A place of which everything outside of `masks` counts, and only `regions` where there are any.
    pub fn new(masks: Vec<Polygon>, regions: Vec<Polygon>) -> Self {
        Self { watched: Watched::new(masks, regions), ..Self::default() }
    }

    /// Compares a look of a sleeping camera with those before. What is `parked` teaches nothing.
    pub fn look(&mut self, at: Duration, now: Thumb, threshold: Threshold, parked: &[Area]) -> Seen {
        let Some(mut change) = self.looks.look(now.clone(), threshold) else { return Seen::Switched };
        if change.is_switch() {
            return Seen::Switched;
        }
        self.watched.keep(&now, &mut change);
        let regions = self.restless.matters(&now, change.clone()).regions(threshold.cells);
        if regions.is_empty() {
            self.restless.learn(at, &now, &change, Lesson::Look, parked);
            return Seen::Quiet;
        }
        self.doubt = Some((at, now, change));
        Seen::Changed(regions.iter().map(|region| region.area).collect())
    }

    /// What the latest look showed meant nothing.
    pub fn dismiss(&mut self, parked: &[Area]) {
        if let Some((at, now, change)) = self.doubt.take() {
            self.restless.learn(at, &now, &change, Lesson::Dismissed, parked);
        }
    }

    /// Of a change between two pictures of an awake camera, where it means something. What is `tracked` teaches
    /// nothing.
    pub fn matters(
        &mut self,
        at: Duration,
        now: &Thumb,
        mut change: Change,
        threshold: Threshold,
        tracked: &[Area],
    ) -> Vec<Area> {
        self.watched.keep(now, &mut change);
        let regions = self.restless.matters(now, change.clone()).regions(threshold.cells);
        self.restless.learn(at, now, &change, Lesson::Picture, tracked);
        regions.iter().map(|region| region.area).collect()
    }

    /// A key frame of an awake camera in which nothing moves: how key frames differ is learned from it.
    pub fn learn_noise(&mut self, now: Thumb, threshold: Threshold) {
        self.looks.look(now, threshold);
    }

    /// How things are when the camera falls asleep.
    pub fn settle(&mut self, now: Thumb) {
        self.looks.settle(now);
        self.doubt = None;
    }

    /// Share of the picture in which the gate is less sharp, 0 to 1: the detector has to look by itself more often.
    pub fn restless_share(&self) -> f32 {
        self.restless.share()
    }
}
