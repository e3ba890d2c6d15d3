//! `moshao detect`: what a detector finds in pictures and videos.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use moshao_config::label_map;
use moshao_inference::detector::{Detection, Detector, ModelSource, Settings};
use moshao_inference::picture::{BoxPx, PictureView, Rotation};
use moshao_inference::track::Tracker;
use moshao_inference::{catalogue, runtime, tiles};
use serde::Serialize;

use super::draw;
use super::models::MODELS_FOLDER;
use super::{Failure, Outcome};
use crate::camera::file::PictureFile;
use crate::camera::picture::Picture;

/// Find objects in pictures and videos
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao detect --model moshao-fire kitchen.jpg
  moshao detect --model yolox_nano.onnx --threshold 0.4 --json street.mp4
  moshao detect --model yolox-nano --tiles 3x2 --rotate 90 --label-map vehicles.toml yard.jpg
  moshao detect --model yolox-nano --every 5 --draw found/ street.mp4 square.png")]
pub(super) struct Arguments {
    /// An ONNX file, a built-in detector, or one of the catalogue that was pulled
    #[arg(long, value_name = "FILE|NAME")]
    model: String,
    /// Least score, 0 to 1; the model's own default where absent
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f32>,
    /// Detector family, where the file alone does not tell it
    #[arg(long)]
    family: Option<String>,
    /// File with the names of the labels, one a line
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Execution provider
    #[arg(long, default_value = "cpu")]
    provider: String,
    /// TOML file that renames labels (car = "vehicle") and drops them (cat = false, "*" = false)
    #[arg(long, value_name = "FILE")]
    label_map: Option<PathBuf>,
    /// Overlap (intersection over union, 0 to 1) from which two candidates are one object
    #[arg(long, value_name = "IOU")]
    overlap: Option<f32>,
    /// Whether overlapping candidates of different labels are one object; the family's choice where absent
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    across_labels: Option<bool>,
    /// Most detections of one picture
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    max_detections: Option<u16>,
    /// How far pictures must be turned clockwise to be upright: 0, 90, 180 or 270; boxes stay in the pixels of the input
    #[arg(long, value_name = "DEGREES", default_value = "0", value_parser = parse_rotation)]
    rotate: Rotation,
    /// Look at overlapping tiles besides the whole, for small far objects
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = parse_tiles)]
    tiles: Option<(usize, usize)>,
    /// Tiles that go through the model at once, where its batch dimension is free
    #[arg(long, value_name = "PICTURES", value_parser = clap::value_parser!(u16).range(1..=16))]
    batch: Option<u16>,
    /// Pictures of a video to look at in a second; all where absent
    #[arg(long, value_name = "PER_SECOND")]
    every: Option<f64>,
    /// Write each picture with its boxes as JPEG into this folder
    #[arg(long, value_name = "DIR")]
    draw: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Pictures and videos
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
}

/// One looked-at picture, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    input: &'a str,
    frame: usize,
    pts_ms: u64,
    width: usize,
    height: usize,
    detections: Vec<Found<'a>>,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    label: &'a str,
    score: f32,
    /// Left, top, right, bottom, pixels of the input.
    #[serde(rename = "box")]
    area: [f32; 4],
    track: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// A model or an input that cannot be used.
