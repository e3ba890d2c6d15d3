//! Zones, lines and masks of a camera in the text of a configuration file: read, and written in place.
//!
//! Pure: text in, text out. Only what differs is touched; comments, order and layout of everything else stay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

/// A point in fractions of the picture.
type Point = [f64; 2];

/// Masks, zones or lines of one camera, at most.
const AREAS_MAX: usize = 32;
/// Corners of one area, at most; the configuration allows no more.
const CORNERS_MAX: usize = 100;
/// A name may be this long, bytes.
const NAME_MAX_BYTES: usize = 64;
/// Four digits behind the point are a fifth of a pixel in a 1080p picture.
const DIGITS: f64 = 10_000.0;

/// What is drawn on a camera's picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Areas {
    /// Polygons.
    pub(super) masks: Vec<Vec<Point>>,
    /// Polygons by name.
    pub(super) zones: BTreeMap<String, Vec<Point>>,
    /// Pairs of ends by name.
    pub(super) lines: BTreeMap<String, Vec<Point>>,
}

/// Why the text cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AreasError {
    /// No TOML.
    #[error("the configuration file is no TOML any more: {0}")]
    Syntax(String),
    /// The camera's section is gone.
    #[error("the configuration file has no [camera.{0}] any more")]
    NoCamera(String),
    /// Too much to write.
    #[error("too much: at most {AREAS_MAX} masks, zones or lines with at most {CORNERS_MAX} corners each")]
    TooMuch,
    /// A name that cannot be a name.
    #[error("a name has 1 to {NAME_MAX_BYTES} bytes and no line breaks")]
    Name,
}

/// What the text says about the camera.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(text: &str, camera: &str) -> Result<Areas, AreasError> {
    let document = parse(text)?;
    let section = document
        .get("camera")
        .and_then(|cameras| cameras.as_table_like()?.get(camera)?.as_table_like())
        .ok_or_else(|| AreasError::NoCamera(camera.to_owned()))?;
    Ok(Areas::of(section))
}

/// The text with these areas instead.
///
/// # Errors
/// It cannot be read, or there is too much to write.
pub(super) fn write(text: &str, camera: &str, areas: &Areas) -> Result<String, AreasError> {
    areas.check()?;
    let wanted = areas.clone().rounded();
    let mut document = parse(text)?;
    let section = document
        .get_mut("camera")
        .and_then(|cameras| cameras.as_table_like_mut()?.get_mut(camera))
        .ok_or_else(|| AreasError::NoCamera(camera.to_owned()))?;
    let is_inline = section.is_value();
    let section = section.as_table_like_mut().ok_or_else(|| AreasError::NoCamera(camera.to_owned()))?;
    let present = Areas::of(section);
    if present.masks != wanted.masks {
        let masks: Array = wanted.masks.iter().map(|mask| points(mask)).collect();
        set(section, "masks", (!masks.is_empty()).then(|| masks.into()));
    }
    write_named(section, "zones", is_inline, &present.zones, &wanted.zones);
    write_named(section, "lines", is_inline, &present.lines, &wanted.lines);
    Ok(document.to_string())
}

/// A table of named areas: only names that differ are touched. A new one gets a section of its own, a line each.
fn write_named(
    section: &mut dyn TableLike,
    key: &str,
    is_inline: bool,
    present: &BTreeMap<String, Vec<Point>>,
    wanted: &BTreeMap<String, Vec<Point>>,
) {
    if present == wanted {
        return;
    }
    if wanted.is_empty() {
        section.remove(key);
        return;
    }
    if section.get(key).and_then(Item::as_table_like).is_none() {
        let empty = if is_inline {
            Item::Value(Value::InlineTable(Default::default()))
        } else {
            Item::Table(Table::new())
        };
        section.insert(key, empty);
    }
    let Some(table) = section.get_mut(key).and_then(Item::as_table_like_mut) else { return };
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        table.remove(name);
    }
    for (name, corners) in wanted.iter().filter(|(name, corners)| present.get(*name) != Some(corners)) {
        set(table, name, Some(points(corners)));
    }
}

/// Puts a value where the old one was, with the comment behind it.
fn set(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

fn parse(text: &str) -> Result<DocumentMut, AreasError> {
    text.parse().map_err(|error: toml_edit::TomlError| AreasError::Syntax(error.message().to_owned()))
}

fn points(corners: &[Point]) -> Value {
    corners.iter().map(|[x, y]| Value::from(Array::from_iter([*x, *y]))).collect::<Array>().into()
}

// === impl Areas ===

impl Areas {
    fn of(section: &dyn TableLike) -> Self {
        let masks = section.get("masks").and_then(Item::as_array).into_iter().flatten().filter_map(corners);
        let named = |key: &str| {
            let table = section.get(key).and_then(Item::as_table_like);
            let entries = table.into_iter().flat_map(TableLike::iter);
            entries.filter_map(|(name, item)| Some((name.to_owned(), corners(item.as_value()?)?))).collect()
        };
        Areas { masks: masks.collect(), zones: named("zones"), lines: named("lines") }
    }

    fn check(&self) -> Result<(), AreasError> {
        let named = || self.zones.iter().chain(&self.lines);
        let all = self.masks.iter().chain(named().map(|(_, corners)| corners));
        let many =
            [self.masks.len(), self.zones.len(), self.lines.len()].into_iter().any(|count| count > AREAS_MAX);
        if many || all.into_iter().any(|corners| corners.len() > CORNERS_MAX) {
            return Err(AreasError::TooMuch);
        }
        let is_name = |name: &str| {
            !name.is_empty() && name.len() <= NAME_MAX_BYTES && !name.chars().any(char::is_control)
        };
        if named().all(|(name, _)| is_name(name)) { Ok(()) } else { Err(AreasError::Name) }
    }

    fn rounded(mut self) -> Self {
        let round = |point: &mut Point| *point = point.map(|at| (at * DIGITS).round() / DIGITS);
        let corners = self.masks.iter_mut().chain(self.zones.values_mut()).chain(self.lines.values_mut());
        corners.flatten().for_each(round);
        self
    }
}

fn corners(value: &Value) -> Option<Vec<Point>> {
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    let point = |value: &Value| {
        let pair = value.as_array()?;
        Some([number(pair.get(0)?)?, number(pair.get(1)?)?])
    };
    value.as_array()?.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# The village.
[gateway]
id = "gw-1"   # its number

[camera.gate]   # at the gate
url = "rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/102"
# The neighbour's window.
masks = [[[0.62, 0.10], [0.81, 0.12], [0.80, 0.35]]] # never look there
zones = { door = [[0, 0], [1, 0], [1, 1]], lane = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]] }

