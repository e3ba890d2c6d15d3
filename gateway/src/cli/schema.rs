//! `moshao schema`: the contracts of the gateway in forms that other programs read.

use clap::{Args, ValueEnum};
use moshao_config::{Category, schema as config_schema};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::{Value, json};

use super::{Failure, Outcome, print};
use crate::disposition::Disposition;
use crate::downlink::CommandMessage;
use crate::event::Event;

/// The JSON Schema of the configuration or of the event, or the AsyncAPI document of the topics.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moshao schema config > moshao.schema.json
  moshao schema config --markdown
  moshao schema event
  moshao schema asyncapi")]
pub(super) struct Arguments {
    /// Which contract.
    what: Contract,
    /// The configuration as a page for people.
    #[arg(long)]
    markdown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contract {
    /// The configuration file: JSON Schema, draft 2020-12.
    Config,
    /// The event: JSON Schema, draft 2020-12.
    Event,
    /// The topics on the centre's broker: AsyncAPI 3.0.
    Asyncapi,
}

/// Prints the contract.
pub(super) fn run(arguments: Arguments) -> Outcome {
    let contract = match arguments.what {
        Contract::Config if arguments.markdown => return print(moshao_config::reference().trim_end()),
        _ if arguments.markdown => {
            return Err(Failure::usage("--markdown goes with `moshao schema config` only"));
        }
        Contract::Config => config_schema().to_value(),
        Contract::Event => schema_for!(Event).to_value(),
        Contract::Asyncapi => asyncapi(),
    };
    print(&serde_json::to_string_pretty(&contract).map_err(Failure::failed)?)
}

/// The topics that a gateway uses on the centre's broker (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).
fn asyncapi() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Moshao gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a gateway publishes on the command centre's MQTT broker. The same event may come \
                twice; (source, id) tells.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "event": channel("event/{category}/{level}", "Events, a topic for each department and severity.", "event"),
            "batch": channel(
                "batch",
                "A backlog of events, none of them an alarm. Only for a centre that has said on `accepts` that it takes it.",
                "batch",
            ),
            "accepts": channel("accepts", "Retained: what the centre takes besides single events.", "accepts"),
            "state": channel("state", "Retained: online with what the box is, or offline.", "state"),
            "health": channel(
                "health",
                "Each minute: what is up, backlog, load. Retained as a whole; in between only the time and what has changed.",
                "health",
            ),
            "disposition": channel("disposition", "What the centre decided; twice and in any order is fine.", "disposition"),
            "command": channel("command", "What the centre wants done; twice is fine.", "command"),
            "commandResult": channel("command/result", "What became of a command.", "commandResult"),
            "commandPart": channel(
                "command/result/{command}/{offset}",
                "A file that the command `export` asked for, in parts. Those lost with a connection are asked for again \
                    by their offset.",
                "commandPart",
            ),
        },
        "operations": {
            "publishEvent": operation("event", "event", "Tell a change in an incident's life.", false),
            "publishBatch": operation("batch", "batch", "Tell many changes at once.", false),
            "receiveAccepts": receives(operation("accepts", "accepts", "Learn what the centre takes.", true)),
            "publishState": operation("state", "state", "Come online, go offline; the last will is one too.", true),
            "publishHealth": operation("health", "health", "Tell how the box is.", true),
            "receiveCommand": receives(operation("command", "command", "Learn what the centre wants done.", false)),
            "publishCommandResult": operation("commandResult", "commandResult", "Tell what became of a command.", false),
            "publishCommandPart": operation("commandPart", "commandPart", "Send a part of a file.", false),
            "receiveDisposition": receives(operation("disposition", "disposition", "Learn what the centre decided.", false)),
        },
        "components": {
            "parameters": {
                "division": { "description": "Administrative division code, 12 digits.", "examples": ["510104001001"] },
                "gateway": { "description": "Id of the box within the division.", "examples": ["gw-0007"] },
                "category": { "description": "Department.", "enum": categories() },
                "command": { "description": "Id of the command that asked for it.", "examples": ["c-0815"] },
                "offset": { "description": "Where the part begins in the file, bytes.", "examples": ["32768"] },
                "level": { "description": "1 (red, most severe) to 4 (blue).", "enum": ["1", "2", "3", "4"] },
            },
            "messages": {
                "event": {
                    "title": "Event",
                    "summary": "CloudEvents 1.0 in structured JSON.",
                    "contentType": "application/cloudevents+json",
                    "payload": { "schemaFormat": DRAFT_7, "schema": inlined::<Event>() },
                },
                "batch": {
                    "title": "Batch",
                    "summary": "The JSON Batch Format of CloudEvents 1.0, an array of events, compressed with Zstandard \
                        (RFC 8878). Each event is what it would be alone, with its own id and sequence, and counts on its \
                        own; its topic follows from its category and level. Whoever subscribes to events alone does not see \
                        what goes in batches: say that you take them when everybody at the centre does.",
                    "contentType": "application/zstd",
                    "payload": { "type": "string", "format": "binary" },
                },
                "accepts": {
                    "title": "What the centre takes",
                    "payload": {
                        "type": "object",
                        "properties": {
                            "batch": {
                                "type": "array",
                                "items": { "type": "string" },
                                "description": "Encodings of batches that the centre reads; there is one so far, `zstd`. \
                                    Empty or absent: every event alone.",
                                "examples": [["zstd"]],
                            },
                        },
                    },
                },
                "state": {
                    "title": "State",
                    "payload": {
                        "type": "object",
                        "required": ["status"],
                        "properties": {
                            "status": { "type": "string", "enum": ["online", "offline"] },
                            "reason": { "type": "string", "description": "Why it is offline." },
                        },
                    },
                },
                "health": {
                    "title": "Health",
                    "summary": "Whole and retained when the box connects, every 15 minutes, and when more has changed than \
                        numbers. In each other minute a JSON Merge Patch (RFC 7396), not retained: `time`, and all that has \
                        changed since the last whole one. Merging each message into what is known of the box is right \
                        for both, also when one was lost; null says the same as absent. A box that has told nothing for three \
                        minutes does not reach the broker.",
                    "payload": {
                        "type": "object",
                        "required": ["time"],
                        "properties": {
                            "time": { "type": "string", "description": "RFC 3339." },
                        },
                    },
                },
                "command": {
                    "title": "Command",
                    "summary": "Idempotent on id; not done after `expires`. Arguments of each verb: commands.schema.json.",
                    "payload": { "schemaFormat": DRAFT_7, "schema": inlined::<CommandMessage>() },
                },
                "commandResult": {
                    "title": "Command result",
                    "payload": {
                        "type": "object",
                        "required": ["id", "status"],
                        "properties": {
                            "id": { "type": ["string", "null"], "description": "Of the command; null where it had none." },
                            "status": { "type": "string", "enum": ["done", "refused", "failed"] },
                            "time": { "type": "string", "description": "RFC 3339." },
                            "result": { "description": "What came of it, by verb." },
                            "reason": { "type": "string", "description": "Why it was not done, in a word." },
                            "message": { "type": "string", "description": "Why it was not done, and what to do." },
                        },
                    },
                },
                "commandPart": {
                    "title": "Part of a file",
                    "summary": "Bytes as they stand in the file; the result of the command says how many there are and \
                        what the whole file hashes to.",
                    "contentType": "application/octet-stream",
                    "payload": { "type": "string", "format": "binary" },
                },
                "disposition": {
                    "title": "Disposition",
                    "summary": "Idempotent on (event_id, seq); the highest seq counts.",
                    "payload": { "schemaFormat": DRAFT_7, "schema": inlined::<Disposition>() },
                },
            },
        },
    })
}