pub(super) fn run(arguments: Arguments) -> Outcome {
    runtime::load(None).map_err(Failure::failed)?;
    let mut detector = open(&arguments)?;
    if let Some(folder) = &arguments.draw {
        let failed = |e| Failure::failed(format!("cannot make the folder {}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut out = std::io::stdout().lock();
    for input in &arguments.inputs {
        look_at(input, &mut detector, &arguments, &mut out)?;
    }
    Ok(())
}

fn open(arguments: &Arguments) -> Result<Detector, Failure> {
    let labels = match &arguments.labels {
        Some(path) => Some(
            moshao_inference::labels::from_file(path)
                .map_err(|e| Failure::failed(format!("cannot read the labels in {}: {e}", path.display())))?,
        ),
        None => None,
    };
    let settings = Settings {
        family: arguments.family.clone(),
        labels,
        label_map: arguments.label_map.as_deref().map(read_label_map).transpose()?.unwrap_or_default(),
        threshold: arguments.threshold,
        label_thresholds: Vec::new(),
        provider: Some(arguments.provider.clone()),
        overlap: arguments.overlap,
        across_labels: arguments.across_labels,
        max_detections: arguments.max_detections.map(usize::from),
        batch: arguments.batch.map(usize::from),
        longest_run: None,
    };
    Detector::open(&source(&arguments.model), &settings).map_err(Failure::failed)
}

fn read_label_map(path: &Path) -> Result<Vec<(String, Option<String>)>, Failure> {
    let failed = |reason: String| Failure::failed(format!("label map {} {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    label_map::parse(&text).map_err(failed)
}

/// A built-in name, a file, or a pulled model of the catalogue.
pub(super) fn source(model: &str) -> ModelSource {
    let pulled = Path::new(MODELS_FOLDER).join(format!("{model}.onnx"));
    if catalogue::is_built_in(model) {
        ModelSource::BuiltIn(model.to_owned())
    } else if !Path::new(model).exists() && pulled.exists() {
        ModelSource::File(pulled)
    } else {
        ModelSource::File(model.into())
    }
}

/// Looks at one file; a video's objects are tracked.
fn look_at(input: &Path, detector: &mut Detector, arguments: &Arguments, out: &mut impl Write) -> Outcome {
    let file = PictureFile::open(input).map_err(Failure::failed)?;
    let name = input.display().to_string();
    let mut tracker = (!file.is_still()).then(Tracker::new);
    let interval = arguments.every.filter(|rate| *rate > 0.0).map(|rate| Duration::from_secs_f64(1.0 / rate));
    let mut due = Duration::ZERO;
    for (frame, picture) in file.enumerate() {
        let picture = picture.map_err(Failure::failed)?;
        if let Some(interval) = interval {
            if picture.media_time < due {
                continue;
            }
            due = picture.media_time + interval;
        }
        let report = examine(&name, frame, &picture, detector, tracker.as_mut(), arguments)?;
        if let Some(folder) = &arguments.draw {
            let stem = input.file_stem().unwrap_or_default().to_string_lossy();
            let path = folder.join(format!("{stem}-{frame:06}.jpg"));
            let boxes = report.detections.iter().map(|f| (f.area, f.label));
            draw::write(&picture, boxes, &path).map_err(Failure::failed)?;
        }
        let printed = if arguments.json { print_json(&report, out) } else { print_table(&report, out) };
        match printed {
            // Whoever reads has seen enough.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.map_err(|e| Failure::failed(format!("cannot print: {e}")))?,
        }
    }
    Ok(())
}

fn examine<'a>(
    input: &'a str,
    frame: usize,
    picture: &Picture,
    detector: &'a mut Detector,
    tracker: Option<&mut Tracker>,
    arguments: &Arguments,
) -> Result<Report<'a>, Failure> {
    let view = PictureView { rotation: arguments.rotate, ..picture.view() };
    let failed = |e| Failure::failed(format!("{input}, picture {frame}: {e}"));
    let detections = match arguments.tiles {
        Some((columns, rows)) => detector.detect_in(&view, &tiles::with_whole(view.area(), columns, rows)),
        None => detector.detect(&view),
    }
    .map_err(failed)?;
    let seen: Vec<(Detection, Option<u64>)> = match tracker {
        Some(tracker) => {
            let tracks = tracker.update_with_faint(picture.media_time, &detections, detector.faint());
            let of_track = |t: moshao_inference::track::Track| {
                (Detection { label: t.label, score: t.score, area: t.area }, Some(t.id))
            };
            tracks.into_iter().map(of_track).collect()
        }
        None => detections.into_iter().map(|d| (d, None)).collect(),
    };
    let labels = detector.labels();
    let found = seen.into_iter().map(|(d, track)| Found {
        label: &labels[d.label],
        score: rounded(d.score, 1000.0),
        area: corners(d.area),
        track,
    });
    let pts_ms = u64::try_from(picture.media_time.as_millis()).unwrap_or(u64::MAX);
    Ok(Report { input, frame, pts_ms, width: view.width, height: view.height, detections: found.collect() })
}

fn corners(area: BoxPx) -> [f32; 4] {
    [area.x1, area.y1, area.x2, area.y2].map(|v| rounded(v, 10.0))
}

fn rounded(value: f32, steps: f32) -> f32 {
    (value * steps).round() / steps
}

fn print_json(report: &Report<'_>, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn print_table(report: &Report<'_>, out: &mut impl Write) -> std::io::Result<()> {
    let Report { input, frame, pts_ms, width, height, detections } = report;
    let seconds = *pts_ms as f64 / 1000.0;
    writeln!(out, "{input}  picture {frame}, {seconds:.2} s, {width}x{height}: {} found", detections.len())?;
    for Found { label, score, area: [x1, y1, x2, y2], track } in detections {
        let track = track.map_or_else(String::new, |id| format!("  track {id}"));
        writeln!(out, "  {label:<16} {score:.3}  {x1:>7.1} {y1:>7.1} {x2:>7.1} {y2:>7.1}{track}")?;
    }
    Ok(())
}

fn parse_rotation(text: &str) -> Result<Rotation, String> {
    let turn = text.parse().ok().and_then(Rotation::from_degrees);
    turn.ok_or_else(|| "a picture is turned by 0, 90, 180 or 270 degrees".to_owned())
}

fn parse_tiles(text: &str) -> Result<(usize, usize), String> {
    /// More would only be slow: each tile costs a whole inference.
    const MOST: usize = 8;
    let parsed = text.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?)));
    match parsed {
        Some((columns @ 1..=MOST, rows @ 1..=MOST)) => Ok((columns, rows)),
        _ => Err(format!("tiles are COLUMNSxROWS with 1 to {MOST} of each, such as 3x2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_the_contract() {
        let found = Found { label: "fire", score: 0.5, area: [1.0, 2.0, 3.5, 4.0], track: None };
        let report =
            Report { input: "a.jpg", frame: 0, pts_ms: 0, width: 640, height: 480, detections: vec![found] };
        let mut out = Vec::new();
        print_json(&report, &mut out).unwrap();
        let expected = r#"{"input":"a.jpg","frame":0,"pts_ms":0,"width":640,"height":480,"detections":[{"label":"fire","score":0.5,"box":[1.0,2.0,3.5,4.0],"track":null}]}"#;
        assert_eq!(String::from_utf8(out).unwrap().trim_end(), expected);
    }

    #[test]
    fn a_picture_is_turned_by_quarters() {
        assert_eq!(parse_rotation("270"), Ok(Rotation::ThreeQuarters));
        for wrong in ["45", "-90", "360", "left"] {
            assert!(parse_rotation(wrong).unwrap_err().contains("0, 90, 180 or 270"), "{wrong}");
        }
    }

    #[test]
    fn tiles_are_columns_and_rows() {
        assert_eq!(parse_tiles("3x2"), Ok((3, 2)));
        for wrong in ["", "3", "0x2", "9x9", "axb"] {
            assert!(parse_tiles(wrong).unwrap_err().contains("3x2"), "{wrong}");
        }
    }
}
