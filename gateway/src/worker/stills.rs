//! Stills of what was seen: the thread that makes JPEGs of the last analysed pictures of each camera.
//!
//! Of a camera that has slept for a while no picture is held ([`Analysed`]). Its still is of the key frame of its reel that
//! was looked at last and showed nothing new, decoded for it: what is seen is seconds old, not as old as the last happening.
//! A later one might show somebody whom no detector has seen yet, with a face.
//!
//! Where a camera has a main stream, the still is of its picture of the same moment: the one time that anything of that
//! stream is decoded. Where there is none (the main stream is down or lost packets) it is of the picture that was
//! analysed, and says so.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::Camera;
use super::analysed::{Analysed, Look};
use super::held::Held;
use super::link::{FromWorker, StillRequest};
use super::order::Order;
use super::reel::Reels;
use super::thread::Thread;
use crate::camera::AccessUnit;
use crate::camera::decode::Decoder;
use crate::camera::picture::Picture;
use crate::camera::sharpness::sharpness;
use crate::camera::still::{self, Wish};
use crate::event::StreamName;

/// Requests that may wait; one that finds no room is answered without a picture.
const REQUESTS_MAX: usize = 16;
/// How often it is seen to that sleeping cameras hold no pictures.
const SHED_EVERY: Duration = Duration::from_secs(5);
/// Room left around people in a picture of the main stream, left and right and above and below, as a share of their
/// boxes: between the two streams' pictures of a moment a person may have walked on.
const WALKED_ON: (f32, f32) = (0.5, 0.1);

/// Where stills are asked for.
pub(super) struct Desk {
    requests: SyncSender<StillRequest>,
    reports: mpsc::Sender<FromWorker>,
}

/// Where pictures are found.
pub(super) struct Shelf {
    pub(super) cameras: Arc<[Camera]>,
    pub(super) order: Arc<Order>,
    pub(super) analysed: Arc<Analysed>,
    pub(super) reels: Arc<Reels>,
    pub(super) held: Arc<Held>,
}

// === impl Desk ===

impl Desk {
    /// Opens the desk and the thread behind it, which ends when the desk is dropped.
    pub(super) fn open(shelf: Shelf, reports: mpsc::Sender<FromWorker>) -> std::io::Result<(Self, Thread)> {
        let (requests, queue) = sync_channel(REQUESTS_MAX);
        let answers = reports.clone();
        let thread = Thread::spawn("stills", move || {
            loop {
                match queue.recv_timeout(SHED_EVERY) {
                    Ok(request) => {
                        if answers.blocking_send(shelf.answer(&request)).is_err() {
                            return;
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                shelf.analysed.shed(|camera| shelf.order.is_asleep(camera));
            }
        })?;
        Ok((Self { requests, reports }, thread))
    }

    /// Takes a request. Every request is answered, with a picture or without.
    pub(super) async fn request(&self, request: StillRequest) {
        if let Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) =
            self.requests.try_send(request)
        {
            warn!(camera = request.camera, waiting = REQUESTS_MAX, "too many stills are asked for at once");
            drop(self.reports.send(no_still(&request)).await);
        }
    }
}

// === impl Shelf ===

impl Shelf {
    fn answer(&self, request: &StillRequest) -> FromWorker {
        let found = self.cameras.iter().position(|camera| camera.job.id == request.camera);
        let Some((index, look)) = found.and_then(|index| Some((index, self.look(index, request.picture)?)))
        else {
            return no_still(request);
        };
        let camera = &self.cameras[index];
        let main =
            self.held.up_to(index, look.picture.received_unix_ms).and_then(|units| last_picture(&units));
        let (picture, people, stream) = match &main {
            Some(main) => (main, look.people.as_deref().map(with_room), Some(StreamName::Main)),
            None => (&look.picture, look.people.clone(), camera.main.as_ref().map(|_| StreamName::Sub)),
        };
        let wish = Wish {
            max_side_px: request.max_side_px,
            masks: &camera.job.masks,
            people: people.as_deref(),
            subjects: &request.subjects,
        };
        match still::jpeg(picture, wish) {
            Ok(jpeg) => FromWorker::Still {
                request: request.request,
                camera: request.camera.clone(),
                jpeg: Some(jpeg),
                sharpness: sharpness(&look.picture.view(), &request.subjects),
                taken_unix_ms: picture.received_unix_ms,
                stream,
            },
            Err(error) => {
                warn!(camera = request.camera, %error, "no still");
                no_still(request)
            }
        }
    }

    /// The picture of this number, the latest where it is gone or none is named; of a sleeping camera the latest quiet key
    /// frame, with the people who were there last: nobody has come since.
    fn look(&self, camera: usize, number: Option<u64>) -> Option<Arc<Look>> {
        self.analysed.find(camera, number).or_else(|| {
            let key = self.reels.key_by(camera, self.cameras[camera].quiet_unix_ms.load(Relaxed))?;
            let (number, people) = self.analysed.last(camera)?;
            Some(Arc::new(Look { number, picture: last_picture(&[key])?, people }))
        })
    }
}

fn no_still(request: &StillRequest) -> FromWorker {
    FromWorker::Still {
        request: request.request,
        camera: request.camera.clone(),
        jpeg: None,
        sharpness: 0.0,
        taken_unix_ms: 0,
        stream: None,
    }
}

/// The last picture of a group that begins with a key frame.
fn last_picture(units: &[AccessUnit]) -> Option<Picture> {
    let mut decoder = Decoder::default();
    let mut last = None;
    for unit in units {
        let decoded = decoder.decode(unit, |decoded| last = Some(decoded));
        if let Err(error) = decoded {
            debug!(%error, "a picture for a still does not decode");
            return None;
        }
    }
    decoder.finish(last.filter(|decoded| decoded.is_clean)?).ok()
}

fn with_room(people: &[[f32; 4]]) -> Vec<[f32; 4]> {
    let grown = |[left, top, right, bottom]: &[f32; 4]| {
        let (x, y) = (WALKED_ON.0 * (right - left), WALKED_ON.1 * (bottom - top));
        [left - x, top - y, right + x, bottom + y]
    };
    people.iter().map(grown).collect()
}
