//! Clips: what a camera sent before and after an alarm, kept on the box and told to the centre.

use moshao::event::{Event, Evidence, Phase};
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{Clip, PERSON_360P_H264, PERSON_1080P_H265};
use moshao_tests::gateway::{Gateway, send};
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::video::Video;
use moshao_tests::wait::eventually;
use nix::sys::signal::Signal;

use crate::site::{CAMERA_START, NEXT_PERSON, camera, person_detector, uplink};

/// Three seconds before, four after: short enough for a test, and not the default.
const EVIDENCE: &str = "[evidence]\nclip_levels = [3]\npre_roll = \"3s\"\npost_roll = \"4s\"\n";
const WHOLE_S: f64 = 7.0;
/// Time between key frames of the footage: a clip begins at the key frame before its pre-roll.
const GROUP_S: f64 = 2.0;

/// The first clip of an event for which `wanted` holds.
fn clip_of(event: &Event, wanted: impl Fn(&Evidence) -> bool) -> Option<Evidence> {
    event.data.evidence.iter().find(|kept| kept.kind == "video" && wanted(kept)).cloned()
}

/// Waits for a clip for which `wanted` holds, and checks that it is on the box as the event says and plays.
fn wait_for_clip(
    gateway: &Gateway,
    centre: &Subscriber,
    what: &str,
    wanted: impl Fn(&Evidence) -> bool,
) -> (Event, Evidence, Video) {
    let told = centre.wait_for(what, NEXT_PERSON, |event| clip_of(event, &wanted).is_some());
    let kept = clip_of(&told.event, &wanted).expect("it was just found");
    assert_eq!((kept.mime.as_str(), kept.masked), ("video/mp4", false), "it is the camera's own video");
    let file = gateway.data_dir().join(&kept.reference);
    assert_eq!(std::fs::metadata(&file).expect("it is on the box").len(), kept.bytes);
    assert_eq!(sha256(&file), kept.sha256);
    let video = Video::of(&file);
    assert_eq!(video.complaints, "", "it decodes without a word");
    assert_eq!(video.decoded, video.pts_s.len(), "every picture decodes");
    assert!(video.keys[0], "it begins with a key frame");
    assert!(video.pts_s.is_sorted() && video.pts_s[0] == 0.0, "{:?}", video.pts_s);
    let told_s = kept.seconds.expect("the event says how long it is");
    assert!((video.seconds() - told_s).abs() < 0.2, "{} s, told {told_s} s", video.seconds());
    (told.event, kept, video)
}

