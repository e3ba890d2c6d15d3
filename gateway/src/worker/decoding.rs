//! The decode thread: access units of all cameras in, pictures that are due for the detector out.

use tracing::debug;

use super::Camera;
use super::counters::Busy;
use super::slots::Slots;
use super::units::Units;
use crate::camera::decode::Decoder;
use crate::camera::pace::Pace;
use crate::camera::picture::Picture;

/// What one camera needs between access unit and picture.
struct Eye {
    decoder: Decoder,
    pace: Pace,
}

/// Decodes until `units` is closed.
pub(super) fn run(cameras: &[Camera], units: &Units, pictures: &Slots<Picture>) {
    let mut eyes: Vec<Eye> = cameras.iter().map(Eye::new).collect();
    while let Some((index, unit)) = units.take() {
        let (camera, eye) = (&cameras[index], &mut eyes[index]);
        let counters = &camera.counters;
        let busy = Busy::start();

        // A gate that lets a quiet camera sleep belongs here: it sees every access unit before the decoder does.
        let mut due = None;
        let pace = &mut eye.pace;
        let outcome = eye.decoder.decode(&unit, |decoded| {
            counters.decoded.add(1);
            // Everything is decoded because later pictures refer to it; few are looked at.
            if decoded.is_clean && pace.is_due(decoded.media_time) {
                due = Some(decoded);
            }
        });
        if let Err(error) = outcome {
            counters.broken.add(1);
            debug!(camera = camera.job.id, %error, "access unit lost");
        }
        let picture = due.and_then(|decoded| {
            let finished = eye.decoder.finish(decoded);
            finished.inspect_err(|error| debug!(camera = camera.job.id, %error, "picture lost")).ok()
        });

        busy.add_to(&counters.decode_busy_ns);
        if let Some(picture) = picture
            && pictures.put(index, picture)
        {
            counters.replaced.add(1);
        }
    }
}

// === impl Eye ===

impl Eye {
    fn new(camera: &Camera) -> Self {
        Self { decoder: Decoder::default(), pace: Pace::new(camera.job.detections_per_second) }
    }
}
