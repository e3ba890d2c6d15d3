//! Conditions in the Common Expression Language (CEL, <https://cel.dev>), for what the tables of a rule cannot say.
//!
//! An expression is compiled once (`check::expression`): what it says about devices becomes numbered inputs, so that
//! evaluating it looks nothing up by name but these. It can neither loop without end nor recurse, and its length, depth
//! and nesting are bounded there; so is what it costs.

use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, IdedExpr, Value};

use super::Quantity;

/// A compiled condition.
#[derive(Clone)]
pub struct Expression {
    text: String,
    tree: Arc<IdedExpr>,
    inputs: Vec<Input>,
}

/// Something that an expression asks of a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// Which device.
    pub device: Named,
    /// What of it.
    pub field: Field,
    /// Only whether it is known: `has(…)`.
    pub is_known: bool,
}

/// A device as an expression names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// The sensor or camera that watches the rule.
    Own,
    /// `sensors["id"]`; with captured topic levels behind a slash.
    Sensor(String),
    /// `cameras["id"]`.
    Camera(String),
}

/// What an expression can ask of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// One of a sensor's values.
    Of(Quantity),
    /// Seconds since a sensor's last message, or a camera's last picture.
    Age,
    /// Change of a sensor's value in a minute, over the last two.
    Rise,
    /// Whether a sensor's value rises, more than chance would have it.
    Rising,
    /// Labels of the objects in a camera's last picture, one for each object.
    Labels,
    /// Whether a camera gives pictures.
    Up,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Yes or no.
    YesNo(bool),
    /// A number, in the sensor's unit.
    Number(f64),
    /// Labels.
    Words(Vec<String>),
}

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

// === impl Expression ===

impl Expression {
    pub(crate) fn new(text: String, tree: IdedExpr, inputs: Vec<Input>) -> Self {
        Expression { text, tree: Arc::new(tree), inputs }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it asks for.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Whether it may become true or false by time alone.
    pub fn follows_time(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input.field, Field::Age | Field::Rise | Field::Rising))
    }

    /// Whether it holds; none where that hangs on something that is not known.
    pub fn holds(&self, look: impl Fn(&Named, Field) -> Option<Known>) -> Option<bool> {
        match evaluate(&self.tree, &self.inputs, look) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

/// The value of a tree, or of a part of one.
pub(crate) fn evaluate(
    tree: &IdedExpr,
    inputs: &[Input],
    look: impl Fn(&Named, Field) -> Option<Known>,
) -> Result<Value, cel::ExecutionError> {
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    for (index, input) in inputs.iter().enumerate() {
        let known = look(&input.device, input.field);
        // What is not known is not declared: whatever hangs on it fails, and `true || …` does not.
        let value =
            if input.is_known { Some(Value::Bool(known.is_some())) } else { known.map(Known::into_value) };
        if let Some(value) = value {
            context.add_variable_from_value(input_name(index), value);
        }
    }
    Value::resolve(tree, &context)
}

/// Name of an input in the tree; no expression can write it.
pub(crate) fn input_name(index: usize) -> String {
    format!("@input{index}")
}

// === impl Known ===

impl Known {
    fn into_value(self) -> Value {
        match self {
            Known::YesNo(yes) => Value::Bool(yes),
            Known::Number(number) => Value::Float(number),
            Known::Words(words) => Value::List(Arc::new(words.into_iter().map(Value::from).collect())),
        }
    }
}

// === impl Field ===

impl Field {
    /// The field of a sensor by its name.
    pub(crate) fn of_sensor(name: &str) -> Option<Self> {
        Self::SENSOR.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    /// The field of a camera by its name.
    pub(crate) fn of_camera(name: &str) -> Option<Self> {
        Self::CAMERA.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    pub(crate) const SENSOR: [(&str, Field); 8] = [
        ("value", Field::Of(Quantity::Value)),
        ("battery", Field::Of(Quantity::Battery)),
        ("battery_low", Field::Of(Quantity::BatteryLow)),
        ("tamper", Field::Of(Quantity::Tamper)),
        ("signal", Field::Of(Quantity::Signal)),
        ("age", Field::Age),
        ("rise", Field::Rise),
        ("rising", Field::Rising),
    ];

    pub(crate) const CAMERA: [(&str, Field); 3] =
        [("labels", Field::Labels), ("age", Field::Age), ("up", Field::Up)];
}
