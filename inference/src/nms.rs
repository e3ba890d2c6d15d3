//! Non-maximum suppression: of overlapping candidates for one object the best remains.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::picture::BoxPx;

/// One possible object, in pixels of the model's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Label index.
    pub label: usize,
    /// 0..1.
    pub score: f32,
    /// Where.
    pub area: BoxPx,
}

/// Which overlapping candidates are one object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suppression {
    /// Candidates that overlap more than this (intersection over union, 0..1) are one object.
    pub iou: f32,
    /// Candidates of different labels may be one object too.
    pub across_labels: bool,
}

/// Most candidates that are compared with each other; the best ones where there are more.
pub const MAX_CANDIDATES: usize = 10_000;

/// Best first; ties by label and place, so that the order in which candidates come never matters.
pub fn sort(candidates: &mut Vec<Candidate>) {
    // One number for score and index sorts several times faster than the candidates themselves. Scores are not negative, so
    // their bits are in order.
    let key = |(index, c): (usize, &Candidate)| u64::from(!c.score.max(0.0).to_bits()) << 32 | index as u64;
    let mut keys: Vec<u64> = candidates.iter().enumerate().map(key).collect();
    keys.sort_unstable();
    let mut sorted: Vec<Candidate> = keys.iter().map(|key| candidates[*key as u32 as usize]).collect();
    for equals in sorted.chunk_by_mut(|a, b| a.score == b.score) {
        equals.sort_unstable_by(by_place);
    }
    *candidates = sorted;
}

fn by_place(a: &Candidate, b: &Candidate) -> Ordering {
    let (p, q) = (&a.area, &b.area);
    let label = a.label.cmp(&b.label);
    let left_and_top = || p.x1.total_cmp(&q.x1).then_with(|| p.y1.total_cmp(&q.y1));
    let right_and_bottom = || p.x2.total_cmp(&q.x2).then_with(|| p.y2.total_cmp(&q.y2));
    label.then_with(left_and_top).then_with(right_and_bottom)
}

/// Keeps the best of each group of overlapping candidates, at most `limit`, best first.
pub fn suppress(candidates: &mut Vec<Candidate>, rule: Suppression, limit: usize) {
    sort(candidates);
    candidates.truncate(MAX_CANDIDATES);
    // Only candidates of one label are held against each other, unless the rule says otherwise: those kept stand by label.
    let mut rivals: BTreeMap<usize, Rivals> = BTreeMap::new();
    let mut kept = 0;
    candidates.retain(|candidate| {
        if kept == limit {
            return false;
        }
        let rivals = rivals.entry(if rule.across_labels { 0 } else { candidate.label }).or_default();
        let is_new = !rivals.overlap(&candidate.area, rule.iou);
        if is_new {
            rivals.add(&candidate.area);
            kept += 1;
        }
        is_new
    });
}

/// Boxes that were kept, eight side by side: the compiler compares several with one instruction.
#[derive(Default)]
struct Rivals {
    boxes: Vec<Eight>,
    count: usize,
}

/// Eight boxes by side; those not filled yet are empty and overlap nothing.
#[derive(Default)]
struct Eight {
    x1: [f32; 8],
    y1: [f32; 8],
    x2: [f32; 8],
    y2: [f32; 8],
    size: [f32; 8],
}

// === impl Rivals ===

impl Rivals {
    fn add(&mut self, area: &BoxPx) {
        let place = self.count % 8;
        if place == 0 {
            self.boxes.push(Eight::default());
        }
        let eight = self.boxes.last_mut().expect("one was pushed for the first of eight");
        (eight.x1[place], eight.y1[place], eight.x2[place], eight.y2[place]) =
            (area.x1, area.y1, area.x2, area.y2);
        eight.size[place] = area.size();
        self.count += 1;
    }

    /// Whether one of them and `area` overlap more than `iou`.
    fn overlap(&self, area: &BoxPx, iou: f32) -> bool {
        let size = area.size();
        self.boxes.iter().any(|eight| {
            (0..8).fold(false, |any, i| {
                let width = eight.x2[i].min(area.x2) - eight.x1[i].max(area.x1);
                let height = eight.y2[i].min(area.y2) - eight.y1[i].max(area.y1);
                let both = width.max(0.0) * height.max(0.0);
                any | (both > iou * (eight.size[i] + size - both))
            })
        })
    }
}

