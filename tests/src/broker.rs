//! A real broker for tests: mosquitto (Debian package `mosquitto`) on a free port of the loopback interface.
//!
//! It keeps its port over [`Broker::stop`] and [`Broker::start_again`], so that clients meet the same address before
//! and after an outage. A plain one keeps nothing on disk: stopped, it forgets sessions and retained messages, the
//! harder case for its clients.

use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long mosquitto may take to accept connections.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Ends the broker when the pipe to it closes: when a test says so, and when the test itself is killed. It says so again until
/// the broker has ended: mosquitto 2.0 forgets a SIGTERM that comes after it listens and before its main loop.
const KEEPER: &str = r#"exec 3<&0; "$@" 3<&- </dev/null & broker=$!
(read -r _ <&3; while kill $broker 2>/dev/null; do sleep 0.1; done) & wait $broker"#;

/// A running (or stopped) mosquitto. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct Broker {
    /// TCP port on 127.0.0.1.
    pub port: u16,
    directory: TempDir,
    process: Option<Child>,
}

// === impl Broker ===

impl Broker {
    /// Starts a broker that lets everybody in.
    ///
    /// # Panics
    /// Where mosquitto is not installed or does not come up within 10 s.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a broker that keeps sessions over a stop, without a limit to what it queues for them.
    pub fn start_keeping_sessions() -> Self {
        Self::start_with("persistence true\nuser root\nmax_queued_messages 0\nmax_inflight_messages 0")
    }

    /// Starts a broker with further lines in its `mosquitto.conf(5)`.
    pub fn start_with(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the broker");
        let port = free_port();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence_location {}/\n{settings}\n",
            directory.path().display()
        );
        fs::write(directory.path().join("mosquitto.conf"), text)
            .expect("the broker's configuration is written");
        let mut broker = Self { port, directory, process: None };
        broker.start_again();
        broker
    }

    /// `mqtt://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends the broker (SIGTERM): connections break, the port refuses.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.stdin.take());
            process.wait().expect("the broker has ended");
        }
    }

    /// Starts it on the same port; returns when it accepts connections.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the broker runs already; stop() it first");
        let log =
            fs::File::options().create(true).append(true).open(self.log_path()).expect("the broker's log");
        let child = Command::new("sh")
            .args(["-c", KEEPER, "sh", program(), "-c"])
            .arg(self.directory.path().join("mosquitto.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto is needed for this test: apt-get install mosquitto");
        self.process = Some(child);
        self.wait_until_it_listens();
    }

    /// Publishes with QoS 1, as a sensor would; returns when the broker has it.
    ///
    /// # Panics
    /// Where mosquitto_pub is not installed or the broker is away.
    pub fn publish(&self, topic: &str, payload: &str) {
        self.publish_with(topic, &["-m".as_ref(), payload.as_ref()]);
    }

    /// As [`Broker::publish`]; the broker keeps the message for those who subscribe later.
    ///
    /// # Panics
    /// Where mosquitto_pub is not installed or the broker is away.
    pub fn publish_retained(&self, topic: &str, payload: &str) {
        let what: &[&OsStr] = match payload {
            // mosquitto_pub takes no empty message for one.
            "" => &["-r".as_ref(), "-n".as_ref()],
            _ => &["-r".as_ref(), "-m".as_ref(), payload.as_ref()],
        };
        self.publish_with(topic, what);
    }

    /// As [`Broker::publish`], with the contents of a file.
    ///
    /// # Panics
    /// Where mosquitto_pub is not installed or the broker is away.
    pub fn publish_file(&self, topic: &str, file: &Path) {
        self.publish_with(topic, &["-f".as_ref(), file.as_os_str()]);
    }

    fn publish_with(&self, topic: &str, what: &[&OsStr]) {
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic])
            .args(what)
            .status()
            .expect("mosquitto_pub is needed for this test: apt-get install mosquitto-clients");
        assert!(status.success(), "mosquitto_pub could not publish on {topic}");
    }

    /// What mosquitto has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.directory.path().join("mosquitto.log")
    }

    fn wait_until_it_listens(&mut self) {
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let process = self.process.as_mut().expect("start_again has just set it");
            let ended = process.try_wait().expect("the broker's state can be asked");
            assert!(ended.is_none(), "mosquitto ended at once: {ended:?}\n{}", self.log());
            assert!(
                begin.elapsed() < START_LIMIT,
                "mosquitto is not up after {START_LIMIT:?}:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A TCP port on loopback that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Debian puts mosquitto into `/usr/sbin`, which is not on everybody's path.
fn program() -> &'static str {
    if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_broker_refuses_and_comes_back_on_its_port() {
        let mut broker = Broker::start();
        let port = broker.port;
        broker.stop();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "a stopped broker refuses connections");
        broker.start_again();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert_eq!(broker.url(), format!("mqtt://127.0.0.1:{port}"));
        // As when the test is killed: the system closes the pipe.
        let mut process = broker.process.take().expect("it runs");
        drop(process.stdin.take());
        process.wait().expect("it ends");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing is left of it");
    }
}
