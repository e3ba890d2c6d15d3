//! A camera over hours and days, told by figures alone.

use jiff::Timestamp;
use moshao_config::Environment;
use moshao_config::sample::HEAD;

use super::*;
use crate::camera::appearance::{COLUMNS, ROWS};

const SITE: &str = r#"
[camera.yard]
url = "rtsp://10.0.0.12/102"
frame_rate = 25
"#;

/// A camera, and the time there.
struct Yard {
    quality: Quality,
    /// Since 08:00 of the site.
    at: Duration,
}

impl Yard {
    fn new() -> Self {
        Self::of(SITE)
    }

    fn of(text: &str) -> Self {
        let environment = Environment::of_process(std::path::Path::new("."));
        let config = moshao_config::parse(&format!("{HEAD}{text}"), "site.toml", &environment).unwrap();
        let mut quality = Quality::new(&config);
        let live = StreamState::Live { codec: "h264".to_owned(), width: 640, height: 360 };
        quality.stream("yard", &live);
        Self { quality, at: Duration::ZERO }
    }

    fn now(&self) -> Moment {
        let begin: Timestamp = "2026-11-26T00:00:00Z".parse().unwrap();
        Moment { mono: Duration::ZERO, wall: begin }.later(self.at)
    }

    /// A picture each 2 s; what is told of them, with the second.
    fn watch(&mut self, seconds: u64, of: impl Fn(u64) -> Appearance) -> Vec<(u64, String, Edge)> {
        let mut told = Vec::new();
        for n in 0..seconds / 2 {
            self.at += Duration::from_secs(2);
            let now = self.now();
            let seen = Appearance { media_time: self.at, ..of(n) };
            let mut findings = self.quality.see(now, "yard", &seen);
            findings.extend(self.quality.tick(now));
            told.extend(findings.into_iter().map(|finding| (n * 2, finding.rule.kind.clone(), finding.edge)));
        }
        told
    }
}

/// The yard by day; `n` makes its pictures differ a little.
fn day(n: u64) -> Appearance {
    let swing = |n: u64| (n % 7) as f32 / 7.0;
    let cell = |i: usize| if (i % COLUMNS * 7 + i / COLUMNS * 13) % 11 < 4 { 150 } else { 30 };
    let texture: Vec<u8> = (0..COLUMNS * ROWS).map(cell).collect();
    Appearance {
        media_time: Duration::ZERO,
        luma: 110.0 + 6.0 * swing(n),
        contrast: 40.0,
        sharpness: Some(0.6 - 0.05 * swing(n)),
        noise: 1.5,
        tint: (1.0, -2.0),
        colour: 8.0,
        stripes: 0.5 + swing(n),
        change: Some(0.6 + 0.4 * swing(n)),
        cells: texture.clone(),
        texture,
    }
}

/// The yard under infrared light: grey, grainy, and its detail elsewhere.
fn night(n: u64) -> Appearance {
    let turned = |cells: Vec<u8>| cells.into_iter().rev().collect::<Vec<u8>>();
    let by_day = day(n);
    Appearance {
        luma: 50.0,
        contrast: 30.0,
        sharpness: Some(0.35),
        noise: 3.5,
        tint: (0.0, 0.0),
        colour: 0.5,
        texture: turned(by_day.texture.clone()),
        cells: turned(by_day.cells.clone()),
        ..by_day
    }
}

fn black(n: u64) -> Appearance {
    Appearance { luma: 2.0, contrast: 1.0, sharpness: None, tint: (0.0, 0.0), colour: 0.3, ..day(n) }
}

fn covered(n: u64) -> Appearance {
    let flat = |level| vec![level; COLUMNS * ROWS];
    Appearance {
        luma: 40.0,
        contrast: 4.0,
        sharpness: None,
        tint: (0.0, 0.0),
        colour: 0.3,
        texture: flat(0),
        cells: flat(40),
        ..day(n)
    }
}

const HOUR: u64 = 3600;

#[test]
fn a_camera_that_is_well_is_quiet_by_day_and_by_night() {
    let mut yard = Yard::new();
    for _ in 0..3 {
        assert_eq!(yard.watch(2 * HOUR, day), []);
        assert_eq!(yard.watch(2 * HOUR, night), []);
    }
}

#[test]
fn a_black_picture_is_told_after_ten_seconds_and_cleared_after_as_many() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    assert_eq!(yard.watch(60, black), [(8, "camera-black".to_owned(), Edge::Raised)]);
    assert_eq!(yard.quality.told("yard"), [Defect::Black]);
    assert_eq!(yard.watch(60, day), [(8, "camera-black".to_owned(), Edge::Cleared)]);
    assert_eq!(yard.quality.told("yard"), []);
}

