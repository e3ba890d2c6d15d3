//! Footage for simulated cameras: real recordings of the test data, re-encoded as a camera would send them.
//!
//! Encoding takes a while, so each clip is made once and kept under the target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Video codec of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

/// A clip as a camera would send it: 25 pictures a second, no B-pictures, sensor noise,
/// constant bit rate.
#[derive(Debug, Clone, Copy)]
pub struct Clip {
    /// File name within the `videos` of the test data.
    pub video: &'static str,
    /// Where to begin, seconds.
    pub from_s: u32,
    /// How long, seconds.
    pub length_s: u32,
    /// How the camera hangs: turned clockwise by so many degrees, 0 or 90, its pictures are upright.
    pub rotate_degrees: u16,
    /// The camera zooms in after so many seconds; before, everything is half as large. 0: it never does.
    pub zooms_at_s: u32,
    /// Width and height as the camera sends them, pixels.
    pub size: (u32, u32),
    /// Codec.
    pub codec: Codec,
    /// Profile where the codec is H.264: `main`, or `high`, which many cameras send unless they are told otherwise.
    pub h264_profile: &'static str,
    /// Pictures from one key frame to the next.
    pub key_frame_every: u32,
}

/// People walking through one by one, 1920x1080 H.264.
pub const PERSON_1080P_H264: Clip = Clip {
    video: "one-by-one-person-detection.mp4",
    from_s: 0,
    length_s: 20,
    rotate_degrees: 0,
    zooms_at_s: 0,
    size: (1920, 1080),
    codec: Codec::H264,
    h264_profile: "main",
    key_frame_every: 50,
};

/// The same in H.265.
pub const PERSON_1080P_H265: Clip = Clip { codec: Codec::H265, ..PERSON_1080P_H264 };

/// The same from a camera that hangs on its side, as one would along an alley.
pub const PERSON_ON_ITS_SIDE: Clip = Clip { rotate_degrees: 90, size: (720, 1280), ..PERSON_1080P_H264 };

/// The same at 640x360, as a sub-stream would be.
pub const PERSON_360P_H264: Clip = Clip { size: (640, 360), ..PERSON_1080P_H264 };

/// The same from a camera that zooms in on who walks through.
pub const PERSON_ZOOMED_IN: Clip = Clip { zooms_at_s: 10, ..PERSON_360P_H264 };

/// Where models, footage and labels lie: `MOSHAO_TEST_DATA`, or `../shared/data` beside the project.
/// `None` where neither is there; a test that needs it then says that it is skipped.
pub fn data_dir() -> Option<PathBuf> {
    let dir = match std::env::var_os("MOSHAO_TEST_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    dir.is_dir().then_some(dir)
}

// === impl Clip ===

impl Clip {
    /// The encoded clip, made now if it is not there yet. `None` without the test data.
    ///
    /// # Panics
    /// Where ffmpeg is missing or fails.
    pub fn file(&self) -> Option<PathBuf> {
        let source = data_dir()?.join("videos").join(self.video);
        let (width, height) = self.size;
        let stem = Path::new(self.video).file_stem().expect("a video has a name").to_string_lossy();
        let Clip {
            from_s, length_s, rotate_degrees, zooms_at_s, codec, h264_profile, key_frame_every, ..
        } = self;
        let name = format!(
            "{stem}-{from_s}s-{length_s}s-{rotate_degrees}deg-zoom{zooms_at_s}-{width}x{height}-{codec:?}-{h264_profile}-key{key_frame_every}.mp4"
        )
        .to_lowercase();
        let file = cache_dir().join(name);
        if !file.exists() {
            self.encode(&source, &file);
        }
        Some(file)
    }

    fn encode(&self, source: &Path, file: &Path) {
        let (width, height) = self.size;
        // Written beside and renamed, so that tests running at the same time never read half a clip.
        let (process, thread) = (std::process::id(), std::thread::current().id());
        let partial = file.with_extension(format!("{process}-{thread:?}.mp4"));
        let turn = match self.rotate_degrees {
            0 => "",
            // Anticlockwise, so that a clockwise turn rights it.
            90 => "transpose=cclock,",
            other => panic!("footage from a camera that hangs at {other} degrees is not made here"),
        };
        let zoom = match self.zooms_at_s {
            0 => String::new(),
            at => format!(
                "scale=w='if(lt(t,{at}),iw/2,iw)':h='if(lt(t,{at}),ih/2,ih)':eval=frame,\
                 pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:eval=frame,"
            ),
        };
        let filter = format!("fps=25,{turn}scale={width}:{height},{zoom}noise=alls=8:allf=t,format=yuv420p");
        // 4 Mbit/s for 1920x1080, what cameras are shipped with, and in proportion for other sizes.
        let bitrate = (u64::from(width) * u64::from(height) * 2).to_string();
        let encoder: &[&str] = match self.codec {
            Codec::H264 => &[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-profile:v",
                self.h264_profile,
                "-sc_threshold",
                "0",
            ],
            Codec::H265 => &[
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-x265-params",
                "log-level=error:scenecut=0:open-gop=0",
            ],
        };
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y"])
            .args(["-ss", &self.from_s.to_string(), "-t", &self.length_s.to_string(), "-i"])
            .arg(source)
            .args(["-an", "-vf", &filter])
            .args(encoder)
            .args([
                "-g",
                &self.key_frame_every.to_string(),
                "-bf",
                "0",
                "-b:v",
                &bitrate,
                "-maxrate",
                &bitrate,
                "-bufsize",
                &bitrate,
            ])
            .arg(&partial)
            .stdin(Stdio::null())
            .status()
            .expect("ffmpeg runs (deploy/setup installs it)");
        assert!(status.success(), "ffmpeg could not encode {}", source.display());
        std::fs::rename(&partial, file).expect("the target directory is writable");
    }
}

/// Where what is made of footage is kept from run to run, under the target directory.
///
/// # Panics
/// Where it cannot be made.
pub fn cache_dir() -> PathBuf {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
    };
    let dir = target.join("footage");
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}
