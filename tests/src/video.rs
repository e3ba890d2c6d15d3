//! A video file as a player sees it: through ffprobe and ffmpeg.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What ffprobe and ffmpeg say of a file with one video track.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// `h264` or `hevc`.
    pub codec: String,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Presentation times of the packets, seconds, in the order of the file.
    pub pts_s: Vec<f64>,
    /// Whether each packet is a key frame.
    pub keys: Vec<bool>,
    /// Pictures that came out of the decoder.
    pub decoded: usize,
    /// What the decoder complained about.
    pub complaints: String,
}

// === impl Video ===

impl Video {
    /// Looks at every packet of a file, and decodes all of it.
    ///
    /// # Panics
    /// Where ffmpeg is missing, or it is no video at all.
    pub fn of(file: &Path) -> Self {
        let probed =
            run("ffprobe", &["-v", "error", "-of", "json", "-show_streams", "-show_packets"], file, &[]);
        let probed: Value = serde_json::from_str(&probed.0).expect("ffprobe writes JSON");
        let stream = &probed["streams"][0];
        let packets = probed["packets"].as_array().expect("ffprobe lists packets");
        let seconds = |packet: &Value| packet["pts_time"].as_str().and_then(|time| time.parse().ok());
        let decoding = ["-f", "framemd5", "-"];
        let (pictures, complaints) = run("ffmpeg", &["-nostdin", "-v", "warning", "-i"], file, &decoding);
        Video {
            codec: stream["codec_name"].as_str().unwrap_or_default().to_owned(),
            width: stream["width"].as_u64().unwrap_or_default(),
            height: stream["height"].as_u64().unwrap_or_default(),
            pts_s: packets.iter().map(|packet| seconds(packet).expect("every packet has a time")).collect(),
            keys: packets.iter().map(|packet| packet["flags"].as_str().unwrap_or("").contains('K')).collect(),
            decoded: pictures.lines().filter(|line| !line.starts_with('#')).count(),
            complaints,
        }
    }

    /// From the first picture to the last, seconds.
    pub fn seconds(&self) -> f64 {
        self.pts_s.last().unwrap_or(&0.0) - self.pts_s.first().unwrap_or(&0.0)
    }
}

fn run(program: &str, before: &[&str], file: &Path, after: &[&str]) -> (String, String) {
    let output = Command::new(program)
        .args(before)
        .arg(file)
        .args(after)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed (deploy/setup)");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}
