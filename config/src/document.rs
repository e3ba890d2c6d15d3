//! The TOML document and its shape: known keys, types, ranges, patterns, and keys that must be there.
//!
//! The document is walked beside the JSON Schema of the [`raw`](mod@crate::raw) types. Whatever does not fit becomes a
//! problem at its place and is taken out of the document, so that all mistakes are found in one go and what remains
//! always deserialises. [`Document::is_bad`] tells the later checks what was taken out, so that they do not call it
//! missing.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::quantity::{Rate, Size, Span, Traffic};
use crate::raw;
use crate::report::{Problem, list};

/// The shape, made once.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| crate::schema::schema().to_value());

/// A file whose shape has been checked.
pub(crate) struct Document {
    /// What the file says, without what is wrong; none where the syntax is wrong.
    pub file: Option<raw::File>,
    /// Dotted paths of values that were there and wrong.
    bad: HashSet<String>,
}

/// Reads a document and reports everything wrong with its shape.
pub(crate) fn read(text: &str, problems: &mut Vec<Problem>) -> Document {
    let sound = crate::syntax::sound(text, problems);
    let incomplete = !problems.is_empty();
    let Ok(mut table) = DeTable::parse(&sound) else { return Document { file: None, bad: HashSet::new() } };
    let mut walk = Walk { text: &sound, problems: &mut *problems, bad: HashSet::new(), incomplete };
    walk.table("", &SCHEMA, 0..0, table.get_mut());
    let bad = walk.bad;
    if incomplete {
        // References could point at what has been blanked.
        return Document { file: None, bad };
    }
    let file = match raw::File::deserialize(toml::de::Deserializer::from(table)) {
        Ok(file) => Some(file),
        Err(error) => {
            let place = error.span().unwrap_or(0..0);
            problems.push(Problem::error(clamp(place, text), error.message().trim().to_owned()));
            None
        }
    };
    Document { file, bad }
}

/// One pass over the document.
struct Walk<'t> {
    text: &'t str,
    problems: &'t mut Vec<Problem>,
    bad: HashSet<String>,
    /// The syntax is wrong somewhere: keys may be missing because of that.
    incomplete: bool,
}

// === impl Document ===

impl Document {
    /// Whether a value stood at this dotted path and was wrong, which has been reported.
    pub(crate) fn is_bad(&self, path: &str) -> bool {
        self.bad.contains(path)
    }
}

// === impl Walk ===

