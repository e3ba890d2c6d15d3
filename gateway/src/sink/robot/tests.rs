//! What a robot says, event by event and in a storm.

use std::time::Duration;

use moshao_config::{Category, Grid, Place, Secret};
use serde_json::Value;

use super::*;
use crate::event::envelope::{Envelope, Site};
use crate::event::{Device, EventData, Measure};
use crate::outbox::{Class, Sequence, Waiting};

fn sink(kind: SinkKind) -> Sink {
    Sink {
        id: "duty".to_owned(),
        kind,
        url: Secret::new("https://robot.example/send?key=k"),
        secret: None,
        ca_file: None,
        categories: Vec::new(),
        level: 2,
        keyword: "【雪亮告警】".to_owned(),
        mentions: vec!["13800000001".to_owned()],
        quiet: Duration::from_secs(300),
        backlog: 1000,
        timeout: Duration::from_secs(10),
    }
}

/// An event of this device at 04:34:56 UTC, 12:34:56 on the site's clock.
fn event(device: &str, level: u8, phase: Phase) -> Event {
    let site = Site {
        division: "510104001001".to_owned(),
        gateway: "gw-0007".to_owned(),
        grid: Grid { code: "510104001001003".to_owned(), name: Some("三网格".to_owned()) },
        time_zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(8)),
    };
    let happened: Timestamp = "2026-11-21T04:34:56Z".parse().unwrap();
    let envelope = Envelope {
        id: format!("{device}-{}", phase.as_str()),
        kind: "smoke".to_owned(),
        subject: format!("sensor/{device}"),
        happened,
        recorded: happened,
        incident: device.to_owned(),
    };
    let named = Device { kind: "smoke".to_owned(), id: device.to_owned(), name: "厨房烟感".to_owned() };
    let data = EventData {
        phase,
        place: Place { address: Some("后街12号".to_owned()), lon: None, lat: None },
        measure: Some(Measure {
            name: "temperature".to_owned(),
            value: 71.5,
            unit: "℃".to_owned(),
            threshold: Some(54.0),
        }),
        ..EventData::new("FIRE_SMOKE", "烟感火警", Category::Fire, level, site.grid_ref(), named)
    };
    site.event(envelope, data)
}

fn batch(events: &[Event]) -> SinkBatch {
    let waiting = |(number, event): (usize, &Event)| Waiting {
        sequence: Sequence(number as u64 + 1),
        class: Class::Alarm,
        topic: String::new(),
        body: serde_json::to_vec(event).unwrap(),
        accepted_unix_ms: 0,
        origin: None,
    };
    SinkBatch { events: events.iter().enumerate().map(waiting).collect(), missed: 0 }
}

fn now() -> Timestamp {
    "2026-11-21T04:35:00Z".parse().unwrap()
}

/// The text of a message, and what becomes of the events.
#[track_caller]
fn said(step: Step) -> (String, Outcome) {
    let Step::Send(request, outcome) = step else { panic!("nothing is said: {step:?}") };
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    (body["text"]["content"].as_str().expect("a text").to_owned(), outcome)
}

#[test]
fn one_alarm_is_told_with_its_particulars_and_calls_whoever_is_on_duty() {
    let mut robot = Robot::new(&sink(SinkKind::Wecom));
    let step = robot.step(&batch(&[event("kitchen", 1, Phase::Opened)]), Instant::now(), now());
    let Step::Send(request, _) = &step else { panic!("{step:?}") };
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["text"]["mentioned_mobile_list"][0], "13800000001");
    let (text, outcome) = said(step);
    assert_eq!(
        text,
        "【雪亮告警】🔴红色·消防 烟感火警（发生）\n地点：后街12号\n设备：厨房烟感（三网格）\n读数：71.5 ℃（阈值 54）\n\
         时间：11-21 12:34:56"
    );
    assert_eq!((outcome.delivered, outcome.done.events.len()), (1, 1));
}

#[test]
fn what_is_less_severe_or_over_calls_nobody() {
    for told in [event("kitchen", 2, Phase::Opened), event("kitchen", 1, Phase::Closed)] {
        let step = Robot::new(&sink(SinkKind::Wecom)).step(&batch(&[told]), Instant::now(), now());
        let Step::Send(request, _) = step else { panic!("{step:?}") };
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["text"]["mentioned_mobile_list"], serde_json::json!([]));
    }
}

#[test]
fn updates_are_passed_over_in_silence() {
    let mut robot = Robot::new(&sink(SinkKind::Wecom));
    let step = robot.step(&batch(&[event("kitchen", 1, Phase::Updated)]), Instant::now(), now());
    let Step::Pass(outcome) = step else { panic!("{step:?}") };
    assert_eq!((outcome.silent, outcome.done.events.len()), (1, 1));
}

