//! The language of the scenarios.
//!
//! ```text
//! == a title that is a sentence
//! with fire_latch = "0s"
//! 00:00 kitchen-smoke alarms
//! > 00:00.000 fire/1 opened inc-1-1 FIRE_SMOKE by sensor/kitchen-smoke
//! ```
//! A line that begins with a time is something that happens; the lines behind `>` are all events from then until the
//! next happening. `with` sets a key of `[incidents]`.

use std::time::Duration;

/// One scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scenario {
    pub(crate) title: String,
    /// Line of the title.
    pub(crate) line: usize,
    /// Keys of `[incidents]`.
    pub(crate) settings: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    /// The words behind the time.
    pub(crate) words: Vec<String>,
    /// The line as it is written.
    pub(crate) text: String,
    /// Events until the next step.
    pub(crate) expected: Vec<String>,
}

/// The scenarios of a file.
pub(crate) fn parse(text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if let Some(title) = line.strip_prefix("== ") {
            scenarios.push(Scenario { title: title.to_owned(), line: number + 1, ..Scenario::default() });
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let scenario =
            scenarios.last_mut().unwrap_or_else(|| panic!("line {}: no title before it", number + 1));
        if let Some(event) = line.strip_prefix("> ") {
            let step = scenario.steps.last_mut().expect("an event comes after something that happens");
            step.expected.push(event.to_owned());
        } else if let Some(setting) = line.strip_prefix("with ") {
            scenario.settings.push(setting.to_owned());
        } else {
            let (time, words) = line.split_once(' ').unwrap_or((line, "time passes"));
            scenario.steps.push(Step {
                at: time_of(time).unwrap_or_else(|| panic!("line {}: {time} is no time", number + 1)),
                words: words.split_whitespace().map(str::to_owned).collect(),
                text: line.to_owned(),
                expected: Vec::new(),
            });
        }
    }
    scenarios
}

/// `mm:ss`, `hh:mm:ss`, with a fraction.
fn time_of(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    text.contains(':').then(|| Duration::from_millis((seconds * 1000.0).round() as u64))
}

/// `hh:mm:ss.mmm`, the hours only where there are any.
pub(crate) fn time(at: Duration) -> String {
    let (ms, s) = (at.as_millis() % 1000, at.as_secs());
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h:02}:{m:02}:{s:02}.{ms:03}") } else { format!("{m:02}:{s:02}.{ms:03}") }
}
