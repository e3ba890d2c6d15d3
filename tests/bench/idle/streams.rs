//! What the cameras send.

use std::path::Path;

use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance;
use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec::{self, H264, H265};

/// Real footage of a fixed camera.
const VIDEO: &str = "one-by-one-person-detection.mp4";
const FULL_HD: (u32, u32) = (1920, 1080);

/// A stream and its name in tables.
pub(crate) struct Stream {
    pub(crate) name: &'static str,
    pub(crate) recipe: Recipe,
}

/// Cameras at 1920x1080 on which nothing happens, with the noise of a sensor and a ticking clock.
pub(crate) fn idle(videos: &Path, is_short: bool) -> Vec<Stream> {
    let length_s = if is_short { 24.0 } else { 60.0 };
    let all = [
        ("1080p25 H.264 CBR", "idle-h264-cbr", H264, Rate::Constant(2000)),
        ("1080p25 H.265 VBR", "idle-h265-vbr", H265, Rate::Variable(1500)),
        ("1080p25 H.264 VBR", "idle-h264-vbr", H264, Rate::Variable(2000)),
        ("1080p25 H.265 CBR", "idle-h265-cbr", H265, Rate::Constant(1000)),
    ];
    let stream = |(name, file, codec, rate)| {
        let timeline = Timeline::Quiet { length_s };
        Stream { name, recipe: recipe(videos, file, timeline, codec, FULL_HD, 25, rate) }
    };
    all.into_iter().take(if is_short { 2 } else { 4 }).map(stream).collect()
}

/// The sub-stream of such a camera.
pub(crate) fn idle_sub(videos: &Path, is_short: bool) -> Stream {
    let timeline = Timeline::Quiet { length_s: if is_short { 24.0 } else { 60.0 } };
    let rate = Rate::Constant(400);
    Stream {
        name: "640x360 15/s H.264 CBR",
        recipe: recipe(videos, "idle-sub", timeline, H264, (640, 360), 15, rate),
    }
}

/// Something happens a tenth of the time.
pub(crate) fn tenth(videos: &Path) -> Stream {
    let timeline = Timeline::Stretched { quiet_s: 36.0, happenings: 1, longest_s: 8.0 };
    let rate = Rate::Constant(2000);
    Stream {
        name: "1080p25 H.264 CBR, 10 % active",
        recipe: recipe(videos, "tenth-h264", timeline, H264, FULL_HD, 25, rate),
    }
}

/// Something always happens.
pub(crate) fn busy(videos: &Path) -> Stream {
    let timeline = Timeline::Busy { length_s: 24.0 };
    let rate = Rate::Constant(4000);
    Stream {
        name: "1080p25 H.264 CBR, always active",
        recipe: recipe(videos, "busy-h264", timeline, H264, FULL_HD, 25, rate),
    }
}

fn recipe(
    videos: &Path,
    name: &str,
    timeline: Timeline,
    codec: Codec,
    size: (u32, u32),
    fps: u32,
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
