//! Health of camera streams: from what a worker reports about its sessions to findings.
//!
//! A fault that somebody has to mend (a wrong password, a wrong path) is told at once; one that may mend itself (a
//! camera that restarts, a link that drops) only after [`PATIENCE`]. A stream that flows again clears its finding.

use std::sync::Arc;
use std::time::Duration;

use moshao_config::Category;

use crate::clock::Moment;
use crate::rules::{Detail, Edge, Finding, RuleInfo, Source};
use crate::worker::link::{StreamFault, StreamState};

/// How long a fault that may mend itself stays untold.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What is known about one camera's stream.
#[derive(Debug)]
pub struct StreamHealth {
    source: Source,
    /// It is the main stream beside the one that is looked at.
    is_main: bool,
    ailment: Option<Ailment>,
}

#[derive(Debug)]
struct Ailment {
    fault: StreamFault,
    message: String,
    since: Duration,
    told: bool,
}

// === impl StreamHealth ===

impl StreamHealth {
    /// A camera of which nothing is known yet.
    pub fn new(camera: &str) -> Self {
        StreamHealth { source: Source::Camera(camera.to_owned()), is_main: false, ailment: None }
    }

    /// The same of a camera's main stream.
    pub fn of_main(camera: &str) -> Self {
        StreamHealth { is_main: true, ..Self::new(camera) }
    }

    /// Takes up a fault that was told before a restart: a stream that flows will clear it.
    pub fn restore(&mut self, now: Moment, rule_id: &str) {
        if let Some(fault) = StreamFault::ALL.into_iter().find(|fault| rule_id == self.rule_id(*fault)) {
            self.ailment = Some(Ailment { fault, message: String::new(), since: now.mono, told: true });
        }
    }

    /// A new state of the stream.
    pub fn step(&mut self, now: Moment, state: &StreamState) -> Vec<Finding> {
        match state {
            StreamState::Connecting => Vec::new(),
            StreamState::Live { .. } => self.mend(now).into_iter().collect(),
            StreamState::Failed { fault, message, .. } => {
                let mut findings = Vec::new();
                let same = self.ailment.as_ref().is_some_and(|ailment| ailment.fault == *fault);
                if !same {
                    findings.extend(self.mend(now));
                    self.ailment = Some(Ailment {
                        fault: *fault,
                        message: message.clone(),
                        since: now.mono,
                        told: false,
                    });
                }
                findings.extend(self.tick(now));
                findings
            }
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) -> Option<Finding> {
        let ailment = self.ailment.as_mut()?;
        let patience = if ailment.fault.may_mend_itself() { PATIENCE } else { Duration::ZERO };
        if ailment.told || now.mono.saturating_sub(ailment.since) < patience {
            return None;
        }
        ailment.told = true;
        let (fault, symptom) = (ailment.fault, ailment.message.clone());
        Some(self.finding(now, fault, Edge::Raised, Detail::Symptom(symptom)))
    }

    /// The stream is not watched any more, and its fault over with it.
    pub fn over(&mut self, now: Moment) -> Option<Finding> {
        self.mend(now)
    }

    fn mend(&mut self, now: Moment) -> Option<Finding> {
        let ailment = self.ailment.take()?;
        ailment.told.then(|| self.finding(now, ailment.fault, Edge::Cleared, Detail::Nothing))
    }

    fn finding(&self, now: Moment, fault: StreamFault, edge: Edge, detail: Detail) -> Finding {
        let (kind, title) = if self.is_main { ("camera-main", "主码流：") } else { ("camera", "") };
        let rule = Arc::new(RuleInfo {
            id: self.rule_id(fault),
            level: 4,
            code: fault.code().to_owned(),
            category: Category::Device,
            kind: format!("{kind}-{}", fault.as_str()),
            title: format!("{title}{}", fault.title()),
        });
        Finding { rule, source: self.source.clone(), edge, detail, origin_unix_ms: now.wall.as_millisecond() }
    }

    fn rule_id(&self, fault: StreamFault) -> String {
        let stream = if self.is_main { "main-" } else { "" };
        format!("health/{stream}{}", fault.as_str())
    }
}

// === impl StreamFault ===

impl StreamFault {
    /// Every fault.
    pub const ALL: [StreamFault; 11] = [
        StreamFault::Unreachable,
        StreamFault::WrongPassword,
        StreamFault::InsecureLogin,
        StreamFault::NoSuchStream,
        StreamFault::Refused,
        StreamFault::NotRtsp,
        StreamFault::NoVideo,
        StreamFault::UnsupportedCodec,
        StreamFault::Timeout,
        StreamFault::Silent,
        StreamFault::Corrupt,
    ];

    /// The word in metrics and event types.
    pub fn as_str(self) -> &'static str {
        match self {
            StreamFault::Unreachable => "unreachable",
            StreamFault::WrongPassword => "wrong-password",
            StreamFault::InsecureLogin => "insecure-login",
            StreamFault::NoSuchStream => "no-such-stream",
            StreamFault::Refused => "refused",
            StreamFault::NotRtsp => "not-rtsp",
            StreamFault::NoVideo => "no-video",
            StreamFault::UnsupportedCodec => "unsupported-codec",
            StreamFault::Timeout => "timeout",
            StreamFault::Silent => "silent",
            StreamFault::Corrupt => "corrupt",
        }
    }

