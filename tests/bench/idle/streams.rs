//! What the cameras send.

use std::path::Path;
use std::time::Duration;

use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance;
use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec::{self, H264, H265};

use super::row::Scene;

/// Real footage of a fixed camera.
const VIDEO: &str = "one-by-one-person-detection.mp4";
const FULL_HD: (u32, u32) = (1920, 1080);

/// What a sentinel proves itself on: some fourteen people one after the other, then nobody.
const BUSY_MORNING: Timeline =
    Timeline::Subsiding { happenings: 14, longest_s: 4.0, quiet_s: 9.0, then_quiet_s: 700.0 };
/// How much later the last of the cameras begins its busy morning than the first: the box could not decode all at once.
pub(super) const MORNINGS_SPREAD: Duration = Duration::from_secs(600);

/// The stream of a scene: the noise of a sensor, a ticking clock, and what happens or does not.
pub(crate) fn recipe(scene: Scene, videos: &Path, is_short: bool) -> Recipe {
    let quiet = Timeline::Quiet { length_s: if is_short { 24.0 } else { 60.0 } };
    let full_hd = |name, timeline, codec, rate| stream(videos, name, timeline, (codec, FULL_HD, 25), rate);
    match scene {
        Scene::H264Cbr => full_hd("idle-h264-cbr", quiet, H264, Rate::Constant(2000)),
        Scene::H264Vbr => full_hd("idle-h264-vbr", quiet, H264, Rate::Variable(2000)),
        Scene::H265Cbr => full_hd("idle-h265-cbr", quiet, H265, Rate::Constant(1000)),
        Scene::H265Vbr => full_hd("idle-h265-vbr", quiet, H265, Rate::Variable(1500)),
        Scene::Sub => stream(videos, "idle-sub", quiet, (H264, (640, 360), 15), Rate::Constant(400)),
        Scene::Proven => full_hd("proven-h264", BUSY_MORNING, H264, Rate::Constant(2000)),
        Scene::Tenth => {
            let timeline = Timeline::Stretched { quiet_s: 36.0, happenings: 1, longest_s: 8.0 };
            full_hd("tenth-h264", timeline, H264, Rate::Constant(2000))
        }
        Scene::Busy => full_hd("busy-h264", Timeline::Busy { length_s: 24.0 }, H264, Rate::Constant(4000)),
    }
}

fn stream(
    videos: &Path,
    name: &str,
    timeline: Timeline,
    (codec, size, fps): (Codec, (u32, u32), u32),
    rate: Rate,
) -> Recipe {
    Recipe {
        name: name.to_owned(),
        video: videos.join(VIDEO),
        timeline,
        nuisances: vec![Nuisance::Clock],
        light: Light::Steady,
        noise: 2.5,
        camera: Settings { codec, size, fps, rate, key_frame_every_s: 2 },
        seed: 1,
    }
}
