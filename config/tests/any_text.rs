//! Whatever the file holds, checking it ends, does not panic, and points only at places that are in the file.

use moshao_config::{Environment, Examined, examine_text};
use proptest::prelude::*;

const EXAMPLES: [&str; 4] = [
    include_str!("../examples/minimal.toml"),
    include_str!("../examples/village.toml"),
    include_str!("../examples/smart-fire.toml"),
    include_str!("reports/mistakes.toml"),
];

/// Pieces that mean something to TOML or to the format.
const PIECES: [&str; 24] = [
    "[",
    "]",
    "[[",
    "{",
    "}",
    "\"",
    "'''",
    "=",
    ",",
    ".",
    "\n",
    "#",
    "${",
    "${env:CAM_PASSWORD}",
    "://",
    "@",
    "nan",
    "-1",
    "1e999",
    "99999999999999999999",
    "1979-05-27",
    "摄像机",
    "\u{0}",
    "\\u{d800}",
];

fn examine(text: &str) -> Examined {
    let environment = Environment::fixed("/etc/moshao", [("CAM_PASSWORD", "s3cret-of-the-camera")], 4);
    examine_text(text, "moshao.toml", &environment)
}

/// What holds for every file.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Examined { config, report } = examine(text);
    prop_assert_eq!(
        config.is_some(),
        !report.has_errors(),
        "a good file gives a configuration, a bad one problems"
    );
    let lines = text.matches('\n').count() + 1;
    for problem in report.problems() {
        let place = problem.place.clone().expect("a place");
        prop_assert!(
            place.start <= place.end && place.end <= text.len(),
            "{problem:?} outside {} bytes",
            text.len()
        );
    }
    for entry in report.entries() {
        let (line, column, end) = (entry.line.unwrap(), entry.column.unwrap(), entry.end_column.unwrap());
        prop_assert!((1..=lines).contains(&line), "line {line} of {lines}");
        prop_assert!(1 <= column && column <= end);
    }
    prop_assert!(!report.to_string().contains("s3cret-of-the-camera"), "a password is shown");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_examined_without_panic(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_pile_of_tokens_is_examined_without_panic(
        tokens in proptest::collection::vec(prop_oneof![
            proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
            "[a-z]{1,8}",
            "(gateway|camera|sensor|rule|detector|uplink)\\.[a-z]{1,3}",
        ], 0..60)
    ) {
        check(&tokens.concat())?;
    }

    #[test]
    fn damaged_examples_are_examined_without_panic(
        example in proptest::sample::select(&EXAMPLES[..]),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, 0..PIECES.len()), 1..6),
    ) {
        let mut text: Vec<char> = example.chars().collect();
        for (at, removed, piece) in damages {
            let start = at.index(text.len() + 1);
            let end = (start + removed).min(text.len());
            text.splice(start..end, PIECES[piece].chars());
        }
        check(&text.into_iter().collect::<String>())?;
    }

    #[test]
    fn exchanged_lines_are_examined_without_panic(
        example in proptest::sample::select(&EXAMPLES[..]),
        exchanges in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8),
    ) {
        let mut lines: Vec<&str> = example.lines().collect();
        for (first, second) in exchanges {
            let (first, second) = (first.index(lines.len()), second.index(lines.len()));
            lines.swap(first, second);
        }
        check(&lines.join("\n"))?;
    }
}