[camera.yard]
url = "rtsp://10.0.0.13/102"
watches = ["fire"]

# --- rules
[rule.fire]
object = { labels = ["fire"] }
"#;

    fn triangle(at: f64) -> Vec<Point> {
        vec![[at, at], [at + 0.2, at], [at, at + 0.2]]
    }

    #[test]
    fn what_is_there_is_read() {
        let areas = read(FILE, "gate").unwrap();
        assert_eq!(areas.masks, [vec![[0.62, 0.10], [0.81, 0.12], [0.80, 0.35]]]);
        assert_eq!(areas.zones["door"], [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], "whole numbers too");
        assert_eq!(read(FILE, "yard").unwrap(), Areas::default());
        assert_eq!(read(FILE, "attic").unwrap_err(), AreasError::NoCamera("attic".to_owned()));
    }

    #[test]
    fn writing_what_is_there_changes_not_a_byte() {
        for camera in ["gate", "yard"] {
            assert_eq!(write(FILE, camera, &read(FILE, camera).unwrap()).unwrap(), FILE);
        }
    }

    #[test]
    fn a_changed_mask_leaves_every_comment() {
        let mut areas = read(FILE, "gate").unwrap();
        areas.masks[0][0] = [0.512_349, 0.1];
        let written = write(FILE, "gate", &areas).unwrap();
        let old = "masks = [[[0.62, 0.10], [0.81, 0.12], [0.80, 0.35]]] # never look there";
        let new = "masks = [[[0.5123, 0.1], [0.81, 0.12], [0.8, 0.35]]] # never look there";
        assert_eq!(written, FILE.replace(old, new));
    }

    #[test]
    fn new_zones_and_lines_stand_in_sections_behind_their_camera() {
        let mut areas = Areas::default();
        areas.zones.insert("井 台".to_owned(), triangle(0.25));
        areas.lines.insert("in".to_owned(), vec![[0.0, 0.5], [1.0, 0.5]]);
        let written = write(FILE, "yard", &areas).unwrap();
        let sections = "watches = [\"fire\"]\n\n[camera.yard.zones]\n\"井 台\" = [[0.25, 0.25], [0.45, 0.25], [0.25, 0.45]]\n\n\
                        [camera.yard.lines]\nin = [[0.0, 0.5], [1.0, 0.5]]\n";
        assert_eq!(written, FILE.replace("watches = [\"fire\"]\n", sections));
        assert_eq!(read(&written, "yard").unwrap(), areas);
    }

    #[test]
    fn a_zone_in_an_inline_table_comes_and_goes() {
        let mut areas = read(FILE, "gate").unwrap();
        areas.zones.remove("door");
        areas.zones.insert("well".to_owned(), triangle(0.5));
        let written = write(FILE, "gate", &areas).unwrap();
        assert_eq!(read(&written, "gate").unwrap(), areas);
        assert!(written.contains("zones = { lane = [[0.1, 0.1]"), "{written}");
        areas = Areas::default();
        let emptied = write(&written, "gate", &areas).unwrap();
        assert_eq!(read(&emptied, "gate").unwrap(), areas);
        assert!(!emptied.contains("masks") && !emptied.contains("zones"), "{emptied}");
    }

    #[test]
    fn cameras_in_an_inline_table_stay_there() {
        let text = "camera = { gate = { url = \"rtsp://a\" } }\n";
        let mut areas = Areas::default();
        areas.zones.insert("door".to_owned(), triangle(0.25));
        let written = write(text, "gate", &areas).unwrap();
        assert_eq!(read(&written, "gate").unwrap(), areas);
    }

    #[test]
    fn too_much_and_bad_names_are_refused() {
        let many = Areas { masks: vec![triangle(0.1); AREAS_MAX + 1], ..Areas::default() };
        assert_eq!(write(FILE, "yard", &many).unwrap_err(), AreasError::TooMuch);
        for name in ["", "a\nb", &"x".repeat(65)] {
            let zones = BTreeMap::from([(name.to_owned(), triangle(0.1))]);
            assert_eq!(
                write(FILE, "yard", &Areas { zones, ..Areas::default() }).unwrap_err(),
                AreasError::Name
            );
        }
    }
}
