//! Faults while asleep, with real encoded pictures: none may leave the camera blind.

mod insects;
mod overloaded;

use std::sync::OnceLock;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Packet, Rational, codec, encoder, frame};
use moshao_config::{Deadlines, Polygon, Sensitivity, View};

use super::*;
use crate::camera::Codec;
use crate::camera::decode::Filter;
use crate::camera::opinion::Opinion;
use crate::camera::thumb::Thumb;

/// Pictures a second, and from one key frame to the next.
const FPS: u64 = 10;
const GROUP: u64 = 20;

/// A textured wall, and from `object_from` on an object that moves to and fro before it.
fn film(pictures: u64, size: (u32, u32), object_from: u64) -> Vec<AccessUnit> {
    film_of(pictures, size, |picture, n| {
        let object = (n >= object_from).then(|| object_at(n, size.0));
        draw(picture, object);
    })
}

/// Where the object is in a picture, pixels from the left.
fn object_at(n: u64, width: u32) -> usize {
    20 + (n * 6 % (u64::from(width) - 80)) as usize
}

/// Pictures that are drawn by their number.
fn film_of(pictures: u64, size: (u32, u32), draw: impl Fn(&mut frame::Video, u64)) -> Vec<AccessUnit> {
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
        draw(&mut picture, n);
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
        main: None,
        allow_basic: false,
        detector: "none".to_owned(),
        detections_per_second: 5.0,
        gate: true,
        sensitivity: Sensitivity::Normal,
        heeded: Vec::new(),
        priority: moshao_config::Priority::Normal,
        view: View::default(),
        masks: Vec::new(),
        diagnose: true,
        deadlines: Deadlines { describe: s, setup: s, play: s, first_key_frame: s, silence: s },
    }
}

/// What came of a film.
#[derive(Default)]
struct Story {
    wakes: Vec<(u64, Wake)>,
    /// Media times of the pictures that the detector got, ms.
    shown: Vec<u64>,
    /// Of those, the looks that it had to judge.
    judged: Vec<u64>,
    decoded: u64,
    looks: u64,
    awake: Duration,
    is_asleep: bool,
}

/// A detector that tracks nothing and makes this of what has changed in a look.
fn answer(due: &Due, opinion: Opinion) -> Findings {
    let opinion = match &due.task {
        Task::Judge(suspicion) if suspicion.moving.is_empty() => Some(Opinion::Nothing),
        Task::Judge(_) => Some(opinion),
        Task::Detect { .. } | Task::Remember => None,
    };
    Findings { media_time: due.picture.media_time, opinion, ..Findings::default() }
}

/// Seen by a detector that recognises whatever has changed in a look.
fn watch(units: Vec<AccessUnit>) -> Story {
    watch_as(&job(), units, |_| Opinion::Clear)
}

