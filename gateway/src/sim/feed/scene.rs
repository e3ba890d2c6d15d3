//! A generated scene as a feed.

use std::time::{Duration, Instant};

use super::encoder::Encoder;
use super::{Codec, Feed, FeedError, Outlet};
use crate::sim::scene::{Scene, Story};

/// A scene to be filmed.
#[derive(Debug, Clone)]
pub struct SceneFeed {
    /// Which scene.
    pub seed: u64,
    /// What happens in it; its time zero is the start of the feed.
    pub story: Story,
    /// Width and height, pixels; even, 16 to 4096.
    pub size_px: (u32, u32),
    /// Pictures a second, 1 to 60.
    pub fps: u32,
}

// === impl SceneFeed ===

impl SceneFeed {
    /// Draws and encodes from now on, in real time, while somebody watches. A machine that is too slow skips pictures,
    /// so scene time stays wall clock time.
    pub fn start(self) -> Result<Feed, FeedError> {
        let Self { seed, story, size_px: (width_px, height_px), fps } = self;
        let codec = Codec::H264;
        let prepare = move || {
            let scene = Scene::new(seed, width_px, height_px, story);
            let mut encoder = Encoder::open(width_px, height_px, fps)?;
            let first = encoder
                .encode(&scene.render(0.0).image, Duration::ZERO, true)?
                .ok_or_else(|| FeedError::Unusable("the H.264 encoder holds pictures back".into()))?;
            Ok(((scene, encoder), first.parameter_sets(codec)))
        };
        Feed::spawn(codec, prepare, move |(scene, encoder), outlet| film(&scene, encoder, fps, &outlet))
    }
}

fn film(scene: &Scene, mut encoder: Encoder, fps: u32, outlet: &Outlet) {
    let start = Instant::now();
    let step = Duration::from_secs(1) / fps;
    let mut number: u32 = 1;
    let (mut watchers, mut skipped) = (0, 0_u64);
    while !outlet.stopped() {
        let due = step * number;
        let now = start.elapsed();
        if now < due {
            std::thread::sleep(due - now);
        } else if now > due + step {
            let late = ((now - due).as_secs_f64() / step.as_secs_f64()) as u32;
            number += late;
            skipped += u64::from(late);
            tracing::debug!(late, skipped, "too slow for the frame rate: pictures skipped");
        }
        let media_time = step * number;
        number += 1;
        let before = std::mem::replace(&mut watchers, outlet.watchers());
        if watchers == 0 {
            continue;
        }
        // Whoever comes new needs a key frame to begin with.
        let key = watchers > before;
        let frame = scene.render(media_time.as_secs_f32());
        match encoder.encode(&frame.image, media_time, key) {
            Ok(Some(unit)) => outlet.send(unit),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "the simulated camera stops");
                return;
            }
        }
    }
}
