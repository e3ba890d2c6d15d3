//! The tracker on footage: people who cross a yard one at a time.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use moshao_inference::detector::{Detector, ModelSource, Settings};
use moshao_inference::picture::Range;
use moshao_inference::track::Tracker;

use crate::common;

const WIDTH: usize = 768;
const HEIGHT: usize = 432;
/// Pictures looked at in a second.
const RATE: u64 = 5;
/// People who are seen less often are glimpses at the picture's edge.
const LEAST_SIGHTINGS: u32 = 5;
/// A person unseen for longer has left.
const GONE: Duration = Duration::from_secs(2);

/// Lifetime of one id.
#[derive(Debug, Clone, Copy)]
struct Life {
    from: Duration,
    to: Duration,
    sightings: u32,
}

#[test]
fn each_person_keeps_one_id_while_visible() {
    let Some(data) = common::data() else { return };
    let ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(data.join("videos/one-by-one-person-detection.mp4"))
        .args(["-vf", &format!("fps={RATE}"), "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut ffmpeg) = ffmpeg else {
        common::skip("no ffmpeg on PATH");
        return;
    };
    let mut footage = ffmpeg.stdout.take().unwrap();
    let model = ModelSource::File(data.join("models/yolox_nano.onnx"));
    let settings = Settings { threshold: Some(0.4), ..Settings::default() };
    let mut detector = Detector::open(&model, &settings).unwrap();
    let person = detector.labels().iter().position(|label| label == "person").unwrap();

    let mut tracker = Tracker::new();
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    let mut together = 0;
    let mut planes = vec![0; WIDTH * HEIGHT * 3 / 2];
    for number in 0.. {
        if footage.read_exact(&mut planes).is_err() {
            break;
        }
        let frame = common::Frame { width: WIDTH, height: HEIGHT, planes, range: Range::Limited };
        let at = Duration::from_millis(number * 1000 / RATE);
        let mut people = detector.detect(&frame.view()).unwrap();
        people.retain(|d| d.label == person);
        let mut faint = detector.faint().to_vec();
        faint.retain(|d| d.label == person);
        let tracks = tracker.update_with_faint(at, &people, &faint);
        together += usize::from(tracks.len() > 1);
        for track in tracks {
            let life = lives.entry(track.id).or_insert(Life { from: at, to: at, sightings: 0 });
            (life.to, life.sightings) = (at, track.sightings);
        }
        planes = frame.planes;
    }
    ffmpeg.wait().unwrap();

    let glimpses = lives.values().filter(|life| life.sightings < LEAST_SIGHTINGS).count();
    lives.retain(|_, life| life.sightings >= LEAST_SIGHTINGS);
    // One person at a time: whoever appears while another id is still about has been given a new one.
    let all: Vec<Life> = lives.values().copied().collect();
    let switches = all.windows(2).filter(|pair| pair[1].from <= pair[0].to + GONE).count();
    for (id, life) in &lives {
        println!(
            "id {id}: {:.1} s to {:.1} s, {} sightings",
            life.from.as_secs_f32(),
            life.to.as_secs_f32(),
            life.sightings
        );
    }
    println!(
        "{} people, {switches} id switches, {glimpses} glimpses, {together} pictures with two",
        all.len()
    );
    assert!(all.len() >= 5, "people were missed");
    assert!(switches <= 1, "{switches} id switches");
}
