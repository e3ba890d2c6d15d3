//! The topics on the centre's broker, one place for all of them.
//!
//! Departments subscribe with plain filters: the fire brigade takes `moshao/v1/+/+/event/fire/#`. Everything is
//! published with QoS 1.

use moshao_config::Category;

/// The topics of one gateway: `moshao/v1/{division}/{gateway}/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

// === impl Topics ===

impl Topics {
    /// The topics of the gateway with this id in the division with this 12-digit code.
    pub fn new(division: &str, gateway: &str) -> Self {
        Self { prefix: format!("moshao/v1/{division}/{gateway}") }
    }

    /// Events of a department, by severity: level 1 (red) to 4 (blue).
    pub fn event(&self, category: Category, level: u8) -> String {
        format!("{}/event/{category}/{level}", self.prefix)
    }

    /// Waiting events in one message, for a centre that takes it ([`crate::batch`]).
    pub fn batch(&self) -> String {
        format!("{}/batch", self.prefix)
    }

    /// Down, retained: what the centre takes besides single events ([`crate::batch`]).
    pub fn accepts(&self) -> String {
        format!("{}/accepts", self.prefix)
    }

    /// Retained: `online` with what the box is, or the last will, `offline`.
    pub fn state(&self) -> String {
        format!("{}/state", self.prefix)
    }

    /// Down: what the centre decided about an incident.
    pub fn disposition(&self) -> String {
        format!("{}/disposition", self.prefix)
    }

    /// Down: what the box is asked to do.
    pub fn command(&self) -> String {
        format!("{}/command", self.prefix)
    }

    /// Up: what became of a command.
    pub fn command_result(&self) -> String {
        format!("{}/command/result", self.prefix)
    }

    /// Up: a part of a file that a command asked for, from this byte on.
    pub fn command_part(&self, command: &str, offset: u64) -> String {
        format!("{}/command/result/{command}/{offset}", self.prefix)
    }

    /// Retained, each minute: what is up, backlog, load.
    pub fn health(&self) -> String {
        format!("{}/health", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fire_brigade_can_filter() {
        let topics = Topics::new("510104001001", "gw-0007");
        assert_eq!(topics.event(Category::Fire, 1), "moshao/v1/510104001001/gw-0007/event/fire/1");
        assert_eq!(topics.state(), "moshao/v1/510104001001/gw-0007/state");
        assert_eq!(topics.health(), "moshao/v1/510104001001/gw-0007/health");
    }
}
