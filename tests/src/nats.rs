//! A centre of three NATS servers, set up with the files of `deploy/centre`, and as much of the NATS protocol as it
//! takes to read what they keep (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::broker::free_port;
use crate::wait::eventually;

/// The centre's own login, as `boxes.conf` comes.
const CENTRE: (&str, &str) = ("centre", "change-me");
/// What boxes are let in with here.
pub const BOX_PASSWORD: &str = "box-secret";
/// How long three servers may take to agree on a leader.
const START_LIMIT: Duration = Duration::from_secs(60);
/// An answer that has not come by then does not come.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Three servers; ended when dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    directory: TempDir,
}

#[derive(Debug)]
struct Node {
    number: usize,
    client_port: u16,
    cluster_port: u16,
    mqtt_port: u16,
    monitor_port: u16,
    process: Option<Child>,
}

/// Whether nats-server is there.
pub fn is_installed() -> bool {
    Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_ok_and(|it| it.success())
}

// === impl Cluster ===

impl Cluster {
    /// Starts three servers that let these gateways of this division in, and keep events.
    pub fn start(division: &str, gateways: &[String]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the servers");
        let centre = deploy_centre();
        for file in ["nats.conf", "boxes.conf"] {
            fs::copy(centre.join(file), directory.path().join(file)).expect("a file of deploy/centre");
        }
        let boxes = directory.path().join("boxes.conf");
        let mut add = Command::new(centre.join("add-box"));
        add.arg("--file").arg(&boxes).arg(division).args(gateways);
        run(add.env("BOX_PASSWORD", BOX_PASSWORD));
        let nodes = (1..=3)
            .map(|number| Node {
                number,
                client_port: free_port(),
                cluster_port: free_port(),
                mqtt_port: free_port(),
                monitor_port: free_port(),
                process: None,
            })
            .collect();
        let mut cluster = Self { nodes, directory };
        for node in 0..3 {
            cluster.bring_back(node);
        }
        eventually("three servers agree on a leader", START_LIMIT, || {
            let mut keep = Command::new(deploy_centre().join("keep-events"));
            keep.arg(format!("127.0.0.1:{}", cluster.nodes[0].client_port));
            let done = keep.stdout(Stdio::null()).stderr(Stdio::null()).status();
            done.is_ok_and(|status| status.success()).then_some(())
        });
        cluster
    }

    /// Ports on 127.0.0.1 at which MQTT clients are taken.
    pub fn mqtt_ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.mqtt_port).collect()
    }

    /// Ports on 127.0.0.1 at which NATS clients are taken.
    pub fn client_ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.client_port).collect()
    }

    /// Kills one of the servers, 0 to 2, as a power cut would.
    pub fn kill(&mut self, node: usize) {
        if let Some(mut process) = self.nodes[node].process.take() {
            process.kill().expect("a child can be killed");
            process.wait().expect("a killed child ends");
        }
    }

    /// Starts it again with what is on its disk.
    pub fn bring_back(&mut self, node: usize) {
        let directory = self.directory.path();
        let routes: Vec<String> =
            self.nodes.iter().map(|node| format!("nats://127.0.0.1:{}", node.cluster_port)).collect();
        let node = &mut self.nodes[node];
        let mut command = Command::new("nats-server");
        command
            .arg("-c")
            .arg(directory.join("nats.conf"))
            .arg("-l")
            .arg(directory.join(format!("log-{}", node.number)))
            .env("NODE", format!("centre-{}", node.number))
            .env("STORE", directory.join(format!("store-{}", node.number)))
            .env("CLIENT_PORT", node.client_port.to_string())
            .env("CLUSTER_PORT", node.cluster_port.to_string())
            .env("MQTT_PORT", node.mqtt_port.to_string())
            .env("MONITOR", format!("127.0.0.1:{}", node.monitor_port))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for (number, route) in routes.iter().enumerate() {
            command.env(format!("ROUTE_{}", number + 1), route);
        }
        node.process = Some(command.spawn().expect("nats-server starts"));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node);
        }
    }
}

fn deploy_centre() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in a workspace")
        .join("deploy/centre")
}

fn run(command: &mut Command) {
    let output = command.stdout(Stdio::null()).output().expect("a script of deploy/centre starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A connection of the centre's own to one server.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where an answer goes; for a message of a stream, where it is acknowledged.
    pub reply: Option<String>,
    /// What it says; empty for a status of the server.
    pub payload: Vec<u8>,
}

// === impl Client ===

impl Client {
    /// Connects and listens on this subject.
    ///
    /// # Errors
    /// The server is away or does not answer.
    pub fn connect(port: u16, subject: &str) -> io::Result<Self> {
        let writer = TcpStream::connect(("127.0.0.1", port))?;
        writer.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut client = Self { reader: BufReader::new(writer.try_clone()?), writer };
        let (user, password) = CENTRE;
        let login = serde_json::json!({"verbose": false, "headers": true, "user": user, "pass": password});
        client.send(&format!("CONNECT {login}\r\nSUB {subject} 1\r\n"))?;
        Ok(client)
    }

    /// Publishes, with a subject for the answer.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn publish(&mut self, subject: &str, reply: &str, payload: &str) -> io::Result<()> {
        self.send(&format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len()))
    }

    /// The next message.
    ///
    /// # Errors
    /// The connection is broken, or nothing comes for 5 s.
    pub fn receive(&mut self) -> io::Result<Message> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let number = |word: &str| {
                word.parse::<usize>().map_err(|_| io::Error::other(format!("server says {line}")))
            };
            // `MSG subject sid [reply] bytes`, `HMSG subject sid [reply] header-bytes bytes`.
            let (reply, header_bytes, bytes) = match words[..] {
                ["MSG", _, _, bytes] => (None, 0, number(bytes)?),
                ["MSG", _, _, reply, bytes] => (Some(reply), 0, number(bytes)?),
                ["HMSG", _, _, header, bytes] => (None, number(header)?, number(bytes)?),
                ["HMSG", _, _, reply, header, bytes] => (Some(reply), number(header)?, number(bytes)?),
                ["PING"] => {
                    self.send("PONG\r\n")?;
                    continue;
                }
                ["-ERR", ..] => return Err(io::Error::other(line)),
                _ => continue,
            };
            let mut body = vec![0; bytes + 2];
            self.reader.read_exact(&mut body)?;
            body.truncate(bytes);
            return Ok(Message { reply: reply.map(str::to_owned), payload: body.split_off(header_bytes) });
        }
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())
    }
}
