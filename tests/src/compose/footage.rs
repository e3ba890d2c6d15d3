//! Recorded footage as raw pictures: what is always there (the background), and when something happens.
//!
//! The background is the temporal median, so footage that is mostly empty gives the empty place itself. Something
//! happens where enough of a small picture differs from the small background.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::frame::Frame;
use super::truth::Span;

/// Pictures that the background is the median of.
const MEDIAN_OF: usize = 31;
/// Pictures a second in which activity is looked for.
const ACTIVITY_FPS: u32 = 5;
/// Size in which activity is looked for, pixels.
const ACTIVITY_SIZE: (u32, u32) = (160, 90);
/// A pixel has changed from this difference of luma on; above noise and artefacts of compression.
const CHANGED: u8 = 24;
/// Share of changed pixels from which on something happens.
const BUSY_SHARE: f64 = 0.004;
/// What lies closer together than this is one happening, seconds.
const MERGE_S: f64 = 2.5;
/// What belongs to a happening before and after it is clearly seen, seconds.
const MARGIN_S: f64 = 0.8;

/// Footage in a file.
#[derive(Debug)]
pub struct Footage {
    path: PathBuf,
    length_s: f64,
}

/// Raw pictures out of an ffmpeg process, one after the other.
#[derive(Debug)]
pub struct Frames {
    child: Child,
    size: (u32, u32),
}

// === impl Footage ===

impl Footage {
    /// Opens a video of any format.
    ///
    /// # Panics
    /// Where ffprobe is missing or cannot read it.
    pub fn open(path: &Path) -> Self {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
            .arg(path)
            .output()
            .expect("ffprobe runs (deploy/setup --tests installs it)");
        let text = String::from_utf8_lossy(&output.stdout);
        let length_s = text.trim().parse();
        let length_s = length_s.unwrap_or_else(|_| panic!("ffprobe tells no length of {}", path.display()));
        Self { path: path.to_owned(), length_s }
    }

    /// The pictures of a part of it, at another rate and size.
    pub fn frames(&self, part: Span, size: (u32, u32), fps: u32) -> Frames {
        let (width, height) = size;
        let child = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-ss", &part.from_s.to_string()])
            .args(["-t", &part.length_s().to_string(), "-i"])
            .arg(&self.path)
            .args(["-an", "-vf", &format!("fps={fps},scale={width}:{height}:flags=bicubic,format=yuv420p")])
            .args(["-f", "rawvideo", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ffmpeg runs (deploy/setup --tests installs it)");
        Frames { child, size }
    }

    /// What is there when nothing happens.
    pub fn background(&self, size: (u32, u32)) -> Frame {
        let samples: Vec<Frame> = (0..MEDIAN_OF)
            .filter_map(|number| {
                let at_s = self.length_s * (number as f64 + 0.5) / MEDIAN_OF as f64;
                self.frames(Span { from_s: at_s, to_s: at_s + 1.0 }, size, 1).next()
            })
            .collect();
        assert!(!samples.is_empty(), "{} has no pictures", self.path.display());
        let mut background = Frame::black(size);
        let mut values = vec![0; samples.len()];
        for (at, pixel) in background.data.iter_mut().enumerate() {
            for (value, sample) in values.iter_mut().zip(&samples) {
                *value = sample.data[at];
            }
            *pixel = median(&mut values);
        }
        background
    }

    /// When something happens, in order. The whole of it where the camera moves.
    pub fn happenings(&self) -> Vec<Span> {
        let whole = Span { from_s: 0.0, to_s: self.length_s };
        let small: Vec<Frame> = self.frames(whole, ACTIVITY_SIZE, ACTIVITY_FPS).collect();
        let mut background = vec![0; Frame::black(ACTIVITY_SIZE).luma().len()];
        for (at, pixel) in background.iter_mut().enumerate() {
            *pixel = median(&mut small.iter().map(|frame| frame.data[at]).collect::<Vec<u8>>());
        }
        let is_busy: Vec<bool> =
            small.iter().map(|frame| changed(frame.luma(), &background) > BUSY_SHARE).collect();
        spans(&is_busy, f64::from(ACTIVITY_FPS), self.length_s)
    }
}

fn median(values: &mut [u8]) -> u8 {
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

fn changed(luma: &[u8], background: &[u8]) -> f64 {
    let count = luma.iter().zip(background).filter(|(a, b)| a.abs_diff(**b) > CHANGED).count();
    count as f64 / luma.len() as f64
}

/// Runs of busy pictures with their margins; those that nearly touch are one.
fn spans(is_busy: &[bool], per_second: f64, length_s: f64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (number, _) in is_busy.iter().enumerate().filter(|(_, busy)| **busy) {
        let at_s = number as f64 / per_second;
        let from_s = (at_s - MARGIN_S).max(0.0);
        let to_s = (at_s + 1.0 / per_second + MARGIN_S).min(length_s);
        match spans.last_mut() {
            Some(last) if from_s - last.to_s < MERGE_S - 2.0 * MARGIN_S => last.to_s = to_s,
            _ => spans.push(Span { from_s, to_s }),
        }
    }
    spans
}

// === impl Frames ===

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let mut frame = Frame::black(self.size);
        self.child.stdout.as_mut()?.read_exact(&mut frame.data).ok()?;
        Some(frame)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn happenings_have_margins_and_those_that_nearly_touch_are_one() {
        let mut busy = vec![false; 100];
        busy[20..30].fill(true);
        busy[35] = true;
        busy[99] = true;
        let found = spans(&busy, 5.0, 20.0);
        let rounded: Vec<(f64, f64)> =
            found.iter().map(|span| ((span.from_s * 10.0).round(), (span.to_s * 10.0).round())).collect();
        assert_eq!(rounded, [(32.0, 80.0), (190.0, 200.0)]);
    }

    #[test]
    fn the_median_leaves_out_who_walks_through() {
        assert_eq!(median(&mut [40, 41, 39, 200, 40]), 40);
    }
}
