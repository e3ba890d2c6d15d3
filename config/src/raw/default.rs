//! Defaults of keys. Each is named in the `serde` attribute of its key, from where the schema and the reference take it.

use super::At;
use crate::model::Protocol;
use crate::quantity::{Size, Span};

pub(super) fn data_dir() -> String {
    "/var/lib/moshao".to_owned()
}

pub(super) fn time_zone() -> At<String> {
    At::from("Asia/Shanghai".to_owned())
}

pub(super) fn protocol() -> At<Protocol> {
    At::from(Protocol::V3)
}

pub(super) fn keep_alive() -> Span {
    Span::from_secs(30)
}

pub(super) fn quota() -> Size {
    Size::mebibytes(256)
}

pub(super) fn window() -> usize {
    32
}

pub(super) fn listen() -> At<String> {
    At::from("127.0.0.1:9464".to_owned())
}

pub(super) fn page_listen() -> At<String> {
    At::from("127.0.0.1:8080".to_owned())
}

pub(super) fn provider() -> String {
    "cpu".to_owned()
}

pub(super) fn detector() -> At<String> {
    At::from("moshao-fire".to_owned())
}

pub(super) fn detections_per_second() -> f64 {
    5.0
}

pub(super) fn upright() -> At<u16> {
    At::from(0)
}

pub(super) fn ten_seconds() -> Span {
    Span::from_secs(10)
}

pub(super) fn first_key_frame() -> Span {
    Span::from_secs(20)
}

pub(super) fn silence() -> Span {
    Span::from_secs(8)
}

pub(super) fn at_least() -> At<u32> {
    At::from(3)
}

pub(super) fn within() -> Span {
    Span::from_secs(2)
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn no_time() -> Span {
    Span::from_secs(0)
}

pub(super) fn update_every() -> Span {
    Span::from_secs(60)
}

pub(super) fn fire_latch() -> Span {
    Span::from_secs(24 * 3600)
}

pub(super) fn reopen_within() -> Span {
    Span::from_secs(120)
}

pub(super) fn merge_within() -> Span {
    Span::from_secs(600)
}

pub(super) fn neighbours_m() -> f64 {
    30.0
}

pub(super) fn flood() -> usize {
    20
}

pub(super) fn escalate_fire() -> Span {
    Span::from_secs(60)
}

pub(super) fn escalate() -> Span {
    Span::from_secs(15 * 60)
}

pub(super) fn look_for() -> Span {
    Span::from_secs(5)
}

pub(super) fn keep_evidence() -> At<Span> {
    At::from(Span::from_secs(30 * 24 * 3600))
}

pub(super) fn clip_levels() -> Vec<u8> {
    vec![1, 2]
}

pub(super) fn trial() -> Span {
    Span::from_secs(120)
}

pub(super) fn pre_roll() -> Span {
    Span::from_secs(5)
}

pub(super) fn still_quota() -> Size {
    Size::mebibytes(1024)
}

pub(super) fn clip_quota() -> Size {
    Size::mebibytes(4 * 1024)
}

pub(super) fn midnight() -> At<String> {
    At::from("00:00".to_owned())
}

pub(super) fn end_of_day() -> At<String> {
    At::from("24:00".to_owned())
}

pub(super) fn a_second() -> Span {
    Span::from_secs(1)
}

pub(super) fn a_minute() -> Span {
    Span::from_secs(60)
}

pub(super) fn two_minutes() -> Span {
    Span::from_secs(2 * 60)
}

pub(super) fn five_minutes() -> Span {
    Span::from_secs(5 * 60)
}

pub(super) fn half_an_hour() -> Span {
    Span::from_secs(30 * 60)
}

pub(super) fn an_hour() -> Span {
    Span::from_secs(60 * 60)
}

pub(super) fn a_day() -> Span {
    Span::from_secs(24 * 60 * 60)
}

pub(super) fn ten_people() -> At<u32> {
    At::from(10)
}

pub(super) fn running() -> f64 {
    1.8
}

pub(super) fn a_height() -> f64 {
    1.0
}

pub(super) fn low_battery() -> f64 {
    20.0
}

pub(super) fn one_byte() -> usize {
    1
}

pub(super) fn monday_noon() -> At<String> {
    At::from("2026-01-05T12:00".to_owned())
}

pub(super) fn keyword() -> String {
    "【雪亮告警】".to_owned()
}

pub(super) fn sink_backlog() -> u64 {
    1000
}

pub(super) fn score() -> f64 {
    0.8
}
