//! TOML syntax: every broken statement told once, and the text without them.
//!
//! A parser that goes on after a mistake invents others; an unclosed list swallows the rest of the file. So only the
//! first mistake is taken, the statement it lies in is blanked (bytes become spaces, so that every place stays what it
//! is), and the rest is parsed again.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;
use toml::de::DeTable;

use crate::report::Problem;

/// Most broken statements that are told in one go.
const MAX_BROKEN: usize = 50;

/// A line on which a statement begins: a key and `=`, or a header.
static BEGINNING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^\s*(\[|[A-Za-z0-9_."' -]+=)"#).expect("the pattern is constant and a test uses it")
});

/// The statements of `text` that are TOML; whatever is not has become spaces and a problem.
pub(crate) fn sound(text: &str, problems: &mut Vec<Problem>) -> String {
    let mut sound = text.to_owned();
    for _ in 0..MAX_BROKEN {
        let Err(error) = DeTable::parse(&sound) else { return sound };
        let place = error.span().unwrap_or(0..0);
        let place = place.start.min(text.len())..place.end.min(text.len());
        let (broken, unclosed) = statement(&sound, place.start, error.message());
        let problem = Problem::error(place, format!("not valid TOML: {}", error.message().trim()));
        let problem = if unclosed { problem.hint("is a bracket or quote left open above?") } else { problem };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
        if sound[broken.clone()].trim().is_empty() {
            break;
        }
        sound = blanked(&sound, broken);
    }
    // What is left cannot be made sense of.
    blanked(&sound, 0..sound.len())
}

/// The bytes of the statement in which a mistake lies, and whether the statement began on an earlier line.
fn statement(text: &str, mistake: usize, message: &str) -> (Range<usize>, bool) {
    let lines = lines(text);
    let at = lines.iter().rposition(|line| line.start <= mistake).unwrap_or(0);
    let leads = text[lines[at].start..mistake].trim().is_empty();
    let inside =
        ["array", "inline table", "must be quoted", "string"].iter().any(|word| message.contains(word));
    let unclosed = leads && inside && at > 0 || mistake == text.len();
    let last = if unclosed && mistake < text.len() { at - 1 } else { at };
    let begins = |line: &Range<usize>| BEGINNING.is_match(&text[line.clone()]);
    let first = lines[..=last].iter().rposition(begins).unwrap_or(last);

    // Without its header, a section's keys would seem to belong to the section before it.
    let is_header = |line: &Range<usize>| text[line.clone()].trim_start().starts_with('[');
    let last = match is_header(&lines[first]) {
        true => (last + 1..lines.len())
            .find(|next| is_header(&lines[*next]))
            .map_or(lines.len() - 1, |next| next - 1),
        false => last,
    };
    (lines[first].start..lines[last].end, unclosed)
}

/// The lines of a text, without their ends. There is always one.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        lines.push(start..start + line.len());
        start += line.len() + 1;
    }
    lines
}

/// The text with these bytes turned into spaces, line ends kept.
fn blanked(text: &str, broken: Range<usize>) -> String {
    let spaces = text[broken.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' });
    let mut blanked = text[..broken.start].to_owned();
    blanked.extend(spaces);
    blanked.push_str(&text[broken.end..]);
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken_lines(text: &str) -> Vec<usize> {
        let mut problems = Vec::new();
        let sound = sound(text, &mut problems);
        assert_eq!(sound.len(), text.len());
        assert!(DeTable::parse(&sound).is_ok(), "still broken:\n{sound}");
        problems
            .iter()
            .map(|problem| text[..problem.place.as_ref().unwrap().start].matches('\n').count() + 1)
            .collect()
    }

    #[test]
    fn every_broken_statement_is_told_once() {
        assert_eq!(broken_lines("a = 1\nb = 2\n"), [0; 0]);
        assert_eq!(broken_lines("a = x\nb = 2\nc = \"\nd = 1"), [1, 3]);
        assert_eq!(
            broken_lines("a = [1,\n 2\nb = 2\nc = x\n"),
            [3, 4],
            "an open list hides nothing below it"
        );
        assert_eq!(broken_lines("a = [1,\n"), [1]);
        assert_eq!(broken_lines("a = 1\na = 2\n[b]\n[b]\n"), [2, 4]);
        assert_eq!(
            broken_lines("[a]\nx = 1\n[b\nx = 1\nx = 1\n[c]\nx = y\n"),
            [3, 7],
            "a broken section is told once"
        );
    }

    #[test]
    fn a_broken_section_is_blanked_as_a_whole() {
        let mut problems = Vec::new();
        let text = "[a]\nx = 1\n[b\ny = 1\n[c]\nz = 1\n";
        assert_eq!(sound(text, &mut problems), "[a]\nx = 1\n  \n     \n[c]\nz = 1\n");
    }
}
