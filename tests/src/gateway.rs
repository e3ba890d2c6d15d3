//! The real gateway: the binary `moshao run` as a process of its own, with a configuration in a temporary directory.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::broker::free_port;
use crate::processes;
use crate::wait::eventually;

/// How long the gateway may take until `/healthz` answers.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running `moshao run`. Dropped, it is killed; in a test that fails, its log is printed.
#[derive(Debug)]
pub struct Gateway {
    process: Child,
    directory: TempDir,
    http_port: u16,
}

// === impl Gateway ===

impl Gateway {
    /// Writes `sections` below the ones that every gateway has (`gateway`, `grid`, `http`) and runs it; returns when
    /// its HTTP server answers. Two gateways at one broker need different ids; this one is `gw-test`.
    pub fn start(sections: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the gateway");
        let http_port = free_port();
        let file = directory.path().join("moshao.toml");
        let common = format!(
            "[gateway]\nid = \"gw-test\"\ndivision = \"510104001001\"\ndata_dir = \"data\"\n\
             [grid]\ncode = \"510104001001003\"\n[http]\nlisten = \"127.0.0.1:{http_port}\"\n"
        );
        // Unless a test is about them: no fire waits for a person, and what comes again is told as new.
        let incidents = "[incidents]\nfire_latch = \"0s\"\nreopen_within = \"0s\"\nflood = 100000\n";
        let incidents = if sections.contains("[incidents]") { "" } else { incidents };
        fs::write(&file, common + incidents + sections).expect("the configuration is written");
        let process = run(&file, &directory.path().join("log"));
        let mut gateway = Self { process, directory, http_port };
        gateway.wait_until_it_answers();
        gateway
    }

    /// Process id of the parent.
    pub fn pid(&self) -> processes::Pid {
        self.process.id()
    }

    /// Port of its HTTP server on 127.0.0.1.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("moshao.toml")
    }

    /// Process ids of the camera workers.
    pub fn workers(&self) -> Vec<processes::Pid> {
        processes::children(self.pid(), "camera-worker")
    }

    /// Where its outbox and its evidence lie.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// What `/metrics` says.
    pub fn metrics(&self) -> String {
        self.get("/metrics").expect("the gateway answers").1
    }

    /// Sum of all samples of a metric that carry these labels; 0 where there is none yet.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        sum_of_samples(&self.metrics(), name, labels)
    }

    /// Status code and body of a GET.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http_port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Waits until pictures flow from a camera.
    #[track_caller]
    pub fn wait_until_camera_is_up(&self, camera: &str, patience: Duration) {
        eventually(&format!("pictures flow from {camera}"), patience, || {
            (self.metric("moshao_camera_up", &[("camera", camera)]) == 1.0).then_some(())
        });
    }

    /// Sends a signal to the parent.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Runs it again with the same configuration and data, after it has ended.
    pub fn restart(&mut self) {
        self.process = run(&self.config_file(), &self.directory.path().join("log"));
        self.wait_until_it_answers();
    }

    /// Waits for the parent's end and returns its status.
    #[track_caller]
    pub fn wait_for_exit(&mut self, patience: Duration) -> ExitStatus {
        eventually("the gateway exits", patience, || self.process.try_wait().expect("it is our child"))
    }

    fn wait_until_it_answers(&mut self) {
        let begin = Instant::now();
        while self.get("/healthz").is_none() {
            let ended = self.process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "moshao run ended at once: {ended:?}");
            assert!(begin.elapsed() < START_LIMIT, "moshao run does not answer after {START_LIMIT:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            drop(writeln!(std::io::stderr(), "--- log of the gateway\n{}--- end of the log", self.log()));
        }
    }
}

/// Sends a signal to any process of ours.
///
/// # Panics
/// Where it is gone.
pub fn send(pid: processes::Pid, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().expect("process ids fit into i32"));
    kill(pid, signal).expect("the process is there and ours");
}

/// The binary `moshao`, built now if it is not up to date, in the profile that the test itself was built in.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find)
}

fn find() -> PathBuf {
    // target/PROFILE/deps/end_to_end-0123456789abcdef, or target/PROFILE/bench
    let me = std::env::current_exe().expect("Linux tells where the executable is");
    let folder = me.parent().expect("an executable lies in a folder");
    let binary = match folder.ends_with("deps") {
        true => folder.with_file_name("moshao-under-test"),
        false => folder.join("moshao"),
    };
    assert!(
        binary.exists(),
        "there is no {}: cargo builds it with the tests of moshao-tests, and deploy/bench with the benchmark",
        binary.display()
    );
    binary
}

fn run(config: &Path, log: &Path) -> Child {
    Command::new(binary())
        .arg("run")
        .arg("--config")
        .arg(config)
        .env("MOSHAO_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log).expect("the gateway's log"))
        .spawn()
        .expect("the binary runs")
}

fn sum_of_samples(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    text.lines()
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (series_name, series_labels) = series.split_once('{').unwrap_or((series, ""));
            let matches = series_name == name
                && labels.iter().all(|(key, wanted)| series_labels.contains(&format!("{key}=\"{wanted}\"")));
            if matches { value.parse::<f64>().ok() } else { None }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name_and_labels() {
        let text = "# HELP up x\nup 1\nfaults{camera=\"a\",fault=\"silent\"} 2\nfaults{camera=\"b\",fault=\"silent\"} 3\n";
        assert_eq!(sum_of_samples(text, "up", &[]), 1.0);
        assert_eq!(sum_of_samples(text, "faults", &[("camera", "a")]), 2.0);
        assert_eq!(sum_of_samples(text, "faults", &[("fault", "silent")]), 5.0);
        assert_eq!(sum_of_samples(text, "fault", &[]), 0.0);
    }
}
