//! `moshao replay`: the whole camera path over recorded footage, with media time as the clock.

mod trace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Camera, Config};
use moshao_inference::detector::Detector;
use moshao_inference::runtime;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::{Failure, Outcome};
use crate::camera::AccessUnit;
use crate::camera::recording::Recording;
use crate::clock::Moment;
use crate::incident::Change;
use crate::incident::tell::{new_id, tell};
use crate::judge::Judge;
use crate::logging;
use crate::supervise::camera_job;
use crate::worker::detecting;
use crate::worker::eye::{Due, Eye, Glance, Task};
use crate::worker::link::{CameraCounters, CameraJob, StreamState};
use crate::worker::looker::Looker;
use crate::worker::mind::Mind;

/// Play recorded footage through a camera's rules and print the events
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao replay --config village.toml --camera gate-east --video yesterday.mp4
  moshao replay --config village.toml --camera gate-east --video yesterday.mp4 --json | jq .data.title

Decoder, detector, tracker and rules are those of the running gateway; the clock is the footage's own, so it runs as
fast as the machine can. Nothing is sent or stored. The last line sums up.")]
pub(super) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Id of the camera whose detector, rules and masks are used
    #[arg(long, value_name = "ID")]
    camera: String,
    /// Footage: H.264 or H.265 in any container
    #[arg(long, value_name = "FILE")]
    video: PathBuf,
    /// Whether quiet footage is slept through; as the configuration says where this is left out
    #[arg(long, value_enum)]
    gate: Option<Gate>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Print the tracks of every picture that the detector had, too
    #[arg(long, requires = "json")]
    tracks: bool,
}

/// Whether the gate is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Gate {
    /// While nothing moves only key frames are looked at.
    On,
    /// Every picture is decoded and looked at.
    Off,
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Stats {
    media_seconds: f64,
    access_units: u64,
    looks: u64,
    /// Looks that the detector was asked about, and for which the camera did not wake.
    dismissed: u64,
    decoded: u64,
    inferred: u64,
    lost: u64,
    events: u64,
    /// Media time in which every picture was decoded.
    awake_seconds: f64,
    /// How often a sleeping camera woke, by reason.
    wakes: BTreeMap<&'static str, u64>,
    cpu_seconds: f64,
}

/// Everything one replay goes through.
struct Replay {
    config: Config,
    job: CameraJob,
    detector: Detector,
    eye: Eye,
    looker: Looker,
    mind: Mind,
    judge: Judge,
    /// Wall clock time of the footage's first picture.
    begin: Timestamp,
    json: bool,
    tracks: bool,
    stats: Stats,
    /// When the rules were told of the time last.
    ticked: Duration,
    /// What the camera did since a second began.
    counted: CameraCounters,
    counted_from: Duration,
}

/// How often time passes for the rules while nothing is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often a worker tells its counters.
const SECOND: Duration = Duration::from_secs(1);

/// Runs to the end of the footage.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let mut config = super::load_config(&arguments.config)?;
    let camera = take_camera(&mut config, &arguments.camera)?;
    let detector = open_detector(&config, &camera)?;
    let recording = Recording::open(&arguments.video).map_err(Failure::failed)?;
    let mut job = camera_job(&camera, &config);
    job.gate = arguments.gate.map_or(job.gate, |gate| gate == Gate::On);
    // Footage has nobody who acknowledges.
    config.incidents.fire_latch = Duration::ZERO;
    let judge = Judge::new(&config, Box::new(new_id));
    let length = recording.length();
    let replay = Replay {
        eye: Eye::new(&job),
        looker: Looker::default(),
        mind: Mind::default(),
        judge,
        config,
        job,
        detector,
        begin: Timestamp::now(),
        json: arguments.json,
        tracks: arguments.tracks,
        stats: Stats { media_seconds: length.as_secs_f64(), ..Stats::default() },
        ticked: Duration::ZERO,
        counted: CameraCounters::default(),
        counted_from: Duration::ZERO,
    };
    replay.play(recording, length)
}

// === impl Replay ===

impl Replay {
    fn play(mut self, recording: Recording, length: Duration) -> Outcome {
        let spent_before = cpu_time();
        let flows = StreamState::Live { codec: String::new(), width: 0, height: 0 };
        self.judge.stream(self.at(Duration::ZERO), &self.job.id, &flows);
        for unit in recording {
            self.stats.access_units += 1;
            self.count(&unit)?;
            let glance = self.eye.take(unit, &mut self.looker);
            self.look(glance)?;
            // Nobody waits: a camera that woke has looked back before the next access unit comes.
            while self.eye.is_behind() {
                let glance = self.eye.catch_up();
                self.look(glance)?;
            }
            self.count_gate()?;
            // Time passes for a sleeping camera too, as far as it will not look back.
            let quiet_until = self.eye.latest_quiet().map(|unit| unit.media_time);
            if let Some(until) = quiet_until.filter(|until| *until >= self.ticked + TICK) {
                self.tick(until)?;
            }
        }
        // What is still open ends when its rules have waited long enough.
        let patience = self.config.rules.iter().map(|rule| rule.clear_after).max().unwrap_or_default();
        self.tick(length + patience)?;
        if !self.job.gate {
            self.stats.awake_seconds = self.stats.media_seconds;
        }
        self.stats.cpu_seconds = cpu_time().saturating_sub(spent_before).as_secs_f64();
        self.sum_up()
    }

