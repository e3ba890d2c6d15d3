//! A person in front of a camera becomes an event at the centre.

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{Clip, PERSON_1080P_H264, PERSON_1080P_H265};
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;

use crate::site::{NEXT_PERSON, camera, person_detector, uplink};

#[test]
fn a_person_seen_in_1080p_h264_reaches_the_centre() {
    a_person_reaches_the_centre(PERSON_1080P_H264);
}

#[test]
fn a_person_seen_in_1080p_h265_reaches_the_centre() {
    a_person_reaches_the_centre(PERSON_1080P_H265);
}

fn a_person_reaches_the_centre(clip: Clip) {
    let (Some(detector), Some(footage)) = (person_detector(), clip.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(footage));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));

    let opened = centre.wait_for("a person is told", NEXT_PERSON, |event| {
        event.data.rule == "person" && event.data.phase == Phase::Opened
    });
    assert_eq!(opened.topic, "moshao/v1/510104001001/gw-test/event/security/3");
    assert_eq!(opened.event.source, "urn:moshao:510104001001:gw-test");
    assert_eq!(opened.event.kind, "moshao.security.person.v1");
    assert_eq!(opened.event.subject, "camera/gate");
    let person = opened.event.data.objects.first().expect("the event says what was seen and where");
    assert_eq!(person.label, "person");
    let [left, top, right, bottom] = person.area;
    assert!(0.0 <= left && left < right && right <= 1.0, "{:?}", person.area);
    assert!(0.0 <= top && top < bottom && bottom <= 1.0, "{:?}", person.area);

    let shown = centre.wait_for("a picture follows", NEXT_PERSON, |event| {
        event.correlationid == opened.event.correlationid && !event.data.evidence.is_empty()
    });
    let still = &shown.event.data.evidence[0];
    assert_eq!(still.mime, "image/jpeg");
    let kept =
        std::fs::metadata(gateway.data_dir().join(&still.reference)).expect("the picture is kept on the box");
    assert_eq!(kept.len(), still.bytes);

    let closed = centre.wait_for("the person has left", NEXT_PERSON, |event| {
        event.correlationid == opened.event.correlationid && event.data.phase == Phase::Closed
    });
    assert!(closed.event.sequence > opened.event.sequence);
    // Five pictures of twenty-five are looked at, and every one that came was counted.
    let looked_at = gateway.metric("moshao_camera_inferred_total", &[("camera", "gate")]);
    let received = gateway.metric("moshao_camera_access_units_total", &[("camera", "gate")]);
    assert!(
        looked_at > 0.0 && received > looked_at * 4.0,
        "{looked_at} of {received} pictures were looked at"
    );
}
