//! What is composed for the gate to be measured on: each piece of footage as several cameras would send it, with
//! everything that could mislead the gate. Footage and cameras are chosen independently of each other, so that other
//! footage (`--footage FOLDER`) is measured in the same way.

use std::path::{Path, PathBuf};

use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::compose::footage;
use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance::{self, Clock, Flicker, Insects, Rain, Wind};
use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec::{self, H264, H265};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Each footage by one camera, shorter.
    Short,
    /// Each footage by three cameras, and by one that has a long day.
    Ordinary,
    /// Each footage by every camera, and by the one that has a long day.
    Every,
}

/// What looks at a composition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// YOLOX-nano for people and vehicles.
    Traffic,
    /// The built-in detector of fire and smoke.
    Fire,
}

/// A composition and what looks at it.
pub(crate) struct Case {
    /// File name of the footage, without its ending.
    pub(crate) footage: String,
    pub(crate) camera: &'static Camera,
    pub(crate) recipe: Recipe,
    pub(crate) watch: Watch,
}

/// A camera, its weather and its light.
pub(crate) struct Camera {
    pub(crate) name: &'static str,
    codec: Codec,
    /// Pictures a second.
    fps: u32,
    pub(crate) key_frame_every_s: u32,
    spending: Spending,
    /// Width of a sub-stream, pixels; none for the footage's own.
    width: Option<u32>,
    nuisances: &'static [Nuisance],
    sky: Sky,
    /// Standard deviation of the sensor's noise by day, of 255.
    noise: f32,
}

/// How many bits the encoder may spend, for each pixel of each picture.
#[derive(Debug, Clone, Copy)]
enum Spending {
    Constant(f64),
    Variable(f64),
    Pumping(f64),
}

/// What the light does.
#[derive(Debug, Clone, Copy)]
enum Sky {
    Steady,
    Clouds,
    Dusk,
}

/// Footage that shows less than this across is shown larger: no camera of today is that coarse.
const WIDTH_LEAST_PX: u32 = 640;

/// Key frames every 25 to 250 pictures; with 250, two of them are ten seconds apart.
const CAMERAS: [Camera; 9] = [
    Camera {
        name: "H.264 CBR, clock, clouds",
        codec: H264,
        fps: 25,
        key_frame_every_s: 2,
        spending: Spending::Constant(0.12),
        width: None,
        nuisances: &[Clock],
        sky: Sky::Clouds,
        noise: 2.5,
    },
    Camera {
        name: "H.265 VBR, clock, flicker",
        codec: H265,
        fps: 20,
        key_frame_every_s: 2,
        spending: Spending::Variable(0.15),
        width: None,
        nuisances: &[Clock, Flicker],
        sky: Sky::Steady,
        noise: 2.0,
    },
    Camera {
        name: "sub-stream H.264 VBR, clock, night, insects",
        codec: H264,
        fps: 15,
        key_frame_every_s: 2,
        spending: Spending::Variable(0.15),
        width: Some(640),
        nuisances: &[Clock, Insects],
        sky: Sky::Dusk,
        noise: 2.5,
    },
    Camera {
        name: "H.265 CBR, rain",
        codec: H265,
        fps: 25,
        key_frame_every_s: 4,
        spending: Spending::Constant(0.12),
        width: None,
        nuisances: &[Rain],
        sky: Sky::Steady,
        noise: 2.0,
    },
    Camera {
        name: "H.264 CBR, clock, wind",
        codec: H264,
        fps: 25,
        key_frame_every_s: 1,
        spending: Spending::Constant(0.14),
        width: None,
        nuisances: &[Wind, Clock],
        sky: Sky::Steady,
        noise: 2.0,
    },
    Camera {
        name: "H.264 pumping, clock, noisy",
        codec: H264,
        fps: 25,
        key_frame_every_s: 2,
        spending: Spending::Pumping(0.032),
        width: None,
        nuisances: &[Clock],
        sky: Sky::Steady,
        noise: 3.0,
    },
    Camera {
        name: "H.264 VBR, GOP 250, clouds",
        codec: H264,
        fps: 25,
        key_frame_every_s: 10,
        spending: Spending::Variable(0.2),
        width: None,
        nuisances: &[],
        sky: Sky::Clouds,
        noise: 0.8,
    },
    Camera {
        name: "H.265 CBR, GOP 250, clock, wind, rain",
        codec: H265,
        fps: 25,
        key_frame_every_s: 10,
        spending: Spending::Constant(0.1),
        width: None,
        nuisances: &[Clock, Wind, Rain],
        sky: Sky::Steady,
        noise: 2.0,
    },
    Camera {
        name: "H.264 CBR, night, insects",
        codec: H264,
        fps: 25,
        key_frame_every_s: 2,
        spending: Spending::Constant(0.1),
        width: None,
        nuisances: &[Insects],
        sky: Sky::Dusk,
        noise: 2.5,
    },
];

