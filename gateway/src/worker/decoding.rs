//! The decode thread: access units of all cameras in, pictures that are due for the detector out.

use tracing::debug;

use super::Camera;
use super::counters::Busy;
use super::eye::Eye;
use super::slots::Slots;
use super::units::Units;
use crate::camera::picture::Picture;

/// Decodes until `units` is closed.
pub(super) fn run(cameras: &[Camera], units: &Units, pictures: &Slots<Picture>) {
    let mut eyes: Vec<Eye> = cameras.iter().map(|camera| Eye::new(&camera.job)).collect();
    while let Some((index, unit)) = units.take() {
        let (camera, eye) = (&cameras[index], &mut eyes[index]);
        let counters = &camera.counters;

        let busy = Busy::start();
        let glance = eye.see(&unit);
        busy.add_to(&counters.decode_busy_ns);

        counters.decoded.add(glance.decoded);
        if let Some(error) = glance.lost {
            counters.broken.add(1);
            debug!(camera = camera.job.id, %error, "access unit lost");
        }
        if let Some(picture) = glance.due
            && pictures.put(index, picture)
        {
            counters.replaced.add(1);
        }
    }
}
