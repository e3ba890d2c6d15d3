//! A person comes before a sleeping camera.

use moshao::event::{Event, Phase};
use moshao_tests::broker::Broker;
use moshao_tests::footage::Codec;
use moshao_tests::gateway::Gateway;
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;

use crate::stage::{self, ASLEEP, PERSON};

#[test]
fn a_person_before_a_sleeping_h264_camera_is_told_as_by_one_that_never_sleeps() {
    a_person_is_told_by_both(Codec::H264);
}

#[test]
fn a_person_before_a_sleeping_h265_camera_is_told_as_by_one_that_never_sleeps() {
    a_person_is_told_by_both(Codec::H265);
}

fn a_person_is_told_by_both(codec: Codec) {
    let Some(recipe) = stage::recipe(codec, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let server = SimulatedCamera::playing(&stage::composed(&recipe).file);
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let cameras =
        stage::camera("sleepy", server.url(), "on") + &stage::camera("watchful", server.url(), "off");
    let gateway = Gateway::start(&(stage::uplink(&broker) + &stage::detector() + &cameras));
    let is_asleep = |camera| gateway.metric("moshao_camera_asleep", &[("camera", camera)]) == 1.0;
    eventually("the quiet camera sleeps", ASLEEP, || is_asleep("sleepy").then_some(()));
    assert!(!is_asleep("watchful"), "a camera with gate = \"off\" never sleeps");
    assert!(centre.received().iter().all(|received| received.event.data.rule != "person"), "nobody came yet");

    let opened = |camera: &'static str| {
        centre.wait_for(&format!("{camera} tells the person"), PERSON, move |event| {
            is_person(event, camera, Phase::Opened)
        })
    };
    let (sleepy, watchful) = (opened("sleepy"), opened("watchful"));
    for (camera, correlation) in [("sleepy", &sleepy), ("watchful", &watchful)] {
        let id = correlation.event.correlationid.clone();
        centre.wait_for(&format!("{camera} tells the end"), PERSON, move |event| {
            event.correlationid == id && event.data.phase == Phase::Closed
        });
    }
    let count = |camera| {
        centre.received().iter().filter(|received| is_person(&received.event, camera, Phase::Opened)).count()
    };
    assert_eq!((count("sleepy"), count("watchful")), (1, 1), "one incident each");

    eventually("it sleeps again", ASLEEP, || is_asleep("sleepy").then_some(()));
    let decoded = |camera| gateway.metric("moshao_camera_decoded_total", &[("camera", camera)]);
    assert!(
        decoded("sleepy") < decoded("watchful") / 2.0,
        "{} pictures decoded, {} without the gate",
        decoded("sleepy"),
        decoded("watchful")
    );
}

fn is_person(event: &Event, camera: &str, phase: Phase) -> bool {
    event.data.rule == "person" && event.subject == format!("camera/{camera}") && event.data.phase == phase
}
