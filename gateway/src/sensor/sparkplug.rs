//! Sparkplug B payloads (Eclipse Sparkplug 3.0.0, `sparkplug_b.proto`), as far as sensors need them.
//!
//! A payload becomes JSON: `{"timestamp", "seq", "metrics": [{"name", "timestamp", "value"}]}`. A birth gives metrics
//! names and aliases; later messages may say the alias alone, so the births are remembered.

use std::collections::HashMap;

use prost::Message;
use serde_json::{Value, json};

/// Most devices whose births are remembered, and most aliases of each: names come from outside.
const DEVICES_MAX: usize = 10_000;
const ALIASES_MAX: usize = 1000;

/// What births have said, by device.
#[derive(Debug, Default)]
pub(super) struct Births(HashMap<String, HashMap<u64, String>>);

#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(oneof = "Content", tags = "10, 11, 12, 13, 14, 15")]
    pub(super) value: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Content {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

/// `Int8` to `Int64` of the specification's data types; their values are two's complement.
const SIGNED: std::ops::RangeInclusive<u32> = 1..=4;

// === impl Births ===

impl Births {
    /// The payload of a message on `topic` as JSON; none where it is no Sparkplug payload.
    pub(super) fn read(&mut self, topic: &str, payload: &[u8]) -> Option<Value> {
        let payload = Payload::decode(payload).ok()?;
        let mut levels = topic.split('/').skip(1);
        let group = levels.next().unwrap_or_default();
        let kind = levels.next().unwrap_or_default();
        let device = std::iter::once(group).chain(levels).collect::<Vec<_>>().join("/");
        if kind.ends_with("BIRTH") {
            self.remember(device.clone(), &payload);
        }
        let known = self.0.get(&device);
        let metrics = payload.metrics.iter().map(|metric| {
            let aliased = || known?.get(&metric.alias?).cloned();
            json!({
                "name": metric.name.clone().filter(|name| !name.is_empty()).or_else(aliased),
                "timestamp": metric.timestamp,
                "value": value(metric),
            })
        });
        let metrics: Vec<Value> = metrics.collect();
        Some(json!({ "timestamp": payload.timestamp, "seq": payload.seq, "metrics": metrics }))
    }

    fn remember(&mut self, device: String, birth: &Payload) {
        if self.0.len() >= DEVICES_MAX && !self.0.contains_key(&device) {
            return;
        }
        let names = birth.metrics.iter().filter_map(|metric| Some((metric.alias?, metric.name.clone()?)));
        self.0.insert(device, names.take(ALIASES_MAX).collect());
    }
}

fn value(metric: &Metric) -> Value {
    if metric.is_null == Some(true) {
        return Value::Null;
    }
    let signed = metric.datatype.is_some_and(|datatype| SIGNED.contains(&datatype));
    match &metric.value {
        Some(Content::Int(number)) if signed => {
            let number = number.cast_signed();
            // Some encoders leave the upper bytes of Int8 and Int16 empty.
            match metric.datatype {
                Some(1) => json!(number as i8),
                Some(2) => json!(number as i16),
                _ => json!(number),
            }
        }
        Some(Content::Long(number)) if signed => json!(number.cast_signed()),
        Some(Content::Int(number)) => json!(number),
        Some(Content::Long(number)) => json!(number),
        Some(Content::Float(number)) => json!(number),
        Some(Content::Double(number)) => json!(number),
        Some(Content::Boolean(yes)) => json!(yes),
        Some(Content::Text(text)) => json!(text),
        None => Value::Null,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn metric(name: Option<&str>, alias: Option<u64>, datatype: u32, value: Content) -> Metric {
        Metric {
            name: name.map(str::to_owned),
            alias,
            timestamp: None,
            datatype: Some(datatype),
            is_null: None,
            value: Some(value),
        }
    }

    pub(crate) fn payload(timestamp: u64, metrics: Vec<Metric>) -> Vec<u8> {
        Payload { timestamp: Some(timestamp), metrics, seq: Some(0) }.encode_to_vec()
    }

    #[test]
    fn an_alias_is_the_name_that_the_birth_gave_it() {
        let mut births = Births::default();
        let birth = payload(1, vec![metric(Some("Smoke"), Some(7), 11, Content::Boolean(false))]);
        births.read("spBv1.0/village/DBIRTH/node/kitchen", &birth).unwrap();
        let data = payload(2, vec![metric(None, Some(7), 11, Content::Boolean(true))]);
        let read = births.read("spBv1.0/village/DDATA/node/kitchen", &data).unwrap();
        assert_eq!(read["metrics"][0], json!({ "name": "Smoke", "timestamp": null, "value": true }));
        let elsewhere = births.read("spBv1.0/village/DDATA/node/hall", &data).unwrap();
        assert_eq!(elsewhere["metrics"][0]["name"], Value::Null, "aliases belong to their device");
    }

    #[test]
    fn signed_numbers_are_signed() {
        let read = |datatype, content| value(&metric(Some("x"), None, datatype, content));
        assert_eq!(read(1, Content::Int(0xFB)), json!(-5));
        assert_eq!(read(3, Content::Int(u32::MAX)), json!(-1));
        assert_eq!(read(7, Content::Int(u32::MAX)), json!(u32::MAX));
        assert_eq!(read(4, Content::Long(u64::MAX)), json!(-1));
    }

    #[test]
    fn bytes_that_are_no_payload_are_refused() {
        assert_eq!(Births::default().read("spBv1.0/v/DDATA/n/d", b"{\"smoke\":1}"), None);
    }
}
