//! A simulated camera of the gateway's own (`moshao simulate camera`) in a process: it can misbehave at a given time,
//! which the real RTSP server of [`camera_server`](crate::camera_server) cannot.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::gateway::binary;
use crate::processes::Pid;

/// A running simulated camera that plays files in a loop. Ends when dropped.
#[derive(Debug)]
pub struct SimulatedCamera {
    child: Child,
    url: String,
}

// === impl SimulatedCamera ===

impl SimulatedCamera {
    /// Starts one that begins `begin` into the files and has these faults (see `moshao simulate camera --help`).
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(files: &[PathBuf], begin: Duration, faults: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["simulate", "camera", "--listen", "127.0.0.1:0"])
            .args(["--begin", &format!("{}ms", begin.as_millis())])
            .args(faults.iter().flat_map(|fault| ["--fault", fault]))
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("the simulated camera speaks UTF-8");
        assert!(line.starts_with("rtsp://"), "the simulated camera did not start; it said {line:?}");
        Self { child, url: line.trim().to_owned() }
    }

    /// Plays one file from its beginning, without a fault.
    pub fn playing(file: &Path) -> Self {
        Self::start(&[file.to_owned()], Duration::ZERO, &[])
    }

    /// URL of its stream.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.child.id()
    }
}

impl Drop for SimulatedCamera {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
