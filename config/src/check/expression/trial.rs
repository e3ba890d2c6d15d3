//! An expression is tried before anybody depends on it: on values made up, of the kinds that its devices give.

use cel::common::ast::{Expr, operators};
use cel::{ExecutionError, IdedExpr, Value};

use super::{Wrong, wrong};
use crate::model::{Field, Input, Known, Named, Quantity, Sensor, evaluate};
use crate::report::list;

/// Evaluates each part that must be yes or no with values made up; `&&` and `||` hide one side behind the other.
pub(super) fn try_out(
    tree: &IdedExpr,
    inputs: &[Input],
    sensors: &[Sensor],
    own_yes_no: bool,
) -> Result<(), Wrong> {
    if let Expr::Call(call) = &tree.expr {
        let parts = match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => call.args.as_slice(),
            operators::CONDITIONAL => call.args.as_slice(),
            _ => &[],
        };
        if !parts.is_empty() {
            return parts.iter().try_for_each(|part| try_out(part, inputs, sensors, own_yes_no));
        }
    }
    let is_yes_no = |device: &Named| match device {
        Named::Own => own_yes_no,
        Named::Sensor(id) => {
            let id = id.split_once('/').map_or(id.as_str(), |(id, _)| id);
            sensors.iter().any(|sensor| sensor.id == id && sensor.unit.is_none())
        }
        Named::Camera(_) => false,
    };
    let look = |device: &Named, field: Field| {
        Some(match field {
            Field::Of(Quantity::Value) if is_yes_no(device) => Known::YesNo(true),
            Field::Of(Quantity::BatteryLow | Quantity::Tamper | Quantity::Present) => Known::YesNo(true),
            Field::Rising | Field::Up => Known::YesNo(true),
            Field::Of(_) | Field::Age | Field::Rise => Known::Number(1.5),
            Field::Labels => Known::Words(vec!["person".to_owned()]),
        })
    };
    match evaluate(tree, inputs, look) {
        Ok(Value::Bool(_)) => Ok(()),
        Ok(other) => {
            let message = format!("this gives {}, and yes or no is wanted", kind(&other));
            Err(wrong(tree.id, message, "compare it with something"))
        }
        Err(ExecutionError::NoSuchOverload(error)) => {
            let types = error.argument_types();
            let mixed = ["int", "double"].iter().all(|name| types.iter().any(|known| known == name));
            let hint = match mixed {
                true => "what is measured is no whole number: write 1.0 instead of 1",
                false => "both sides must be of one kind",
            };
            let message = format!(
                "`{}` does not go with {}",
                error.function().replace('_', ""),
                list(types.iter().map(String::as_str))
            );
            Err(wrong(tree.id, message, hint))
        }
        Err(ExecutionError::UnsupportedBinaryOperator(_, left, right)) => {
            let message = format!("{} does not go with {}", kind(&left), kind(&right));
            let whole = matches!(left, Value::Int(_) | Value::UInt(_))
                != matches!(right, Value::Int(_) | Value::UInt(_));
            let hint = match whole {
                true => "what is measured is no whole number: write 1.0 instead of 1",
                false => "both sides must be of one kind",
            };
            Err(wrong(tree.id, message, hint))
        }
        Err(error) => Err(wrong(tree.id, error.to_string(), "see https://cel.dev for the language")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Bool(_) => "yes/no",
        Value::String(_) => "text",
        Value::List(_) => "a list",
        _ => "something else",
    }
}
