//! One camera of a gateway, over hours and days: films shown again and again, and what is told of them.

use std::time::Duration;

use jiff::Timestamp;
use moshao::camera::appearance::Appearance;
use moshao::clock::Moment;
use moshao::quality::Quality;
use moshao::rules::Edge;
use moshao_config::Environment;

const CONFIG: &str = "[gateway]\nid = \"gw-test\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
                      [uplink]\nurl = \"mqtt://127.0.0.1\"\n[camera.yard]\nurl = \"rtsp://10.0.0.12/102\"\n";

/// One camera, and the time there.
pub(crate) struct Site {
    quality: Quality,
    at: Duration,
}

/// Something that was told: when, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Since the site began.
    pub(crate) at: Duration,
    /// Kind of the event.
    pub(crate) kind: String,
    /// Whether it began or is over.
    pub(crate) edge: Edge,
}

// === impl Site ===

impl Site {
    /// At 11:00 of an ordinary day.
    pub(crate) fn new() -> Self {
        let environment = Environment::of_process(std::path::Path::new("."));
        let config = moshao_config::parse(CONFIG, "site.toml", &environment).expect("the site is valid");
        Self { quality: Quality::new(&config), at: Duration::ZERO }
    }

    /// Shows a film again and again for so long.
    pub(crate) fn show(&mut self, film: &[Appearance], lasting: Duration) -> Vec<Told> {
        let end = self.at + lasting;
        let mut told = Vec::new();
        for look in film.iter().cycle() {
            if self.at >= end {
                break;
            }
            self.at += Duration::from_secs(2);
            let wall: Timestamp = "2026-11-26T03:00:00Z".parse().expect("a time");
            let now = Moment { mono: Duration::ZERO, wall }.later(self.at);
            let look = Appearance { media_time: self.at, ..look.clone() };
            let findings = self.quality.see(now, "yard", &look);
            told.extend(findings.into_iter().map(|finding| Told {
                at: self.at,
                kind: finding.rule.kind.clone(),
                edge: finding.edge,
            }));
        }
        told
    }
}
