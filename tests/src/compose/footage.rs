//! Recorded footage as raw pictures: what is always there (the background), and when something happens.
//!
//! Pictures of the empty place are all alike, while those with somebody in them differ from each other: the background is
//! the median of the pictures that are most alike. Something happens where enough of a small picture differs from it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::frame::Frame;
use super::truth::Span;

/// Pictures that the background is the median of.
const MEDIAN_OF: usize = 31;
/// Pictures that are compared with each other to find the empty ones, at most.
const COMPARED: usize = 120;
/// Share of them that must be alike to be the empty place; where the camera moves, none are, and all count.
const EMPTY_SHARE: f64 = 0.08;
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
    /// Luma of small pictures, [`ACTIVITY_FPS`] a second.
    small: Vec<Vec<u8>>,
    /// Those of them that show the empty place.
    empty: Vec<usize>,
    length_s: f64,
}

/// Raw pictures out of an ffmpeg process, one after the other.
#[derive(Debug)]
pub struct Frames {
    child: Child,
    size: (u32, u32),
}

/// Width and height of a video's pictures, pixels.
///
/// # Panics
/// Where ffprobe is missing or cannot read it.
pub fn size(path: &Path) -> (u32, u32) {
    let text = ffprobe(path, &["-select_streams", "v:0", "-show_entries", "stream=width,height"]);
    let mut sides = text.trim().split(',').map(|side| side.parse().ok());
    match (sides.next().flatten(), sides.next().flatten()) {
        (Some(width), Some(height)) => (width, height),
        _ => panic!("ffprobe tells no picture size of {}", path.display()),
    }
}

fn ffprobe(path: &Path, wanted: &[&str]) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(wanted)
        .arg(path)
        .output()
        .expect("ffprobe runs (deploy/setup --tests installs it)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

// === impl Footage ===

impl Footage {
    /// Opens a video of any format.
    ///
    /// # Panics
    /// Where ffprobe is missing or cannot read it.
    pub fn open(path: &Path) -> Self {
        let text = ffprobe(path, &["-show_entries", "format=duration"]);
        let length_s = text.trim().parse();
        let length_s = length_s.unwrap_or_else(|_| panic!("ffprobe tells no length of {}", path.display()));
        let mut footage = Self { path: path.to_owned(), small: vec![], empty: vec![], length_s };
        let whole = Span { from_s: 0.0, to_s: length_s };
        let small = footage.frames(whole, ACTIVITY_SIZE, ACTIVITY_FPS).map(|frame| frame.luma().to_vec());
        footage.small = small.collect();
        footage.empty = most_alike(&footage.small);
        footage
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
        let step = self.empty.len().div_ceil(MEDIAN_OF).max(1);
        let samples: Vec<Frame> = self
            .empty
            .iter()
            .step_by(step)
            .filter_map(|number| {
                let from_s = *number as f64 / f64::from(ACTIVITY_FPS);
                self.frames(Span { from_s, to_s: from_s + 1.0 }, size, 1).next()
            })
            .collect();
        assert!(!samples.is_empty(), "{} has no pictures", self.path.display());
        let planes: Vec<&[u8]> = samples.iter().map(|sample| sample.data.as_slice()).collect();
        Frame { data: median_of(&planes), ..Frame::black(size) }
    }

    /// When something happens, in order. The whole of it where the camera moves.
    pub fn happenings(&self) -> Vec<Span> {
        let empty: Vec<&[u8]> = self.empty.iter().map(|number| self.small[*number].as_slice()).collect();
        let background = median_of(&empty);
        let is_busy: Vec<bool> =
            self.small.iter().map(|luma| changed(luma, &background) > BUSY_SHARE).collect();
        spans(&is_busy, f64::from(ACTIVITY_FPS), self.length_s)
    }
}

/// The pictures that are like the one that most others are like; all of them where few are.
fn most_alike(pictures: &[Vec<u8>]) -> Vec<usize> {
    let step = pictures.len().div_ceil(COMPARED).max(1);
    let sampled: Vec<usize> = (0..pictures.len()).step_by(step).collect();
    let like = |one: usize| {
        let is_like = |other: &usize| changed(&pictures[one], &pictures[*other]) < BUSY_SHARE;
        sampled.iter().copied().filter(is_like).collect::<Vec<usize>>()
    };
    let best = sampled.iter().map(|one| like(*one)).max_by_key(Vec::len).unwrap_or_default();
    if (best.len() as f64) < sampled.len() as f64 * EMPTY_SHARE { sampled } else { best }
}

fn median_of(pictures: &[&[u8]]) -> Vec<u8> {
    let mut values = vec![0; pictures.len()];
    let length = pictures.first().map_or(0, |picture| picture.len());
    let pixel = |at: usize| {
        for (value, picture) in values.iter_mut().zip(pictures) {
            *value = picture[at];
        }
        median(&mut values)
    };
    (0..length).map(pixel).collect()
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
    fn the_empty_place_is_found_although_somebody_is_there_most_of_the_time() {
        let with_somebody_at = |at: usize| {
            let mut picture = vec![100; 100];
            picture[at..at + 8].fill(20);
            picture
        };
        let mut pictures: Vec<Vec<u8>> = (0..14).map(|n| with_somebody_at(n * 6)).collect();
        pictures.extend((0..4).map(|n| vec![100 + n; 100]));
        let empty = most_alike(&pictures);
        assert_eq!(empty, [14, 15, 16, 17]);
        let chosen: Vec<&[u8]> = empty.iter().map(|number| pictures[*number].as_slice()).collect();
        assert!(median_of(&chosen).iter().all(|pixel| (100..=103).contains(pixel)));
    }
}
