//! A camera worker as its parent sees it: its end of the link, in this process or beside it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use moshao::worker::codec::{read_message, write_message};
use moshao::worker::link::{
    Assignment, CameraJob, FromWorker, Observation, StillRequest, StreamFault, StreamState, ToWorker,
};
use moshao_config::{Deadlines, Detector, Model, View};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use crate::footage;

/// How far back clips reach.
pub const PRE_ROLL: Duration = Duration::from_secs(5);

/// A worker seen through its link.
#[derive(Debug)]
pub struct Worker {
    /// The parent's end.
    pub link: UnixStream,
    /// Its thread, where it lives within this process.
    life: Option<std::thread::JoinHandle<Result<(), moshao::worker::WorkerError>>>,
}

// === impl Worker ===

impl Worker {
    /// Starts one within this process.
    pub async fn start(cameras: Vec<CameraJob>) -> Self {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let life = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { moshao::worker::run(UnixStream::from_std(theirs).unwrap()).await })
        });
        Worker { life: Some(life), ..Self::greet(UnixStream::from_std(ours).unwrap(), cameras).await }
    }

    /// Gives the worker at the other end of `link` its cameras.
    pub async fn greet(link: UnixStream, cameras: Vec<CameraJob>) -> Self {
        let mut worker = Worker { link, life: None };
        worker.say(&start(vec![yolox()], cameras)).await;
        let version = worker
            .until("Hello", 10, |message| match message {
                FromWorker::Hello { version } => Some(version.clone()),
                _ => None,
            })
            .await;
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        worker
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &ToWorker) {
        write_message(&mut self.link, message).await.unwrap();
    }

    /// Waits for a message that `choose` takes, for at most `patience_s`.
    pub async fn until<T>(
        &mut self,
        what: &str,
        patience_s: u64,
        mut choose: impl FnMut(&FromWorker) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + Duration::from_secs(patience_s);
        loop {
            let message: FromWorker = timeout_at(deadline, read_message(&mut self.link))
                .await
                .unwrap_or_else(|_| panic!("no {what} within {patience_s} s"))
                .expect("the link is sound")
                .unwrap_or_else(|| panic!("the worker ended while {what} was waited for"));
            if let Some(chosen) = choose(&message) {
                return chosen;
            }
        }
    }

    /// Waits until pictures flow; their codec, width and height.
    pub async fn until_live(&mut self, id: &str, patience_s: u64) -> (String, u32, u32) {
        let what = format!("{id} live");
        self.until(&what, patience_s, |message| match message {
            FromWorker::Stream { camera, state: StreamState::Live { codec, width, height } }
                if camera == id =>
            {
                Some((codec.clone(), *width, *height))
            }
            _ => None,
        })
        .await
    }

    /// Waits until a person is seen.
    pub async fn until_person(&mut self, id: &str, patience_s: u64) -> Observation {
        let what = format!("person before {id}");
        self.until(&what, patience_s, |message| match message {
            FromWorker::Observation(seen) if seen.camera == id => {
                seen.tracks.iter().any(|track| track.label == "person").then(|| seen.clone())
            }
            _ => None,
        })
        .await
    }

    /// Waits until a session fails; why, in a word and in a sentence.
    pub async fn until_failed(&mut self, id: &str, patience_s: u64) -> (StreamFault, String) {
        let what = format!("failure of {id}");
        self.until(&what, patience_s, |message| match message {
            FromWorker::Stream { camera, state: StreamState::Failed { fault, message, retry_in } }
                if camera == id =>
            {
                assert!(*retry_in > Duration::ZERO);
                Some((*fault, message.clone()))
            }
            _ => None,
        })
        .await
    }

    /// Asks for a still and decodes it.
    pub async fn take_still(&mut self, request: StillRequest) -> image::RgbImage {
        let number = request.request;
        self.say(&ToWorker::TakeStill(request)).await;
        let jpeg = self
            .until("still", 10, |message| match message {
                FromWorker::Still { request, jpeg, .. } if *request == number => Some(jpeg.clone()),
                _ => None,
            })
            .await;
        image::load_from_memory(&jpeg.expect("a picture has been analysed")).unwrap().to_rgb8()
    }

    /// Asks it to stop and waits until it has: TEARDOWN and all within 4 s.
    pub async fn stop(mut self) {
        self.say(&ToWorker::Stop).await;
        let deadline = Instant::now() + Duration::from_secs(4);
        while let Ok(Some(_)) = timeout_at(deadline, read_message::<FromWorker>(&mut self.link))
            .await
            .expect("it stops within 4 s")
        {}
        if let Some(life) = self.life {
            life.join().unwrap().unwrap();
        }
    }
}

/// The first message to a worker.
pub fn start(detectors: Vec<Detector>, cameras: Vec<CameraJob>) -> ToWorker {
    ToWorker::Start(Box::new(Assignment {
        worker: "worker-0".to_owned(),
        detectors,
        cameras,
        pre_roll: PRE_ROLL,
    }))
}

/// The detector of people in the test data; check first that the data is there.
pub fn yolox() -> Detector {
    let models = footage::data_dir().expect("checked before").join("models");
    Detector::new("coco", Model::File(models.join("yolox_nano.onnx")))
}

/// A camera without login, with short deadlines, looked at five times a second.
pub fn camera(id: &str, url: &str) -> CameraJob {
    let s = Duration::from_secs;
    CameraJob {
        id: id.to_owned(),
        url: url.to_owned(),
        username: None,
        password: None,
        main: None,
        allow_basic: false,
        detector: "coco".to_owned(),
        detections_per_second: 5.0,
        gate: true,
        sensitivity: moshao_config::Sensitivity::Normal,
        heeded: vec![],
        priority: moshao_config::Priority::Normal,
        masks: vec![],
        view: View::default(),
        diagnose: true,
        deadlines: Deadlines {
            describe: s(5),
            setup: s(5),
            play: s(5),
            first_key_frame: s(8),
            silence: s(3),
        },
    }
}

/// A TCP server that answers each request with `answer`, or never when it is empty.
pub fn tcp_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/stream", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            drop(connection.read(&mut request).and_then(|_| connection.write(answer.as_bytes())));
            open.push(connection);
        }
    });
    url
}
