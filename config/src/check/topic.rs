//! MQTT topic filters with captures (MQTT 3.1.1 §4.7).

use crate::model::{TopicLevel, TopicPattern};

/// Longest topic of MQTT, bytes.
const MAX_TOPIC_BYTES: usize = 65_535;

/// Reads `site/{room}/+/#`; the error says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<TopicPattern, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > MAX_TOPIC_BYTES || text.contains('\0') {
        return Err(format!("must be at most {MAX_TOPIC_BYTES} bytes without NUL"));
    }
    let count = text.split('/').count();
    let mut captured: Vec<&str> = Vec::new();
    let mut levels = Vec::with_capacity(count);
    for (index, level) in text.split('/').enumerate() {
        levels.push(match level {
            "+" => TopicLevel::Any,
            "#" if index + 1 == count => TopicLevel::Rest,
            "#" => return Err("has a `#` that is not the last level".to_owned()),
            _ if level.contains(['+', '#']) => {
                return Err(format!(
                    "has a wildcard inside the level `{level}`; it must be a level of its own"
                ));
            }
            _ => match level.strip_prefix('{').and_then(|level| level.strip_suffix('}')) {
                Some(name) if name.is_empty() || name.contains(['{', '}']) => {
                    return Err(format!("has the badly named capture `{level}`"));
                }
                Some(name) if captured.contains(&name) => return Err(format!("captures `{name}` twice")),
                Some(name) => {
                    captured.push(name);
                    TopicLevel::Capture(name.to_owned())
                }
                None if level.contains(['{', '}']) => {
                    return Err(format!(
                        "has a capture inside the level `{level}`; it must be a level of its own"
                    ));
                }
                None => TopicLevel::Exactly(level.to_owned()),
            },
        });
    }
    Ok(TopicPattern { levels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_text_wildcards_and_captures() {
        let pattern = parse("site/{room}/+/#").unwrap();
        let expected = [
            TopicLevel::Exactly("site".into()),
            TopicLevel::Capture("room".into()),
            TopicLevel::Any,
            TopicLevel::Rest,
        ];
        assert_eq!(pattern.levels, expected);
    }

    #[test]
    fn what_mqtt_forbids_is_refused() {
        for (text, reason) in [
            ("", "is empty"),
            ("a/#/b", "has a `#` that is not the last level"),
            ("a/b+", "has a wildcard inside the level `b+`; it must be a level of its own"),
            ("a/{x}/{x}", "captures `x` twice"),
            ("a/b{x}", "has a capture inside the level `b{x}`; it must be a level of its own"),
            ("a/{}", "has the badly named capture `{}`"),
        ] {
            assert_eq!(parse(text).unwrap_err(), reason, "{text}");
        }
    }
}
