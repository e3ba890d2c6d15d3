//! `moshao replay`: the whole camera path over recorded footage, with media time as the clock.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Camera, Config};
use moshao_inference::detector::Detector;
use moshao_inference::runtime;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::{Failure, Outcome};
use crate::camera::recording::Recording;
use crate::clock::Moment;
use crate::incident::Change;
use crate::incident::tell::{new_id, tell};
use crate::judge::Judge;
use crate::logging;
use crate::supervise::camera_job;
use crate::worker::detecting;
use crate::worker::eye::Eye;
use crate::worker::link::CameraJob;
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
    /// Whether quiet footage is skipped; this version looks at everything
    #[arg(long, value_enum, default_value_t = Gate::Off)]
    gate: Gate,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Whether the gate is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Gate {
    /// Every picture is decoded.
    Off,
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Stats {
    media_seconds: f64,
    access_units: u64,
    decoded: u64,
    inferred: u64,
    lost: u64,
    events: u64,
    cpu_seconds: f64,
}

/// Everything one replay goes through.
struct Replay {
    config: Config,
    job: CameraJob,
    detector: Detector,
    eye: Eye,
    mind: Mind,
    judge: Judge,
    /// Wall clock time of the footage's first picture.
    begin: Timestamp,
    json: bool,
    stats: Stats,
}

/// Runs to the end of the footage.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let mut config = super::load_config(&arguments.config)?.config;
    let camera = take_camera(&mut config, &arguments.camera)?;
    let detector = open_detector(&config, &camera)?;
    let recording = Recording::open(&arguments.video).map_err(Failure::failed)?;
    let job = camera_job(&camera);
    // Footage has nobody who acknowledges.
    config.incidents.fire_latch = Duration::ZERO;
    let judge = Judge::new(&config, Box::new(new_id));
    let length = recording.length();
    let replay = Replay {
        eye: Eye::new(&job),
        mind: Mind::default(),
        judge,
        config,
        job,
        detector,
        begin: Timestamp::now(),
        json: arguments.json,
        stats: Stats { media_seconds: length.as_secs_f64(), ..Stats::default() },
    };
    replay.play(recording, length)
}

// === impl Replay ===

impl Replay {
    fn play(mut self, recording: Recording, length: Duration) -> Outcome {
        let spent_before = cpu_time();
        for unit in recording {
            self.stats.access_units += 1;
            let glance = self.eye.see(&unit);
            self.stats.decoded += glance.decoded;
            self.stats.lost += u64::from(glance.lost.is_some());
            let Some(picture) = glance.due else { continue };
            let thought =
                self.mind.think(&self.job, &mut self.detector, &picture).map_err(Failure::failed)?;
            self.stats.inferred += 1;
            let now = self.at(picture.media_time);
            let mut seen = thought.observation;
            seen.received_unix_ms = now.wall.as_millisecond();
            let ended = self.judge.tick(now);
            self.print(now, &ended)?;
            let changes = self.judge.observe(now, &seen);
            self.print(now, &changes)?;
        }
        // What is still open ends when its rules have waited long enough.
        let patience = self.config.rules.iter().map(|rule| rule.clear_after).max().unwrap_or_default();
        let after = self.at(length + patience);
        let ended = self.judge.tick(after);
        self.print(after, &ended)?;
        self.stats.cpu_seconds = cpu_time().saturating_sub(spent_before).as_secs_f64();
        self.sum_up()
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
            "{:.1} s of footage: {} pictures, {} decoded, {} looked at, {} lost; {} events; {:.1} s of CPU time, {:.3} a second",
            stats.media_seconds,
            stats.access_units,
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