impl Walk<'_> {
    /// Checks a table's keys and takes out those that do not fit. `place` is what names the table.
    fn table(&mut self, path: &str, schema: &Value, place: Range<usize>, table: &mut DeTable<'_>) {
        for (key, mut value) in std::mem::take(table) {
            let name = key.get_ref().as_ref();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let Some(known) = self.key(schema, &key, &path) else { continue };
            if self.value(&path, known, key.span(), &mut value) {
                table.insert(key, value);
            } else {
                self.bad.insert(path);
            }
        }
        if self.incomplete {
            return;
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if !table.contains_key(name) && !self.bad.contains(&path) {
                self.missing(&path, name, &schema["properties"][name], place.clone());
            }
        }
    }

    /// The schema of a key's value; a problem where the key is unknown or badly named.
    fn key<'s>(
        &mut self,
        schema: &'s Value,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        path: &str,
    ) -> Option<&'s Value> {
        let name = key.get_ref().as_ref();
        if let Some(known) = schema["properties"].get(name) {
            return Some(known);
        }
        if schema["additionalProperties"].is_object() {
            let names = &schema["propertyNames"];
            if !matches(names, name) {
                let wants = names["x-wants"].as_str().unwrap_or_default();
                self.problems.push(Problem::error(key.span(), format!("the name `{name}` must be {wants}")));
            }
            return Some(&schema["additionalProperties"]);
        }
        let known = schema["properties"].as_object().into_iter().flatten().map(|(known, _)| known.as_str());
        let section = path.rsplit_once('.').map_or(String::new(), |(section, _)| format!(" in [{section}]"));
        let problem = Problem::error(key.span(), format!("unknown key `{name}`{section}"));
        self.problems.push(problem.did_you_mean(name, known));
        None
    }

    fn missing(&mut self, path: &str, name: &str, schema: &Value, place: Range<usize>) {
        let needs: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let problem = match path.rsplit_once('.') {
            None => {
                let hint = format!("add it, with {}", list(needs));
                self.problems
                    .push(Problem::error(0..0, format!("the section [{name}] is missing")).hint(hint));
                return;
            }
            Some((section, _)) => Problem::error(place, format!("`{name}` is missing in [{section}]")),
        };
        let example =
            schema["examples"][0].as_str().map(|example| format!(", for example {name} = \"{example}\""));
        let what =
            schema["description"].as_str().and_then(|text| text.split(['.', ':']).next()).unwrap_or_default();
        self.problems.push(problem.hint(format!("{}{}", one_line(what), example.unwrap_or_default())));
    }

    /// Whether a value fits; problems where it does not.
    fn value(
        &mut self,
        path: &str,
        schema: &Value,
        key: Range<usize>,
        value: &mut Spanned<DeValue<'_>>,
    ) -> bool {
        let place = value.span();
        let name = path.rsplit('.').next().unwrap_or(path);
        let before = self.problems.len();
        match value.get_mut() {
            DeValue::Table(table) if has_type(schema, "object") => {
                self.table(path, schema, key, table);
                // What is wrong inside has been taken out there.
                return true;
            }
            DeValue::Array(items) if has_type(schema, "array") => {
                return self.list(path, schema, key, items, &place);
            }
            DeValue::String(text) if has_type(schema, "string") => self.string(name, schema, text, &place),
            DeValue::Integer(digits) if has_type(schema, "integer") || has_type(schema, "number") => {
                let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
                self.number(name, schema, number.map(|number| number as f64), &place);
            }
            DeValue::Float(digits) if has_type(schema, "number") => {
                let number =
                    digits.as_str().replace('_', "").parse().ok().filter(|number: &f64| number.is_finite());
                self.number(name, schema, number, &place);
            }
            DeValue::Boolean(_) if has_type(schema, "boolean") => {}
            other => {
                let found = found(other);
                self.problems
                    .push(Problem::error(place, format!("`{name}` must be {}, not {found}", wanted(schema))));
            }
        }
        self.problems.len() == before
    }

    /// Checks a list's entries and takes out those that do not fit; the whole list where its length matters.
    fn list(
        &mut self,
        path: &str,
        schema: &Value,
        key: Range<usize>,
        items: &mut DeArray<'_>,
        place: &Range<usize>,
    ) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path);
        let before = self.problems.len();
        self.length(name, schema, items.len(), "entries", place);
        let kept = std::mem::replace(items, DeArray::new()).into_iter().filter_map(|mut item| {
            self.value(path, &schema["items"], key.clone(), &mut item).then_some(item)
        });
        *items = kept.collect();
        if self.problems.len() == before {
            return true;
        }
        self.bad.insert(path.to_owned());
        schema["minItems"].is_null() && schema["maxItems"].is_null()
    }

    fn string(&mut self, name: &str, schema: &Value, text: &str, place: &Range<usize>) {
        if schema["x-secrets"] != Value::Bool(true) && (text.contains("${env:") || text.contains("${file:")) {
            let problem = Problem::error(place.clone(), format!("`{name}` takes no `${{…}}`"));
            self.problems
                .push(problem.hint("only `url`, `username`, `password`, `secret`, `mentions` and `keys` do"));
            return;
        }
        let choices = choices(schema);
        if !choices.is_empty() && !choices.contains(&text) {
            let problem = Problem::error(place.clone(), format!("`{name}` cannot be `{text}`"));
            self.problems.push(problem.did_you_mean(text, choices));
            return;
        }
        match schema["x-format"].as_str() {
            Some("duration") => self.quantity(name, schema, text, place, Span::parse),
            Some("size") => self.quantity(name, schema, text, place, Size::parse),
            Some("traffic") => self.quantity(name, schema, text, place, Traffic::parse),
            Some("rate") => self.quantity(name, schema, text, place, Rate::parse),
            _ if !matches(schema, text) => {
                let wants = schema["x-wants"].as_str().unwrap_or_default();
                self.problems.push(Problem::error(place.clone(), format!("`{name}` must be {wants}")));
            }
            _ => self.length(name, schema, text.chars().count(), "characters", place),
        }
    }

    /// Reads a quantity and holds it against `x-min` and `x-max`.
    fn quantity<Q: PartialOrd>(
        &mut self,
        name: &str,
        schema: &Value,
        text: &str,
        place: &Range<usize>,
        parse: fn(&str) -> Result<Q, String>,
    ) {
        let limit = |key: &str| schema[key].as_str().and_then(|text| Some((text, parse(text).ok()?)));
        match (parse(text), limit("x-min"), limit("x-max")) {
            (Err(reason), ..) => {
                let example = schema["examples"][0].as_str().unwrap_or_default();
                let problem = Problem::error(place.clone(), format!("`{name}` {reason}"));
                self.problems.push(problem.hint(format!("for example {name} = \"{example}\"")));
            }
            (Ok(value), Some((least, min)), Some((most, max))) if value < min || value > max => {
                let message = format!("`{name}` is {text}; allowed are {least} to {most}");
                self.problems.push(Problem::error(place.clone(), message));
            }
            _ => {}
        }
    }

    /// Holds a number against `minimum` and `maximum`; none for one that is not finite or does not fit 64 bits.
    fn number(&mut self, name: &str, schema: &Value, number: Option<f64>, place: &Range<usize>) {
        let unit = schema["x-unit"].as_str().map(|unit| format!(" {unit}")).unwrap_or_default();
        let (min, max) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let fits = number
            .is_some_and(|number| min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max));
        if fits {
            return;
        }
        let written = &self.text[place.clone()];
        let allowed = match (min, max) {
            (Some(min), Some(max)) => format!("allowed are {min} to {max}{unit}"),
            (Some(min), None) => format!("allowed is {min}{unit} or more"),
            _ => "allowed are finite numbers of 64 bits".to_owned(),
        };
        self.problems.push(Problem::error(place.clone(), format!("`{name}` is {written}{unit}; {allowed}")));
    }

    /// Holds a length against `minLength`/`minItems` and `maxLength`/`maxItems`.
    fn length(&mut self, name: &str, schema: &Value, length: usize, of: &str, place: &Range<usize>) {
        let limit = |text: &str, list: &str| {
            let limit = schema[text].as_u64().or(schema[list].as_u64())?;
            usize::try_from(limit).ok()
        };
        let (min, max) = (limit("minLength", "minItems").unwrap_or(0), limit("maxLength", "maxItems"));
        if length >= min && max.is_none_or(|max| length <= max) {
            return;
        }
        let allowed = match max {
            Some(max) if max == min => format!("{min} are needed"),
            Some(max) => format!("allowed are {min} to {max}"),
            None => format!("at least {min} is needed"),
        };
        self.problems.push(Problem::error(place.clone(), format!("`{name}` has {length} {of}; {allowed}")));
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == name,
        Value::Array(types) => types.iter().any(|other| other == name),
        _ => {
            let of_choice = |key: &str| {
                schema[key]
                    .as_array()
                    .is_some_and(|choices| choices.iter().any(|choice| has_type(choice, name)))
            };
            of_choice("anyOf") || of_choice("oneOf")
        }
    }
}

/// The words that an enumeration allows; empty where anything goes.
pub(crate) fn choices(schema: &Value) -> Vec<&str> {
    let of_enum = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of_one_of = schema["oneOf"].as_array().into_iter().flatten();
    of_enum
        .chain(of_one_of.clone().filter_map(|choice| choice["const"].as_str()))
        .chain(of_one_of.flat_map(choices))
        .collect()
}

fn matches(schema: &Value, text: &str) -> bool {
    let Some(pattern) = schema["pattern"].as_str() else { return true };
    regex_lite::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

fn wanted(schema: &Value) -> &'static str {
    let words = [
        ("object", "a table"),
        ("array", "a list"),
        ("string", "text in quotes"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
    ];
    match words.iter().filter(|(name, _)| has_type(schema, name)).collect::<Vec<_>>().as_slice() {
        [(_, word)] => word,
        _ => "true, false or a number",
    }
}

/// What a value is. Never the value: it may be a password.
fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clamp(place: Range<usize>, text: &str) -> Range<usize> {
    place.start.min(text.len())..place.end.min(text.len())
}
