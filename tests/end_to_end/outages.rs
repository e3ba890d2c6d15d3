//! What is around the gateway, and a part of the gateway itself, goes away and comes back: nothing is lost.

use std::time::{Duration, Instant};

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_1080P_H264;
use moshao_tests::gateway::{Gateway, send};
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;
use moshao_tests::{processes, skip};
use nix::sys::signal::Signal;

use crate::site::{CAMERA_START, NEXT_PERSON, camera, person_detector, uplink};

const NO_DATA: &str = "needs footage and models (MOSHAO_TEST_DATA)";

#[test]
fn events_of_the_time_without_a_broker_arrive_when_it_is_back() {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_1080P_H264.file()) else {
        return skip(NO_DATA);
    };
    let mut broker = Broker::start_keeping_sessions();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(footage));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    centre.wait_for("a person is told", NEXT_PERSON, |event| event.data.phase == Phase::Opened);

    broker.stop();
    let accepted = || gateway.metric("moshao_events_accepted_total", &[]);
    let before = accepted();
    eventually("two more events are accepted while the broker is away", NEXT_PERSON, || {
        (accepted() >= before + 2.0).then_some(())
    });
    assert!(gateway.metric("moshao_outbox_depth_events", &[]) >= 2.0, "they wait in the outbox");
    assert_eq!(gateway.metric("moshao_uplink_up", &[]), 0.0);
    let (status, _) = gateway.get("/healthz").expect("the gateway answers without a broker");
    assert!(status == 200 || status == 503, "GET /healthz: {status}");

    broker.start_again();
    eventually("the outbox runs empty", NEXT_PERSON, || {
        (gateway.metric("moshao_outbox_depth_events", &[]) == 0.0).then_some(())
    });
    assert_eq!(gateway.metric("moshao_events_lost_total", &[]), 0.0);
    let delivered = gateway.metric("moshao_events_delivered_total", &[]) as u64;
    eventually("every number from the first to the last has arrived", Duration::from_secs(10), || {
        let numbers: std::collections::BTreeSet<u64> = centre
            .received()
            .iter()
            .map(|received| received.event.sequence.parse().expect("a sequence is a number"))
            .collect();
        let (first, last) = (*numbers.first()?, *numbers.last()?);
        (numbers.len() as u64 == last - first + 1 && numbers.len() as u64 >= delivered).then_some(())
    });
}

#[test]
fn a_camera_that_is_killed_and_restarted_is_told_and_watched_again() {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_1080P_H264.file()) else {
        return skip(NO_DATA);
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let mut server = CameraServer::start(CameraOptions::playing(footage));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);

    server.kill();
    let told = centre.wait_for("the loss of the camera is told", Duration::from_secs(30), |event| {
        event.kind == "moshao.device.camera-unreachable.v1" && event.data.phase == Phase::Opened
    });
    assert_eq!(told.topic, "moshao/v1/510104001001/gw-test/event/device/4");
    assert_eq!(gateway.metric("moshao_camera_up", &[("camera", "gate")]), 0.0);
    assert!(gateway.metric("moshao_camera_faults_total", &[("fault", "unreachable")]) >= 1.0);

    server.restart();
    centre.wait_for("the camera's return is told", Duration::from_secs(60), |event| {
        event.correlationid == told.event.correlationid && event.data.phase == Phase::Closed
    });
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    let so_far = centre.received().len();
    eventually("a person is told again", NEXT_PERSON, || {
        centre.received()[so_far..]
            .iter()
            .any(|received| {
                received.event.data.rule == "person" && received.event.data.phase == Phase::Opened
            })
            .then_some(())
    });
    assert_eq!(gateway.metric("moshao_worker_restarts_total", &[]), 0.0, "the worker lived through it");
}

#[test]
fn a_killed_camera_worker_is_back_within_a_second_and_its_cameras_resume() {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_1080P_H264.file()) else {
        return skip(NO_DATA);
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(footage));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    let [worker] = gateway.workers()[..] else {
        panic!("one camera has one worker: {:?}", gateway.workers())
    };

    let killed = Instant::now();
    send(worker, Signal::SIGKILL);
    let successor = eventually("another worker starts", Duration::from_secs(5), || {
        gateway.workers().into_iter().find(|&pid| pid != worker)
    });
    let away = killed.elapsed();
    assert!(away < Duration::from_secs(1), "the next worker started after {away:?}");
    assert!(!processes::alive(worker));

    let looked_at = || gateway.metric("moshao_camera_inferred_total", &[("camera", "gate")]);
    let before = looked_at();
    eventually("pictures are looked at again", CAMERA_START, || (looked_at() >= before + 5.0).then_some(()));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    let so_far = centre.received().len();
    eventually("a person is told by the new worker", NEXT_PERSON, || {
        centre.received()[so_far..].iter().any(|received| received.event.data.rule == "person").then_some(())
    });
    assert_eq!(gateway.metric("moshao_worker_restarts_total", &[]), 1.0);
    assert!(processes::alive(successor), "the successor stays");
}
