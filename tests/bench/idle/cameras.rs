//! Simulated cameras in processes of their own, so that what serving costs is not counted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moshao_tests::gateway::binary;
use moshao_tests::processes::Pid;

use crate::contestants::Running;

/// Servers that play one recording, each from another place on.
pub(crate) struct Cameras {
    servers: Running,
    urls: Vec<String>,
}

// === impl Cameras ===

impl Cameras {
    /// Starts `servers` of them, their beginnings spread evenly over `length`.
    pub(crate) fn start(file: &Path, length: Duration, servers: u32) -> Self {
        let mut cameras = Self { servers: Running(vec![]), urls: vec![] };
        for number in 0..servers {
            let mut child = spawn(file, length * number / servers);
            let mut url = String::new();
            BufReader::new(child.stdout.take().expect("stdout is piped"))
                .read_line(&mut url)
                .expect("the simulated camera speaks UTF-8");
            cameras.servers.0.push(child);
            assert!(url.starts_with("rtsp://"), "the simulated camera did not start; it said {url:?}");
            cameras.urls.push(url.trim().to_owned());
        }
        cameras
    }

    /// URLs of so many cameras, dealt out in turn.
    pub(crate) fn urls(&self, count: usize) -> Vec<String> {
        self.urls.iter().cycle().take(count).cloned().collect()
    }

    pub(crate) fn pids(&self) -> Vec<Pid> {
        self.servers.pids()
    }
}

fn spawn(file: &Path, begin: Duration) -> Child {
    Command::new(binary())
        .args(["simulate", "camera", "--listen", "127.0.0.1:0"])
        .args(["--begin", &format!("{}ms", begin.as_millis())])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}
