//! Camera-like streams with a known truth, composed of real footage: what happens in a recording, with long quiet in
//! between, in the weather and light of a place, through the sensor and the encoder of a camera.
//!
//! The quiet place is the footage's own background ([`footage`]). Over it come what moves and means nothing
//! ([`nuisance`]), light and noise ([`light`]), then the camera's encoder ([`encoder`]). [`truth`] says when it is
//! quiet. The same recipe gives the same pictures; a composition is made once and kept in a folder of the caller's.

mod caption;
pub mod encoder;
pub mod footage;
mod frame;
pub mod light;
pub mod nuisance;
mod timeline;
pub mod truth;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use encoder::{Encoder, Settings};
use footage::Footage;
use light::{Light, Sensor};
use nuisance::{Nuisance, Painter};
pub use timeline::Timeline;
use truth::Truth;

/// Part of each file's name; to be raised when the same recipe gives other pictures than before.
const VERSION: u32 = 2;

/// All that makes a composition.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Begins the file's name and is shown in tables.
    pub name: String,
    /// File with the footage.
    pub video: PathBuf,
    /// What of it happens when.
    pub timeline: Timeline,
    /// What moves and means nothing.
    pub nuisances: Vec<Nuisance>,
    /// How the light changes.
    pub light: Light,
    /// Standard deviation of the sensor's noise by day, of 255.
    pub noise: f32,
    /// What the camera is set to.
    pub camera: Settings,
    /// Number of the drawn weather and noise.
    pub seed: u64,
}

/// A composition on disk.
#[derive(Debug, Clone)]
pub struct Composed {
    /// An MP4 file.
    pub file: PathBuf,
    /// What it shows when.
    pub truth: Truth,
}

// === impl Recipe ===

impl Recipe {
    /// The composition, made now if the folder does not hold it yet.
    ///
    /// # Panics
    /// Where ffmpeg is missing or fails, or the folder cannot be written.
    pub fn compose(&self, folder: &Path) -> Composed {
        std::fs::create_dir_all(folder).expect("the folder of compositions can be made");
        let file = folder.join(format!("{}.mp4", self.id()));
        let truth_file = file.with_extension("json");
        if let (true, Some(truth)) = (file.exists(), Truth::read(&truth_file)) {
            return Composed { file, truth };
        }
        // Written beside and renamed, so that nobody ever reads half of it.
        let (process, thread) = (std::process::id(), std::thread::current().id());
        let partial = file.with_extension(format!("{process}-{thread:?}.mp4"));
        let truth = self.film(&partial);
        truth.write(&truth_file);
        std::fs::rename(&partial, &file).expect("the folder of compositions is writable");
        Composed { file, truth }
    }

    /// Name and number of these pictures: another recipe has another one.
    pub fn id(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (format!("{self:?}"), VERSION).hash(&mut hasher);
        format!("{}-{:016x}", self.name, hasher.finish())
    }

    fn film(&self, file: &Path) -> Truth {
        let Settings { size, fps, .. } = self.camera;
        let footage = Footage::open(&self.video);
        let background = footage.background(size);
        let plan = self.timeline.plan(&footage.happenings());
        let mut sensor = Sensor::new(self.light, self.noise, size, self.seed);
        let mut painters: Vec<Painter> =
            self.nuisances.iter().map(|what| Painter::new(*what, size, self.seed)).collect();
        let mut encoder = Encoder::open(&self.camera, file);
        for (number, mut frame) in plan.frames(&footage, &background, fps).enumerate() {
            let at_s = number as f64 / f64::from(fps);
            painters.iter_mut().for_each(|painter| painter.in_the_scene(&mut frame, at_s));
            sensor.expose(&mut frame, at_s);
            painters.iter_mut().for_each(|painter| painter.before_the_lens(&mut frame, at_s));
            sensor.noise(&mut frame, at_s);
            painters.iter().for_each(|painter| painter.burned_in(&mut frame, at_s));
            encoder.encode(&frame);
        }
        encoder.finish();
        plan.truth()
    }
}
