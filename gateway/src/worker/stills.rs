//! Stills of what was seen: the last analysed pictures of each camera, and the thread that makes JPEGs of them.
//!
//! Where a camera has a main stream, the still is of its picture of the same moment: the one time that anything of that
//! stream is decoded. Where there is none (the main stream is down or lost packets) it is of the picture that was
//! analysed, and says so.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::held::Held;
use super::link::{FromWorker, StillRequest};
use super::{Camera, Thread};
use crate::camera::AccessUnit;
use crate::camera::decode::Decoder;
use crate::camera::picture::Picture;
use crate::camera::sharpness::sharpness;
use crate::camera::still::{self, Wish};
use crate::event::StreamName;

/// Requests that may wait; one that finds no room is answered without a picture.
const REQUESTS_MAX: usize = 16;
/// Room left around people in a picture of the main stream, left and right and above and below, as a share of their
/// boxes: between the two streams' pictures of a moment a person may have walked on.
const WALKED_ON: (f32, f32) = (0.5, 0.1);

/// One analysed picture.
pub(super) struct Look {
    /// Number of the picture, as in its observation.
    pub(super) number: u64,
    pub(super) picture: Picture,
    /// People in it, in fractions; none where the detector does not know people.
    pub(super) people: Option<Vec<[f32; 4]>>,
}

/// The last two analysed pictures of each camera. Two, because a newer one may be there before an event's request is.
pub(super) struct Analysed {
    last_two: Mutex<Vec<[Option<Arc<Look>>; 2]>>,
}

/// Where stills are asked for.
pub(super) struct Desk {
    requests: SyncSender<StillRequest>,
    reports: mpsc::Sender<FromWorker>,
}

// === impl Analysed ===

impl Analysed {
    pub(super) fn new(cameras: usize) -> Self {
        Self { last_two: Mutex::new((0..cameras).map(|_| [None, None]).collect()) }
    }

    /// Keeps a picture in place of the one before the last.
    pub(super) fn keep(&self, camera: usize, look: Arc<Look>) {
        let [before, latest] = &mut self.lock()[camera];
        *before = latest.replace(look);
    }

    /// The picture of this number; the latest where it is gone or none is named.
    fn find(&self, camera: usize, number: Option<u64>) -> Option<Arc<Look>> {
        let last_two = self.lock();
        let [before, latest] = &last_two[camera];
        let wanted = [before, latest].into_iter().flatten().find(|look| Some(look.number) == number);
        wanted.or(latest.as_ref()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<[Option<Arc<Look>>; 2]>> {
        self.last_two.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Desk ===

impl Desk {
    /// Opens the desk and the thread behind it, which ends when the desk is dropped.
    pub(super) fn open(
        cameras: Arc<[Camera]>,
        analysed: Arc<Analysed>,
        held: Arc<Held>,
        reports: mpsc::Sender<FromWorker>,
    ) -> std::io::Result<(Self, Thread)> {
        let (requests, queue) = sync_channel(REQUESTS_MAX);
        let answers = reports.clone();
        let thread = Thread::spawn("stills", move || {
            for request in queue {
                let answer = answer(&cameras, &analysed, &held, &request);
                if answers.blocking_send(answer).is_err() {
                    return;
                }
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

fn answer(cameras: &[Camera], analysed: &Analysed, held: &Held, request: &StillRequest) -> FromWorker {
    let found = cameras.iter().position(|camera| camera.job.id == request.camera);
    let Some((index, look)) = found.and_then(|index| Some((index, analysed.find(index, request.picture)?)))
    else {
        return no_still(request);
    };
    let camera = &cameras[index];
    let main = held.up_to(index, look.picture.received_unix_ms).and_then(|units| last_picture(&units));
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
            debug!(%error, "the main stream does not decode");
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
