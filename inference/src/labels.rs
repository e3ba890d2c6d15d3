//! Names of labels: as model files carry them, as label map files hold them, and COCO's eighty.

use std::collections::BTreeMap;
use std::path::Path;

/// Reads a label map file: one name a line, or one of the forms of [`parse`].
pub fn from_file(path: &Path) -> std::io::Result<Vec<String>> {
    let text = std::fs::read_to_string(path)?;
    Ok(parse(&text).unwrap_or_else(|| {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }))
}

/// Keys under which exporters put the names of labels into a file's metadata.
const METADATA_KEYS: [&str; 5] = ["names", "labels", "classes", "class_names", "label_names"];

/// The names that a model file carries, under any of the usual keys.
pub(crate) fn in_metadata(metadata: &BTreeMap<String, String>) -> Option<Vec<String>> {
    METADATA_KEYS.iter().find_map(|key| parse(metadata.get(*key)?))
}

/// Applies a label map: each label by its name, or by `*` where it is not named, gets a new name or is dropped; two with
/// the same new name become one. Gives the new names, and for each label its place among them.
///
/// # Errors
/// A name in `map` that is no label.
pub fn renamed(
    labels: &[String],
    map: &[(String, Option<String>)],
) -> Result<(Vec<String>, Vec<Option<usize>>), String> {
    /// Stands for every label that is not named.
    const OTHERS: &str = "*";
    if let Some((stranger, _)) = map.iter().find(|(from, _)| from != OTHERS && !labels.contains(from)) {
        return Err(stranger.clone());
    }
    let entry = |name: &str| map.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_ref());
    let mut names: Vec<String> = Vec::new();
    let mut place_of = |label: &String| {
        let name = entry(label).or_else(|| entry(OTHERS)).unwrap_or(Some(label))?;
        Some(names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.clone());
            names.len() - 1
        }))
    };
    let places = labels.iter().map(&mut place_of).collect();
    Ok((names, places))
}

/// Reads names as exporters write them into metadata: `{0: 'fire', 1: 'smoke'}` (Ultralytics, a Python literal), JSON
/// objects with numbers as keys, and JSON or Python lists. `None` where it is none of these, or has gaps.
pub fn parse(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
        return filled(list);
    }
    if let Ok(map) = serde_json::from_str::<BTreeMap<String, String>>(text) {
        return in_order(map.into_iter().map(|(k, v)| Some((k.parse().ok()?, v))).collect::<Option<_>>()?);
    }
    let inner = |open, close| text.strip_prefix(open).and_then(|t| t.strip_suffix(close));
    if let Some(body) = inner('{', '}') {
        let mut rest = body.trim();
        let mut map = BTreeMap::new();
        while !rest.is_empty() {
            let (number, after) = rest.split_once(':')?;
            let (name, after) = quoted(after.trim_start())?;
            map.insert(number.trim().parse::<usize>().ok()?, name);
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        return in_order(map);
    }
    let mut rest = inner('[', ']')?.trim();
    let mut list = Vec::new();
    while !rest.is_empty() {
        let (name, after) = quoted(rest)?;
        list.push(name);
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    filled(list)
}

/// A Python string literal at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

fn in_order(map: BTreeMap<usize, String>) -> Option<Vec<String>> {
    let complete = map.keys().copied().eq(0..map.len());
    complete.then(|| map.into_values().collect()).and_then(filled)
}

fn filled(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// The labels of COCO 2017 in the order of every common export (<https://cocodataset.org/#explore>).
#[rustfmt::skip]
pub const COCO: [&str; 80] = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich",
    "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed",
    "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven",
    "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_every_form_that_exporters_write() {
        for text in [
            "{0: 'fire', 1: 'smoke'}",
            r#"{"0": "fire", "1": "smoke"}"#,
            r#"["fire", "smoke"]"#,
            "['fire', \"smoke\",]",
            "{1: 'smoke', 0: \"fire\"}",
        ] {
            assert_eq!(parse(text).as_deref(), Some(&["fire".to_owned(), "smoke".to_owned()][..]), "{text}");
        }
        assert_eq!(parse(r"{0: 'jack o\'lantern', 1: '烟雾'}").unwrap(), ["jack o'lantern", "烟雾"]);
    }

    #[test]
    fn a_map_renames_merges_and_drops() {
        let labels = ["person", "car", "truck", "cat"].map(str::to_owned);
        let entry = |from: &str, to: &str| (from.to_owned(), (!to.is_empty()).then(|| to.to_owned()));
        let vehicles = [entry("truck", "vehicle"), entry("car", "vehicle"), entry("cat", "")];
        let (names, places) = renamed(&labels, &vehicles).unwrap();
        assert_eq!(names, ["person", "vehicle"]);
        assert_eq!(places, [Some(0), Some(1), Some(1), None]);
        let only_people = [entry("person", "人"), entry("*", "")];
        assert_eq!(renamed(&labels, &only_people).unwrap().1, [Some(0), None, None, None]);
        assert_eq!(renamed(&labels, &[entry("dog", "")]).unwrap_err(), "dog");
        assert_eq!(
            renamed(&labels, &[]).unwrap(),
            (labels.to_vec(), vec![Some(0), Some(1), Some(2), Some(3)])
        );
    }

    #[test]
    fn what_is_no_list_of_names_is_none() {
        for text in ["", "{}", "{0: 'fire', 2: 'gap'}", "{0: fire}", "{0: 'open", "[", "17", "{'a': 'b'}"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
