//! The quiet place with one person, and a gateway that watches it.

use std::path::PathBuf;
use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::compose::light::Light;
use moshao_tests::compose::nuisance::Nuisance;
use moshao_tests::compose::{Composed, Recipe, Timeline};
use moshao_tests::footage::{Codec, cache_dir, data_dir};

/// Quiet before the person comes and after, seconds.
pub(crate) const QUIET_S: f64 = 36.0;

/// Pictures a second.
pub(crate) const FPS: u32 = 15;

/// How long the camera may take to fall asleep: connecting, loading a detector, settling.
pub(crate) const ASLEEP: Duration = Duration::from_secs(35);

/// How long the person may take to come, once; a second one comes long after.
pub(crate) const PERSON: Duration = Duration::from_secs(110);

/// A person walks into a quiet place with a noisy sensor and a ticking clock, once.
pub(crate) fn recipe(codec: Codec, size: (u32, u32)) -> Option<Recipe> {
    Some(Recipe {
        name: "person-once".to_owned(),
        video: data_dir()?.join("videos/one-by-one-person-detection.mp4"),
        timeline: Timeline::Stretched { quiet_s: QUIET_S, happenings: 1, longest_s: 8.0 },
        nuisances: vec![Nuisance::Clock],
        light: Light::Steady,
        noise: 2.0,
        camera: Settings { codec, size, fps: FPS, rate: Rate::Constant(600), key_frame_every_s: 2 },
        seed: 7,
    })
}

/// Nobody comes.
pub(crate) fn quiet(codec: Codec, size: (u32, u32)) -> Option<Recipe> {
    let timeline = Timeline::Quiet { length_s: 18.0 };
    Some(Recipe { name: "nobody".to_owned(), timeline, ..recipe(codec, size)? })
}

pub(crate) fn composed(recipe: &Recipe) -> Composed {
    recipe.compose(&cache_dir().join("compositions"))
}

/// YOLOX-nano and a rule for persons.
pub(crate) fn detector() -> String {
    let model: PathBuf = data_dir().expect("checked before").join("models/yolox_nano.onnx");
    format!(
        "[detector.yolox-nano]\nfile = \"{}\"\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\n\
         level = 3\ncategory = \"security\"\nkind = \"person\"\nclear_after = \"2s\"\n",
        model.display()
    )
}

/// A camera with the gate `on` or `off`.
pub(crate) fn camera(id: &str, url: &str, gate: &str) -> String {
    format!(
        "[camera.{id}]\nurl = \"{url}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\ngate = \"{gate}\"\n\
         deadlines = {{ describe = \"5s\", first_key_frame = \"20s\", silence = \"5s\" }}\n"
    )
}

pub(crate) fn uplink(broker: &Broker) -> String {
    format!("[uplink]\nurl = \"{}\"\n", broker.url())
}
