//! A payload, parsed once for all sensors on its topic, and the numbers in it.

use std::borrow::Cow;

use serde_json::Value;

use super::mapping::MAX_MESSAGE_BYTES;
use super::pointer::Pointer;
use super::reading::Why;

/// A payload.
pub(super) enum Message<'a> {
    Json(Value),
    /// Not JSON; good for a sensor whose payload is the value itself, such as `ON`.
    Text(&'a str),
    Bad(Why),
}

// === impl Message ===

impl<'a> Message<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Self {
        if payload.is_empty() {
            return Message::Bad(Why::Empty);
        }
        if payload.len() > MAX_MESSAGE_BYTES {
            return Message::Bad(Why::TooLarge { bytes: payload.len(), limit: MAX_MESSAGE_BYTES });
        }
        match (serde_json::from_slice(payload), std::str::from_utf8(payload)) {
            (Ok(value), _) => Message::Json(value),
            (Err(_), Ok(text)) => Message::Text(text),
            (Err(_), Err(_)) => Message::Bad(Why::NotJson),
        }
    }

    /// What the pointer points to; the empty one points to the whole.
    pub(super) fn at(&self, pointer: &Pointer) -> Result<Cow<'_, Value>, Why> {
        match self {
            Message::Json(value) => pointer.find(value).ok_or_else(|| Why::NoValue(pointer.text.clone())),
            Message::Text(text) if pointer.is_whole() => Ok(Cow::Owned(Value::String((*text).to_owned()))),
            Message::Text(_) => Err(Why::NotJson),
            Message::Bad(why) => Err(why.clone()),
        }
    }
}

/// A value as a number: the sensor's own table first; then numbers, also as text, and yes or no.
pub(super) fn number(value: &Value, table: &[(String, f64)]) -> Result<f64, Why> {
    let text: Cow<'_, str> = match value {
        Value::String(text) => text.trim().into(),
        Value::Number(number) if table.is_empty() => {
            return number.as_f64().ok_or(Why::NotFinite);
        }
        other => other.to_string().into(),
    };
    if let Some((_, meaning)) = table.iter().find(|(word, _)| *word == text) {
        return Ok(*meaning);
    }
    match value {
        Value::Bool(yes) => Ok(f64::from(u8::from(*yes))),
        // ONVIF writes yes and no as text.
        Value::String(_) if text == "true" || text == "false" => Ok(f64::from(u8::from(text == "true"))),
        Value::Number(_) | Value::String(_) => {
            text.parse().ok().filter(|number: &f64| !number.is_nan()).ok_or_else(|| not_a_number(&text))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => Err(not_a_number(&text)),
    }
}

fn not_a_number(text: &str) -> Why {
    Why::NotANumber(beginning(text))
}

/// The beginning is enough to recognise it, and the rest may be long.
pub(super) fn beginning(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