#[test]
fn a_camera_that_is_covered_at_noon_is_not_taken_for_night() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    let told = yard.watch(6 * HOUR, covered);
    assert_eq!(told, [(28, "camera-covered".to_owned(), Edge::Raised)]);
    assert_eq!(yard.watch(HOUR, day), [(28, "camera-covered".to_owned(), Edge::Cleared)]);
}

#[test]
fn what_passes_by_is_not_told() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    // A lorry stops before the lens for twenty seconds each two minutes.
    assert_eq!(yard.watch(HOUR, |n| if n % 60 < 10 { covered(n) } else { day(n) }), []);
}

#[test]
fn a_blurred_lens_is_not_learned_as_usual_and_a_night_has_its_own_sharpness() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    yard.watch(HOUR, night);
    yard.watch(HOUR, day);
    let blurred = |n| Appearance { sharpness: Some(0.3), ..day(n) };
    let told = yard.watch(4 * HOUR, blurred);
    assert_eq!(told, [(298, "camera-blurred".to_owned(), Edge::Raised)]);
    assert_eq!(yard.watch(HOUR, day), [(298, "camera-blurred".to_owned(), Edge::Cleared)]);
}

#[test]
fn a_view_that_was_changed_is_usual_after_a_day() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    let elsewhere = |n| {
        let texture = day(n).texture.into_iter().rev().collect::<Vec<u8>>();
        Appearance { cells: texture.clone(), texture, ..day(n) }
    };
    let told = yard.watch(25 * HOUR, elsewhere);
    assert_eq!(told[0], (58, "camera-moved".to_owned(), Edge::Raised));
    assert_eq!((told[1].1.as_str(), told[1].2, told.len()), ("camera-moved", Edge::Cleared, 2), "{told:?}");
    assert!((86_400..87_000).contains(&told[1].0), "{told:?}");
    assert_eq!(yard.watch(HOUR, elsewhere), []);
}

#[test]
fn what_is_usual_and_what_was_told_survive_a_restart() {
    let mut yard = Yard::new();
    yard.watch(HOUR, day);
    assert_eq!(yard.watch(HOUR, covered).len(), 1);
    let saved = yard.quality.save();
    let mut yard = Yard::new();
    yard.quality.restore(&saved).unwrap();
    yard.quality.restore_told("yard", "health/picture-covered");
    assert_eq!(yard.watch(HOUR, covered), [], "told already");
    assert_eq!(yard.watch(HOUR, day), [(28, "camera-covered".to_owned(), Edge::Cleared)]);
    assert!(yard.quality.restore(&saved[..20]).is_err());
}

#[test]
fn what_was_told_is_cleared_when_the_diagnosis_is_switched_off() {
    let mut yard = Yard::of(&SITE.replace("frame_rate = 25", "diagnose = \"off\""));
    yard.quality.restore_told("yard", "health/picture-covered");
    assert_eq!(yard.watch(60, covered), [(0, "camera-covered".to_owned(), Edge::Cleared)]);
}

#[test]
fn rates_of_the_stream_are_told_when_they_last() {
    let mut yard = Yard::new();
    let mut told = Vec::new();
    for second in 0..1200 {
        yard.at += Duration::from_secs(1);
        let pictures = if second < 600 { 12 } else { 25 };
        let counted = CameraCounters {
            camera: "yard".to_owned(),
            access_units: pictures,
            key_frames: 1,
            ..CameraCounters::default()
        };
        let findings = yard.quality.count(yard.now(), &counted, true);
        told.extend(findings.into_iter().map(|finding| (second, finding.rule.kind.clone(), finding.edge)));
    }
    let edges: Vec<Edge> = told.iter().map(|(_, _, edge)| *edge).collect();
    assert_eq!(edges, [Edge::Raised, Edge::Cleared], "{told:?}");
    assert!(told[0].1 == "camera-frame-rate" && (300..420).contains(&told[0].0), "{told:?}");
}

#[test]
fn the_shares_of_the_day_count_defects_and_streams_that_do_not_flow() {
    let mut yard = Yard::new();
    yard.watch(2 * HOUR, day);
    yard.watch(HOUR, black);
    let unreachable = StreamState::Connecting;
    yard.quality.stream("yard", &unreachable);
    yard.at += Duration::from_secs(HOUR);
    yard.quality.tick(yard.now());
    let (today, before) = yard.quality.rates("yard");
    let today = today.unwrap();
    assert!(
        (today.online - 0.75).abs() < 0.01 && (today.good.unwrap() - 2.0 / 3.0).abs() < 0.01,
        "{today:?}"
    );
    assert_eq!(before, None);
}
