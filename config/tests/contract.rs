//! The schema and the reference page: what editors and people are told is what is checked.

use std::collections::BTreeSet;
use std::path::Path;

use moshao_config::{Environment, examine_text, reference, schema};
use serde_json::Value;

#[test]
fn the_reference_page_in_deploy_is_the_one_of_this_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config-reference.md");
    if std::env::var_os("MOSHAO_BLESS").is_some() {
        std::fs::write(&page, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(written == reference(), "write it anew: MOSHAO_BLESS=1 cargo test -p moshao-config");
}

#[test]
fn every_key_is_described() {
    let mut undescribed = Vec::new();
    each_key(&schema().to_value(), "", &mut |path, key| {
        if key["description"].as_str().is_none_or(str::is_empty) {
            undescribed.push(path.to_owned());
        }
    });
    assert_eq!(undescribed, [""; 0]);
}

#[test]
fn every_default_of_the_schema_is_one_that_the_check_takes() {
    let mut checked = BTreeSet::new();
    each_key(&schema().to_value(), "", &mut |path, key| {
        let Some(default) = key.get("default").filter(|default| !default.is_object()) else { return };
        let mut levels: Vec<&str> = path.split('.').collect();
        let name = levels.pop().unwrap();
        let text = format!("[{}]\n{name} = {default}\n", levels.join("."));
        let report = examine_text(&text, "moshao.toml", &Environment::fixed(".", [], 1)).report;
        let wrong: Vec<_> = report
            .entries()
            .filter(|entry| entry.line == Some(2))
            .map(|entry| entry.message.to_owned())
            .collect();
        assert_eq!(wrong, [""; 0], "{text}");
        checked.insert(path.to_owned());
    });
    assert!(checked.contains("camera.x.deadlines.silence") && checked.len() > 20, "{checked:?}");
}

#[test]
fn the_schema_is_a_2020_12_schema_without_null() {
    let schema = schema().to_value();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(!schema.to_string().contains("null"), "TOML has no null");
    assert!(!schema.to_string().contains("$ref"), "everything is in place");
    assert_eq!(schema["required"], serde_json::json!(["gateway", "grid", "uplink"]));
}

/// Calls `visit` with every key of the format; names that the user chooses are `x`.
fn each_key(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    for (name, key) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        visit(&path, key);
        each_key(key, &path, visit);
        each_key(&key["additionalProperties"], &format!("{path}.x"), visit);
    }
}