/// The dialect of JSON Schema that AsyncAPI 3.0 tools must understand.
const DRAFT_7: &str = "application/schema+json;version=draft-07";

/// A topic of the gateway and the one message on it.
fn channel(topic: &str, description: &str, message: &str) -> Value {
    let address = format!("moshao/v1/{{division}}/{{gateway}}/{topic}");
    let parameters = address.split('/').filter_map(|level| level.strip_prefix('{')?.strip_suffix('}'));
    let parameters: serde_json::Map<String, Value> = parameters
        .map(|name| (name.to_owned(), reference(&format!("components/parameters/{name}"))))
        .collect();
    json!({
        "address": address,
        "description": description,
        "parameters": parameters,
        "messages": { message: reference(&format!("components/messages/{message}")) },
    })
}

/// Publishing on a channel, with QoS 1.
fn operation(channel: &str, message: &str, summary: &str, retain: bool) -> Value {
    json!({
        "action": "send",
        "channel": reference(&format!("channels/{channel}")),
        "summary": summary,
        "messages": [reference(&format!("channels/{channel}/messages/{message}"))],
        "bindings": { "mqtt": { "qos": 1, "retain": retain, "bindingVersion": "0.2.0" } },
    })
}

/// The gateway listens instead of speaking.
fn receives(mut operation: Value) -> Value {
    operation["action"] = json!("receive");
    operation
}

