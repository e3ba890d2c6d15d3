//! A camera worker at its link, with real cameras at the other end.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use moshao::worker::codec::{read_message, write_message};
use moshao::worker::link::{CameraCounters, CameraJob, FromWorker, StillRequest, StreamFault, StreamState};
use moshao_config::{Deadlines, Detector, Model, Polygon, Secret};
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{self, Clip};
use moshao_tests::gateway::{binary, send};
use moshao_tests::processes::memory_bytes;
use moshao_tests::skip;
use moshao_tests::worker::{Worker, camera, start, tcp_server, yolox};
use nix::sys::signal::Signal;
use tokio::net::UnixStream;

const PASSWORD: &str = "correct-horse";
const WRONG_PASSWORD: &str = "battery-staple";

fn with_login(camera: CameraJob, password: &str) -> CameraJob {
    CameraJob { username: Some("viewer".to_owned()), password: Some(Secret::new(password)), ..camera }
}

/// A camera that plays `clip`; none, said aloud, without the test data.
fn camera_server(clip: Clip) -> Option<CameraServer> {
    let file = clip.file();
    if file.is_none() {
        skip("no test data");
    }
    Some(CameraServer::start(CameraOptions::playing(file?)))
}

#[tokio::test]
async fn people_are_seen_in_h264_and_h265_and_a_still_of_one_hides_what_it_must() {
    let (Some(avc), Some(hevc)) =
        (camera_server(footage::PERSON_1080P_H264), camera_server(footage::PERSON_1080P_H265))
    else {
        return;
    };
    let mask = Polygon(vec![(0.0, 0.0), (1.0, 0.0), (1.0, 0.1), (0.0, 0.1)]);
    let masked = CameraJob { masks: vec![mask], ..camera("avc", &avc.url()) };
    let mut worker = Worker::start(vec![masked, camera("hevc", &hevc.url())]).await;

    assert_eq!(worker.until_live("avc", 15).await, ("h264".to_owned(), 1920, 1080));
    let seen = worker.until_person("avc", 30).await;
    let person = seen.tracks.iter().find(|track| track.label == "person").unwrap();
    let [left, top, right, bottom] = person.area;
    assert!(
        0.0 <= left && left < right && right <= 1.0 && 0.0 <= top && top < bottom && bottom <= 1.0,
        "{person:?}"
    );
    assert_eq!((seen.width, seen.height), (1920, 1080));

    let request = StillRequest {
        request: 7,
        camera: "avc".to_owned(),
        picture: Some(seen.picture),
        max_side_px: 1280,
        subjects: vec![person.area],
    };
    let still = worker.take_still(request).await;
    assert_eq!(still.dimensions(), (1280, 720));
    let darkest =
        |y: u32| (0..1280).map(|x| still.get_pixel(x, y).0.into_iter().max().unwrap()).max().unwrap();
    assert!(darkest(30) < 20, "the masked strip is black, up to JPEG artefacts");
    assert!(darkest(400) > 60, "the rest is not");

    worker.until_person("hevc", 30).await;
    worker.stop().await;
}

