//! Cameras that cannot be watched: each is told once, with the reason, and the camera beside it goes on.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{PERSON_360P_H264, data_dir};
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;

use crate::site::{CAMERA_START, camera, person_detector, uplink};

/// What is in the camera's password, to find out whether it leaks.
const PASSWORD: &str = "open-sesame-1234";

#[test]
fn a_wrong_password_is_told_and_stays_secret() {
    let Some(footage) = PERSON_360P_H264.file() else { return skip_without_data() };
    let server = CameraServer::start(CameraOptions::playing(footage).with_login("viewer", "right"));
    let url = server.url().replace("rtsp://", &format!("rtsp://viewer:{PASSWORD}@"));
    a_bad_camera_is_told(&url, "wrong-password");
}

#[test]
fn a_wrong_path_is_told() {
    let Some(footage) = PERSON_360P_H264.file() else { return skip_without_data() };
    let server = CameraServer::start(CameraOptions::playing(footage));
    a_bad_camera_is_told(&server.url().replace("/stream", "/elsewhere"), "no-such-stream");
}

#[test]
fn a_stream_of_audio_alone_is_told() {
    if data_dir().is_none() {
        return skip_without_data();
    }
    let server = CameraServer::start(CameraOptions::audio_only());
    a_bad_camera_is_told(&server.url(), "no-video");
}

#[test]
fn a_server_that_speaks_no_rtsp_is_told() {
    if data_dir().is_none() {
        return skip_without_data();
    }
    a_bad_camera_is_told(&format!("rtsp://127.0.0.1:{}/stream", web_server()), "not-rtsp");
}

/// Runs a gateway with the bad camera and a good one beside it.
fn a_bad_camera_is_told(url: &str, fault: &str) {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_360P_H264.file()) else {
        return skip_without_data();
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let good = CameraServer::start(CameraOptions::playing(footage));
    let gateway =
        Gateway::start(&(uplink(&broker) + &detector + &camera("bad", url) + &camera("good", &good.url())));

    let told = centre.wait_for(&format!("{fault} is told"), CAMERA_START, |event| {
        event.subject == "camera/bad" && event.data.phase == Phase::Opened
    });
    assert_eq!(told.event.kind, format!("moshao.device.camera-{fault}.v1"));
    assert_eq!(told.topic, "moshao/v1/510104001001/gw-test/event/device/4");
    assert!(told.event.data.note.is_some_and(|note| !note.is_empty()), "it says what failed and what to do");

    gateway.wait_until_camera_is_up("good", CAMERA_START);
    eventually("a second session of the bad camera fails", Duration::from_secs(60), || {
        (gateway.metric("moshao_camera_faults_total", &[("camera", "bad"), ("fault", fault)]) >= 2.0)
            .then_some(())
    });
    assert_eq!(gateway.metric("moshao_camera_up", &[("camera", "bad")]), 0.0);
    let looked_at = || gateway.metric("moshao_camera_inferred_total", &[("camera", "good")]);
    let before = looked_at();
    eventually("the good camera goes on", CAMERA_START, || (looked_at() >= before + 5.0).then_some(()));

    let told = centre.received().iter().filter(|received| received.event.subject == "camera/bad").count();
    assert_eq!(told, 1, "one fault is told once");
    for (place, text) in [("log", gateway.log()), ("metrics", gateway.metrics())] {
        assert!(!text.contains(PASSWORD), "the password is in the {place}");
    }
    let events = format!("{:?}", centre.received());
    assert!(!events.contains(PASSWORD), "the password is in an event");
}

/// A server that answers anything with a web page; returns its port.
fn web_server() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello";
            // A client that has hung up is none of this server's business.
            drop((&stream).write_all(page.as_bytes()));
            thread::sleep(Duration::from_millis(200));
        }
    });
    port
}

fn skip_without_data() {
    skip("needs footage and models (MOSHAO_TEST_DATA)");
}