#[test]
fn the_same_again_is_counted_and_told_when_the_quiet_time_is_over() {
    let mut robot = Robot::new(&sink(SinkKind::Wecom));
    let begin = Instant::now();
    said(robot.step(&batch(&[event("kitchen", 1, Phase::Opened)]), begin, now()));
    robot.sent();
    for _ in 0..3 {
        let step = robot.step(&batch(&[event("kitchen", 1, Phase::Opened)]), begin, now());
        let Step::Pass(outcome) = step else { panic!("{step:?}") };
        assert_eq!(outcome.folded, 1);
    }
    let over = begin + Duration::from_secs(300);
    let Step::Wait(until) = robot.step(&batch(&[]), begin, now()) else { panic!("something is said") };
    assert_eq!(until, Some(over));
    let (text, _) = said(robot.step(&batch(&[]), over, now()));
    assert_eq!(text, "【雪亮告警】厨房烟感 烟感火警：5 分钟内又发生 3 次");
    robot.sent();
    assert!(matches!(robot.step(&batch(&[]), over, now()), Step::Wait(None)));
}

#[test]
fn a_message_that_was_not_taken_is_said_again() {
    let mut robot = Robot::new(&sink(SinkKind::Wecom));
    let (waiting, begin) = (batch(&[event("kitchen", 1, Phase::Opened)]), Instant::now());
    let first = said(robot.step(&waiting, begin, now()));
    assert_eq!(said(robot.step(&waiting, begin, now())), first);
}

#[test]
fn a_storm_is_one_digest_within_the_vendors_limit_with_the_worst_first() {
    let mut robot = Robot::new(&sink(SinkKind::Wecom));
    let mut storm: Vec<Event> =
        (0..200).map(|number| event(&format!("s{number}"), 2, Phase::Opened)).collect();
    storm.push(event("kitchen", 1, Phase::Opened));
    let begin = Instant::now();
    let (text, outcome) = said(robot.step(&batch(&storm), begin, now()));
    assert!(text.len() <= 2048, "{} bytes", text.len());
    assert!(text.starts_with("【雪亮告警】共 201 条告警：🔴红色 1 条，🟠橙色 200 条\n🔴红色"), "{text}");
    assert!(text.contains("……另有 "), "{text}");
    assert_eq!((outcome.delivered, outcome.done.events.len()), (201, 201));
    robot.sent();
    // The next ones wait for a while, and level 1 not as long.
    let waits = |robot: &mut Robot, level| {
        let step = robot.step(&batch(&[event("other", level, Phase::Opened)]), begin, now());
        let Step::Wait(Some(until)) = step else { panic!("{step:?}") };
        until - begin
    };
    assert_eq!(waits(&mut robot, 2), Duration::from_secs(60));
    assert_eq!(waits(&mut robot, 1), Duration::from_secs(10));
}

#[test]
fn late_ones_and_missed_ones_say_so() {
    let mut robot = Robot::new(&sink(SinkKind::Dingtalk));
    let waiting = SinkBatch { missed: 7, ..batch(&[event("kitchen", 2, Phase::Opened)]) };
    let (text, outcome) =
        said(robot.step(&waiting, Instant::now(), now() + jiff::SignedDuration::from_mins(30)));
    assert!(text.contains("时间：11-21 12:34:56（补发）"), "{text}");
    assert!(text.ends_with("此前另有 7 条消息未能推送，请到平台查看"), "{text}");
    assert_eq!(outcome.done.told_missed, 7);
}

#[test]
fn vendors_say_busy_wrong_and_never_in_numbers() {
    let verdict = |kind, status, body: &str| {
        let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
        match Robot::new(&sink(kind)).verdict(&answer, now()) {
            Verdict::Taken => "taken",
            Verdict::Later { failure, .. } => failure.as_str(),
            Verdict::Refused { .. } => "refused",
        }
    };
    assert_eq!(verdict(SinkKind::Wecom, 200, r#"{"errcode":0,"errmsg":"ok"}"#), "taken");
    assert_eq!(verdict(SinkKind::Wecom, 200, r#"{"errcode":45009,"errmsg":"freq"}"#), "busy");
    assert_eq!(verdict(SinkKind::Wecom, 200, r#"{"errcode":93000,"errmsg":"key"}"#), "settings");
    assert_eq!(verdict(SinkKind::Wecom, 200, r#"{"errcode":44004,"errmsg":"empty"}"#), "refused");
    assert_eq!(verdict(SinkKind::Wecom, 200, "<html>"), "broken");
    assert_eq!(verdict(SinkKind::Wecom, 502, ""), "server");
    assert_eq!(verdict(SinkKind::Dingtalk, 200, r#"{"errcode":310000,"errmsg":"sign"}"#), "settings");
    assert_eq!(verdict(SinkKind::Dingtalk, 200, r#"{"errcode":130101,"errmsg":"fast"}"#), "busy");
    assert_eq!(verdict(SinkKind::Feishu, 200, r#"{"code":0,"msg":"success"}"#), "taken");
    assert_eq!(verdict(SinkKind::Feishu, 400, r#"{"code":19021,"msg":"sign"}"#), "settings");
    assert_eq!(verdict(SinkKind::Feishu, 200, r#"{"code":11232,"msg":"freq"}"#), "busy");
    assert_eq!(verdict(SinkKind::Feishu, 200, r#"{"code":9499,"msg":"bad"}"#), "refused");
}
