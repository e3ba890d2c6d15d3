//! `when = { cel = "…" }`: compiled, bounded, and tried on values of the right kinds.
//!
//! CEL itself would accept names and types that never come to be, and fail at night. So every name must be one of a
//! device that is there, and each part that must be yes or no is evaluated once with values made up.

mod trial;

use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::{Env, IdedExpr, Program};

use self::trial::try_out;
use super::{Check, detector};
use crate::model::{Camera, Detector, Expression, Field, Input, Named, Sensor, input_name};
use crate::raw::At;
use crate::report::{Problem, list};

/// Longest expression, characters.
const LENGTH_MAX: usize = 1000;
/// Deepest tree.
const DEPTH_MAX: usize = 48;
/// Stack of the thread that parses: the parser recurses before anybody can count.
const STACK_BYTES: usize = 64 << 20;
/// Functions besides operators.
const FUNCTIONS: [&str; 7] = ["size", "contains", "startsWith", "endsWith", "double", "int", "string"];

/// The devices that a rule may speak of.
#[derive(Clone, Copy)]
pub(super) struct Devices<'a> {
    pub(super) sensors: &'a [Sensor],
    pub(super) cameras: &'a [Camera],
    pub(super) detectors: &'a [Detector],
}

/// What is wrong with an expression: which node, what, and what to do.
struct Wrong {
    node: u64,
    message: String,
    hint: String,
}

/// Makes inputs of what an expression says about devices.
struct Reader<'a> {
    devices: Devices<'a>,
    /// Cameras that watch the rule.
    own_cameras: Vec<&'a Camera>,
    /// Fields that the devices that watch have all of.
    own: Vec<(&'static str, Field)>,
    inputs: Vec<Input>,
    /// Variables of the macro around.
    bound: Vec<String>,
    in_macro: bool,
}

impl Check<'_> {
    /// The expression of a rule that these sensors and cameras watch; none where it is wrong, which is reported.
    pub(super) fn expression(
        &mut self,
        rule: &str,
        text: &At<String>,
        devices: Devices<'_>,
    ) -> Option<Expression> {
        let Devices { sensors, cameras, .. } = devices;
        let watches = |watches: &[String]| watches.iter().any(|id| id == rule);
        let own_sensors: Vec<&Sensor> = sensors.iter().filter(|sensor| watches(&sensor.watches)).collect();
        let own_cameras: Vec<&Camera> = cameras.iter().filter(|camera| watches(&camera.watches)).collect();
        if text.chars().count() > LENGTH_MAX {
            let message = format!("`cel` has {} characters; the limit is {LENGTH_MAX}", text.chars().count());
            self.error(text.place(), message, "make several rules of it");
            return None;
        }
        let program = match parse(text) {
            Ok(parsed) => parsed,
            Err((place, message)) => {
                let place = place.map_or(text.place(), |at| within(text, at..at + 1));
                self.error(
                    place,
                    format!("`cel` cannot be read: {message}"),
                    "see https://cel.dev for the language",
                );
                return None;
            }
        };
        let mut tree = program.expression().clone();
        let mut reader = Reader {
            devices,
            own: own_fields(&own_sensors, !own_cameras.is_empty()),
            own_cameras,
            inputs: Vec::new(),
            bound: Vec::new(),
            in_macro: false,
        };
        let read = reader.read(&mut tree, 0);
        let inputs = reader.inputs;
        let checked = read.and_then(|()| {
            // Once for each kind of sensor that watches: a yes is no number.
            let mut kinds: Vec<bool> = own_sensors.iter().map(|sensor| sensor.unit.is_none()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            if kinds.is_empty() {
                kinds.push(true);
            }
            kinds.into_iter().try_for_each(|yes_no| try_out(&tree, &inputs, sensors, yes_no))
        });
        if let Err(Wrong { node, message, hint }) = checked {
            let place = program.source_info().offset_for(node).map_or(text.place(), |(start, stop)| {
                within(text, start as usize..(stop as usize + 1).max(start as usize + 1))
            });
            self.problems.push(Problem::error(place, format!("`cel`: {message}")).hint(hint));
            return None;
        }
        Some(Expression::new(text.to_string(), tree, inputs))
    }
}

/// The program; or where it cannot be read, as a column from 0, and why.
type Parsed = Result<Program, (Option<usize>, String)>;

fn parse(text: &str) -> Parsed {
    let compile = || {
        Env::stdlib().compile(text).map_err(|errors| {
            let first = errors.errors.into_iter().next();
            // Columns count from 1, and there is one line.
            let column = first.as_ref().and_then(|error| usize::try_from(error.pos.1 - 1).ok());
            (column, first.map_or_else(|| "it is no expression".to_owned(), |error| error.msg))
        })
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, compile);
        match thread.map(|thread| thread.join()) {
            Ok(Ok(parsed)) => parsed,
            _ => Err((None, "it is too much for the parser".to_owned())),
        }
    })
}

