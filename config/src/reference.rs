//! The reference page of the configuration: every key with its type, default, range and unit, in Markdown.
//!
//! Made from the JSON Schema, so that it cannot say anything else than what is checked.

use std::fmt::Write;

use serde_json::Value;

use crate::codes::EVENT_CODES;
use crate::presets::PRESETS;

const OPENING: &str = "\
# Configuration reference

One TOML file. `moshao check --config FILE` tells every mistake in it at once. This page is written by
`moshao schema config --markdown`; editors understand `moshao schema config`.

- Durations are text with a unit: `\"200ms\"`, `\"2s\"`, `\"5m\"`, `\"24h\"`, `\"30d\"`. Sizes too: `\"512KiB\"`, `\"256MiB\"`,
  `\"4GiB\"`. Traffic and rates are decimal, as tariffs are: `\"200MB\"`, `\"128kbit/s\"`.
- Ids are 1 to 32 of small letters, digits and `-`.
- Where a key says *secrets*, `${env:NAME}` stands for an environment variable and `${file:path}` for the contents of a
  file; inside a URL the value is percent-encoded for you. A literal `${` is written `$${`.
- Paths are relative to the configuration file.
";

/// The reference page.
pub fn reference() -> String {
    let schema = crate::schema::schema().to_value();
    let mut page = OPENING.to_owned();
    for (name, section) in properties(&schema) {
        match section.get("additionalProperties").filter(|named| named["type"] == "object") {
            Some(named) => table(&mut page, &format!("{name}.ID"), section, named),
            None if section["items"]["properties"].is_object() => {
                table(&mut page, &format!("[{name}]"), section, &section["items"]);
            }
            None => table(&mut page, name, section, section),
        }
    }
    presets(&mut page);
    codes(&mut page);
    page
}

/// One section, and the sections inside it. `described` carries the description, `table` the keys.
fn table(page: &mut String, title: &str, described: &Value, table: &Value) {
    let description = described["description"].as_str().unwrap_or_default();
    line(page, format_args!("\n## `[{title}]`\n\n{}\n", one_line(description)));
    line(page, format_args!("| key | type | default | allowed | meaning |\n|---|---|---|---|---|"));
    let required: Vec<&str> =
        table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, key) in properties(table) {
        let default = match key.get("default") {
            _ if required.contains(&name.as_str()) => "**required**".to_owned(),
            Some(Value::Object(_)) | None => String::new(),
            Some(value) => {
                format!("`{}`", value.as_f64().map_or(value.to_string(), |number| number.to_string()))
            }
        };
        let meaning = one_line(key["description"].as_str().unwrap_or_default());
        let example = key["examples"][0].as_str().filter(|_| key["x-format"].is_null());
        let example = example.map(|example| format!(" Example: `\"{example}\"`.")).unwrap_or_default();
        line(
            page,
            format_args!("| `{name}` | {} | {default} | {} | {meaning}{example} |", kind(key), allowed(key)),
        );
    }
    let title = title.trim_matches(['[', ']']);
    for (name, key) in properties(table) {
        let inside = if key["items"]["properties"].is_object() { &key["items"] } else { key };
        if inside["properties"].is_object() {
            self::table(page, &format!("{title}.{name}"), key, inside);
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// What to write: text, number, list of …
fn kind(key: &Value) -> String {
    match (key["x-format"].as_str(), key["type"].as_str()) {
        (Some(format), _) => format.to_owned(),
        (None, Some("array")) => format!("list of {}", plural(&kind(&key["items"]))),
        (None, Some("object")) => match key.get("additionalProperties").filter(|named| named.is_object()) {
            Some(named) => format!("table of {}", plural(&kind(named))),
            None => "table".to_owned(),
        },
        (None, Some("string")) if key["x-secrets"] == true => "text, *secrets*".to_owned(),
        (None, Some("string")) => "text".to_owned(),
        (None, Some("integer")) => "whole number".to_owned(),
        (None, Some("number")) => "number".to_owned(),
        (None, Some("boolean")) => "true or false".to_owned(),
        _ if key["oneOf"].is_array() => "text".to_owned(),
        _ => "true, false or number".to_owned(),
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "number" => "numbers".to_owned(),
        "text" => "texts".to_owned(),
        "table" => "tables".to_owned(),
        list => list.replacen("list", "lists", 1),
    }
}

/// Range, pattern or choices.
fn allowed(key: &Value) -> String {
    let unit = key["x-unit"].as_str().map(|unit| format!(" {unit}")).unwrap_or_default();
    let (min, max) = (first(key, ["minimum", "x-min"]), first(key, ["maximum", "x-max"]));
    let choices = crate::document::choices(key);
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}{unit}"),
        (Some(min), None) => format!("{min}{unit} or more"),
        _ if !choices.is_empty() => {
            choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
        }
        _ => match (key["x-wants"].as_str(), key["maxLength"].as_u64(), key["minItems"].as_u64()) {
            (Some(wants), ..) => wants.to_owned(),
            (None, Some(most), _) => format!("1 to {most} characters"),
            (None, None, Some(least)) => format!("{least} or more"),
            _ => unit.trim().to_owned(),
        },
    }
}

/// The first of these limits that is there, as it is written in the file.
fn first(key: &Value, names: [&str; 2]) -> Option<String> {
    let value = names.into_iter().map(|name| &key[name]).find(|value| !value.is_null())?;
    Some(match value {
        Value::String(text) => text.clone(),
        number => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
    })
}

fn presets(page: &mut String) {
    line(page, format_args!("\n## Presets of sensors\n"));
    line(
        page,
        format_args!(
            "A sensor with a preset and no `watches` is watched by the preset's own rule; where it gives another `kind`, by the\nsame rule with the code of that kind.\n"
        ),
    );
    line(
        page,
        format_args!(
            "| preset | topic, for example | value | kind | unit | its rule |\n|---|---|---|---|---|---|"
        ),
    );
    for preset in &PRESETS {
        let rule = preset.rule(preset.kind);
        let conditions: Vec<String> =
            preset.rules(preset.kind).iter().map(|rule| rule.condition.to_string()).collect();
        line(
            page,
            format_args!(
                "| `{}` | `{}` | {} | `{}` | {} | `{}`: {} |",
                preset.name,
                preset.topic,
                if preset.value.is_empty() {
                    "the payload".to_owned()
                } else {
                    format!("`{}`", preset.value)
                },
                preset.kind,
                preset.unit.map_or("yes/no".to_owned(), |unit| format!("`{unit}`")),
                rule.code,
                conditions.join("; earlier: "),
            ),
        );
    }
}

fn codes(page: &mut String) {
    line(page, format_args!("\n## Event codes\n"));
    line(page, format_args!("What a rule takes from its code where it gives nothing itself.\n"));
    line(page, format_args!("| code | title | level | type |\n|---|---|---|---|"));
    for entry in EVENT_CODES {
        let (code, title, level) = (entry.code, entry.title, entry.level);
        line(
            page,
            format_args!("| `{code}` | {title} | {level} | `moshao.{}.{}.v1` |", entry.category, entry.kind),
        );
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("writing to a String does not fail");
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
