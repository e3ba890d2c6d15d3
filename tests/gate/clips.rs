//! The clip of a person before a sleeping camera begins before anybody had woken.

use moshao::event::{Event, Evidence, Phase};
use moshao_tests::broker::Broker;
use moshao_tests::footage::Codec;
use moshao_tests::gateway::Gateway;
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::video::Video;
use moshao_tests::wait::eventually;

use crate::stage::{self, ASLEEP, FPS, PERSON};

/// Longer than it takes from the wake to the alarm, so that the beginning comes from what the sleeping camera held.
const PRE_ROLL_S: f64 = 6.0;
const POST_ROLL_S: f64 = 2.0;
/// Time between key frames of the composed streams.
const GROUP_S: f64 = 2.0;

#[test]
fn the_clip_of_a_sleeping_h264_camera_reaches_back_into_its_sleep() {
    a_clip_reaches_back(Codec::H264);
}

#[test]
fn the_clip_of_a_sleeping_h265_camera_reaches_back_into_its_sleep() {
    a_clip_reaches_back(Codec::H265);
}

fn a_clip_reaches_back(codec: Codec) {
    let Some(recipe) = stage::recipe(codec, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let server = SimulatedCamera::playing(&stage::composed(&recipe).file);
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let evidence = format!(
        "[evidence]\nclip_levels = [3]\npre_roll = \"{PRE_ROLL_S}s\"\npost_roll = \"{POST_ROLL_S}s\"\n"
    );
    let camera = stage::camera("sleepy", server.url(), "on");
    let gateway = Gateway::start(&(stage::uplink(&broker) + &evidence + &stage::detector() + &camera));
    let is_asleep = || gateway.metric("moshao_camera_asleep", &[("camera", "sleepy")]) == 1.0;
    eventually("the quiet camera sleeps", ASLEEP, || is_asleep().then_some(()));
    let wakes = || gateway.metric("moshao_camera_wakes_total", &[("camera", "sleepy")]);
    let before = wakes();

    let opened = centre.wait_for("the person is told", PERSON, |event| {
        event.data.rule == "person" && event.data.phase == Phase::Opened
    });
    // Counters come each second, the event at once.
    eventually("it slept until then", PERSON, || (wakes() > before).then_some(()));
    let told = centre.wait_for("the clip is told", PERSON, |event| clip_of(event).is_some());
    assert_eq!(told.event.correlationid, opened.event.correlationid);
    let kept = clip_of(&told.event).expect("it was just found");
    assert_eq!(kept.cut, None, "nothing is missing");

    let begins_s = unix_s(&opened.event.time) - unix_s(&kept.taken);
    assert!(
        (PRE_ROLL_S..=PRE_ROLL_S + GROUP_S + 0.5).contains(&begins_s),
        "it begins {begins_s} s before the alarm"
    );
    let video = Video::of(&gateway.data_dir().join(&kept.reference));
    assert_eq!(video.complaints, "", "it decodes without a word");
    assert_eq!(video.decoded, video.pts_s.len(), "every picture decodes");
    assert!(video.keys[0] && video.pts_s.is_sorted(), "{:?}", video.pts_s);
    let pace = video.decoded as f64 / video.seconds();
    let fps = f64::from(FPS);
    assert!(
        (fps - 1.0..fps + 1.0).contains(&pace),
        "{pace} pictures a second of {fps}: the sleep left none out"
    );
}

fn clip_of(event: &Event) -> Option<Evidence> {
    event.data.evidence.iter().find(|kept| kept.kind == "video").cloned()
}

fn unix_s(time: &str) -> f64 {
    time.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond() as f64 / 1000.0
}
