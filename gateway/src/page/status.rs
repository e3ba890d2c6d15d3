//! `GET /api/status`: everything on one screen, in plain words. Pure but for gathering the facts.

mod configuration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use moshao_config::{Camera, Category, Config, DeviceMode, Sensor};
use serde::Serialize;

use super::routes::{Page, Refusal};
use super::snapshot::{CameraView, SensorView, Snapshot};
use super::visitor::NoAnswer;
use super::words::advice;
use crate::clock::rfc3339;
use crate::incident::Incident;
use crate::incident::fusion::configured_id;
use crate::language::Language;
use crate::live::Shown;
use crate::mqtt::Link;
use crate::outbox::Stats;
use crate::quality::defect::Defect;
use crate::quality::words as quality;
use crate::rules::Source;
use crate::test_mode::Subject;
use crate::worker::link::StreamState;

/// Sensors named in one answer: those with something wrong first.
const SENSORS_MAX: usize = 300;

/// How something is, for colour and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Condition {
    /// Somebody has to do something.
    Bad,
    /// Worth a look, or not known yet.
    Doubtful,
    /// As it should be.
    Good,
}

/// The body.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    gateway: String,
    grid: String,
    version: &'static str,
    time: String,
    configuration: Option<Line>,
    uplink: Line,
    sensor_broker: Option<Line>,
    outbox: Queue,
    cameras: Vec<Line>,
    sensors: Vec<Line>,
    sensors_left_out: usize,
    incidents_open: usize,
    site_test_until: Option<String>,
}

/// One camera, sensor or link.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    id: String,
    name: String,
    condition: Condition,
    /// What is the matter.
    words: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// What exactly was said, for whoever asks on the telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Seconds since something was last seen or heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_s: Option<i64>,
    /// The last value with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Battery charge, %.
    #[serde(skip_serializing_if = "Option::is_none")]
    battery: Option<f64>,
    /// Share of today in which pictures flowed, and of that in which nothing was wrong with them, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    online_today: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    good_today: Option<f64>,
    /// `live`, `test` or `maintenance`.
    mode: DeviceMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_until: Option<String>,
}

/// What waits for the centre.
#[derive(Debug, Serialize)]
pub(super) struct Queue {
    depth: u64,
    alarms: u64,
    oldest_s: Option<i64>,
    used_bytes: u64,
    quota_bytes: u64,
    given_up: u64,
    fault: Option<String>,
}

/// What the answer is made from.
pub(super) struct Facts<'a> {
    pub(super) config: &'a Config,
    pub(super) snapshot: &'a Snapshot,
    pub(super) configuration: Option<&'a Shown>,
    pub(super) outbox: &'a Stats,
    pub(super) uplink: &'a Link,
    pub(super) sensor_broker: Option<&'a Link>,
    pub(super) now: Timestamp,
    pub(super) language: Language,
}

/// `GET /api/status`
pub(super) async fn status(State(shared): Page, language: Language) -> Result<Json<Status>, Refusal> {
    let sources = &shared.sources;
    let snapshot = sources.visitor.look().await?;
    let (uplink, outbox) = (sources.uplink.borrow().clone(), sources.outbox.stats().borrow().clone());
    let sensor_broker = sources.sensor_broker.as_ref().map(|link| link.borrow().clone());
    let configuration = sources.live.as_ref().map(|live| live.standing().shown());
    let facts = Facts {
        config: &sources.config,
        snapshot: &snapshot,
        configuration: configuration.as_ref(),
        outbox: &outbox,
        uplink: &uplink,
        sensor_broker: sensor_broker.as_ref(),
        now: Timestamp::now(),
        language,
    };
    Ok(Json(facts.status()))
}

// === impl Facts ===

