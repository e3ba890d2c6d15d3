//! A person comes before a sleeping camera.

use std::time::Duration;

use jiff::Timestamp;
use moshao::event::{Event, Phase};
use moshao::worker::link::{CameraJob, FromWorker, StillRequest, ToWorker};
use moshao_tests::broker::Broker;
use moshao_tests::footage::Codec;
use moshao_tests::gateway::Gateway;
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;
use moshao_tests::worker::{Worker, camera};

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

#[tokio::test]
async fn a_still_of_a_sleeping_camera_is_of_now_and_not_of_what_was_analysed_last() {
    let Some(recipe) = stage::quiet(Codec::H264, (640, 360)) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let server = SimulatedCamera::playing(&stage::composed(&recipe).file);
    let mut worker = Worker::start(vec![CameraJob { gate: true, ..camera("yard", server.url()) }]).await;
    let mut analysed_ms = 0;
    let note = |message: &FromWorker, analysed_ms: &mut i64| {
        if let FromWorker::Observation(seen) = message {
            *analysed_ms = seen.received_unix_ms;
        }
    };
    worker
        .until("sleep", ASLEEP.as_secs(), |message| {
            note(message, &mut analysed_ms);
            matches!(message, FromWorker::Counters(of) if of[0].is_asleep).then_some(())
        })
        .await;
    for request in 1..=40 {
        let whole = vec![[0.0, 0.0, 1.0, 1.0]];
        let wish = StillRequest {
            request,
            camera: "yard".to_owned(),
            picture: None,
            max_side_px: 640,
            subjects: whole,
        };
        worker.say(&ToWorker::TakeStill(wish)).await;
        let (jpeg, taken_ms) = worker
            .until("a still", 10, |message| {
                note(message, &mut analysed_ms);
                match message {
                    FromWorker::Still { request: of, jpeg, taken_unix_ms, .. } if *of == request => {
                        Some((jpeg.clone(), *taken_unix_ms))
                    }
                    _ => None,
                }
            })
            .await;
        assert!(jpeg.is_some(), "there is always a picture");
        if taken_ms > analysed_ms + 2000 {
            let old_ms = Timestamp::now().as_millisecond() - taken_ms;
            assert!(old_ms < 5000, "{old_ms} ms old, with a key frame each 2 s");
            return worker.stop().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("after 40 s a still is still of the picture that was analysed last");
}

fn is_person(event: &Event, camera: &str, phase: Phase) -> bool {
    event.data.rule == "person" && event.subject == format!("camera/{camera}") && event.data.phase == phase
}
