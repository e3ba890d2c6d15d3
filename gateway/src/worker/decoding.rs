//! The decode thread: access units of all cameras in, pictures that are due for the detector out.

use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::mpsc;
use tracing::debug;

use super::Camera;
use super::counters::{Busy, Count};
use super::eye::{Due, Eye, Glance};
use super::link::FromWorker;
use super::looker::Looker;
use super::order::{Order, Service};
use super::slots::Slots;
use super::units::{Units, Work};
use crate::camera::AccessUnit;

/// Pieces of work taken before cameras that look back get their next turn: more than come in the meantime, or the queues of
/// those that sleep would overflow.
const WORK_A_TURN: usize = 256;
/// Cameras that may get to know their scenes picture by picture at the same time. Where more of them begin at once, as all
/// do when the worker does or the power comes back, key frames have to be enough: decoding all of everything would take
/// longer than the seconds that are gained.
const SETTLING_AT_ONCE: usize = 4;

/// All cameras as this thread sees them.
struct Room<'a> {
    cameras: &'a [Camera],
    units: &'a Units,
    pictures: &'a Slots<Due>,
    order: &'a Order,
    reports: &'a mpsc::Sender<FromWorker>,
    eyes: Vec<Eye>,
    /// Cameras that are set aside, or were and wait for a key frame.
    aside: Vec<bool>,
    looker: Looker,
}

/// Decodes until `units` is closed.
pub(super) fn run(
    cameras: &[Camera],
    units: &Units,
    pictures: &Slots<Due>,
    order: &Order,
    reports: &mpsc::Sender<FromWorker>,
) {
    let eyes = cameras.iter().map(|camera| Eye::new(&camera.job)).collect();
    let aside = vec![false; cameras.len()];
    let looker = Looker::default();
    let mut room = Room { cameras, units, pictures, order, reports, eyes, aside, looker };
    loop {
        let mut may_wait = !room.any_can_catch_up();
        for _ in 0..WORK_A_TURN {
            match units.take(may_wait) {
                None => return,
                Some(Work::Nothing) => break,
                Some(work) => room.work(work),
            }
            may_wait = false;
        }
        room.catch_up();
    }
}

// === impl Room ===

impl Room<'_> {
    fn work(&mut self, work: Work) {
        let index = match work {
            Work::Unit(index, unit) => {
                let counters = &self.cameras[index].counters;
                let service = self.service(index);
                let Some(unit) = self.unless_aside(index, unit, service) else {
                    counters.passed_over.add(1);
                    return;
                };
                let eye = &mut self.eyes[index];
                eye.serve(service);
                let busy = Busy::start();
                let was_asleep = eye.is_asleep();
                let glance = eye.take(unit, &mut self.looker);
                busy.add_to(if was_asleep { &counters.look_busy_ns } else { &counters.decode_busy_ns });
                self.pass_on(index, glance);
                index
            }
            Work::Findings(index, findings) => {
                self.eyes[index].hear(findings);
                index
            }
            Work::Hold(index, lasting) => {
                self.eyes[index].hold(lasting);
                index
            }
            Work::Nothing => return,
        };
        self.note_gate(index);
    }

    /// How much of a camera is watched now.
    fn service(&self, index: usize) -> Service {
        let service = self.order.service(index);
        if !self.eyes[index].is_settling() || self.order.is_linked(index) {
            return service;
        }
        let is_crowded = self.eyes.iter().filter(|eye| eye.is_settling()).count() > SETTLING_AT_ONCE;
        if is_crowded { service.max(Service::KeyFrames) } else { service }
    }

    /// The access unit, unless its camera is set aside. One that was begins afresh, with a key frame.
    fn unless_aside(&mut self, index: usize, mut unit: AccessUnit, service: Service) -> Option<AccessUnit> {
        let aside = &mut self.aside[index];
        if service == Service::Nothing {
            *aside = true;
        }
        if *aside && (service == Service::Nothing || !unit.is_key) {
            return None;
        }
        unit.is_new_sequence |= std::mem::take(aside);
        Some(unit)
    }

    /// Whether cameras that look back may go on.
    fn any_can_catch_up(&self) -> bool {
        (0..self.eyes.len()).any(|index| self.can_catch_up(index))
    }

    /// Whether a camera that looks back may go on: the detector has taken its last picture, which the next would push out;
    /// or it is too slow for that.
    fn can_catch_up(&self, index: usize) -> bool {
        let eye = &self.eyes[index];
        eye.is_behind() && (eye.hurries() || self.pictures.is_free(index))
    }

    /// One picture of each camera that looks back.
    fn catch_up(&mut self) {
        for index in 0..self.eyes.len() {
            if self.can_catch_up(index) {
                let busy = Busy::start();
                let glance = self.eyes[index].catch_up();
                busy.add_to(&self.cameras[index].counters.decode_busy_ns);
                self.pass_on(index, glance);
            }
        }
    }

    fn pass_on(&self, index: usize, glance: Glance) {
        let camera = &self.cameras[index];
        let add = |count: &Count, by: bool| count.add(u64::from(by));
        camera.counters.decoded.add(glance.decoded);
        camera.counters.passed_over.add(glance.passed_over);
        if glance.left_out > 0 {
            camera.counters.skipped.add(glance.left_out);
            self.units.leave_out(glance.left_out);
        }
        if let Some(error) = glance.lost {
            add(&camera.counters.broken, true);
            debug!(camera = camera.job.id, %error, "access unit lost");
        }
        if let Some(appearance) = glance.appearance {
            let (camera, appearance) = (camera.job.id.clone(), Box::new(appearance));
            // Where the link is full this thread has better things to do than wait: the next look comes in 2 s.
            drop(self.reports.try_send(FromWorker::Appearance { camera, appearance }));
        }
        if let Some(due) = glance.due {
            add(&camera.counters.replaced, self.pictures.put(index, due));
        }
    }

    /// Counts what the gate did, and tells the queue whether the camera is in a hurry.
    fn note_gate(&mut self, index: usize) {
        let (camera, eye) = (&self.cameras[index], &mut self.eyes[index]);
        let is_asleep = eye.is_asleep();
        if let Some(unit) = eye.latest_quiet() {
            camera.quiet_unix_ms.store(unit.received_unix_ms, Relaxed);
        }
        let tally = eye.tally();
        for reason in tally.wakes() {
            debug!(camera = camera.job.id, reason = reason.as_str(), "woke");
        }
        camera.counters.add_gate(&tally);
        if self.order.set_asleep(index, is_asleep) {
            debug!(camera = camera.job.id, is_asleep, "the gate moved");
        }
    }
}