/// Place in the file of these characters of a text; the whole text where it is not written plainly.
fn within(text: &At<String>, characters: Range<usize>) -> Range<usize> {
    let whole = text.place();
    let byte = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = (byte(characters.start), byte(characters.end));
    match whole.len() == text.len() + 2 && start < end {
        true => whole.start + 1 + start..whole.start + 1 + end,
        false => whole,
    }
}

/// The fields that may be asked for without naming a device.
fn own_fields(sensors: &[&Sensor], by_cameras: bool) -> Vec<(&'static str, Field)> {
    let has = |field: Field| match field {
        Field::Of(quantity) => sensors.iter().all(|sensor| sensor.has(quantity)),
        _ => true,
    };
    let of_sensors = || Field::SENSOR.into_iter().filter(|(_, field)| has(*field));
    match (sensors.is_empty(), by_cameras) {
        (false, true) => of_sensors().filter(|(name, _)| Field::of_camera(name).is_some()).collect(),
        (true, true) => Field::CAMERA.to_vec(),
        (_, false) => of_sensors().collect(),
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// Replaces what a tree says about devices by inputs; refuses what it may not say.
    fn read(&mut self, tree: &mut IdedExpr, depth: usize) -> Result<(), Wrong> {
        let node = tree.id;
        if depth > DEPTH_MAX {
            return Err(wrong(
                node,
                format!("it is nested deeper than {DEPTH_MAX}"),
                "make several rules of it",
            ));
        }
        if let Some(input) = self.named_device(tree)? {
            tree.expr = Expr::Ident(self.input(input));
            return Ok(());
        }
        match &mut tree.expr {
            Expr::Ident(name) if name.starts_with('@') || self.bound.contains(name) => Ok(()),
            Expr::Ident(name) => {
                let field = self.own.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
                let Some(field) = field else { return Err(self.unknown(node, name)) };
                let own = Input { device: Named::Own, field, is_known: false };
                *name = self.input(own);
                Ok(())
            }
            Expr::Literal(_) => Ok(()),
            Expr::Call(call) => self.call(node, call, depth),
            Expr::List(elements) => {
                elements.elements.iter_mut().try_for_each(|element| self.read(element, depth + 1))
            }
            Expr::Comprehension(inside) => {
                if self.in_macro {
                    let hint = "make a rule of each; one may not go through a list for each entry of another";
                    return Err(wrong(node, "a macro within a macro", hint));
                }
                self.read(&mut inside.iter_range, depth + 1)?;
                self.in_macro = true;
                self.bound =
                    [Some(inside.iter_var.clone()), inside.iter_var2.clone()].into_iter().flatten().collect();
                let parts =
                    [&mut inside.accu_init, &mut inside.loop_cond, &mut inside.loop_step, &mut inside.result];
                let read = parts.into_iter().try_for_each(|part| self.read(part, depth + 1));
                self.in_macro = false;
                self.bound.clear();
                read
            }
            Expr::Select(select) => {
                let message = format!("there is no `.{}`", select.field);
                Err(wrong(node, message, "fields are those of sensors['…'] and cameras['…']"))
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(wrong(node, "maps and messages have no use here", "compare what devices say"))
            }
        }
    }

    fn call(&mut self, node: u64, call: &mut CallExpr, depth: usize) -> Result<(), Wrong> {
        let name = call.func_name.as_str();
        let is_operator = name.contains('_') || name.starts_with('@');
        if !is_operator && !FUNCTIONS.contains(&name) {
            let message = format!("there is no function `{name}`");
            return Err(wrong(
                node,
                message,
                &format!("there are {}, and the macros of CEL", list(FUNCTIONS)),
            ));
        }
        if let (operators::IN, [label, labels]) = (name, call.args.as_slice()) {
            self.label_is_known(label, labels)?;
        }
        let target = call.target.as_deref_mut().into_iter();
        target.chain(&mut call.args).try_for_each(|argument| self.read(argument, depth + 1))
    }

    /// `'fire' in cameras['yard'].labels`: the detector of that camera must know the label, as far as labels are known
    /// here. One that it never tells would leave the expression silent for ever.
    fn label_is_known(&self, label: &IdedExpr, labels: &IdedExpr) -> Result<(), Wrong> {
        let Expr::Literal(LiteralValue::String(word)) = &label.expr else { return Ok(()) };
        let cameras = match (self.named_device(labels)?, &labels.expr) {
            (Some(Input { device: Named::Camera(id), field: Field::Labels, .. }), _) => {
                self.devices.cameras.iter().filter(|camera| camera.id == id).collect()
            }
            (None, Expr::Ident(name)) if !self.bound.contains(name) => self.own_cameras.clone(),
            _ => return Ok(()),
        };
        let detectors: Vec<&Detector> = cameras
            .iter()
            .filter_map(|camera| self.devices.detectors.iter().find(|known| known.name == camera.detector))
            .collect();
        let Some(known) = detector::labels_of_any(&detectors) else { return Ok(()) };
        if known.contains(&word.inner()) {
            return Ok(());
        }
        let names = list(detectors.iter().map(|detector| detector.name.as_str()));
        let message = format!("{names} does not know `{}`", word.inner());
        Err(wrong(label.id, message, &format!("it knows {}", list(known))))
    }

    /// `sensors["id"].field` and `cameras["id"].field`; none for everything else.
    fn named_device(&self, tree: &IdedExpr) -> Result<Option<Input>, Wrong> {
        let Expr::Select(select) = &tree.expr else { return Ok(None) };
        let Expr::Call(index) = &select.operand.expr else { return Ok(None) };
        let (operators::INDEX, [table, id]) = (index.func_name.as_str(), index.args.as_slice()) else {
            return Ok(None);
        };
        let Expr::Ident(table) = &table.expr else { return Ok(None) };
        let Expr::Literal(LiteralValue::String(id_text)) = &id.expr else {
            let message = format!("`{table}` wants an id between quotes");
            return Err(wrong(id.id, message, "for example sensors['boiler'].value"));
        };
        let id_text = id_text.inner();
        let name = select.field.as_str();
        let input = |device, field| Ok(Some(Input { device, field, is_known: select.test }));
        match table.as_str() {
            "sensors" => {
                let configured = id_text.split_once('/').map_or(id_text, |(id, _)| id);
                let Some(sensor) = self.devices.sensors.iter().find(|sensor| sensor.id == configured) else {
                    let known: Vec<&str> =
                        self.devices.sensors.iter().map(|sensor| sensor.id.as_str()).collect();
                    return Err(absent(id.id, "sensor", configured, &known));
                };
                match Field::of_sensor(name) {
                    Some(Field::Of(quantity)) if !sensor.has(quantity) => {
                        let message = format!("sensor `{}` has no `{name}`", sensor.id);
                        Err(wrong(tree.id, message, "name one of the values that its messages carry"))
                    }
                    Some(field) => input(Named::Sensor(id_text.to_owned()), field),
                    None => Err(no_field(tree.id, "sensor", name, &Field::SENSOR)),
                }
            }
            "cameras" => {
                if !self.devices.cameras.iter().any(|camera| camera.id == id_text) {
                    let known: Vec<&str> =
                        self.devices.cameras.iter().map(|camera| camera.id.as_str()).collect();
                    return Err(absent(id.id, "camera", id_text, &known));
                }
                match Field::of_camera(name) {
                    Some(field) => input(Named::Camera(id_text.to_owned()), field),
                    None => Err(no_field(tree.id, "camera", name, &Field::CAMERA)),
                }
            }
            _ => Ok(None),
        }
    }

    /// Name of the input in the tree; the same for the same.
    fn input(&mut self, input: Input) -> String {
        let known = self.inputs.iter().position(|other| *other == input);
        let index = known.unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        });
        input_name(index)
    }

    fn unknown(&self, node: u64, name: &str) -> Wrong {
        if matches!(name, "sensors" | "cameras") {
            let message = format!("`{name}` wants an id and a field");
            return wrong(node, message, "for example sensors['boiler'].value or cameras['yard'].labels");
        }
        let own: Vec<&str> = self.own.iter().map(|(name, _)| *name).collect();
        let hint = match own.is_empty() {
            true => "name a device: sensors['boiler'].value or cameras['yard'].labels".to_owned(),
            false => format!("of the device that watches the rule there are {}", list(own)),
        };
        wrong(node, format!("there is no `{name}`"), &hint)
    }
}

fn wrong(node: u64, message: impl Into<String>, hint: &str) -> Wrong {
    Wrong { node, message: message.into(), hint: hint.to_owned() }
}

fn absent(node: u64, what: &str, id: &str, known: &[&str]) -> Wrong {
    let known = if known.is_empty() { "none".to_owned() } else { list(known.iter().copied()) };
    wrong(node, format!("there is no {what} `{id}`"), &format!("there are {known}"))
}

fn no_field(node: u64, what: &str, name: &str, known: &[(&str, Field)]) -> Wrong {
    let known = list(known.iter().map(|(name, _)| *name));
    wrong(node, format!("a {what} has no `{name}`"), &format!("it has {known}"))
}
