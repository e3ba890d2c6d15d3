//! Why a command that somebody here knows is not done.

/// Why, in a word for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    /// `bad-arguments`, `not-found`, `not-allowed`, `busy` or `failed`.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

// === impl Denied ===

impl Denied {
    /// The arguments make no sense.
    pub fn bad(message: String) -> Self {
        Denied { reason: "bad-arguments", message }
    }

    /// What the arguments name does not exist.
    pub fn not_found<'a>(what: &str, id: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Denied { reason: "not-found", message: format!("there is no {what} `{id}` here; there are: {known}") }
    }

    /// It must not be done.
    pub fn not_allowed(message: String) -> Self {
        Denied { reason: "not-allowed", message }
    }

    /// It may be done later.
    pub fn busy(message: &str) -> Self {
        Denied { reason: "busy", message: message.to_owned() }
    }

    /// It was tried and failed.
    pub fn failed(message: String) -> Self {
        Denied { reason: "failed", message }
    }
}