fn reference(path: &str) -> Value {
    json!({ "$ref": format!("#/{path}") })
}

fn categories() -> [&'static str; 5] {
    [Category::Fire, Category::Security, Category::Traffic, Category::City, Category::Device]
        .map(Category::as_str)
}

/// A schema without `$ref`, which would point into the wrong document.
fn inlined<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_asyncapi_document_leads_somewhere() {
        let document = asyncapi();
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 10, "{references:?}");
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn every_parameter_of_a_channel_stands_in_its_address() {
        let document = asyncapi();
        for (name, channel) in document["channels"].as_object().unwrap() {
            let address = channel["address"].as_str().unwrap();
            let parameters = channel["parameters"].as_object().unwrap();
            assert_eq!(address.matches('{').count(), parameters.len(), "{name}");
            assert!(
                parameters.keys().all(|parameter| address.contains(&format!("{{{parameter}}}"))),
                "{name}"
            );
        }
        assert_eq!(
            document["channels"]["event"]["address"],
            "moshao/v1/{division}/{gateway}/event/{category}/{level}"
        );
    }

    #[test]
    fn the_published_contract_is_the_one_of_this_code() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/contract");
        let codes: Vec<Value> = moshao_config::codes::EVENT_CODES
            .iter()
            .map(|entry| {
                json!({
                    "code": entry.code, "category": entry.category.as_str(), "kind": entry.kind,
                    "title": entry.title, "level": entry.level,
                })
            })
            .collect();
        let published = [
            ("event.schema.json", schema_for!(Event).to_value()),
            ("disposition.schema.json", schema_for!(Disposition).to_value()),
            ("commands.schema.json", json!(crate::downlink::verbs::schemas())),
            ("asyncapi.json", asyncapi()),
            ("codes.json", json!(codes)),
        ];
        for (name, contract) in published {
            let text = serde_json::to_string_pretty(&contract).unwrap() + "\n";
            if std::env::var_os("MOSHAO_BLESS").is_some() {
                std::fs::write(folder.join(name), &text).unwrap();
            }
            let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(written == text, "{name}: write it anew with MOSHAO_BLESS=1 cargo test -p moshao schema");
        }
    }

    #[test]
    fn the_event_schema_only_adds_to_the_released_one() {
        let released = include_str!("../../../deploy/contract/released/event-0.1.0.schema.json");
        let released: Value = serde_json::from_str(released).unwrap();
        let now = schema_for!(Event).to_value();
        let mut broken = Vec::new();
        additive(&released, &now, "", &mut broken);
        assert!(broken.is_empty(), "{broken:#?}");

        let mut narrowed = now.clone();
        narrowed["properties"].as_object_mut().unwrap().remove("subject");
        additive(&released, &narrowed, "", &mut broken);
        assert_eq!(broken, ["/properties/subject is gone"], "the check sees what is taken away");
    }

    /// Everything that `old` has is in `new`: keys, types, what is always there, and every choice.
    fn additive(old: &Value, new: &Value, path: &str, broken: &mut Vec<String>) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                for (key, value) in old.iter().filter(|(key, _)| *key != "description") {
                    match new.get(key) {
                        Some(counterpart) => additive(value, counterpart, &format!("{path}/{key}"), broken),
                        None => broken.push(format!("{path}/{key} is gone")),
                    }
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                // Choices carry descriptions, which may change.
                let bare = |value: &Value| value.get("const").cloned().unwrap_or_else(|| value.clone());
                for value in old.iter().filter(|value| !new.iter().any(|other| bare(other) == bare(value))) {
                    broken.push(format!("{path}: {value} is gone"));
                }
            }
            (old, new) if old != new => broken.push(format!("{path}: was {old}, is {new}")),
            _ => {}
        }
    }

    #[test]
    fn the_event_schema_knows_the_envelope() {
        let schema = schema_for!(Event).to_value();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        for name in ["specversion", "id", "source", "type", "time", "sequence", "correlationid", "data"] {
            assert!(schema["required"].as_array().unwrap().iter().any(|required| required == name), "{name}");
        }
    }

    fn collect_references(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                references.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| collect_references(value, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect_references(item, references)),
            _ => {}
        }
    }
}
