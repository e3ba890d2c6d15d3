//! What others run for a camera on which nothing happens.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::figures::Figures;
use super::{Pace, Served};
use crate::contestants::{Running, start_floor};

/// One that reads a stream, a process a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// FFmpeg, every picture decoded.
    FullDecode,
    /// FFmpeg to five pictures a second of 1280x720, raw: what Frigate runs for each camera.
    Frigate,
    /// FFmpeg, key frames decoded only.
    KeyFrames,
    /// Debian's `motion`.
    Motion,
    /// Python: OpenCV decodes, ONNX Runtime looks at five pictures a second.
    Python,
    /// FFmpeg, nothing decoded: the floor for any camera that is read.
    ReceiveOnly,
}

/// In the order of the table.
pub(crate) const OTHERS: [Other; 6] =
    [Other::FullDecode, Other::Frigate, Other::KeyFrames, Other::Motion, Other::Python, Other::ReceiveOnly];

/// Reads with OpenCV and looks with ONNX Runtime; see the file.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/idle/opencv.py");

// === impl Other ===

impl Other {
    /// Its part of a row's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Other::FullDecode => "ffmpeg-full",
            Other::Frigate => "frigate",
            Other::KeyFrames => "ffmpeg-key-frames",
            Other::Motion => "motion",
            Other::Python => "python",
            Other::ReceiveOnly => "ffmpeg-copy",
        }
    }

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Other::FullDecode => "`ffmpeg`, every picture",
            Other::Frigate => "`ffmpeg -r 5 -s 1280x720` (Frigate's)",
            Other::KeyFrames => "`ffmpeg -skip_frame nokey`",
            Other::Motion => "Debian's `motion`",
            Other::Python => "Python OpenCV + ONNX Runtime, YOLOX-nano 5/s",
            Other::ReceiveOnly => "`ffmpeg -c copy` (receive only)",
        }
    }

    /// Why it cannot take part.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let works = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok()
        };
        let imports = || {
            Command::new(python())
                .args(["-c", "import cv2, onnxruntime"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        match self {
            Other::Motion if !works("motion", &["-h"]) => Some("not installed: apt-get install motion"),
            Other::Python if !imports() => {
                Some("not installed: pip install opencv-python-headless onnxruntime, and MOSHAO_BENCH_PYTHON")
            }
            _ => None,
        }
    }

    /// What it uses for one camera.
    pub(super) fn measure(self, pace: &Pace, served: &Served, model: &Path) -> Figures {
        // What a contestant needs to lie in a file goes with the folder.
        let folder = tempfile::tempdir().expect("a directory for the contestant");
        let mut command = self.command(&served.cameras.urls(1)[0], served.size, model, &folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let running = Running(vec![command.spawn().expect("missing() said that it runs")]);
        pace.watch(&running, served, 1)
    }

    fn command(self, url: &str, (width, height): (u32, u32), model: &Path, folder: &TempDir) -> Command {
        let ffmpeg = |before: &[&str], behind: &[&str]| {
            let mut command = Command::new("ffmpeg");
            command
                .args(["-nostdin", "-v", "error", "-rtsp_transport", "tcp"])
                .args(before)
                .args(["-i", url]);
            command.args(behind);
            command
        };
        let size = format!("{}x{}", width.min(1280), height.min(720));
        match self {
            Other::FullDecode => ffmpeg(&[], &["-an", "-f", "null", "-"]),
            Other::Frigate => ffmpeg(&[], &["-r", "5", "-s", &size, "-f", "rawvideo", "-y", "/dev/null"]),
            Other::KeyFrames => ffmpeg(&["-skip_frame", "nokey"], &["-an", "-f", "null", "-"]),
            Other::ReceiveOnly => ffmpeg(&[], &["-an", "-c", "copy", "-f", "null", "-"]),
            Other::Motion => {
                let file = folder.path().join("motion.conf");
                let text = format!(
                    "daemon off\nnetcam_url {url}\nnetcam_params rtsp_transport=tcp\nwidth {width}\nheight {height}\n\
                     framerate 25\ntarget_dir {}\npicture_output off\nmovie_output off\nwebcontrol_port 0\n\
                     stream_port 0\nlog_level 3\n",
                    folder.path().display()
                );
                fs::write(&file, text).expect("the configuration of motion is written");
                let mut command = Command::new("motion");
                command.arg("-c").arg(file).stderr(Stdio::null());
                command
            }
            Other::Python => {
                let mut command = Command::new(python());
                command.arg(SCRIPT).arg(model).arg(url);
                command
            }
        }
    }
}

/// The gateway's RTSP client alone.
pub(super) fn receive_only(pace: &Pace, served: &Served, urls: &[String]) -> Figures {
    let program =
        std::env::current_exe().expect("Linux tells where the executable is").with_file_name("receive-only");
    let child = Command::new(program).args(urls).stdin(Stdio::null()).spawn();
    let running = Running(vec![child.expect("receive-only lies beside this benchmark")]);
    pace.watch(&running, served, urls.len())
}

/// Decode and bare inference.
pub(super) fn bare(pace: &Pace, served: &Served, urls: &[String], model: &Path) -> Figures {
    let (running, looked_at) = start_floor(urls, model);
    std::thread::sleep(pace.start);
    let (before, began) = (looked_at.count(), std::time::Instant::now());
    let figures = pace.figures(&running.pids(), served, urls.len());
    let camera_seconds = began.elapsed().as_secs_f64() * urls.len() as f64;
    Figures { inferred: Some((looked_at.count() - before) as f64 / camera_seconds), ..figures }
}

fn python() -> String {
    std::env::var("MOSHAO_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}
