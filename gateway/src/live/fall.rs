//! Why a configuration was taken back, in words for logs and events and for whoever stands before the box.

use std::fmt;
use std::time::Duration;

use super::start::STARTS_MAX;
use super::trial::{DEATHS_MAX, Part};
use crate::language::Language;

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fall {
    /// What was well before is not, and since when.
    Lost(Vec<(Part, Duration)>),
    /// Camera workers died again and again.
    Workers,
    /// The gateway cannot be built with it, and what says so.
    Unbuilt(String),
    /// The gateway died again and again.
    Gateway,
}

// === impl Fall ===

impl Fall {
    /// In a sentence without an end.
    pub fn words(&self, language: Language) -> String {
        match self {
            Fall::Lost(parts) => {
                let one = |(part, lasting): &(Part, Duration)| {
                    let (part, s) = (part.name(language), lasting.as_secs());
                    language.pick(format!("{part}（{s} 秒）"), format!("{part} for {s} s"))
                };
                let lost: Vec<String> = parts.iter().map(one).collect();
                language.pick(
                    format!("断开后没有恢复：{}", lost.join("、")),
                    format!("lost and not back: {}", lost.join(", ")),
                )
            }
            Fall::Workers => language.pick(
                format!("摄像机进程崩溃了 {DEATHS_MAX} 次"),
                format!("camera workers have died {DEATHS_MAX} times"),
            ),
            Fall::Unbuilt(reason) => {
                language.pick(format!("无法按它启动：{reason}"), format!("it cannot be built: {reason}"))
            }
            Fall::Gateway => language.pick(
                format!("试运行期间网关崩溃了 {STARTS_MAX} 次"),
                format!("the gateway died {STARTS_MAX} times before the end of its trial"),
            ),
        }
    }
}

impl fmt::Display for Fall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

// === impl Part ===

impl Part {
    fn name(&self, language: Language) -> String {
        match self {
            Part::Camera(id) => language.pick(format!("摄像机 {id}"), format!("camera {id}")),
            Part::SensorBroker => language.pick("传感器消息服务器", "the sensors' broker").to_owned(),
            Part::Centre => language.pick("指挥中心", "the centre's broker").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_named_in_both_languages() {
        let s = Duration::from_secs;
        let fall = Fall::Lost(vec![(Part::Camera("gate".to_owned()), s(30)), (Part::Centre, s(31))]);
        assert_eq!(fall.to_string(), "lost and not back: camera gate for 30 s, the centre's broker for 31 s");
        assert_eq!(fall.words(Language::Chinese), "断开后没有恢复：摄像机 gate（30 秒）、指挥中心（31 秒）");
    }
}