    /// Gives the picture of a glance to the detector and what it sees to the rules.
    fn look(&mut self, glance: Glance) -> Outcome {
        self.stats.decoded += glance.decoded;
        self.stats.lost += u64::from(glance.lost.is_some());
        if let Some(seen) = glance.appearance {
            let now = self.at(seen.media_time);
            let changes = self.judge.appearance(now, &self.job.id, &seen);
            self.print(now, &changes)?;
        }
        let Some(due) = glance.due else { return Ok(()) };
        let thought = self.mind.think(&self.job, &mut self.detector, &due).map_err(Failure::failed)?;
        self.eye.hear(thought.findings);
        let Due { picture, task, .. } = due;
        self.stats.inferred += u64::from(task != Task::Remember);
        let Some(mut seen) = thought.observation else { return Ok(()) };
        self.tick(picture.media_time)?;
        let now = self.at(picture.media_time);
        seen.received_unix_ms = now.wall.as_millisecond();
        if self.tracks {
            trace::seen(&seen)?;
        }
        let changes = self.judge.observe(now, &seen);
        self.print(now, &changes)
    }

    /// Counts an access unit, as a worker does, and tells the count of each second.
    fn count(&mut self, unit: &AccessUnit) -> Outcome {
        if unit.media_time >= self.counted_from + SECOND {
            self.counted_from = unit.media_time;
            let counted = std::mem::take(&mut self.counted);
            let counted = CameraCounters { camera: self.job.id.clone(), ..counted };
            let now = self.at(unit.media_time);
            // A recording has no clock of its own.
            let changes = self.judge.counted(now, &counted, false);
            self.print(now, &changes)?;
        }
        self.counted.access_units += 1;
        self.counted.key_frames += u64::from(unit.is_key);
        self.counted.torn += u64::from(unit.lost_packets > 0);
        Ok(())
    }

    /// Time has passed.
    fn tick(&mut self, media_time: Duration) -> Outcome {
        self.ticked = media_time;
        let now = self.at(media_time);
        let ended = self.judge.tick(now);
        self.print(now, &ended)
    }

    fn count_gate(&mut self) -> Outcome {
        let tally = self.eye.tally();
        if self.tracks {
            tally.moves.iter().try_for_each(trace::moved)?;
        }
        self.stats.looks += tally.looks;
        self.stats.dismissed += tally.dismissed;
        if self.job.gate {
            self.stats.awake_seconds += tally.awake.as_secs_f64();
        }
        for reason in tally.wakes() {
            *self.stats.wakes.entry(reason.as_str()).or_default() += 1;
        }
        Ok(())
    }

    fn at(&self, media_time: Duration) -> Moment {
        Moment { mono: Duration::ZERO, wall: self.begin }.later(media_time)
    }

    fn print(&mut self, now: Moment, changes: &[Change]) -> Outcome {
        for change in changes {
            self.stats.events += 1;
            let event = tell(&self.config, now, change).event;
            if self.json {
                super::print(&serde_json::to_string(&event).expect("an event is plain data"))?;
            } else {
                let seen = event.data.objects.iter().map(|o| format!(" {} {:.2}", o.label, o.score));
                super::print(&format!(
                    "{:>9.2} s  {:<9} {} {}{}",
                    now.mono.as_secs_f64(),
                    format!("{:?}", change.phase).to_lowercase(),
                    event.data.code,
                    event.data.title,
                    seen.collect::<String>()
                ))?;
            }
        }
        Ok(())
    }

    fn sum_up(self) -> Outcome {
        let stats = &self.stats;
        if self.json {
            return super::print(&serde_json::json!({ "stats": stats }).to_string());
        }
        super::print(&format!(
            "{:.1} s of footage, awake {:.1} s: {} pictures, {} key frames looked at asleep, {} decoded, {} looked at by the \
             detector, {} lost; {} events; {:.1} s of CPU time, {:.3} a second",
            stats.media_seconds,
            stats.awake_seconds,
            stats.access_units,
            stats.looks,
            stats.decoded,
            stats.inferred,
            stats.lost,
            stats.events,
            stats.cpu_seconds,
            stats.cpu_seconds / stats.media_seconds.max(f64::MIN_POSITIVE)
        ))
    }
}

/// The named camera; the configuration keeps only it, so that nothing else is told.
fn take_camera(config: &mut Config, id: &str) -> Result<Camera, Failure> {
    let known: Vec<String> = config.cameras.iter().map(|camera| camera.id.clone()).collect();
    config.cameras.retain(|camera| camera.id == id);
    config.cameras.first().cloned().ok_or_else(|| {
        Failure::usage(format!("no camera '{id}' in the configuration; there are: {}", known.join(", ")))
    })
}

fn open_detector(config: &Config, camera: &Camera) -> Result<Detector, Failure> {
    runtime::load(None).map_err(Failure::failed)?;
    let detector = config
        .detectors
        .iter()
        .find(|detector| detector.name == camera.detector)
        .ok_or_else(|| Failure::config(format!("camera {} names no detector", camera.id)))?;
    detecting::open(detector).map_err(Failure::failed)
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}
