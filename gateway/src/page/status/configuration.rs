//! How the configuration stands: on trial, kept, taken back or not taken, in plain words.

use super::{Condition, Facts, Line};
use crate::clock::rfc3339;
use crate::live::{Fall, OnTrial};

// === impl Facts ===

impl Facts<'_> {
    /// None where the gateway runs from no file.
    pub(super) fn configuration(&self) -> Option<Line> {
        let shown = self.configuration?;
        let line = self.line("configuration", self.language.pick("配置", "Configuration"));
        // What went wrong last comes first: a file may be refused while the one before it is still on trial.
        Some(match (&shown.fall, &shown.note, &shown.trial) {
            (Some(fall), ..) => self.taken_back(line, fall),
            (None, Some(report), _) => self.not_taken(line, report),
            (None, None, Some(trial)) => self.on_trial(line, trial),
            (None, None, None) => {
                line.say(Condition::Good, self.language.pick("正常使用中", "in use and proven"))
            }
        })
    }

    fn on_trial(&self, line: Line, trial: &OnTrial) -> Line {
        let until = rfc3339(trial.until, &self.config.gateway.time_zone);
        let time = &until[11..19];
        let words = self.language.pick(
            format!("试运行至 {time}，到时一切如常则保留"),
            format!("on trial until {time}, and kept if all is then as well as before"),
        );
        let remedy = self.language.pick(
            "不用做什么；若摄像机或连接不能恢复，会自动退回原配置",
            "nothing; where a camera or a link does not come back, the former one is taken back by itself",
        );
        Line {
            remedy: trial.has_way_back.then(|| remedy.to_owned()),
            detail: trial.change.clone(),
            ..line.say(Condition::Doubtful, &words)
        }
    }

    fn taken_back(&self, line: Line, fall: &Fall) -> Line {
        let why = fall.words(self.language);
        let words = self.language.pick(
            format!("新配置已撤回，原配置继续运行。原因：{why}"),
            format!("the new one was taken back, the former one runs again, because: {why}"),
        );
        let remedy = self.language.pick(
            "撤回的配置保存在 moshao.toml.failed，改正后再写入配置文件",
            "what was taken back lies beside the file as moshao.toml.failed; mend it and save it as the file again",
        );
        Line { remedy: Some(remedy.to_owned()), ..line.say(Condition::Bad, &words) }
    }

    fn not_taken(&self, line: Line, report: &str) -> Line {
        let words = self.language.pick(
            "配置文件有问题，没有生效，原配置继续运行",
            "what stands in the file is not in use; the former one runs on",
        );
        let remedy =
            self.language.pick("按详情改正配置文件并保存", "mend the file as the details say, and save it");
        Line {
            remedy: Some(remedy.to_owned()),
            detail: Some(report.to_owned()),
            ..line.say(Condition::Bad, words)
        }
    }
}