impl Facts<'_> {
    fn status(&self) -> Status {
        let config = self.config;
        let mut sensors = self.sensors();
        sensors.sort_by_key(|line| line.condition);
        let sensors_left_out = sensors.len().saturating_sub(SENSORS_MAX);
        sensors.truncate(SENSORS_MAX);
        let open = self.snapshot.incidents.iter().filter(|view| !view.is_closed);
        Status {
            gateway: config.gateway.id.clone(),
            grid: config.grid.name.clone().unwrap_or_else(|| config.grid.code.clone()),
            version: env!("CARGO_PKG_VERSION"),
            time: rfc3339(self.now, &config.gateway.time_zone),
            configuration: self.configuration(),
            uplink: self.link("uplink", self.language.pick("指挥中心", "Command centre"), self.uplink),
            sensor_broker: self.sensor_broker.map(|link| {
                self.link("sensors", self.language.pick("传感器消息服务器", "Sensors' broker"), link)
            }),
            outbox: self.queue(),
            cameras: config.cameras.iter().map(|camera| self.camera(camera)).collect(),
            sensors,
            sensors_left_out,
            incidents_open: open.filter(|view| view.incident.rule.category != Category::Device).count(),
            site_test_until: self.test_until(&Subject::Site),
        }
    }

    fn link(&self, id: &str, name: &str, link: &Link) -> Line {
        let line = self.line(id, name);
        match link {
            Link::Up => line.say(Condition::Good, self.language.pick("已连接", "connected")),
            Link::Down { reason: None } => {
                line.say(Condition::Doubtful, self.language.pick("正在连接", "connecting"))
            }
            Link::Down { reason: Some(reason) } => Line {
                remedy: Some(
                    self.language
                        .pick(
                            "查网络、地址、密码和证书；事件保存在盒子里，恢复后补发",
                            "look at network, address, password and certificate; events wait on the box and go out later",
                        )
                        .to_owned(),
                ),
                detail: Some(reason.clone()),
                ..line.say(Condition::Bad, self.language.pick("连不上", "no connection"))
            },
        }
    }

    fn camera(&self, camera: &Camera) -> Line {
        let mut line = self.line(&camera.id, &camera.name);
        line.mode = self.mode(&camera.id);
        line.test_until = self.test_until(&Subject::Device(camera.id.clone()));
        let Some(view) = self.snapshot.cameras.iter().find(|view| view.id == camera.id) else { return line };
        line.age_s = view.seen_at.map(|seen| self.age_s(seen));
        if let Some(fault) = &view.detector_fault {
            line.remedy = Some(
                self.language
                    .pick("核对该摄像机的 detector", "check the camera's `detector` in the configuration")
                    .to_owned(),
            );
            line.detail = Some(fault.clone());
            let words = self
                .language
                .pick("检测模型无法使用，没有看护", "its detector cannot be used: nobody watches");
            return line.say(Condition::Bad, words);
        }
        line.online_today = view.today.map(|today| today.online);
        line.good_today = view.today.and_then(|today| today.good);
        self.stream(line, view)
    }

    fn stream(&self, line: Line, view: &CameraView) -> Line {
        match &view.stream {
            StreamState::Connecting => {
                line.say(Condition::Doubtful, self.language.pick("正在连接", "connecting"))
            }
            StreamState::Live { .. } if !view.defects.is_empty() => self.defects(line, &view.defects),
            StreamState::Live { .. } if view.is_asleep => {
                line.say(Condition::Good, self.language.pick("正常，画面静止", "fine, nothing moves"))
            }
            StreamState::Live { .. } => {
                line.say(Condition::Good, self.language.pick("正常，正在看护", "fine, watching"))
            }
            StreamState::Failed { fault, message, .. } => {
                let advice = advice(*fault, self.language);
                Line {
                    remedy: Some(advice.remedy.to_owned()),
                    detail: Some(message.clone()),
                    ..line.say(Condition::Bad, advice.problem)
                }
            }
        }
    }

    /// Pictures flow, and something is wrong with them.
    fn defects(&self, line: Line, defects: &[Defect]) -> Line {
        let advice: Vec<_> = defects.iter().map(|defect| quality::advice(*defect, self.language)).collect();
        let join = |texts: Vec<&str>| texts.join(self.language.pick("；", "; "));
        Line {
            remedy: Some(join(advice.iter().map(|advice| advice.remedy).collect())),
            ..line.say(Condition::Bad, &join(advice.iter().map(|advice| advice.problem).collect()))
        }
    }

    /// Every sensor that has spoken, and every configured one that has not.
    fn sensors(&self) -> Vec<Line> {
        let spoken = self.snapshot.sensors.iter().filter_map(|(instance, view)| {
            Some(self.sensor(instance, self.config.sensors.get(view.config_index)?, Some(view)))
        });
        let silent = self.config.sensors.iter().filter(|sensor| {
            !self.snapshot.sensors.keys().any(|instance| configured_id(instance) == sensor.id)
        });
        spoken.chain(silent.map(|sensor| self.sensor(&sensor.id, sensor, None))).collect()
    }

    fn sensor(&self, instance: &str, sensor: &Sensor, view: Option<&SensorView>) -> Line {
        let captured = instance.split_once('/').map(|(_, captured)| captured);
        let name = captured.map_or(sensor.name.clone(), |captured| format!("{} {captured}", sensor.name));
        let mut line = self.line(instance, &name);
        line.mode = self.mode(&sensor.id);
        line.test_until = self.test_until(&Subject::Device(sensor.id.clone()));
        let Some(view) = view else {
            line.remedy = Some(
                self.language
                    .pick(
                        "核对 topic 和 preset，按一下设备的测试键",
                        "check topic and preset; press the device's test button",
                    )
                    .to_owned(),
            );
            return line.say(
                Condition::Doubtful,
                self.language.pick("启动以来还没有消息", "not heard since the start"),
            );
        };
        line.age_s = Some(self.age_s(view.heard));
        line.battery = view.battery;
        line.value = view.value.zip(sensor.unit.as_ref()).map(|(value, unit)| format!("{value} {unit}"));
        match self.alarm(instance) {
            Some(incident) => line.say(Condition::Bad, &incident.rule.title),
            None => line.say(Condition::Good, self.language.pick("正常", "fine")),
        }
    }

    /// The most severe open incident that this sensor takes part in now.
    fn alarm(&self, instance: &str) -> Option<&Incident> {
        let open = self.snapshot.incidents.iter().filter(|view| !view.is_closed).map(|view| &view.incident);
        let source = Source::Sensor(instance.to_owned());
        open.filter(|incident| incident.members.iter().any(|member| member.active && member.source == source))
            .min_by_key(|incident| incident.level)
    }

    fn queue(&self) -> Queue {
        Queue {
            depth: self.outbox.depth,
            alarms: self.outbox.alarms,
            oldest_s: self
                .outbox
                .oldest_unix_ms
                .and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok())
                .map(|oldest| self.age_s(oldest)),
            used_bytes: self.outbox.used_bytes,
            quota_bytes: self.config.outbox.quota_bytes,
            given_up: self.outbox.evicted,
            fault: self.outbox.fault.as_ref().map(ToString::to_string),
        }
    }

    fn mode(&self, device: &str) -> DeviceMode {
        let configured = self.config.incidents.mode_of(device);
        let tested =
            self.snapshot.tests.iter().any(|(subject, _)| subject.device().is_none_or(|id| id == device));
        if configured == DeviceMode::Live && tested { DeviceMode::Test } else { configured }
    }

    fn test_until(&self, subject: &Subject) -> Option<String> {
        let (_, until) = self.snapshot.tests.iter().find(|(tested, _)| tested == subject)?;
        Some(rfc3339(*until, &self.config.gateway.time_zone))
    }

    fn age_s(&self, then: Timestamp) -> i64 {
        self.now.duration_since(then).as_secs().max(0)
    }

    fn line(&self, id: &str, name: &str) -> Line {
        Line {
            id: id.to_owned(),
            name: name.to_owned(),
            condition: Condition::Doubtful,
            words: String::new(),
            remedy: None,
            detail: None,
            age_s: None,
            value: None,
            battery: None,
            online_today: None,
            good_today: None,
            mode: DeviceMode::Live,
            test_until: None,
        }
    }
}

// === impl Line ===

impl Line {
    fn say(mut self, condition: Condition, words: &str) -> Self {
        self.condition = condition;
        words.clone_into(&mut self.words);
        self
    }
}

impl From<NoAnswer> for Refusal {
    fn from(why: NoAnswer) -> Self {
        Refusal(StatusCode::SERVICE_UNAVAILABLE, why.to_string())
    }
}

#[cfg(test)]
mod tests;
