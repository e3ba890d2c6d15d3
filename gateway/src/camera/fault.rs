//! What can go wrong between here and a camera, in words that people can act on.
//!
//! Texts name the camera by host and port alone: some cameras carry the password in the path or the query of their
//! URL, so neither is ever printed.

use std::fmt::Display;
use std::time::Duration;

use moshao_config::Secret;
use url::Url;

use crate::worker::link::StreamFault;

/// Longest part of a text that comes from the camera.
const FOREIGN_TEXT_MAX: usize = 200;

/// Why a session could not be had, or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    /// Bounded word for metrics and events.
    pub fault: StreamFault,
    /// What failed, with value, unit and limit, and what to do. Never a password.
    pub message: String,
}

/// Steps of a session, each with a deadline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// TCP connect and RTSP DESCRIBE.
    Describe,
    /// RTSP SETUP.
    Setup,
    /// RTSP PLAY.
    Play,
    /// Receiving pictures.
    Watch,
}

// === impl Step ===

impl Step {
    /// The word for people and its key in the configuration's deadlines.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Describe => "DESCRIBE",
            Step::Setup => "SETUP",
            Step::Play => "PLAY",
            Step::Watch => "watching",
        }
    }
}

// === impl SessionError ===

impl SessionError {
    /// A fault with its text.
    pub fn new(fault: StreamFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }

    /// What an error of the RTSP client means.
    ///
    /// The client gives the status of a refusal; everything else it says in words alone, and these decide here
    /// (retina 0.4.21, `error.rs`).
    pub fn from_retina(step: Step, peer: &str, error: &retina::Error) -> Self {
        let said = first_line(&error.to_string());
        if let Some(status) = error.status_code() {
            return Self::from_status(step, peer, status, &said);
        }
        let during = step.as_str();
        if let Some(reason) = said.strip_prefix("Unable to connect to RTSP server: ") {
            Self::unreachable(peer, reason)
        } else if said.starts_with("RTSP framing error") && step == Step::Describe {
            Self::not_rtsp(peer)
        } else if said.starts_with("Error reading") || said.starts_with("Error writing") {
            Self::new(
                StreamFault::Unreachable,
                format!(
                    "{peer} broke the connection during {during}: {said}; is it an RTSP port, and is the network sound?"
                ),
            )
        } else if said.starts_with("Timeout") {
            Self::new(
                StreamFault::Timeout,
                format!("{peer} did not answer a keep-alive request during {during}"),
            )
        } else {
            Self::new(
                StreamFault::Corrupt,
                format!("{peer} sent what makes no sense during {during}: {said}"),
            )
        }
    }

    /// The peer answered, but not in RTSP.
    pub fn not_rtsp(peer: &str) -> Self {
        Self::new(
            StreamFault::NotRtsp,
            format!(
                "{peer} does not speak RTSP; check the port (RTSP usually listens on 554, web pages on 80)"
            ),
        )
    }

    /// The peer could not be connected to.
    pub fn unreachable(peer: &str, reason: impl Display) -> Self {
        Self::new(
            StreamFault::Unreachable,
            format!("cannot connect to {peer}: {reason}; is the camera powered and on this network?"),
        )
    }

    /// The camera sent fewer than two pictures in the time it was watched.
    pub fn too_few_pictures(peer: &str, watched: Duration) -> Self {
        Self::new(
            StreamFault::Silent,
            format!("{peer} sent fewer than two pictures in {} s; watch it for longer", watched.as_secs()),
        )
    }

    fn from_status(step: Step, peer: &str, status: u16, said: &str) -> Self {
        let during = step.as_str();
        match status {
            200 => Self::new(
                StreamFault::Corrupt,
                format!("{peer} answered {during} with what makes no sense: {said}"),
            ),
            401 if said.contains("no credentials supplied") => Self::new(
                StreamFault::WrongPassword,
                format!(
                    "{peer} asks for a login and none is configured; put user and password into the camera's url"
                ),
            ),
            401 => Self::new(
                StreamFault::WrongPassword,
                format!(
                    "{peer} refused user and password (401); check both, and whether too many clients are logged in: \
                     some cameras answer 401 then"
                ),
            ),
            404 => Self::new(
                StreamFault::NoSuchStream,
                format!("{peer} has no such stream (404); check the path of the camera's url in its manual"),
            ),
            453 | 503 => Self::new(
                StreamFault::Refused,
                format!(
                    "{peer} has no room for another client ({status}); close other viewers or use a sub-stream"
                ),
            ),
            _ => Self::new(StreamFault::Refused, format!("{peer} refused {during}: {said}")),
        }
    }

    /// Blots out the password, should a camera have echoed it into a text.
    pub fn without(mut self, password: Option<&Secret>) -> Self {
        // Blotting out a very short one would garble the text, and tell more than it hides.
        if let Some(password) = password.filter(|password| password.reveal().len() >= 4) {
            self.message = self.message.replace(password.reveal(), "***");
        }
        self
    }
}

/// The camera in texts: host and port.
pub fn peer_of(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or("?"), url.port().unwrap_or(554))
}

/// The first line of a text that may come from a camera, printable and not too long.
pub fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(FOREIGN_TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_named_without_path_query_and_login() {
        let url: Url = "rtsp://10.0.0.9/user=admin&password=hunter2&channel=1".parse().unwrap();
        assert_eq!(peer_of(&url), "10.0.0.9:554");
        assert_eq!(peer_of(&"rtsp://[fe80::1]:8554/a".parse().unwrap()), "[fe80::1]:8554");
    }

    #[test]
    fn an_echoed_password_is_blotted_out() {
        let error = SessionError::new(StreamFault::Refused, "no hunter2 here");
        assert_eq!(error.without(Some(&Secret::new("hunter2"))).message, "no *** here");
    }

    #[test]
    fn foreign_text_is_cut_and_printable() {
        assert_eq!(first_line("one\u{1b}[31m\ntwo"), "one[31m");
        assert_eq!(first_line(&"x".repeat(5000)).len(), FOREIGN_TEXT_MAX);
    }

    #[test]
    fn refusals_are_told_apart() {
        let fault = |status| SessionError::from_status(Step::Describe, "cam:554", status, "said").fault;
        assert_eq!(fault(401), StreamFault::WrongPassword);
        assert_eq!(fault(404), StreamFault::NoSuchStream);
        assert_eq!(fault(453), StreamFault::Refused);
        assert_eq!(fault(500), StreamFault::Refused);
        assert_eq!(fault(200), StreamFault::Corrupt);
    }
}
