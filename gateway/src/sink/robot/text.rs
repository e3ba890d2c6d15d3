//! The words of a message: what, how bad, where, when; in Chinese, for whoever is on duty.

use std::fmt::Write;

use jiff::Timestamp;
use moshao_config::Category;

use super::quiet::Repeat;
use crate::event::{Confirm, Event, Mode, Phase};

/// An event that is older than this is marked as late, seconds.
const LATE_S: i64 = 600;

/// What one message tells.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// What it begins with.
    pub(super) keyword: &'a str,
    /// The events.
    pub(super) told: &'a [Event],
    /// What came again meanwhile.
    pub(super) repeats: &'a [Repeat],
    /// Events that were given up.
    pub(super) missed: u64,
}

// === impl Message ===

impl Message<'_> {
    /// The text: every event with its particulars where there are at most `one_by_one`, a digest otherwise. At most about
    /// `limit` bytes; what does not fit is counted.
    pub(super) fn text(&self, one_by_one: usize, limit: usize, now: Timestamp) -> String {
        let mut events: Vec<&Event> = self.told.iter().collect();
        events.sort_by_key(|event| event.data.level);
        let blocks: Vec<String> = if events.len() <= one_by_one {
            events.iter().map(|event| particulars(event, now)).collect()
        } else {
            std::iter::once(counts(&events)).chain(events.iter().map(|event| line(event))).collect()
        };
        let tail = self.tail();
        let mut text = self.keyword.to_owned();
        let mut left_out = 0;
        for block in &blocks {
            if left_out > 0 || text.len() + block.len() + tail.len() > limit {
                left_out += 1;
            } else {
                text.push_str(block);
                text.push('\n');
            }
        }
        if left_out > 0 {
            writeln_to(&mut text, format_args!("……另有 {left_out} 条，请到平台查看"));
        }
        text.push_str(&tail);
        text.trim_end().to_owned()
    }

    /// What came again, and what will not come.
    fn tail(&self) -> String {
        let mut tail = String::new();
        for repeat in self.repeats.iter().take(10) {
            let minutes = (repeat.within.as_secs() / 60).max(1);
            writeln_to(
                &mut tail,
                format_args!(
                    "{} {}：{minutes} 分钟内又发生 {} 次",
                    repeat.device, repeat.title, repeat.times
                ),
            );
        }
        if self.missed > 0 {
            writeln_to(&mut tail, format_args!("此前另有 {} 条消息未能推送，请到平台查看", self.missed));
        }
        tail
    }
}

/// One event, on several lines.
fn particulars(event: &Event, now: Timestamp) -> String {
    let data = &event.data;
    let mut text = format!("{}{}\n", head(event), confirmed(data.confirm));
    if let Some(address) = &data.place.address {
        writeln_to(&mut text, format_args!("地点：{address}"));
    }
    let grid = data.grid.name.as_deref().map(|name| format!("（{name}）")).unwrap_or_default();
    writeln_to(&mut text, format_args!("设备：{}{grid}", data.device.name));
    if let Some(measure) = data.measure.as_ref().filter(|measure| measure.unit != "bool") {
        let threshold = measure.threshold.map(|limit| format!("（阈值 {limit}）")).unwrap_or_default();
        let unit = if measure.unit == "1" { "" } else { &measure.unit };
        writeln_to(&mut text, format_args!("读数：{} {unit}{threshold}", measure.value));
    }
    if data.storm {
        writeln_to(&mut text, format_args!("告警风暴：已合并 {} 条", data.count.unwrap_or_default()));
    } else if let Some(devices) = data.devices.filter(|devices| *devices > 1) {
        writeln_to(&mut text, format_args!("共 {devices} 台设备报警"));
    }
    let late = if is_late(event, now) { "（补发）" } else { "" };
    writeln_to(&mut text, format_args!("时间：{}{late}", when(event)));
    text
}

/// One event, on one line.
fn line(event: &Event) -> String {
    let data = &event.data;
    let place = data.place.address.as_deref().unwrap_or_default();
    format!("{} {place} {}，{}", head(event), data.device.name, when(event))
}

/// How many there are of each level.
fn counts(events: &[&Event]) -> String {
    let of = |level: u8| events.iter().filter(|event| event.data.level == level).count();
    let levels: Vec<String> = (1..=4)
        .filter(|level| of(*level) > 0)
        .map(|level| format!("{}{} {} 条", dot(level), color(level), of(level)))
        .collect();
    format!("共 {} 条告警：{}", events.len(), levels.join("，"))
}

/// `🔴红色·消防 烟感火警（发生）`, and what kind of exercise it is.
fn head(event: &Event) -> String {
    let data = &event.data;
    let mode = match data.mode {
        Mode::Live => "",
        Mode::Test => "【测试】",
        Mode::Maintenance => "【检修】",
    };
    let (dot, color, department) = (dot(data.level), color(data.level), department(data.category));
    format!("{mode}{dot}{color}·{department} {}（{}）", data.title, phase(data.phase))
}

fn dot(level: u8) -> &'static str {
    match level {
        1 => "🔴",
        2 => "🟠",
        3 => "🟡",
        _ => "🔵",
    }
}

fn color(level: u8) -> &'static str {
    match level {
        1 => "红色",
        2 => "橙色",
        3 => "黄色",
        _ => "蓝色",
    }
}

fn department(category: Category) -> &'static str {
    match category {
        Category::Fire => "消防",
        Category::Security => "治安",
        Category::Traffic => "交通",
        Category::City => "城管",
        Category::Device => "设备",
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Opened => "发生",
        Phase::Updated => "持续",
        Phase::Confirmed => "已核实",
        Phase::Acknowledged => "已受理",
        Phase::Dispatched => "已派人",
        Phase::Escalated => "无人受理，升级",
        Phase::Closed => "解除",
        Phase::Reopened => "再次发生",
    }
}

fn confirmed(confirm: Confirm) -> &'static str {
    match confirm {
        Confirm::Unconfirmed => "",
        Confirm::VideoConfirmed => " 视频已核实",
        Confirm::SensorConfirmed => " 传感器已核实",
        Confirm::Manual => " 人工已核实",
    }
}

/// `11-21 12:34:56` of `2026-11-21T12:34:56.120+08:00`.
fn when(event: &Event) -> String {
    match (event.time.get(5..10), event.time.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => event.time.clone(),
    }
}

fn is_late(event: &Event, now: Timestamp) -> bool {
    event.time.parse::<Timestamp>().is_ok_and(|time| now.as_second() - time.as_second() > LATE_S)
}

fn writeln_to(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String does not fail");
}
