//! A camera with a main stream and a sub-stream: the small one is looked at, stills are of the large one.

use std::time::Duration;

use jiff::Timestamp;
use moshao::event::{Event, Evidence, Phase, StreamName};
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{PERSON_360P_H264, PERSON_1080P_H264};
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;

use crate::site::{CAMERA_START, NEXT_PERSON, camera, person_detector, uplink};

#[test]
fn stills_are_of_the_main_stream_and_of_the_sub_stream_while_it_is_down() {
    let (Some(detector), Some(small), Some(large)) =
        (person_detector(), PERSON_360P_H264.file(), PERSON_1080P_H264.file())
    else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let (sub, mut main) = (
        CameraServer::start(CameraOptions::playing(small)),
        CameraServer::start(CameraOptions::playing(large)),
    );
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let keys = format!(
        "main_url = \"{}\"\nmasks = [[[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [0.0, 0.1]]]\n",
        main.url()
    );
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &sub.url()) + &keys));
    eventually("the main stream flows", CAMERA_START, || {
        (gateway.metric("moshao_camera_main_up", &[("camera", "gate")]) == 1.0).then_some(())
    });

    let still_of = |stream: StreamName, since: Timestamp| {
        let shown =
            centre.wait_for("a still", NEXT_PERSON, move |event| still(event, stream, since).is_some());
        let still = still(&shown.event, stream, since).expect("it was waited for");
        let file = gateway.data_dir().join(&still.reference);
        image::open(file).expect("the still is a picture on the box").to_rgb8()
    };
    let large = still_of(StreamName::Main, Timestamp::UNIX_EPOCH);
    assert_eq!(large.dimensions(), (1280, 720), "1920x1080, made as small as stills are");
    let brightest = |y: u32| (0..1280).flat_map(|x| large.get_pixel(x, y).0).max();
    assert!(brightest(30) < Some(30), "masks hold for the main stream too: {:?}", brightest(30));
    assert!(brightest(400) > Some(60), "and hide nothing else");
    assert!(gateway.metric("moshao_camera_main_received_bytes_total", &[]) > 0.0);
    // Five of 25 pictures a second go to the detector, all of them small ones.
    assert!(gateway.log().contains("width=640 height=360"), "the sub-stream is looked at");

    main.kill();
    let down = Timestamp::now();
    let told = centre.wait_for("the fault of the main stream is told", Duration::from_secs(60), |event| {
        event.kind == "moshao.device.camera-main-unreachable.v1" && event.data.phase == Phase::Opened
    });
    // What was received before it went down may still be shown.
    let small = still_of(StreamName::Sub, down);
    assert_eq!(small.dimensions(), (640, 360), "better a small still than none");

    main.restart();
    centre.wait_for("the fault is over", Duration::from_secs(90), |event| {
        event.correlationid == told.event.correlationid && event.data.phase == Phase::Closed
    });
    still_of(StreamName::Main, Timestamp::now());
}

/// A still of this stream taken after `since`.
fn still(event: &Event, stream: StreamName, since: Timestamp) -> Option<&Evidence> {
    let is_later = |kept: &&Evidence| kept.taken.parse::<Timestamp>().is_ok_and(|taken| taken >= since);
    event.data.evidence.iter().filter(|kept| kept.stream == Some(stream)).find(is_later)
}
