//! Rehearsal: the `[[test]]`s of a configuration, played on virtual time through the judge that runs in the gateway.
//!
//! `moshao check` plays them, and every change of a running gateway: one whose tests come out otherwise is not applied.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Config, Expected, Happens, Report, Step, Test};

use crate::clock::Moment;
use crate::event::Phase;
use crate::incident::Change;
use crate::judge::Judge;
use crate::rules::Source;
use crate::sensor::reading::Reading;
use crate::worker::link::{Observation, SeenTrack};

/// How long a test goes on after its last step.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// How far a time may be off.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Time passes in steps of this, and in longer ones where a test takes days.
const TICK: Duration = Duration::from_millis(250);
/// Most steps of time.
const TICKS_MAX: u32 = 40_000;
/// Most pictures of all cameras together.
const PICTURES_MAX: u32 = 200_000;

/// An incident that opened.
#[derive(Debug)]
struct Opened {
    id: String,
    code: String,
    device: String,
    opened: Duration,
    closed: Option<Duration>,
    level: u8,
    met: bool,
}

/// What comes in, in the order of time.
enum Input {
    Picture(Observation),
    Reading(Reading),
}

/// Plays all tests of a configuration, and adds to the report what came otherwise than expected. Returns how many there
/// were.
pub fn play_all(config: &Config, report: &mut Report) -> usize {
    for test in &config.tests {
        let mut opened = play(config, test);
        for expected in &test.expect {
            meet(test, expected, &mut opened, report);
        }
        for extra in opened.iter().filter(|opened| !opened.met) {
            let message = format!("test `{}`: not expected: {}", test.name, extra.told());
            let hint = format!(
                "mend the rule, or expect {{ code = \"{}\", device = \"{}\" }}",
                extra.code, extra.device
            );
            report.add(test.place.clone(), message, hint);
        }
    }
    config.tests.len()
}

/// Takes the first incident that is the expected one; a problem where there is none.
fn meet(test: &Test, expected: &Expected, opened: &mut [Opened], report: &mut Report) {
    if let Some(met) = opened.iter_mut().find(|opened| !opened.met && opened.is(expected)) {
        met.met = true;
        return;
    }
    let came: Vec<String> = opened.iter().filter(|opened| !opened.met).map(Opened::told).collect();
    let came = if came.is_empty() { "nothing".to_owned() } else { came.join("; ") };
    let message = format!("test `{}`: {} did not come", test.name, wanted(expected));
    report.add(expected.place.clone(), message, format!("what came: {came}"));
}

/// Everything that opens while the test plays.
fn play(config: &Config, test: &Test) -> Vec<Opened> {
    let devices: BTreeSet<&str> = test.steps.iter().map(device).collect();
    let begin = test.start.to_zoned(config.gateway.time_zone.clone());
    let begin = begin.map_or(Timestamp::UNIX_EPOCH, |begin| begin.timestamp());
    let at = |time: Duration| Moment { mono: Duration::ZERO, wall: begin }.later(time);
    let mut number = 0;
    let mut judge = Judge::new(
        config,
        Box::new(move |_| {
            number += 1;
            number.to_string()
        }),
    );

    let end = end(test);
    let tick = TICK.max(end / TICKS_MAX);
    let mut inputs = inputs(config, test, begin).into_iter().peekable();
    let mut opened = Vec::new();
    let mut now = Duration::ZERO;
    while now <= end {
        while let Some((time, input)) = inputs.next_if(|(time, _)| *time <= now) {
            let changes = match &input {
                Input::Picture(seen) => judge.observe(at(time), seen),
                Input::Reading(reading) => judge.reading(at(time), reading),
            };
            changes.iter().for_each(|change| note(&mut opened, time, change, &devices));
        }
        let changes = judge.tick(at(now));
        changes.iter().for_each(|change| note(&mut opened, now, change, &devices));
        now += tick;
    }
    opened
}

fn note(opened: &mut Vec<Opened>, now: Duration, change: &Change, devices: &BTreeSet<&str>) {
    let id = match &change.source {
        Source::Camera(id) | Source::Sensor(id) | Source::Gateway(id) => id,
    };
    if change.phase == Phase::Opened {
        // Whatever is not part of the test is silent, and that is no news.
        if devices.contains(id.as_str()) {
            opened.push(Opened {
                id: change.incident.id.clone(),
                code: change.incident.rule.code.clone(),
                device: id.clone(),
                opened: now,
                closed: None,
                level: change.incident.level,
                met: false,
            });
        }
        return;
    }
    for known in opened.iter_mut().filter(|known| known.id == change.incident.id) {
        known.level = change.incident.level;
        known.closed = (change.phase == Phase::Closed).then_some(now);
    }
}