/// A camera on which so much happens that its sentinel may prove itself: from then on looks are rare.
const LONG_DAY: Camera = Camera {
    name: "H.264 VBR, clock, long day",
    codec: H264,
    fps: 25,
    key_frame_every_s: 2,
    spending: Spending::Variable(0.15),
    width: None,
    nuisances: &[Clock],
    sky: Sky::Steady,
    noise: 2.0,
};

/// Everything in a folder of videos, by as many cameras as are wanted.
pub(crate) fn cases(videos: &Path, extent: Extent) -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(videos)
        .unwrap_or_else(|error| panic!("no footage in {}: {error}", videos.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "mp4" || ending == "avi"))
        .collect();
    files.sort();
    let stretched = |quiet_s, happenings, longest_s| Timeline::Stretched { quiet_s, happenings, longest_s };
    let (by_each, timeline) = match extent {
        Extent::Short => (1, stretched(60.0, 2, 8.0)),
        Extent::Ordinary => (3, stretched(90.0, 3, 12.0)),
        Extent::Every => (CAMERAS.len(), stretched(90.0, 3, 12.0)),
    };
    let long_day = Timeline::Subsiding { happenings: 24, longest_s: 5.0, quiet_s: 20.0, then_quiet_s: 60.0 };
    files
        .iter()
        .enumerate()
        .flat_map(|(number, file)| {
            let cameras = CAMERAS.iter().cycle().skip(number * by_each).take(by_each);
            let stretched = cameras.map(move |camera| case(file, camera, timeline));
            let long_day = (extent != Extent::Short).then(|| case(file, &LONG_DAY, long_day));
            stretched.chain(long_day)
        })
        .collect()
}

fn case(file: &Path, camera: &'static Camera, timeline: Timeline) -> Case {
    let footage = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let size = camera.size(footage::size(file));
    let recipe = Recipe {
        name: format!("{footage}-{}", camera.name.replace([' ', ',', '.'], "")),
        video: file.to_owned(),
        timeline,
        nuisances: camera.nuisances.to_vec(),
        light: match camera.sky {
            Sky::Steady => Light::Steady,
            Sky::Clouds => Light::Drifting,
            Sky::Dusk => Light::Night(45.0, 140.0),
        },
        noise: camera.noise,
        camera: Settings {
            codec: camera.codec,
            size,
            fps: camera.fps,
            rate: camera.rate(size),
            key_frame_every_s: camera.key_frame_every_s,
        },
        seed: 1,
    };
    let is_fire = ["fire", "smoke"].iter().any(|word| footage.to_lowercase().contains(word));
    Case { footage, camera, recipe, watch: if is_fire { Watch::Fire } else { Watch::Traffic } }
}

// === impl Watch ===

impl Watch {
    /// What its rule asks for.
    pub(crate) fn labels(self) -> &'static [&'static str] {
        match self {
            Watch::Traffic => &["person", "bicycle", "car", "motorcycle", "bus", "truck"],
            Watch::Fire => &["fire", "smoke"],
        }
    }
}

// === impl Camera ===

impl Camera {
    /// The footage's own size or the sub-stream's, even.
    fn size(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let wide = self.width.unwrap_or(width.max(WIDTH_LEAST_PX));
        let high = height * wide / width;
        (wide.next_multiple_of(2), high.next_multiple_of(2))
    }

    fn rate(&self, (width, height): (u32, u32)) -> Rate {
        let pixels = f64::from(width) * f64::from(height) * f64::from(self.fps);
        let kbit = |bits: f64| (bits * pixels / 1000.0).round() as u32;
        match self.spending {
            Spending::Constant(bits) => Rate::Constant(kbit(bits)),
            Spending::Variable(bits) => Rate::Variable(kbit(bits)),
            Spending::Pumping(bits) => Rate::Pumping(kbit(bits)),
        }
    }
}
