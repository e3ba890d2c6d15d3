//! JSON pointers (RFC 6901), with two additions for what devices send.
//!
//! `[key=text]` picks the entry of a list whose `key` is `text`, because lists of metrics and services have no fixed
//! order; and text that is itself JSON is looked into, because ChirpStack 3 sends the decoded object so.

use std::borrow::Cow;

use serde_json::Value;

/// A pointer, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// As it is written.
    pub(super) text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A key, or the number of an entry.
    To(String),
    /// The entry of a list whose `key` is this text.
    Entry(String, String),
}

// === impl Pointer ===

impl Pointer {
    pub(super) fn new(text: &str) -> Self {
        let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
        let step = |step: &str| match step.strip_prefix('[').and_then(|step| step.strip_suffix(']')) {
            Some(entry) if entry.contains('=') => {
                let (key, text) = entry.split_once('=').unwrap_or((entry, ""));
                Step::Entry(unescape(key), unescape(text))
            }
            _ => Step::To(unescape(step)),
        };
        Pointer { text: text.to_owned(), steps: text.split('/').skip(1).map(step).collect() }
    }

    /// Whether it points to the whole message.
    pub(super) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// What it points to; none where nothing is there.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Option<Cow<'v, Value>> {
        follow(value, &self.steps)
    }
}

fn follow<'v>(value: &'v Value, steps: &[Step]) -> Option<Cow<'v, Value>> {
    let Some((first, further)) = steps.split_first() else { return Some(Cow::Borrowed(value)) };
    let next = match (value, first) {
        (Value::String(text), _) => {
            let inside: Value =
                serde_json::from_str(text).ok().filter(|inside: &Value| !inside.is_string())?;
            return follow(&inside, steps).map(|found| Cow::Owned(found.into_owned()));
        }
        (Value::Object(map), Step::To(key)) => map.get(key)?,
        (Value::Array(items), Step::To(number)) => items.get(number.parse::<usize>().ok()?)?,
        (Value::Array(items), Step::Entry(key, text)) => {
            items.iter().find(|item| item.get(key).and_then(Value::as_str) == Some(text))?
        }
        _ => return None,
    };
    follow(next, further)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(pointer: &str, value: &Value) -> Option<Value> {
        Pointer::new(pointer).find(value).map(Cow::into_owned)
    }

    #[test]
    fn pointers_are_those_of_rfc_6901() {
        let value = json!({ "a/b": [7, 8], "m~n": 1, "": 2, "[x": 3 });
        for (pointer, found) in [("/a~1b/1", 8), ("/m~0n", 1), ("/", 2), ("/[x", 3)] {
            assert_eq!(find(pointer, &value), Some(json!(found)), "{pointer}");
        }
        assert_eq!(find("", &value), Some(value.clone()));
        assert_eq!(find("/a~1b/2", &value), None);
        assert_eq!(find("/a~1b/x", &value), None);
    }

    #[test]
    fn entries_of_lists_are_found_by_what_they_are() {
        let value =
            json!({ "metrics": [{ "name": "In/1", "value": 3 }, { "name": "Smoke", "value": true }] });
        assert_eq!(find("/metrics/[name=Smoke]/value", &value), Some(json!(true)));
        assert_eq!(find("/metrics/[name=In~11]/value", &value), Some(json!(3)));
        assert_eq!(find("/metrics/[name=Gas]/value", &value), None);
    }

    #[test]
    fn text_that_is_json_is_looked_into_and_no_deeper_than_it_goes() {
        let value = json!({ "objectJSON": "{\"smoke\":1}", "text": "ON", "twice": "\"{}\"" });
        assert_eq!(find("/objectJSON/smoke", &value), Some(json!(1)));
        assert_eq!(find("/objectJSON", &value), Some(json!("{\"smoke\":1}")));
        assert_eq!(find("/text/smoke", &value), None);
        assert_eq!(find("/twice/smoke", &value), None);
    }
}
