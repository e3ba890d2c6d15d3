//! Stopping: in order within 5 s, at once when asked twice, and nothing is left behind.

use std::time::{Duration, Instant};

use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::gateway::Gateway;
use moshao_tests::wait::eventually;
use moshao_tests::{processes, skip};
use nix::sys::signal::Signal;

use crate::site::{CAMERA_START, camera, person_detector, uplink};

#[test]
fn sigterm_stops_gateway_and_workers_within_five_seconds() {
    let Some((_broker, _server, mut gateway)) = watching_gateway() else { return };
    let workers = gateway.workers();
    assert!(!workers.is_empty());
    let asked = Instant::now();
    gateway.signal(Signal::SIGTERM);
    let status = gateway.wait_for_exit(Duration::from_secs(10));
    let took = asked.elapsed();
    assert!(status.success(), "an asked-for end is a success: {status}");
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    assert!(workers.iter().all(|&pid| !processes::alive(pid)), "a worker is left behind");
}

#[test]
fn a_second_sigterm_stops_at_once() {
    let Some((_broker, _server, mut gateway)) = watching_gateway() else { return };
    let workers = gateway.workers();
    // Workers that cannot answer hold up an orderly stop.
    for &worker in &workers {
        moshao_tests::gateway::send(worker, Signal::SIGSTOP);
    }
    gateway.signal(Signal::SIGTERM);
    eventually("the first signal is taken", Duration::from_secs(2), || {
        gateway.log().contains("stopping").then_some(())
    });
    let asked = Instant::now();
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_exit(Duration::from_secs(10));
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    // A stopped process takes no signal but SIGKILL; the gateway's end closed their link, so they exit when they go on.
    for &worker in &workers {
        if processes::alive(worker) {
            moshao_tests::gateway::send(worker, Signal::SIGCONT);
        }
    }
    eventually("the workers follow", Duration::from_secs(5), || {
        workers.iter().all(|&pid| !processes::alive(pid)).then_some(())
    });
}

#[test]
fn workers_do_not_outlive_a_gateway_that_is_killed() {
    let Some((_broker, _server, mut gateway)) = watching_gateway() else { return };
    let workers = gateway.workers();
    gateway.signal(Signal::SIGKILL);
    gateway.wait_for_exit(Duration::from_secs(5));
    eventually("the workers follow", Duration::from_secs(5), || {
        workers.iter().all(|&pid| !processes::alive(pid)).then_some(())
    });
}

/// A gateway that watches a camera. `None`, having said so, without the test data.
fn watching_gateway() -> Option<(Broker, CameraServer, Gateway)> {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_360P_H264.file()) else {
        skip("needs footage and models (MOSHAO_TEST_DATA)");
        return None;
    };
    let broker = Broker::start();
    let server = CameraServer::start(CameraOptions::playing(footage));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    gateway.wait_until_camera_is_up("gate", CAMERA_START);
    Some((broker, server, gateway))
}
