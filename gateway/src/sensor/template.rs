//! Value templates of Home Assistant, as far as they only say where a value stands.
//!
//! They are Jinja, a language of its own, that could compute anything. Devices use it to point: `{{ value_json.smoke }}`,
//! `{{ value_json['DS18B20'].Temperature | float }}`. That much is read, as a JSON pointer; what is more is refused.

use super::reading::Why;

/// Filters that leave the value as it is, as far as a sensor needs it.
const FILTERS: [&str; 5] = ["float", "int", "round", "is_defined", "default"];

/// The JSON pointer that a template means; empty for the whole payload.
///
/// # Errors
/// It does more than to point.
pub(super) fn pointer(template: &str) -> Result<String, Why> {
    read(template).ok_or_else(|| Why::Template(super::message::beginning(template)))
}

fn read(template: &str) -> Option<String> {
    let inside = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.trim_start_matches('-').trim_end_matches('-');
    let (path, filters) = inside.split_once('|').unwrap_or((inside, ""));
    for filter in filters.split('|').map(str::trim).filter(|filter| !filter.is_empty()) {
        let (name, arguments) = filter.split_once('(').unwrap_or((filter, ")"));
        if !FILTERS.contains(&name.trim()) || !arguments.ends_with(')') {
            return None;
        }
    }
    let path = path.trim();
    if path == "value" {
        return Some(String::new());
    }
    let mut rest = path.strip_prefix("value_json")?;
    let mut pointer = String::new();
    while !rest.is_empty() {
        let key;
        (key, rest) = step(rest)?;
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    }
    Some(pointer)
}

/// The first key of `.a.b`, `['a'].b` or `[0].b`, and what follows.
fn step(path: &str) -> Option<(&str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(word) = path.strip_prefix('.') {
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        return (end > 0).then(|| word.split_at(end));
    }
    let bracket = path.strip_prefix('[')?.trim_start();
    if let Some(quote) = bracket.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (key, rest) = bracket[1..].split_once(quote)?;
        return (!key.contains('\\')).then_some((key, rest.trim_start().strip_prefix(']')?));
    }
    let (number, rest) = bracket.split_once(']')?;
    let number = number.trim();
    (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_points_is_a_pointer() {
        for (template, expected) in [
            ("{{ value_json.smoke }}", "/smoke"),
            ("{{value_json.smoke}}", "/smoke"),
            ("{{ value_json[\"smoke\"] }}", "/smoke"),
            ("{{ value_json['DS18B20'].Temperature }}", "/DS18B20/Temperature"),
            ("{{ value_json.ENERGY.Power | float(0) | round(1) }}", "/ENERGY/Power"),
            ("{{ value_json.sensors[0]['a/b'] | is_defined }}", "/sensors/0/a~1b"),
            ("{{- value_json.x -}}", "/x"),
            ("{{ value }}", ""),
            ("{{ value | float }}", ""),
            ("{{ value_json }}", ""),
        ] {
            assert_eq!(pointer(template), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn a_template_that_computes_is_refused() {
        for template in [
            "{{ value_json.temperature * 1.8 + 32 }}",
            "{{ 'ON' if value_json.smoke else 'OFF' }}",
            "{% if value_json.smoke %}ON{% else %}OFF{% endif %}",
            "{{ states('sensor.other') }}",
            "{{ value_json.a }}{{ value_json.b }}",
            "{{ value_json.x | regex_replace('a', 'b') }}",
            "{{ value_json. }}",
            "{{ value_json['x }}",
            "value_json.x",
            "",
        ] {
            assert!(matches!(pointer(template), Err(Why::Template(_))), "{template}");
        }
    }
}
