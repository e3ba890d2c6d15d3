//! Health of camera workers: from how far a worker has stepped down to findings.
//!
//! Each rung of the [ladder](crate::worker::ladder) is a condition of its own, true as long as the worker stands on it or
//! below, and told once it has lasted [`PATIENCE`]: cameras that all come back at once overload a worker for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use moshao_config::Category;

use crate::clock::Moment;
use crate::rules::{Detail, Edge, Finding, RuleInfo, Source};
use crate::worker::ladder::Rung;
use crate::worker::link::Standing;

/// How long a rung stays untold.
pub const PATIENCE: Duration = Duration::from_secs(10);

const CODE: &str = "OVERLOAD";

/// What is known about one worker.
#[derive(Debug)]
pub struct WorkerHealth {
    source: Source,
    /// Why it stands where it stands, in a sentence.
    symptom: String,
    /// Rungs that it has stepped down to, and since when.
    reached: BTreeMap<Rung, Duration>,
    told: BTreeSet<Rung>,
}

// === impl WorkerHealth ===

impl WorkerHealth {
    /// A worker that does everything.
    pub fn new(worker: &str) -> Self {
        WorkerHealth {
            source: Source::Gateway(worker.to_owned()),
            symptom: String::new(),
            reached: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Takes up what was told before a restart: the worker's first word will clear it.
    pub fn restore(&mut self, now: Moment, rule_id: &str) {
        if let Some(rung) = Rung::ALL.into_iter().find(|rung| rule_id == rule_id_of(*rung)) {
            self.reached.insert(rung, now.mono);
            self.told.insert(rung);
        }
    }

    /// The worker has stepped.
    pub fn step(&mut self, now: Moment, standing: &Standing) -> Vec<Finding> {
        self.symptom = symptom(standing);
        let below = |rung: &Rung| *rung > Rung::Full && *rung <= standing.rung;
        for rung in Rung::ALL.into_iter().filter(below) {
            self.reached.entry(rung).or_insert(now.mono);
        }
        self.reached.retain(|rung, _| below(rung));
        let over: Vec<Rung> = self.told.iter().copied().filter(|rung| !below(rung)).collect();
        self.told.retain(below);
        over.into_iter().rev().map(|rung| self.finding(now, rung, Edge::Cleared, Detail::Nothing)).collect()
    }

    /// The worker runs no more, and what was told of it is over.
    pub fn over(&mut self, now: Moment) -> Vec<Finding> {
        self.reached.clear();
        let told = std::mem::take(&mut self.told);
        told.into_iter().rev().map(|rung| self.finding(now, rung, Edge::Cleared, Detail::Nothing)).collect()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) -> Vec<Finding> {
        let is_due = |(rung, since): (&Rung, &Duration)| {
            (!self.told.contains(rung) && now.mono.saturating_sub(*since) >= PATIENCE).then_some(*rung)
        };
        let due: Vec<Rung> = self.reached.iter().filter_map(is_due).collect();
        self.told.extend(&due);
        let detail = || Detail::Symptom(self.symptom.clone());
        due.into_iter().map(|rung| self.finding(now, rung, Edge::Raised, detail())).collect()
    }

    fn finding(&self, now: Moment, rung: Rung, edge: Edge, detail: Detail) -> Finding {
        let rule = Arc::new(RuleInfo {
            id: rule_id_of(rung),
            level: if rung == Rung::FewerCameras { 3 } else { 4 },
            code: CODE.to_owned(),
            category: Category::Device,
            kind: "overload".to_owned(),
            title: format!("处理能力不足：{}", title(rung)),
        });
        Finding { rule, source: self.source.clone(), edge, detail, origin_unix_ms: now.wall.as_millisecond() }
    }
}

fn rule_id_of(rung: Rung) -> String {
    format!("health/overload-{}", rung.as_str())
}

/// What is given up, for people at the centre.
fn title(rung: Rung) -> &'static str {
    match rung {
        Rung::Full => "无",
        Rung::SlowerDetection => "检测频率减半",
        Rung::ReferencePictures => "仅解码参考帧",
        Rung::GroupStarts => "每组画面仅解码开头部分",
        Rung::KeyFrames => "仅解码关键帧",
        Rung::FewerCameras => "部分摄像机停止分析",
    }
}

fn symptom(standing: &Standing) -> String {
    let Standing { worker, reason, set_aside, .. } = standing;
    match set_aside.as_slice() {
        [] => format!("{worker}: {reason}"),
        cameras => format!("{worker}: {reason}; not watched: {}", cameras.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(s: u64) -> Moment {
        Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH }.later(Duration::from_secs(s))
    }

    fn standing(rung: Rung, set_aside: &[&str]) -> Standing {
        Standing {
            worker: "worker-0".to_owned(),
            rung,
            set_aside: set_aside.iter().map(|id| (*id).to_owned()).collect(),
            reason: "the decoder is 2.0 s behind".to_owned(),
        }
    }

    fn told(findings: &[Finding]) -> Vec<(&str, Edge)> {
        findings.iter().map(|finding| (finding.rule.id.as_str(), finding.edge)).collect()
    }

    #[test]
    fn each_rung_is_told_when_it_lasts_and_cleared_when_it_is_left() {
        let mut health = WorkerHealth::new("worker-0");
        assert!(health.step(at(0), &standing(Rung::SlowerDetection, &[])).is_empty());
        assert!(health.step(at(3), &standing(Rung::ReferencePictures, &[])).is_empty());
        assert!(health.tick(at(9)).is_empty());
        assert_eq!(told(&health.tick(at(10))), [("health/overload-slower-detection", Edge::Raised)]);
        assert!(health.tick(at(12)).is_empty(), "told once");
        assert_eq!(told(&health.tick(at(13))), [("health/overload-reference-pictures", Edge::Raised)]);
        health.step(at(20), &standing(Rung::FewerCameras, &["yard", "lane"]));
        let raised = health.tick(at(30));
        assert_eq!(
            told(&raised),
            [
                ("health/overload-group-starts", Edge::Raised),
                ("health/overload-key-frames", Edge::Raised),
                ("health/overload-fewer-cameras", Edge::Raised)
            ]
        );
        let Detail::Symptom(symptom) = &raised[2].detail else { panic!("{raised:?}") };
        assert!(symptom.contains("not watched: yard, lane"), "{symptom}");
        assert_eq!(
            told(&health.step(at(40), &standing(Rung::SlowerDetection, &[]))),
            [
                ("health/overload-fewer-cameras", Edge::Cleared),
                ("health/overload-key-frames", Edge::Cleared),
                ("health/overload-group-starts", Edge::Cleared),
                ("health/overload-reference-pictures", Edge::Cleared)
            ]
        );
        assert_eq!(
            told(&health.step(at(50), &standing(Rung::Full, &[]))),
            [("health/overload-slower-detection", Edge::Cleared)]
        );
    }

    #[test]
    fn a_moment_of_overload_is_not_told() {
        let mut health = WorkerHealth::new("worker-0");
        health.step(at(0), &standing(Rung::SlowerDetection, &[]));
        assert!(health.step(at(8), &standing(Rung::Full, &[])).is_empty());
        assert!(health.tick(at(60)).is_empty());
    }

    #[test]
    fn what_was_told_before_a_restart_is_cleared_by_a_worker_that_begins() {
        let mut health = WorkerHealth::new("worker-0");
        health.restore(at(0), "health/overload-key-frames");
        assert!(health.tick(at(60)).is_empty(), "not told again");
        assert_eq!(
            told(&health.step(at(61), &standing(Rung::Full, &[]))),
            [("health/overload-key-frames", Edge::Cleared)]
        );
    }
}