    /// Event code.
    fn code(self) -> &'static str {
        match self {
            StreamFault::Unreachable | StreamFault::Timeout => "OFFLINE",
            StreamFault::WrongPassword | StreamFault::InsecureLogin => "CAMERA_LOGIN",
            StreamFault::Refused => "CAMERA_BUSY",
            StreamFault::NoSuchStream
            | StreamFault::NotRtsp
            | StreamFault::NoVideo
            | StreamFault::UnsupportedCodec => "CAMERA_SETTINGS",
            StreamFault::Silent | StreamFault::Corrupt => "VQ_LOSS",
        }
    }

    /// Title for people at the centre.
    fn title(self) -> &'static str {
        match self {
            StreamFault::Unreachable => "摄像机离线",
            StreamFault::WrongPassword => "摄像机密码错误",
            StreamFault::InsecureLogin => "摄像机仅支持明文登录",
            StreamFault::NoSuchStream => "码流地址不存在",
            StreamFault::Refused => "摄像机拒绝连接",
            StreamFault::NotRtsp => "对端不是 RTSP 服务",
            StreamFault::NoVideo => "码流中没有视频",
            StreamFault::UnsupportedCodec => "视频编码不支持",
            StreamFault::Timeout => "摄像机无响应",
            StreamFault::Silent => "视频信号丢失",
            StreamFault::Corrupt => "视频数据损坏",
        }
    }

    /// A camera that restarts, a link that drops: told only when it lasts.
    fn may_mend_itself(self) -> bool {
        match self {
            StreamFault::Unreachable
            | StreamFault::Refused
            | StreamFault::Timeout
            | StreamFault::Silent
            | StreamFault::Corrupt => true,
            StreamFault::WrongPassword
            | StreamFault::InsecureLogin
            | StreamFault::NoSuchStream
            | StreamFault::NotRtsp
            | StreamFault::NoVideo
            | StreamFault::UnsupportedCodec => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn at(s: u64) -> Moment {
        Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH }.later(Duration::from_secs(s))
    }

    fn failed(fault: StreamFault) -> StreamState {
        StreamState::Failed { fault, message: "it failed".to_owned(), retry_in: Duration::from_secs(1) }
    }

    fn live() -> StreamState {
        StreamState::Live { codec: "h264".to_owned(), width: 1920, height: 1080 }
    }

    fn edges(findings: &[Finding]) -> Vec<(&str, Edge)> {
        findings.iter().map(|f| (f.rule.kind.as_str(), f.edge)).collect()
    }

    #[test]
    fn a_wrong_password_is_told_at_once_and_once() {
        let mut health = StreamHealth::new("gate-east");
        let first = health.step(at(0), &failed(StreamFault::WrongPassword));
        assert_eq!(edges(&first), [("camera-wrong-password", Edge::Raised)]);
        assert_eq!(first[0].detail, Detail::Symptom("it failed".to_owned()));
        assert!(health.step(at(30), &failed(StreamFault::WrongPassword)).is_empty());
    }

    #[test]
    fn a_camera_that_restarts_quickly_is_not_told() {
        let mut health = StreamHealth::new("gate-east");
        assert!(health.step(at(0), &failed(StreamFault::Unreachable)).is_empty());
        assert!(health.step(at(5), &StreamState::Connecting).is_empty());
        assert!(health.step(at(6), &live()).is_empty());
        assert!(health.tick(at(60)).is_none());
    }

    #[test]
    fn one_that_stays_away_is_told_and_cleared_when_it_comes_back() {
        let mut health = StreamHealth::new("gate-east");
        health.step(at(0), &failed(StreamFault::Unreachable));
        let told: Vec<_> = health.tick(at(10)).into_iter().collect();
        assert_eq!(edges(&told), [("camera-unreachable", Edge::Raised)]);
        assert_eq!(edges(&health.step(at(100), &live())), [("camera-unreachable", Edge::Cleared)]);
    }

    #[test]
    fn the_main_stream_has_words_of_its_own() {
        let mut health = StreamHealth::of_main("gate-east");
        let told = health.step(at(0), &failed(StreamFault::WrongPassword));
        assert_eq!(edges(&told), [("camera-main-wrong-password", Edge::Raised)]);
        assert_eq!(told[0].rule.id, "health/main-wrong-password");
        let mut other = StreamHealth::new("gate-east");
        other.restore(at(0), "health/main-wrong-password");
        assert!(other.step(at(1), &live()).is_empty(), "not the fault of the other stream");
    }

    #[test]
    fn another_fault_clears_the_first() {
        let mut health = StreamHealth::new("gate-east");
        health.step(at(0), &failed(StreamFault::WrongPassword));
        assert_eq!(
            edges(&health.step(at(1), &failed(StreamFault::NoSuchStream))),
            [("camera-wrong-password", Edge::Cleared), ("camera-no-such-stream", Edge::Raised)]
        );
    }

    #[test]
    fn a_restart_does_not_tell_it_again_and_still_clears_it() {
        let mut health = StreamHealth::new("gate-east");
        health.restore(at(0), "health/wrong-password");
        assert!(health.step(at(1), &failed(StreamFault::WrongPassword)).is_empty());
        assert_eq!(edges(&health.step(at(2), &live())), [("camera-wrong-password", Edge::Cleared)]);
    }
}