/// Seen by a detector with this opinion of a look, by its media time in ms.
fn watch_as(job: &CameraJob, units: Vec<AccessUnit>, opinion: impl Fn(u64) -> Opinion) -> Story {
    let mut eye = Eye::new(job);
    let mut story = Story::default();
    let mut looker = Looker::default();
    let mut note = |eye: &mut Eye, glance: Glance| {
        story.decoded += glance.decoded;
        if let Some(due) = glance.due {
            let at = due.picture.media_time.as_millis() as u64;
            let is_judged = matches!(&due.task, Task::Judge(suspicion) if !suspicion.moving.is_empty());
            if is_judged { &mut story.judged } else { &mut story.shown }.push(at);
            eye.hear(answer(&due, opinion(at)));
        }
        let tally = eye.tally();
        story.looks += tally.looks;
        story.awake += tally.awake;
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
    assert!((27..=29).contains(&story.looks), "{} looks", story.looks);
    assert!(story.decoded < 80, "{} decoded, the seconds of settling", story.decoded);
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
fn what_the_detector_knows_nothing_of_soon_wakes_nobody_and_is_judged_all_the_same() {
    let story = watch_as(&job(), visited(), |_| Opinion::Nothing);
    assert_eq!(story.wakes, [(32_000, Wake::Look)], "once, within the budget");
    assert!(story.awake < Duration::from_secs(9), "awake for {:?}", story.awake);
    assert!(story.judged.len() >= 5, "looks are judged: {:?}", story.judged);
}

#[test]
fn what_is_recognised_after_a_doubt_is_looked_back_at_to_before_the_doubt() {
    let story = watch_as(&job(), visited(), |at| match at {
        0..40_000 => Opinion::Nothing,
        _ => Opinion::Clear,
    });
    assert_eq!(story.wakes[1], (40_000, Wake::Look));
    let before: Vec<u64> = story.shown.iter().copied().filter(|at| (36_000..40_000).contains(at)).collect();
    assert!(before.len() >= 19, "five a second: {before:?}");
}

#[test]
fn what_moves_in_a_mask_or_outside_of_all_regions_wakes_nobody() {
    let band = |top: f32, bottom: f32| Polygon(vec![(0.0, top), (1.0, top), (1.0, bottom), (0.0, bottom)]);
    let masked = CameraJob { masks: vec![band(0.25, 0.85)], ..job() };
    let view = View { regions: vec![band(0.0, 0.25)], ..View::default() };
    for job in [masked, CameraJob { view, ..job() }] {
        let story = watch_as(&job, visited(), |_| Opinion::Clear);
        assert_eq!((story.wakes, story.judged), (vec![], vec![]));
    }
    let elsewhere = CameraJob { masks: vec![band(0.0, 0.25)], ..job() };
    assert_eq!(watch_as(&elsewhere, visited(), |_| Opinion::Clear).wakes[0], (32_000, Wake::Look));
}

/// As if key frames were ten seconds apart.
fn with_far_key_frames(mut units: Vec<AccessUnit>, from: u64) -> Vec<AccessUnit> {
    for (n, unit) in units.iter_mut().enumerate() {
        unit.is_key &= (n as u64) < from || (n as u64).is_multiple_of(5 * GROUP);
    }
    units
}

#[test]
fn a_camera_whose_key_frames_are_too_far_apart_stays_awake_before_it_has_proven_itself() {
    let story = watch(with_far_key_frames(quiet(), 0));
    assert_eq!((story.wakes, story.looks, story.is_asleep), (vec![], 0, false));
}

#[test]
fn a_sleeping_camera_whose_key_frames_do_not_come_any_more_wakes() {
    let story = watch(with_far_key_frames(quiet(), 300));
    assert_eq!(story.wakes, [(34_600, Wake::Blind)], "they were near each other up to 30 s");
    assert!(!story.is_asleep);
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
fn a_camera_that_cannot_sleep_leaves_out_what_no_other_picture_refers_to_while_nothing_moves() {
    let mut units = quiet();
    for (n, unit) in units.iter_mut().enumerate() {
        let mut data = unit.data.to_vec();
        // Every other picture is marked as one that no other refers to, and every group is too large to look back at.
        if n % 2 == 1 {
            let slice = data.windows(4).position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == 1).unwrap();
            data[slice + 3] &= 0x1f;
        }
        data.extend([0, 0, 0, 1, 12]);
        data.extend(vec![0xff; 500_000]);
        unit.data = data.into();
    }
    let story = watch(units);
    assert!(!story.is_asleep && story.wakes.is_empty(), "{:?}", story.wakes);
    // All of the first 6 s and some more, half of the rest.
    assert!((300..400).contains(&story.decoded), "{} decoded", story.decoded);
    let late = story.shown.iter().filter(|at| **at > 20_000).count();
    assert!((35..=45).contains(&late), "about one picture a second: {late} in 40 s");
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
            eye.hear(answer(&due, Opinion::Nothing));
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
    let see = |looker: &mut Looker, unit: &AccessUnit| {
        let picture = looker.look(unit, Some(SIZE), Filter::Skipped)?;
        Ok::<_, DecodeError>((picture.media_time, Thumb::of(&picture.view())))
    };
    let mut shared = Looker::default();
    let half = AccessUnit { data: mine[40].data.slice(..mine[40].data.len() / 2), ..mine[40].clone() };
    for unit in [&mine[0], &other[0], &mine[20], &half, &other[0], &half, &mine[60], &mine[0]] {
        let alone = see(&mut Looker::default(), unit);
        match see(&mut shared, unit) {
            Ok(seen) => assert_eq!(Some(seen), alone.ok()),
            Err(_) => assert!(alone.is_err(), "what others sent must not matter at {:?}", unit.media_time),
        }
    }
    assert_ne!(see(&mut shared, &mine[0]).unwrap().1, see(&mut shared, &other[0]).unwrap().1);
}

/// What is looked at and decoded, and the appearances that came of it, with the diagnosis on or off.
fn examined(units: Vec<AccessUnit>, job: &CameraJob) -> (u64, u64, Vec<u64>, Vec<u64>) {
    let (mut eye, mut looker) = (Eye::new(job), Looker::default());
    let (mut decoded, mut looks, mut wakes, mut seen) = (0, 0, Vec::new(), Vec::new());
    let ms = |at: Duration| at.as_millis() as u64;
    for unit in units {
        let mut glances = vec![eye.take(unit, &mut looker)];
        while eye.is_behind() {
            glances.push(eye.catch_up());
        }
        for glance in glances {
            decoded += glance.decoded;
            seen.extend(glance.appearance.map(|appearance| ms(appearance.media_time)));
            if let Some(due) = glance.due {
                eye.hear(answer(&due, Opinion::Clear));
            }
        }
        let tally = eye.tally();
        looks += tally.looks;
        wakes.extend(tally.moves.iter().map(|moved| ms(moved.media_time)));
    }
    (decoded, looks, wakes, seen)
}

#[test]
fn being_examined_neither_wakes_a_camera_nor_keeps_it_awake_nor_decodes_anything() {
    let (with, without) = (job(), CameraJob { diagnose: false, ..job() });
    let (decoded, looks, wakes, seen) = examined(visited(), &with);
    assert_eq!((decoded, looks, wakes.clone(), Vec::new()), examined(visited(), &without));
    assert!(looks > 5 && !wakes.is_empty(), "it slept and woke: {wakes:?}");
    // After a wake that was shorter than 2 s it is the look after the next.
    assert!((25..=31).contains(&seen.len()), "a minute, a picture each 2 s, asleep and awake: {seen:?}");
    assert!(seen.windows(2).all(|pair| (1900..4100).contains(&(pair[1] - pair[0]))), "{seen:?}");
}

#[test]
fn a_camera_that_may_not_sleep_is_examined_too() {
    let (decoded, looks, _, seen) = examined(quiet(), &CameraJob { gate: false, ..job() });
    assert_eq!((decoded, looks), (600, 0));
    assert!((28..=31).contains(&seen.len()), "{seen:?}");
}