fn device(step: &Step) -> &str {
    match &step.what {
        Happens::Seen { camera, .. } => camera,
        Happens::Measured { sensor, .. } => sensor,
    }
}

/// When the test is over: a while after its last step, and after all that it waits for.
fn end(test: &Test) -> Duration {
    let steps = test.steps.iter().map(|step| step.at + step.lasts);
    let waits = test.expect.iter().flat_map(|expected| [expected.opened, expected.closed]).flatten();
    steps.chain(waits).max().unwrap_or_default() + AFTERWARDS
}

/// All pictures and readings, in the order of time; those of the same time in the order of the file.
fn inputs(config: &Config, test: &Test, begin: Timestamp) -> Vec<(Duration, Input)> {
    let cameras =
        config.cameras.iter().filter(|camera| test.steps.iter().any(|step| device(step) == camera.id));
    let end = end(test);
    let mut inputs: Vec<(Duration, Input)> = Vec::new();
    for camera in cameras {
        let every = Duration::from_secs_f64(1.0 / camera.detections_per_second).max(end / PICTURES_MAX);
        let mut time = Duration::ZERO;
        let mut number = 0;
        while time <= end {
            number += 1;
            inputs.push((time, Input::Picture(picture(test, &camera.id, number, time, begin))));
            time += every;
        }
    }
    for step in &test.steps {
        let Happens::Measured { sensor, config_index, of, value, every } = &step.what else { continue };
        let mut time = step.at;
        loop {
            let reading = Reading {
                sensor: sensor.clone(),
                config_index: *config_index,
                quantity: *of,
                value: *value,
                received: begin + time,
                device_time: None,
            };
            inputs.push((time, Input::Reading(reading)));
            let Some(every) = every.filter(|every| time + *every <= step.at + step.lasts) else { break };
            time += every;
        }
    }
    inputs.sort_by_key(|(time, _)| *time);
    inputs
}

/// What a camera sees at this time of the test.
fn picture(test: &Test, id: &str, number: u64, time: Duration, begin: Timestamp) -> Observation {
    let track = |(index, step): (usize, &Step)| {
        let Happens::Seen { camera, label, score, from, to } = &step.what else { return None };
        // Something that lasts no time is in one picture.
        let until = step.at + step.lasts.max(Duration::from_millis(200));
        if camera != id || time < step.at || time >= until {
            return None;
        }
        let share = (time - step.at).as_secs_f32() / step.lasts.as_secs_f32().max(f32::MIN_POSITIVE);
        let mut area = *from;
        for (side, to) in area.iter_mut().zip(to) {
            *side += (to - *side) * share.min(1.0);
        }
        Some(SeenTrack { id: index as u64, label: label.clone(), score: *score, area })
    };
    Observation {
        camera: id.to_owned(),
        picture: number,
        received_unix_ms: (begin + time).as_millisecond(),
        media_time: time,
        width: 1920,
        height: 1080,
        rotate_degrees: 0,
        tracks: test.steps.iter().enumerate().filter_map(track).collect(),
    }
}

// === impl Opened ===

impl Opened {
    fn is(&self, expected: &Expected) -> bool {
        let near = |time: Duration, wanted: Duration| time.abs_diff(wanted) <= TOLERANCE;
        self.code == expected.code
            && expected.device.as_ref().is_none_or(|device| *device == self.device)
            && expected.level.is_none_or(|level| level == self.level)
            && expected.opened.is_none_or(|wanted| near(self.opened, wanted))
            && expected.closed.is_none_or(|wanted| self.closed.is_some_and(|closed| near(closed, wanted)))
    }

    fn told(&self) -> String {
        let closed =
            self.closed.map_or("still open".to_owned(), |closed| format!("closed at {}", shown(closed)));
        format!("{} of {} at {}, level {}, {closed}", self.code, self.device, shown(self.opened), self.level)
    }
}

fn wanted(expected: &Expected) -> String {
    let mut told = expected.code.clone();
    if let Some(device) = &expected.device {
        told += &format!(" of {device}");
    }
    if let Some(opened) = expected.opened {
        told += &format!(" at {}", shown(opened));
    }
    if let Some(level) = expected.level {
        told += &format!(" of level {level}");
    }
    if let Some(closed) = expected.closed {
        told += &format!(" until {}", shown(closed));
    }
    told
}

/// In seconds, to the tenth where it is not whole.
fn shown(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{} s", time.as_secs()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
