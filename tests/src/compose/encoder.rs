//! The encoder of a camera: x264 or x265 without B-pictures, key frames at fixed distance, constant or variable rate.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::frame::Frame;
use crate::footage::Codec;

/// How many bits a camera may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Constant, kbit/s. The quality follows what moves, and noise takes what nothing needs.
    Constant(u32),
    /// Constant quality up to this many kbit/s.
    Variable(u32),
    /// Constant and scarce, kbit/s: the picture pumps, sharp at the key frame or right after it, as on cheap cameras.
    Pumping(u32),
}

/// What a camera is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Codec.
    pub codec: Codec,
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// Pictures a second.
    pub fps: u32,
    /// Bit rate.
    pub rate: Rate,
    /// Seconds from one key frame to the next.
    pub key_frame_every_s: u32,
}

/// An ffmpeg process that takes raw pictures.
#[derive(Debug)]
pub(super) struct Encoder(Child);

// === impl Encoder ===

impl Encoder {
    pub(super) fn open(settings: &Settings, file: &Path) -> Self {
        let Settings { size: (width, height), fps, .. } = settings;
        let child = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
            .args(["-s", &format!("{width}x{height}"), "-r", &fps.to_string(), "-i", "-"])
            .args(settings.arguments())
            .arg(file)
            .stdin(Stdio::piped())
            .spawn()
            .expect("ffmpeg runs (deploy/setup --tests installs it)");
        Self(child)
    }

    pub(super) fn encode(&mut self, frame: &Frame) {
        let input = self.0.stdin.as_mut().expect("stdin is piped");
        input.write_all(&frame.data).expect("ffmpeg takes every picture (what it said is above)");
    }

    pub(super) fn finish(mut self) {
        drop(self.0.stdin.take());
        let status = self.0.wait().expect("a child can be waited for");
        assert!(status.success(), "ffmpeg could not encode: {status}");
    }
}

// === impl Settings ===

impl Settings {
    fn arguments(&self) -> Vec<String> {
        let key = self.fps * self.key_frame_every_s;
        let (quality, ratio) = match self.codec {
            Codec::H264 => ("27", "ipratio"),
            Codec::H265 => ("29", "ipratio"),
        };
        // A key frame that is hardly better than what follows shows as a pulse in every group of pictures.
        let ratio =
            if matches!(self.rate, Rate::Pumping(_)) { format!(":{ratio}=0.9") } else { String::new() };
        let mut arguments = match self.codec {
            Codec::H264 => vec![
                "-c:v libx264 -preset veryfast -profile:v main".to_owned(),
                format!("-x264-params scenecut=0:bframes=0:keyint={key}:min-keyint={key}{ratio}"),
            ],
            Codec::H265 => vec![
                "-c:v libx265 -preset ultrafast".to_owned(),
                format!(
                    "-x265-params log-level=error:scenecut=0:open-gop=0:bframes=0:keyint={key}:min-keyint={key}{ratio}"
                ),
            ],
        };
        arguments.push(match self.rate {
            Rate::Constant(kbit) => {
                format!("-b:v {kbit}k -minrate {kbit}k -maxrate {kbit}k -bufsize {kbit}k")
            }
            Rate::Variable(kbit) => format!("-crf {quality} -maxrate {kbit}k -bufsize {}k", 2 * kbit),
            Rate::Pumping(kbit) => format!("-b:v {kbit}k -maxrate {kbit}k -bufsize {}k", kbit / 2),
        });
        arguments.iter().flat_map(|group| group.split(' ').map(str::to_owned)).collect()
    }
}
