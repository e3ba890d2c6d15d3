//! Which sensors a topic belongs to: a tree of topic levels, so that thousands of sensors cost no more than the depth
//! of the topic.
//!
//! Filters are MQTT's (3.1.1 §4.7): `+` and `{name}` stand for one level, `#` for all further ones, none included; a
//! wildcard on the first level does not match topics that begin with `$`.

use std::collections::{BTreeSet, HashMap};

use moshao_config::{TopicLevel, TopicPattern};

/// All patterns of a configuration.
#[derive(Debug, Default)]
pub(super) struct TopicTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// Patterns that end here.
    here: Vec<usize>,
    /// Patterns that go on with `#`.
    rest: Vec<usize>,
    /// Patterns that go on with this level.
    exactly: HashMap<String, Node>,
    /// Patterns that go on with any level.
    any: Option<Box<Node>>,
}

// === impl TopicTree ===

impl TopicTree {
    /// A tree of patterns; the n-th is found as n.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a TopicPattern>) -> Self {
        let mut tree = Self::default();
        for (index, pattern) in patterns.into_iter().enumerate() {
            tree.insert(index, pattern);
        }
        tree
    }

    fn insert(&mut self, index: usize, pattern: &TopicPattern) {
        let mut node = &mut self.root;
        for level in &pattern.levels {
            node = match level {
                TopicLevel::Exactly(text) => node.exactly.entry(text.clone()).or_default(),
                TopicLevel::Any | TopicLevel::Capture(_) => node.any.get_or_insert_default(),
                TopicLevel::Rest => {
                    node.rest.push(index);
                    return;
                }
            };
        }
        node.here.push(index);
    }

    /// The patterns that match the topic, in the order of the configuration.
    pub(super) fn find(&self, topic: &str) -> Vec<usize> {
        let levels: Vec<&str> = topic.split('/').collect();
        let mut found = BTreeSet::new();
        let reserved = topic.starts_with('$');
        self.root.collect(&levels, reserved, &mut found);
        found.into_iter().collect()
    }
}

// === impl Node ===

impl Node {
    fn collect(&self, levels: &[&str], reserved: bool, found: &mut BTreeSet<usize>) {
        if !reserved {
            found.extend(&self.rest);
        }
        let Some((first, further)) = levels.split_first() else {
            found.extend(&self.here);
            return;
        };
        if let Some(node) = self.exactly.get(*first) {
            node.collect(further, false, found);
        }
        if let Some(node) = self.any.as_ref().filter(|_| !reserved) {
            node.collect(further, false, found);
        }
    }
}

/// The MQTT filter of a pattern: captures become `+`.
pub fn filter(pattern: &TopicPattern) -> String {
    let levels: Vec<&str> = pattern
        .levels
        .iter()
        .map(|level| match level {
            TopicLevel::Exactly(text) => text.as_str(),
            TopicLevel::Any | TopicLevel::Capture(_) => "+",
            TopicLevel::Rest => "#",
        })
        .collect();
    levels.join("/")
}

/// What the captures of a matching pattern stand for in this topic, from left to right.
pub(super) fn captures<'a>(pattern: &'a TopicPattern, topic: &'a str) -> impl Iterator<Item = &'a str> {
    pattern
        .levels
        .iter()
        .zip(topic.split('/'))
        .filter_map(|(level, text)| matches!(level, TopicLevel::Capture(_)).then_some(text))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `a/+/{name}/#` in words of the configuration.
    pub(crate) fn pattern(text: &str) -> TopicPattern {
        let level = |level: &str| match level {
            "+" => TopicLevel::Any,
            "#" => TopicLevel::Rest,
            _ => match level.strip_prefix('{').and_then(|level| level.strip_suffix('}')) {
                Some(name) => TopicLevel::Capture(name.to_owned()),
                None => TopicLevel::Exactly(level.to_owned()),
            },
        };
        TopicPattern { levels: text.split('/').map(level).collect() }
    }

    fn found(patterns: &[&str], topic: &str) -> Vec<usize> {
        let patterns: Vec<TopicPattern> = patterns.iter().map(|text| pattern(text)).collect();
        TopicTree::new(&patterns).find(topic)
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        let patterns = ["a/b", "a/+", "a/#", "#", "+/b/c", "a/{name}/c", "$SYS/#"];
        assert_eq!(found(&patterns, "a/b"), [0, 1, 2, 3]);
        assert_eq!(found(&patterns, "a"), [2, 3], "# includes the level before it");
        assert_eq!(found(&patterns, "a/b/c"), [2, 3, 4, 5]);
        assert_eq!(found(&patterns, "a/"), [1, 2, 3], "an empty level is a level");
        assert_eq!(found(&patterns, "$SYS/uptime"), [6], "wildcards do not match $ on the first level");
    }

    #[test]
    fn captures_come_from_left_to_right() {
        let pattern = pattern("site/{floor}/+/{room}");
        assert_eq!(captures(&pattern, "site/3/x/kitchen").collect::<Vec<_>>(), ["3", "kitchen"]);
        assert_eq!(filter(&pattern), "site/+/+/+");
    }

    proptest! {
        /// The tree finds what an independent matcher finds; that one refuses all topics with `$`, unlike MQTT.
        #[test]
        fn the_tree_agrees_with_a_plain_matcher(
            patterns in proptest::collection::vec("(a|b|\\+|\\{n\\})(/(a|b|\\+|\\{n\\})){0,3}(/#)?", 1..12),
            topic in "(a|b)(/(a|b|)){0,4}",
        ) {
            let parsed: Vec<TopicPattern> = patterns.iter().map(|text| pattern(text)).collect();
            let expected: Vec<usize> = (0..parsed.len())
                .filter(|index| rumqttc::mqttbytes::matches(&topic, &filter(&parsed[*index])))
                .collect();
            prop_assert_eq!(TopicTree::new(&parsed).find(&topic), expected);
        }
    }
}
