//! The order of quiet and happenings in a composition.

use super::footage::{Footage, Frames};
use super::frame::Frame;
use super::truth::{Span, Truth};

/// Time in which footage and background melt into each other, seconds: a hard cut would be seen by any gate.
const FADE_S: f64 = 0.6;

/// What happens when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Timeline {
    /// Happenings of the footage with quiet before, between and behind them.
    Stretched {
        /// Length of each quiet part, seconds.
        quiet_s: f64,
        /// At most this many happenings.
        happenings: usize,
        /// Happenings are cut to this, seconds.
        longest_s: f64,
    },
    /// Happenings of the footage, over and over, and then nothing for long: what a camera knows after a busy morning.
    Subsiding {
        /// This many happenings.
        happenings: usize,
        /// They are cut to this, seconds.
        longest_s: f64,
        /// Before each of them, seconds.
        quiet_s: f64,
        /// After the last, seconds.
        then_quiet_s: f64,
    },
    /// Nothing happens.
    Quiet {
        /// Seconds.
        length_s: f64,
    },
    /// Happenings only, over and over.
    Busy {
        /// Seconds.
        length_s: f64,
    },
}

/// A timeline filled with the happenings of some footage.
pub(super) struct Plan {
    scenes: Vec<Scene>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scene {
    /// The background, for so many seconds.
    Quiet(f64),
    /// This part of the footage.
    Footage(Span),
}

// === impl Timeline ===

impl Timeline {
    pub(super) fn plan(&self, found: &[Span]) -> Plan {
        let cut =
            |span: &Span, longest_s: f64| Span { to_s: span.to_s.min(span.from_s + longest_s), ..*span };
        let then = |span, quiet_s| [Scene::Quiet(quiet_s), Scene::Footage(span)];
        let scenes = match *self {
            Timeline::Quiet { length_s } => vec![Scene::Quiet(length_s)],
            Timeline::Stretched { quiet_s, happenings, longest_s } => {
                // Spread over the footage, so that few are not all alike.
                let step = found.len().div_ceil(happenings.max(1)).max(1);
                let chosen = found.iter().step_by(step).map(|span| cut(span, longest_s));
                let scenes = chosen.flat_map(|span| then(span, quiet_s));
                scenes.chain([Scene::Quiet(quiet_s)]).collect()
            }
            Timeline::Subsiding { happenings, longest_s, quiet_s, then_quiet_s } => {
                let chosen = found.iter().cycle().take(happenings).map(|span| cut(span, longest_s));
                let scenes = chosen.flat_map(|span| then(span, quiet_s));
                scenes.chain([Scene::Quiet(then_quiet_s)]).collect()
            }
            Timeline::Busy { length_s } => {
                assert!(!found.is_empty(), "nothing happens in this footage");
                let mut left_s = length_s;
                let mut scenes = vec![];
                for span in found.iter().cycle() {
                    if left_s <= 0.0 {
                        break;
                    }
                    scenes.push(Scene::Footage(cut(span, left_s)));
                    left_s -= span.length_s();
                }
                scenes
            }
        };
        Plan { scenes }
    }
}

// === impl Plan ===

impl Plan {
    pub(super) fn truth(&self) -> Truth {
        let mut truth = Truth { length_s: 0.0, quiet: vec![], happenings: vec![] };
        for scene in &self.scenes {
            let span = Span { from_s: truth.length_s, to_s: truth.length_s + scene.length_s() };
            match scene {
                Scene::Quiet(_) => truth.quiet.push(span),
                Scene::Footage(_) => truth.happenings.push(span),
            }
            truth.length_s = span.to_s;
        }
        truth
    }

    /// The pictures of the place, one after the other.
    pub(super) fn frames<'a>(
        &'a self,
        footage: &'a Footage,
        background: &'a Frame,
        fps: u32,
    ) -> impl Iterator<Item = Frame> + 'a {
        let is_stretched = self.scenes.iter().any(|scene| matches!(scene, Scene::Quiet(_)));
        let size = (background.width as u32, background.height as u32);
        let mut end_s = 0.0;
        self.scenes.iter().flat_map(move |scene| {
            let begin = frame_at(end_s, fps);
            end_s += scene.length_s();
            let count = frame_at(end_s, fps) - begin;
            let mut playing: Option<Frames> = match scene {
                Scene::Quiet(_) => None,
                Scene::Footage(part) => Some(footage.frames(*part, size, fps)),
            };
            let mut last = background.clone();
            (0..count).map(move |number| {
                let Some(frames) = &mut playing else { return background.clone() };
                // Footage of another rate may give a picture too few.
                if let Some(frame) = frames.next() {
                    last = frame;
                }
                let mut frame = last.clone();
                if is_stretched {
                    let edge_s = number.min(count - 1 - number) as f64 / f64::from(fps);
                    frame.cross_fade(background, 255 - (255.0 * (edge_s / FADE_S).min(1.0)) as u8);
                }
                frame
            })
        })
    }
}

fn frame_at(at_s: f64, fps: u32) -> usize {
    (at_s * f64::from(fps)).round() as usize
}

// === impl Scene ===

impl Scene {
    fn length_s(&self) -> f64 {
        match self {
            Scene::Quiet(length_s) => *length_s,
            Scene::Footage(part) => part.length_s(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: [Span; 3] = [
        Span { from_s: 2.0, to_s: 5.0 },
        Span { from_s: 9.0, to_s: 30.0 },
        Span { from_s: 40.0, to_s: 44.0 },
    ];

    #[test]
    fn happenings_are_stretched_apart_and_the_truth_says_where_they_are() {
        let stretched = Timeline::Stretched { quiet_s: 60.0, happenings: 2, longest_s: 10.0 };
        let truth = stretched.plan(&FOUND).truth();
        let span = |from_s, to_s| Span { from_s, to_s };
        assert_eq!(truth.happenings, [span(60.0, 63.0), span(123.0, 127.0)]);
        assert_eq!(truth.quiet, [span(0.0, 60.0), span(63.0, 123.0), span(127.0, 187.0)]);
        assert_eq!((truth.length_s, truth.quiet_s()), (187.0, 180.0));
    }

    #[test]
    fn it_subsides_after_as_many_happenings_as_are_wanted() {
        let timeline =
            Timeline::Subsiding { happenings: 4, longest_s: 5.0, quiet_s: 10.0, then_quiet_s: 100.0 };
        let truth = timeline.plan(&FOUND).truth();
        let lengths: Vec<f64> = truth.happenings.iter().map(Span::length_s).collect();
        assert_eq!(lengths, [3.0, 5.0, 4.0, 3.0]);
        assert_eq!((truth.length_s, truth.quiet_s()), (155.0, 140.0));
    }

    #[test]
    fn busy_footage_is_played_over_and_over() {
        let truth = Timeline::Busy { length_s: 30.0 }.plan(&FOUND).truth();
        assert_eq!((truth.length_s, truth.happenings.len(), truth.quiet.len()), (30.0, 4, 0));
    }
}
