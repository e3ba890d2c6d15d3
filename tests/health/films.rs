//! Films of real cameras, well and unwell: footage of the test data through ffmpeg's filters, encoded as a camera would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use moshao::camera::appearance::{Appearance, EVERY, Examiner};
use moshao::camera::decode::{self, Decoder, Filter};
use moshao::camera::recording::Recording;
use moshao_tests::footage::{cache_dir, data_dir};

/// Footage of cameras that stand still, well lit.
pub(crate) const CAMERAS: [&str; 4] = [
    "one-by-one-person-detection.mp4",
    "car-detection.mp4",
    "linzaer_test1.mp4",
    "highway_mpeg4_320x176.avi",
];

/// What a camera looks at: the middle of the footage, so that there is something beside it.
pub(crate) const VIEW: &str = "crop=iw*0.8:ih*0.8:iw*0.1:ih*0.1";
/// How a sound camera's picture comes: with the noise of a live sensor.
pub(crate) const LIVE: &str = "noise=alls=5:allf=t";

/// The looks of a sleeping camera at a piece of footage of which it sees `view`, changed by `filter`: one each 2 s of
/// it. None without the test data.
pub(crate) fn looks(video: &str, view: &str, filter: &str) -> Option<Vec<Appearance>> {
    let source = data_dir()?.join("videos").join(video);
    let file = film(&source, &format!("{view},scale=640:360,{filter}"));
    decode::init().expect("FFmpeg is there");
    let recording = Recording::open(&file).expect("a film that ffmpeg has just made");
    let (mut decoder, mut examiner) = (Decoder::default(), Examiner::default());
    let looks = recording.filter(|unit| unit.is_key).filter_map(|unit| {
        let picture = decoder.look(&unit, Filter::Skipped).ok()?;
        examiner.examine(unit.media_time, &picture.view())
    });
    let looks: Vec<Appearance> = looks.collect();
    assert!(looks.len() >= 5, "{} looks at {}", looks.len(), file.display());
    assert!(looks[1].media_time >= EVERY, "key frames are 2 s apart");
    Some(looks)
}

/// A minute at most of the footage, five pictures a second, a key frame each 2 s; made once.
fn film(source: &Path, filter: &str) -> PathBuf {
    let stem = source.file_stem().expect("a video has a name").to_string_lossy();
    let plain: String = filter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let file = cache_dir().join(format!("health-{stem}-{plain}.mp4"));
    if file.exists() {
        return file;
    }
    // Written beside and renamed: two tests may make the same film at the same time.
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let partial = file.with_extension(format!("{process}-{thread:?}.mp4"));
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-t", "60", "-i"])
        .arg(source)
        .args(["-an", "-vf", &format!("fps=5,{filter},format=yuv420p")])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-sc_threshold", "0"])
        // What a sub-stream of this size has at 15 pictures a second.
        .args(["-g", "10", "-bf", "0", "-b:v", "300k", "-maxrate", "300k", "-bufsize", "600k"])
        .arg(&partial)
        .stdin(Stdio::null())
        .status()
        .expect("ffmpeg runs (deploy/setup installs it)");
    assert!(status.success(), "ffmpeg could not make {}", file.display());
    std::fs::rename(&partial, &file).expect("the target directory is writable");
    file
}
