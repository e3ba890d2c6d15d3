//! A worker that cannot do all gives up one thing after the other, and takes it up again when it can.

use std::time::Duration;

use moshao::worker::ladder::Rung;
use moshao::worker::link::{CameraJob, FromWorker, Standing, ToWorker};
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_1080P_H265;
use moshao_tests::skip;
use moshao_tests::worker::{Worker, camera};

/// How long the next step may take: the grace of the beginning, on a busy machine.
const STEP_S: u64 = 90;
/// Cameras that no alarm is linked to.
const GREEDY: usize = 8;

#[tokio::test]
async fn an_overloaded_worker_steps_down_in_order_spares_the_linked_camera_and_comes_back() {
    let Some(file) = PERSON_1080P_H265.file() else { return skip("no test data") };
    let mut server = CameraServer::start(CameraOptions::playing(file));
    // Together they take more than a core to decode, and all of them are decoded by one thread.
    let job = |id: &str| CameraJob { gate: false, ..camera(id, &server.url()) };
    let mut cameras: Vec<CameraJob> = (0..GREEDY).map(|n| job(&format!("greedy-{n}"))).collect();
    cameras.push(job("linked"));
    let mut worker = Worker::start(cameras).await;
    worker.say(&ToWorker::Look { camera: "linked".to_owned(), lasting: Duration::from_secs(600) }).await;

    use Rung::{Full, GroupStarts, ReferencePictures, SlowerDetection};
    for wanted in [Full, SlowerDetection, ReferencePictures, GroupStarts, GroupStarts, GroupStarts] {
        let Standing { worker, rung, reason, .. } = next_step(&mut worker).await;
        assert_eq!((worker.as_str(), rung), ("worker-0", wanted), "{reason}");
    }
    let spared = worker
        .until("counters of a second in which not all is decoded", 30, |message| match message {
            FromWorker::Counters(counters) => {
                let of = |id: &str| counters.iter().find(|counted| counted.camera == id).cloned();
                let (greedy, linked) = (of("greedy-0")?, of("linked")?);
                (greedy.passed_over > 10 && linked.decoded > 10).then_some(linked)
            }
            _ => None,
        })
        .await;
    assert_eq!(spared.passed_over, 0, "an alarm is linked to it: every picture is decoded");

    server.kill();
    let mut before = Rung::GroupStarts;
    loop {
        let rung = next_step(&mut worker).await.rung;
        let apart = (rung as i8 - before as i8).abs();
        assert!(apart <= 1, "one step at a time, not from {before:?} to {rung:?}");
        if rung == Rung::Full {
            break;
        }
        before = rung;
    }
    worker.stop().await;
}

async fn next_step(worker: &mut Worker) -> Standing {
    worker
        .until("the next step", STEP_S, |message| match message {
            FromWorker::Standing(standing) => Some(standing.clone()),
            _ => None,
        })
        .await
}