/// Joins what tiles saw of the same object: like [`suppress`], but a part that lies mostly inside a better candidate
/// of the same label goes too, because an object cut by a tile's edge overlaps its whole self only a little.
pub fn merge_tiles(candidates: &mut Vec<Candidate>, rule: Suppression, limit: usize) {
    /// Share of the smaller box that must lie in the other one.
    const COVERED: f32 = 0.7;
    // The whole object first: among equals the larger box is the one that no edge has cut.
    candidates.sort_unstable_by(|a, b| b.area.size().total_cmp(&a.area.size()));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates.drain(..) {
        let whole = kept.iter_mut().find(|k| {
            k.label == candidate.label
                && (k.area.iou(&candidate.area) > rule.iou
                    || k.area.overlap(&candidate.area) > COVERED * candidate.area.size()
                        && candidate.score < k.score + 0.2)
        });
        match whole {
            Some(whole) => whole.score = whole.score.max(candidate.score),
            None => kept.push(candidate),
        }
    }
    *candidates = kept;
    suppress(candidates, rule, limit);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Suppression = Suppression { iou: 0.45, across_labels: false };

    fn candidate(label: usize, score: f32, x: f32, y: f32, side: f32) -> Candidate {
        Candidate { label, score, area: BoxPx { x1: x, y1: y, x2: x + side, y2: y + side } }
    }

    fn some() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0usize..3, 0.0f32..1.0, 0.0f32..100.0, 0.0f32..100.0, 1.0f32..50.0)
            .prop_map(|(label, score, x, y, side)| candidate(label, score, x, y, side));
        proptest::collection::vec(one, 0..60)
    }

    #[test]
    fn the_best_of_an_overlapping_pair_remains() {
        let mut both = vec![candidate(0, 0.6, 0.0, 0.0, 10.0), candidate(0, 0.9, 1.0, 0.0, 10.0)];
        suppress(&mut both, RULE, 100);
        assert_eq!(both, [candidate(0, 0.9, 1.0, 0.0, 10.0)]);
    }

    #[test]
    fn labels_are_separate_objects_unless_told_otherwise() {
        let two = [candidate(0, 0.6, 0.0, 0.0, 10.0), candidate(1, 0.9, 0.0, 0.0, 10.0)];
        let mut apart = two.to_vec();
        suppress(&mut apart, RULE, 100);
        assert_eq!(apart.len(), 2);
        let mut together = two.to_vec();
        suppress(&mut together, Suppression { across_labels: true, ..RULE }, 100);
        assert_eq!(together, [two[1]]);
    }

    #[test]
    fn a_part_cut_by_a_tile_joins_the_whole() {
        let whole = candidate(0, 0.8, 0.0, 0.0, 100.0);
        let mut seen = vec![candidate(0, 0.7, 60.0, 10.0, 38.0), whole];
        merge_tiles(&mut seen, RULE, 100);
        assert_eq!(seen, [whole]);
    }

    /// Greedy suppression as it is defined: whatever overlaps no better one that was kept, is kept.
    fn by_definition(candidates: &[Candidate], rule: Suppression) -> Vec<Candidate> {
        let mut all = candidates.to_vec();
        sort(&mut all);
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in all {
            let rival = |k: &Candidate| rule.across_labels || k.label == candidate.label;
            if !kept.iter().any(|k| rival(k) && k.area.iou(&candidate.area) > rule.iou) {
                kept.push(candidate);
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_says(some in some(), across_labels: bool) {
            let rule = Suppression { across_labels, ..RULE };
            let mut kept = some.clone();
            suppress(&mut kept, rule, usize::MAX);
            prop_assert_eq!(kept, by_definition(&some, rule));
        }

        #[test]
        fn twice_is_once(mut once in some()) {
            suppress(&mut once, RULE, usize::MAX);
            let mut twice = once.clone();
            suppress(&mut twice, RULE, usize::MAX);
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn order_does_not_matter(mut forward in some()) {
            let mut backward: Vec<_> = forward.iter().rev().copied().collect();
            suppress(&mut forward, RULE, 20);
            suppress(&mut backward, RULE, 20);
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn what_remains_does_not_overlap_and_covers_what_went(all in some()) {
            let mut kept = all.clone();
            suppress(&mut kept, RULE, usize::MAX);
            for (i, a) in kept.iter().enumerate() {
                for b in &kept[i + 1..] {
                    prop_assert!(a.label != b.label || a.area.iou(&b.area) <= RULE.iou);
                }
            }
            for gone in all.iter().filter(|c| !kept.contains(c)) {
                prop_assert!(kept.iter().any(|k| k.label == gone.label && k.score >= gone.score && k.area.iou(&gone.area) > RULE.iou));
            }
        }
    }
}