#[tokio::test]
async fn every_fault_has_its_word_and_the_good_camera_goes_on() {
    let Some(good) = camera_server(footage::PERSON_360P_H264) else { return };
    let file = footage::PERSON_360P_H264.file().expect("there for the good one");
    let locked = CameraServer::start(CameraOptions::playing(&file).with_login("viewer", PASSWORD));
    let clear_text = CameraServer::start(CameraOptions {
        basic: true,
        ..CameraOptions::playing(&file).with_login("viewer", PASSWORD)
    });
    let deaf = CameraServer::start(CameraOptions::audio_only());
    let web = tcp_server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let ssh = tcp_server("SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
    let silent = tcp_server("");
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("rtsp://{}/stream", listener.local_addr().unwrap())
    };
    let cases = [
        (with_login(camera("wrong-password", &locked.url()), WRONG_PASSWORD), StreamFault::WrongPassword),
        (camera("no-password", &locked.url()), StreamFault::WrongPassword),
        (with_login(camera("basic", &clear_text.url()), PASSWORD), StreamFault::InsecureLogin),
        (camera("wrong-path", &format!("{}-1", good.url())), StreamFault::NoSuchStream),
        (camera("audio", &deaf.url()), StreamFault::NoVideo),
        (camera("web", &web), StreamFault::NotRtsp),
        (with_login(camera("web-with-login", &web), PASSWORD), StreamFault::NotRtsp),
        (camera("ssh", &ssh), StreamFault::NotRtsp),
        (camera("silent", &silent), StreamFault::Timeout),
        (camera("nobody", &nobody), StreamFault::Unreachable),
    ];
    let mut cameras: Vec<CameraJob> = cases.iter().map(|(camera, _)| camera.clone()).collect();
    cameras.push(camera("good", &good.url()));
    cameras.push(with_login(camera("good-with-login", &locked.url()), PASSWORD));
    let mut worker = Worker::start(cameras).await;

    let mut faults = std::collections::BTreeMap::new();
    worker
        .until("all faults", 20, |message| {
            if let FromWorker::Stream { camera, state: StreamState::Failed { fault, message, .. } } = message
            {
                println!("{camera}: {} ({message})", fault.as_str());
                for password in [PASSWORD, WRONG_PASSWORD] {
                    assert!(!message.contains(password), "{message}");
                }
                faults.entry(camera.clone()).or_insert(*fault);
            }
            (faults.len() == cases.len()).then_some(())
        })
        .await;
    for (camera, fault) in &cases {
        assert_eq!(faults.get(&camera.id), Some(fault), "{}", camera.id);
    }
    worker.until_person("good", 30).await;
    worker.until_person("good-with-login", 30).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_camera_that_goes_and_comes_back_is_watched_again() {
    let Some(mut server) = camera_server(footage::PERSON_360P_H264) else { return };
    let mut worker = Worker::start(vec![camera("gate", &server.url())]).await;
    let before = worker.until_person("gate", 30).await;

    server.kill();
    assert_eq!(worker.until_failed("gate", 10).await.0, StreamFault::Unreachable);
    server.restart();
    worker.until_live("gate", 15).await;
    let after = worker.until_person("gate", 30).await;
    assert!(after.picture > before.picture && after.media_time > before.media_time, "{before:?} {after:?}");

    server.freeze();
    let (fault, message) = worker.until_failed("gate", 10).await;
    assert_eq!(fault, StreamFault::Silent, "{message}");
    worker.stop().await;
}

#[tokio::test]
async fn another_picture_size_in_mid_stream_is_followed() {
    let short = Clip { length_s: 4, ..footage::PERSON_360P_H264 };
    let wide = Clip { size: (1280, 720), ..short };
    let (Some(small), Some(large)) = (short.file(), wide.file()) else {
        return skip("no test data");
    };
    let server = CameraServer::start(CameraOptions { files: vec![small, large], ..CameraOptions::default() });
    let mut worker = Worker::start(vec![camera("gate", &server.url())]).await;
    let mut sizes = Vec::new();
    let mut broken = 0;
    worker
        .until("both sizes, twice", 30, |message| {
            match message {
                FromWorker::Observation(seen) if sizes.last() != Some(&seen.width) => sizes.push(seen.width),
                FromWorker::Stream { state: StreamState::Failed { message, .. }, .. } => panic!("{message}"),
                FromWorker::Counters(counters) => broken += counters[0].broken,
                _ => {}
            }
            (sizes.len() == 4).then_some(())
        })
        .await;
    assert_eq!(broken, 0);
    worker.stop().await;
}

#[tokio::test]
async fn pictures_are_looked_at_at_the_rate_of_the_camera_and_all_are_accounted_for() {
    let Some(server) = camera_server(footage::PERSON_360P_H264) else { return };
    // One that may sleep leaves pictures out, and decodes others twice when it looks back.
    let job = CameraJob { detections_per_second: 2.0, gate: false, ..camera("gate", &server.url()) };
    let mut worker = Worker::start(vec![job]).await;
    worker.until_live("gate", 15).await;
    let mut sum = CameraCounters::default();
    let mut reports = 0;
    worker
        .until("ten reports", 15, |message| {
            if let FromWorker::Counters(counters) = message {
                let [counted] = counters.as_slice() else { panic!("one camera") };
                reports += 1;
                sum.access_units += counted.access_units;
                sum.decoded += counted.decoded;
                sum.inferred += counted.inferred;
                sum.replaced += counted.replaced;
                sum.skipped += counted.skipped;
                sum.broken += counted.broken;
                sum.lost_packets += counted.lost_packets;
                sum.decode_busy += counted.decode_busy;
                sum.infer_busy += counted.infer_busy;
            }
            (reports == 10).then_some(())
        })
        .await;
    println!("{sum:?}");
    assert!((200..=300).contains(&sum.access_units), "25 a second");
    assert!(sum.access_units - sum.decoded - sum.skipped <= 2, "one or two may be on their way");
    assert!((16..=24).contains(&(sum.inferred + sum.replaced)), "2 a second");
    assert_eq!((sum.broken, sum.lost_packets), (0, 0));
    assert!(sum.decode_busy > Duration::ZERO && sum.infer_busy > Duration::ZERO);
    worker.stop().await;
}

/// The worker as a process, and the parent's end of its link.
fn process(memory_bytes: u64) -> (std::process::Child, UnixStream) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let child = std::process::Command::new(binary())
        .args(["camera-worker", "--memory-bytes", &memory_bytes.to_string()])
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    (child, UnixStream::from_std(ours).unwrap())
}

