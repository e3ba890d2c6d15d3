//! A real RTSP server (gst-rtsp-server) that plays footage like a camera; see `fixtures/rtsp_server.py`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a simulated camera offers.
#[derive(Debug, Clone, Default)]
pub struct CameraOptions {
    /// MP4 files, played one after the other for ever; another size in the next one is a resolution change. None for
    /// a stream that has audio alone.
    pub files: Vec<PathBuf>,
    /// Path of the stream; `/stream` where empty.
    pub path: String,
    /// User and password that are asked for.
    pub login: Option<(String, String)>,
    /// Ask for Basic instead of Digest authentication.
    pub basic: bool,
}

/// A running camera server. Ends when dropped.
#[derive(Debug)]
pub struct CameraServer {
    options: CameraOptions,
    port: u16,
    child: Child,
}

// === impl CameraOptions ===

impl CameraOptions {
    /// A camera without a login that plays one file at `/stream`.
    pub fn playing(file: impl AsRef<Path>) -> Self {
        Self { files: vec![file.as_ref().to_owned()], ..Self::default() }
    }

    /// A camera that has a microphone and no picture.
    pub fn audio_only() -> Self {
        Self::default()
    }

    /// Asks for a login by Digest authentication.
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    fn path(&self) -> &str {
        if self.path.is_empty() { "/stream" } else { &self.path }
    }
}

// === impl CameraServer ===

impl CameraServer {
    /// Starts a server on a free port of 127.0.0.1 and waits until it listens.
    ///
    /// # Panics
    /// Where python3-gi or gst-rtsp-server is missing.
    pub fn start(options: CameraOptions) -> Self {
        let (child, port) = spawn(&options, 0);
        Self { options, port, child }
    }

    /// URL of the stream, without user and password.
    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}{}", self.port, self.options.path())
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server as a power cut would: connections break, nothing listens any more.
    pub fn kill(&mut self) {
        // Fails only where the server has ended already.
        drop(self.child.kill());
        self.child.wait().expect("a child can be waited for");
    }

    /// Stops the process where it is: connections stay open and nothing comes through them any more.
    ///
    /// # Panics
    /// Where `kill` is missing.
    pub fn freeze(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-STOP", &pid]).status().expect("kill runs");
        assert!(status.success(), "kill -STOP {pid}");
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        self.kill();
        (self.child, _) = spawn(&self.options, self.port);
    }
}

impl Drop for CameraServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(options: &CameraOptions, port: u16) -> (Child, u16) {
    // Debian's interpreter, which has python3-gi; another python3 may come first in PATH.
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rtsp_server.py"))
        .args(["--port", &port.to_string(), "--path", options.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    for file in &options.files {
        command.arg("--file").arg(file);
    }
    if options.files.is_empty() {
        command.arg("--audio-only");
    }
    if let Some((user, password)) = &options.login {
        command.args(["--user", user, "--password", password]);
    }
    if options.basic {
        command.arg("--basic");
    }
    let mut child = command.spawn().expect("/usr/bin/python3 runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped"))
        .read_line(&mut line)
        .expect("the camera server speaks UTF-8");
    let port =
        line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok()).unwrap_or_else(|| {
            panic!("the camera server did not start (its errors are above); it said {line:?}")
        });
    (child, port)
}
