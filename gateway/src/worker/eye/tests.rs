//! Faults while asleep, with real encoded pictures: none may leave the camera blind.

use std::sync::OnceLock;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Packet, Rational, codec, encoder, frame};
use moshao_config::{Deadlines, Sensitivity, View};

use super::*;
use crate::camera::Codec;

/// Pictures a second, and from one key frame to the next.
const FPS: u64 = 10;
const GROUP: u64 = 20;

/// A textured wall, and from `object_from` on an object that moves to and fro before it.
fn film(pictures: u64, size: (u32, u32), object_from: u64) -> Vec<AccessUnit> {
    crate::camera::decode::init().unwrap();
    let (width, height) = size;
    let found = encoder::find_by_name("libx264").unwrap();
    let mut video = codec::Context::new_with_codec(found).encoder().video().unwrap();
    video.set_width(width);
    video.set_height(height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base(Rational(1, FPS as i32));
    video.set_gop(GROUP as u32);
    video.set_max_b_frames(0);
    let mut options = Dictionary::new();
    for (name, value) in [
        ("preset", "ultrafast"),
        ("tune", "zerolatency"),
        ("crf", "26"),
        ("threads", "1"),
        ("x264-params", "scenecut=0"),
    ] {
        options.set(name, value);
    }
    let mut encoder = video.open_with(options).unwrap();
    let mut picture = frame::Video::new(Pixel::YUV420P, width, height);
    let mut units = Vec::new();
    for n in 0..pictures {
        let object = (n >= object_from).then(|| 20 + (n * 6 % (u64::from(width) - 80)) as usize);
        draw(&mut picture, object);
        picture.set_pts(Some(n as i64));
        encoder.send_frame(&picture).unwrap();
        let mut packet = Packet::empty();
        encoder.receive_packet(&mut packet).unwrap();
        units.push(AccessUnit {
            data: packet.data().unwrap().to_vec().into(),
            codec: Codec::H264,
            is_key: packet.is_key(),
            lost_packets: 0,
            is_new_sequence: n == 0,
            media_time: Duration::from_millis(n * 1000 / FPS),
            received_unix_ms: 0,
        });
    }
    units
}

fn draw(picture: &mut frame::Video, object: Option<usize>) {
    let (stride, width) = (picture.stride(0), picture.width() as usize);
    for (y, line) in picture.data_mut(0).chunks_mut(stride).enumerate() {
        for (x, sample) in line[..width].iter_mut().enumerate() {
            let is_object =
                object.is_some_and(|left| (left..left + 40).contains(&x) && (60..140).contains(&y));
            *sample = if is_object { 220 } else { 60 + ((x / 8 + y / 8) % 5 * 12) as u8 };
        }
    }
    picture.data_mut(1).fill(128);
    picture.data_mut(2).fill(128);
}

const SIZE: (u32, u32) = (320, 180);

/// 60 s without anything, made once.
fn quiet() -> Vec<AccessUnit> {
    static QUIET: OnceLock<Vec<AccessUnit>> = OnceLock::new();
    QUIET.get_or_init(|| film(600, SIZE, u64::MAX)).clone()
}

/// 60 s in which an object comes after 30.5 s.
fn visited() -> Vec<AccessUnit> {
    static VISITED: OnceLock<Vec<AccessUnit>> = OnceLock::new();
    VISITED.get_or_init(|| film(600, SIZE, 305)).clone()
}

fn job() -> CameraJob {
    let s = Duration::from_secs(10);
    CameraJob {
        id: "yard".to_owned(),
        url: "rtsp://127.0.0.1/".to_owned(),
        username: None,
        password: None,
        allow_basic: false,
        detector: "none".to_owned(),
        detections_per_second: 5.0,
        gate: true,
        sensitivity: Sensitivity::Normal,
        view: View::default(),
        masks: Vec::new(),
        deadlines: Deadlines { describe: s, setup: s, play: s, first_key_frame: s, silence: s },
    }
}

/// What came of a film, seen by a detector that finds nothing.
#[derive(Default)]
struct Story {
    wakes: Vec<(u64, Wake)>,
    /// Media times of the pictures that the detector got, ms.
    shown: Vec<u64>,
    decoded: u64,
    looks: u64,
    is_asleep: bool,
}

fn watch(units: Vec<AccessUnit>) -> Story {
    let mut eye = Eye::new(&job());
    let mut story = Story::default();
    let mut looker = Looker::default();
    let mut note = |eye: &mut Eye, glance: Glance| {
        story.decoded += glance.decoded;
        if let Some(due) = glance.due {
            story.shown.push(due.picture.media_time.as_millis() as u64);
            eye.hear(Findings { media_time: due.picture.media_time, tracks: Vec::new() });
        }
        let tally = eye.tally();
        story.looks += tally.looks;
        let wakes = tally.moves.iter().filter_map(|m| Some((m.media_time.as_millis() as u64, m.woke?)));
        story.wakes.extend(wakes);
        story.is_asleep = eye.is_asleep();
    };
    for unit in units {
        let glance = eye.take(unit, &mut looker);
        note(&mut eye, glance);
        while eye.is_behind() {
            let glance = eye.catch_up();
            note(&mut eye, glance);
        }
    }
    story
}

#[test]
fn a_quiet_camera_sleeps_and_is_looked_at_in_its_key_frames() {
    let story = watch(quiet());
    assert!(story.is_asleep);
    assert_eq!(story.wakes, []);
    assert!((25..=28).contains(&story.looks), "{} looks", story.looks);
    assert!(story.decoded < 80, "{} decoded, the six seconds of settling", story.decoded);
}

#[test]
fn a_camera_that_wakes_looks_back_and_the_detector_gets_what_came_before_the_wake() {
    let story = watch(visited());
    assert_eq!(story.wakes[0], (32_000, Wake::Look));
    let of_interest: Vec<u64> =
        story.shown.iter().copied().filter(|at| (30_600..=34_000).contains(at)).collect();
    assert!(of_interest.len() >= 16, "five a second from the object's coming on: {of_interest:?}");
    assert!(story.shown.is_sorted(), "in the order of media time: {:?}", story.shown);
}

#[test]
fn lost_packets_lead_to_a_look_at_the_next_key_frame() {
    let mut units = visited();
    // The key frame in which the object would have been seen, and pictures around it.
    for unit in &mut units[310..330] {
        unit.lost_packets = 3;
    }
    let story = watch(units);
    assert_eq!(story.wakes[0], (34_000, Wake::Look), "one key frame later");
    assert!(story.shown.iter().any(|at| *at > 34_000));
}

#[test]
fn corrupt_key_frames_wake_the_camera() {
    let mut units = quiet();
    for unit in units[400..].iter_mut().filter(|unit| unit.is_key) {
        // Parameter sets and everything else.
        unit.data = unit.data.iter().map(|byte| byte.wrapping_mul(31).wrapping_add(7)).collect();
    }
    let story = watch(units);
    assert_eq!(story.wakes[0], (42_000, Wake::Blind), "the second one in a row");
    assert!(story.wakes.len() > 1, "and again as long as none is whole: {:?}", story.wakes);
}

#[test]
fn a_single_corrupt_key_frame_is_made_up_for_by_the_next() {
    let mut units = visited();
    units[320].data.truncate(40);
    let story = watch(units);
    assert_eq!(story.wakes[0], (34_000, Wake::Look));
}

#[test]
fn another_picture_size_wakes_and_is_watched_from_then_on() {
    let mut units = quiet();
    units.truncate(300);
    let end = units[299].media_time + Duration::from_millis(100);
    for mut unit in film(300, (640, 360), 200) {
        unit.media_time += end;
        units.push(unit);
    }
    let story = watch(units);
    assert_eq!(story.wakes[0], (30_000, Wake::NewSequence));
    assert!(story.wakes.iter().any(|(at, why)| *at >= 50_000 && *why == Wake::Look), "{:?}", story.wakes);
}

#[test]
fn a_group_that_does_not_fit_into_the_ring_wakes_before_it_is_lost() {
    let mut units = quiet();
    for unit in &mut units[401..] {
        // As a camera whose bit rate rises: filler that decoders pass over (NAL type 12).
        unit.data = [&unit.data[..], &[0, 0, 0, 1, 12], &vec![0xff; 1_000_000]].concat().into();
    }
    let story = watch(units);
    assert_eq!(story.wakes[0].1, Wake::Overrun);
    assert!(story.wakes[0].0 < 41_000, "{:?}", story.wakes);
    assert!(!story.is_asleep, "looking back is not possible, so it stays awake");
    assert!(story.shown.iter().filter(|at| **at > 45_000).count() >= 14, "{:?}", story.shown);
}

#[test]
fn a_clock_that_leaps_wakes_the_camera() {
    for leap in [Duration::from_secs(3600), Duration::from_secs(11)] {
        let mut units = visited();
        for unit in &mut units[250..] {
            unit.media_time += leap;
        }
        let story = watch(units);
        assert_eq!(story.wakes[0].1, Wake::Clock);
        assert!(story.wakes[1..].iter().any(|(_, why)| *why == Wake::Look), "{:?}", story.wakes);
    }
    let mut units = visited();
    for unit in &mut units[250..] {
        unit.media_time -= Duration::from_secs(20);
    }
    let story = watch(units);
    assert_eq!(story.wakes[0].1, Wake::Clock, "back");
    assert!(story.wakes.len() > 1, "{:?}", story.wakes);
}

#[test]
fn a_request_wakes_it_for_as_long_as_it_lasts() {
    let mut eye = Eye::new(&job());
    let mut looker = Looker::default();
    let mut awake = 0;
    for (n, unit) in quiet().into_iter().enumerate() {
        if n == 300 {
            assert!(eye.is_asleep());
            eye.hold(Duration::from_secs(10));
        }
        let mut glances = vec![eye.take(unit, &mut looker)];
        while eye.is_behind() {
            glances.push(eye.catch_up());
        }
        for due in glances.into_iter().filter_map(|glance| glance.due) {
            eye.hear(Findings { media_time: due.picture.media_time, tracks: Vec::new() });
        }
        awake += u64::from(n >= 300 && !eye.is_asleep());
    }
    assert!((95..=120).contains(&awake), "awake for {awake} pictures");
    assert!(eye.is_asleep());
}

#[test]
fn with_the_gate_off_every_picture_is_decoded() {
    let mut eye = Eye::new(&CameraJob { gate: false, ..job() });
    let mut looker = Looker::default();
    let decoded: u64 = quiet().into_iter().map(|unit| eye.take(unit, &mut looker).decoded).sum();
    assert_eq!(decoded, 600);
    assert!(!eye.is_asleep());
}

#[test]
fn cameras_that_share_a_look_decoder_see_their_own_pictures() {
    let (mine, other) = (quiet(), film(1, SIZE, 0));
    let mut looker = Looker::default();
    let mut look = |unit: &AccessUnit| {
        let picture = looker.look(unit, Some(SIZE), Filter::Skipped).unwrap();
        (picture.media_time, Thumb::of(&picture.view()))
    };
    let first = look(&mine[0]);
    let between = look(&other[0]);
    let again = look(&mine[20]);
    assert_ne!(first.1, between.1);
    assert_eq!(again.0, mine[20].media_time);
    let difference = first.1.cells.iter().zip(&again.1.cells).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 3.0, "the other camera's object is nowhere in it: {difference}");
}