async fn exit_of(mut child: std::process::Child, patience_s: u64) -> std::process::ExitStatus {
    let waiting = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let patience = Duration::from_secs(patience_s);
    tokio::time::timeout(patience, waiting)
        .await
        .unwrap_or_else(|_| panic!("alive after {patience_s} s"))
        .unwrap()
}

#[tokio::test]
async fn the_process_leaves_ctrl_c_to_its_parent_and_ends_with_it() {
    let Some(server) = camera_server(footage::PERSON_360P_H264) else { return };
    let (child, link) = process(512 << 20);
    let mut worker = Worker::greet(link, vec![camera("gate", &server.url())]).await;
    worker.until_live("gate", 15).await;
    send(child.id(), Signal::SIGINT);
    worker.until_person("gate", 30).await;
    drop(worker);
    assert_eq!(exit_of(child, 5).await.code(), Some(0));
}

#[tokio::test]
async fn a_camera_that_floods_the_memory_ends_the_process_and_not_the_machine() {
    if footage::data_dir().is_none() {
        return skip("no test data");
    }
    let (child, link) = process(400 << 20);
    let pid = child.id();
    let bomb = CameraJob {
        deadlines: Deadlines { describe: Duration::from_secs(60), ..camera("", "").deadlines },
        ..camera("bomb", &memory_bomb())
    };
    let _worker = Worker::greet(link, vec![bomb]).await;
    let largest = tokio::task::spawn_blocking(move || {
        let mut largest = 0;
        while let Some(bytes) = memory_bytes(pid) {
            largest = largest.max(bytes);
            std::thread::sleep(Duration::from_millis(50));
        }
        largest
    });
    let exit = exit_of(child, 60).await;
    assert!(!exit.success(), "{exit}");
    let largest = largest.await.unwrap();
    assert!((100 << 20..600 << 20).contains(&largest), "{} MiB", largest >> 20);
}

/// An RTSP server whose description never ends.
fn memory_bomb() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/stream", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let head = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4000000000\r\n\r\n";
            let mut sent = connection.write_all(head.as_bytes());
            let filler = vec![b'a'; 1 << 20];
            while sent.is_ok() {
                sent = connection.write_all(&filler);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_detector_that_cannot_be_used_is_said_and_the_worker_lives_on() {
    if footage::data_dir().is_none() {
        return skip("no test data");
    }
    let mut job = camera("gate", "rtsp://127.0.0.1:9/stream");
    job.detector = "absent".to_owned();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let life = tokio::spawn(moshao::worker::run(theirs));
    let absent = Detector {
        name: "absent".to_owned(),
        model: Model::File("/nonexistent/model.onnx".into()),
        ..yolox()
    };
    write_message(&mut ours, &start(vec![absent], vec![job])).await.unwrap();
    // Until the standing, which is the last that it says by itself: a parent that goes with words unread would break the link.
    let mut is_told = false;
    loop {
        match read_message(&mut ours).await.unwrap() {
            Some(FromWorker::DetectorFailed { detector, message }) => {
                assert_eq!(detector, "absent");
                assert!(message.contains("/nonexistent/model.onnx"), "{message}");
                is_told = true;
            }
            Some(FromWorker::Standing(_)) if is_told => break,
            Some(_) => {}
            None => panic!("the worker ended"),
        }
    }
    // The parent goes: so does the worker, without an error.
    drop(ours);
    life.await.unwrap().unwrap();
}