fn sha256(file: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(file).output().expect("coreutils are there");
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

fn unix_s(time: &str) -> f64 {
    time.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond() as f64 / 1000.0
}

#[test]
fn a_clip_in_the_high_profile_of_h264_is_kept_too() {
    a_clip_is_kept(Clip { h264_profile: "high", ..PERSON_360P_H264 }, "h264");
}

#[test]
fn a_clip_in_h264_holds_what_was_before_the_alarm_and_after_it() {
    a_clip_is_kept(PERSON_360P_H264, "h264");
}

#[test]
fn a_clip_in_h265_holds_what_was_before_the_alarm_and_after_it() {
    a_clip_is_kept(PERSON_1080P_H265, "hevc");
}

fn a_clip_is_kept(footage: Clip, codec: &str) {
    let (Some(detector), Some(file)) = (person_detector(), footage.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let gateway = Gateway::start(&(uplink(&broker) + EVIDENCE + &detector + &camera("gate", &server.url())));

    // The first alarm may come before the camera has been watched for as long as the pre-roll.
    let whole = |kept: &Evidence| kept.seconds.is_some_and(|seconds| seconds >= WHOLE_S - 0.1);
    let (event, kept, video) = wait_for_clip(&gateway, &centre, "a whole clip is told", whole);
    assert_eq!((kept.camera.as_deref(), kept.cut), (Some("gate"), None));
    assert_eq!(
        (video.codec.as_str(), video.width, video.height),
        (codec, footage.size.0.into(), footage.size.1.into())
    );
    assert!(video.seconds() <= WHOLE_S + GROUP_S + 0.3, "{} s", video.seconds());
    let pace = video.decoded as f64 / video.seconds();
    assert!((24.0..26.0).contains(&pace), "{pace} pictures a second of 25");

    let first = centre.received().into_iter().map(|received| received.event);
    let opened = first
        .filter(|other| other.correlationid == event.correlationid)
        .find(|other| matches!(other.data.phase, Phase::Opened))
        .expect("the incident was opened before");
    let before_s = unix_s(&opened.time) - unix_s(&kept.taken);
    assert!((3.0..=3.0 + GROUP_S + 0.2).contains(&before_s), "it begins {before_s} s before the alarm");
}

#[test]
fn an_alarming_sensor_has_its_camera_recorded() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let (broker, site) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let sensor = format!(
        "[sensors]\nurl = \"{}\"\n[sensor.kitchen]\ntopic = \"smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\n\
         watches = [\"smoke\"]\ncameras = [\"gate\"]\n[rule.smoke]\nstate = {{ is = true }}\nlevel = 1\n",
        site.url()
    );
    let evidence = "[evidence]\nclip_levels = []\npost_roll = \"2s\"\n";
    let gateway =
        Gateway::start(&(uplink(&broker) + evidence + &detector + &camera("gate", &server.url()) + &sensor));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    eventually("the gateway listens to the site's broker", CAMERA_START, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    site.publish("smoke", r#"{"smoke": true}"#);
    let (event, kept, _) = wait_for_clip(&gateway, &centre, "the camera's clip is told", |_| true);
    assert_eq!((event.data.code.as_str(), kept.camera.as_deref()), ("FIRE_SMOKE", Some("gate")));
    assert_eq!(gateway.metric("moshao_evidence_clips_total", &[]), 1.0, "nobody's own alarm is recorded");
}

#[test]
fn a_clip_ends_where_the_camera_connects_anew_and_says_so() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let mut server = CameraServer::start(CameraOptions::playing(file));
    let evidence = "[evidence]\nclip_levels = [3]\npost_roll = \"30s\"\n";
    let gateway = Gateway::start(&(uplink(&broker) + evidence + &detector + &camera("gate", &server.url())));
    centre.wait_for("a person is told", NEXT_PERSON, |event| event.data.phase == Phase::Opened);
    eventually("a clip has been begun", CAMERA_START, || unfinished(&gateway).then_some(()));
    server.restart();
    let (_, kept, _) = wait_for_clip(&gateway, &centre, "the clip is told", |_| true);
    assert_eq!(kept.cut.as_deref(), Some("reconnected"));
}

#[test]
fn a_clip_of_a_gateway_that_is_killed_is_kept_as_far_as_it_came() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let evidence = "[evidence]\nclip_levels = [3]\npost_roll = \"60s\"\n";
    let mut gateway =
        Gateway::start(&(uplink(&broker) + evidence + &detector + &camera("gate", &server.url())));
    let opened = centre.wait_for("a person is told", NEXT_PERSON, |event| event.data.phase == Phase::Opened);
    eventually("several groups of pictures are on disk", NEXT_PERSON, || {
        (unfinished_bytes(&gateway) > 1_000_000).then_some(())
    });
    send(gateway.pid(), Signal::SIGKILL);
    gateway.wait_for_exit(CAMERA_START);
    gateway.restart();
    let told = centre.wait_for("the clip is told after the restart", NEXT_PERSON, |event| {
        event.correlationid == opened.event.correlationid && clip_of(event, |_| true).is_some()
    });
    let kept = clip_of(&told.event, |_| true).expect("it was just found");
    assert_eq!((kept.cut.as_deref(), kept.camera.as_deref()), (Some("stopping"), Some("gate")));
    let video = Video::of(&gateway.data_dir().join(&kept.reference));
    assert_eq!((video.complaints.as_str(), video.decoded), ("", video.pts_s.len()));
    assert!(video.seconds() > 2.0, "{} s", video.seconds());
}

fn unfinished(gateway: &Gateway) -> bool {
    unfinished_bytes(gateway) > 0
}

/// Bytes of clips that are being written.
fn unfinished_bytes(gateway: &Gateway) -> u64 {
    let incidents = std::fs::read_dir(gateway.data_dir().join("evidence")).into_iter().flatten().flatten();
    let files =
        incidents.flat_map(|incident| std::fs::read_dir(incident.path()).into_iter().flatten().flatten());
    files
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "tmp"))
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}
