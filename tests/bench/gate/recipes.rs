//! What is composed for the gate to be measured on: all footage, with everything that could mislead it.

use std::path::Path;

use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance;
use moshao_tests::compose::{Recipe, Timeline};
use moshao_tests::footage::Codec::{self, H264, H265};

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
    pub(crate) recipe: Recipe,
    pub(crate) watch: Watch,
}

/// Video, codec, size, pictures a second, seconds between key frames, rate.
type Camera = (&'static str, Codec, (u32, u32), u32, u32, Rate);

const PEOPLE: &str = "one-by-one-person-detection.mp4";
const CARS: &str = "car-detection.mp4";
const INDOOR: &str = "linzaer_test1.mp4";
const HIGHWAY: &str = "highway_mpeg4_320x176.avi";
const STREET: &str = "london_street_TestV4.mp4";
const FIRE: &str = "fire_spacewalk01.mp4";
const DAY: Light = Light::Steady;

/// All, or a few that show most of it.
pub(crate) fn cases(videos: &Path, is_short: bool) -> Vec<Case> {
    use Nuisance::{Clock, Flicker, Insects, Rain, Wind};
    use Rate::{Constant, Pumping, Variable};
    let timeline = if is_short {
        Timeline::Stretched { quiet_s: 40.0, happenings: 2, longest_s: 8.0 }
    } else {
        Timeline::Stretched { quiet_s: 90.0, happenings: 4, longest_s: 12.0 }
    };
    let dusk = if is_short { Light::Night(20.0, 70.0) } else { Light::Night(45.0, 250.0) };
    let mut all: Vec<(&str, Camera, &[Nuisance], Light, f32)> = vec![
        ("people-clock", (PEOPLE, H264, (768, 432), 25, 2, Constant(1000)), &[Clock], Light::Drifting, 2.5),
        ("indoor-flicker", (INDOOR, H265, (960, 544), 20, 2, Variable(1500)), &[Clock, Flicker], DAY, 2.0),
        ("sub-night-insects", (PEOPLE, H264, (640, 360), 15, 2, Variable(500)), &[Clock, Insects], dusk, 2.5),
    ];
    if !is_short {
        all.extend::<[(&str, Camera, &[Nuisance], Light, f32); 10]>([
            ("people-hd", (PEOPLE, H265, (1280, 720), 25, 2, Constant(1200)), &[Clock], Light::Drifting, 3.0),
            ("people-rain", (PEOPLE, H265, (768, 432), 25, 4, Constant(1000)), &[Rain], DAY, 2.0),
            ("people-wind", (PEOPLE, H264, (768, 432), 25, 1, Constant(1200)), &[Wind, Clock], DAY, 2.0),
            ("people-pumping", (PEOPLE, H264, (768, 432), 25, 2, Pumping(260)), &[Clock], DAY, 3.0),
            (
                "people-quiet-sensor",
                (PEOPLE, H264, (768, 432), 12, 4, Variable(1000)),
                &[],
                Light::Drifting,
                0.8,
            ),
            ("cars-clouds", (CARS, H264, (768, 432), 25, 2, Constant(1200)), &[Clock], Light::Drifting, 2.0),
            ("indoor-night", (INDOOR, H264, (960, 544), 20, 2, Constant(900)), &[Insects], dusk, 2.5),
            ("sub-highway-wind", (HIGHWAY, H264, (640, 360), 15, 2, Constant(500)), &[Wind], DAY, 2.0),
            ("street-rain", (STREET, H265, (1280, 720), 25, 2, Variable(2500)), &[Rain, Clock], DAY, 2.0),
            ("fire-clouds", (FIRE, H264, (854, 480), 25, 2, Constant(1200)), &[Clock], Light::Drifting, 2.0),
        ]);
    }
    let case = |(number, (name, camera, nuisances, light, noise))| {
        let (video, codec, size, fps, key_frame_every_s, rate): Camera = camera;
        let nuisances: &[Nuisance] = nuisances;
        let recipe = Recipe {
            name: String::from(name),
            video: videos.join(video),
            timeline,
            nuisances: nuisances.to_vec(),
            light,
            noise,
            camera: Settings { codec, size, fps, rate, key_frame_every_s },
            seed: number as u64 + 1,
        };
        Case { recipe, watch: if video == FIRE { Watch::Fire } else { Watch::Traffic } }
    };
    all.into_iter().enumerate().map(case).collect()
}
