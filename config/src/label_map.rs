//! Label maps: files that rename, merge and drop the labels of a detector.
//!
//! TOML: `car = "vehicle"` renames, and two with the same new name become one; `cat = false` drops; `"*"` stands for every
//! label that is not named.

/// Stands for every label that is not named.
const OTHERS: &str = "*";

/// Reads a label map: labels and their new names, none for those that are dropped.
///
/// # Errors
/// What is wrong with the text, in words that follow the name of the file.
pub fn parse(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        format!("is no TOML: {}; write lines such as car = \"vehicle\" or cat = false", error.message())
    })?;
    let entries = table.into_iter().map(|(label, name)| match name {
        toml::Value::String(name) if !name.is_empty() => Ok((label, Some(name))),
        toml::Value::Boolean(false) => Ok((label, None)),
        other => Err(format!(
            "gives {label} the value {other}; a new name in quotes is wanted, or false to drop it"
        )),
    });
    entries.collect()
}

/// The labels that are told once the map is applied, each once.
pub(crate) fn told<'a>(labels: &'a [String], map: &'a [(String, Option<String>)]) -> Vec<&'a str> {
    let entry = |name: &str| map.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_deref());
    let new_name = |label: &'a String| entry(label).or_else(|| entry(OTHERS)).unwrap_or(Some(label));
    let mut names: Vec<&str> = Vec::new();
    for name in labels.iter().filter_map(new_name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Names in the map that are no labels.
pub(crate) fn strangers<'a>(labels: &[String], map: &'a [(String, Option<String>)]) -> Vec<&'a str> {
    let names = map.iter().map(|(from, _)| from.as_str());
    names.filter(|name| *name != OTHERS && !labels.iter().any(|label| label == name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_renames_merges_and_drops() {
        let map = parse("car = \"vehicle\"\ntruck = \"vehicle\"\n\"*\" = false\nperson = \"人\"\n").unwrap();
        let labels = ["person", "cat", "car", "truck"].map(str::to_owned);
        assert_eq!(told(&labels, &map), ["人", "vehicle"]);
        assert_eq!(told(&labels, &[]), labels);
        assert_eq!(strangers(&labels[..3], &map), ["truck"]);
    }

    #[test]
    fn what_is_no_map_is_said() {
        assert!(parse("car vehicle").unwrap_err().starts_with("is no TOML"));
        for wrong in ["car = true", "car = 7", "car = \"\"", "[car]\na = 1"] {
            assert!(parse(wrong).unwrap_err().contains("gives car the value"), "{wrong}");
        }
    }
}
