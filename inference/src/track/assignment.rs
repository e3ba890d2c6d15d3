//! Which track is which detection: the assignment with the largest sum of likenesses.
//!
//! Few tracks compete for the same detections, so the pairs fall into small groups without anything in common; each is
//! solved exactly (Kuhn and Munkres, also known as the Hungarian method).

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

/// A track and a detection that may be the same object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// Index of the track.
    pub(super) row: usize,
    /// Index of the detection.
    pub(super) column: usize,
    /// 0..1, more is better.
    pub(super) likeness: f32,
}

/// Pairs of row and column with the largest sum of likenesses, in the order of rows; no row and no column twice.
pub(super) fn best(pairs: &[Pair]) -> Vec<(usize, usize)> {
    let mut chosen: Vec<(usize, usize)> = groups(pairs).iter().flat_map(|group| solve(group)).collect();
    chosen.sort_unstable();
    chosen
}

/// Splits pairs into groups that share neither rows nor columns.
fn groups(pairs: &[Pair]) -> Vec<Vec<Pair>> {
    let rows = pairs.iter().map(|p| p.row + 1).max().unwrap_or(0);
    let columns = pairs.iter().map(|p| p.column + 1).max().unwrap_or(0);
    let mut leader: Vec<usize> = (0..rows + columns).collect();
    for pair in pairs {
        let (a, b) = (find(&mut leader, pair.row), find(&mut leader, rows + pair.column));
        leader[a.max(b)] = a.min(b);
    }
    let mut groups: Vec<Vec<Pair>> = vec![Vec::new(); rows + columns];
    for pair in pairs {
        groups[find(&mut leader, pair.row)].push(*pair);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn find(leader: &mut [usize], mut node: usize) -> usize {
    while leader[node] != node {
        leader[node] = leader[leader[node]];
        node = leader[node];
    }
    node
}

fn solve(group: &[Pair]) -> Vec<(usize, usize)> {
    if let [only] = group {
        return vec![(only.row, only.column)];
    }
    let mut rows: Vec<usize> = group.iter().map(|p| p.row).collect();
    let mut columns: Vec<usize> = group.iter().map(|p| p.column).collect();
    for indices in [&mut rows, &mut columns] {
        indices.sort_unstable();
        indices.dedup();
    }
    // Whole numbers, so that sums are exact; pairs that may not be joined weigh nothing. The method wants no more rows
    // than columns, so missing columns are added.
    let mut weights = Matrix::new(rows.len(), columns.len().max(rows.len()), 0_i64);
    let place =
        |list: &[usize], index: usize| list.binary_search(&index).expect("the index was put in above");
    for pair in group {
        weights[(place(&rows, pair.row), place(&columns, pair.column))] = 1 + (pair.likeness * 1e6) as i64;
    }
    let (_, assigned) = kuhn_munkres(&weights);
    let joined = assigned.into_iter().enumerate().filter(|cell| weights[*cell] > 0);
    joined.map(|(row, column)| (rows[row], columns[column])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(row: usize, column: usize, likeness: f32) -> Pair {
        Pair { row, column, likeness }
    }

    #[test]
    fn the_sum_counts_and_not_the_single_best() {
        let pairs = [pair(0, 0, 0.9), pair(0, 1, 0.8), pair(1, 0, 0.8)];
        assert_eq!(best(&pairs), [(0, 1), (1, 0)]);
    }

    #[test]
    fn more_tracks_than_detections_leave_a_track_alone() {
        assert_eq!(best(&[pair(0, 0, 0.3), pair(1, 0, 0.6)]), [(1, 0)]);
        assert_eq!(best(&[]), []);
    }

    /// Every assignment, tried out.
    fn brute(pairs: &[Pair], used: &mut Vec<(usize, usize)>) -> i64 {
        let Some((first, rest)) = pairs.split_first() else { return 0 };
        let without = brute(rest, used);
        if used.iter().any(|(r, c)| *r == first.row || *c == first.column) {
            return without;
        }
        used.push((first.row, first.column));
        let with = 1 + (first.likeness * 1e6) as i64 + brute(rest, used);
        used.pop();
        with.max(without)
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(likeness in proptest::collection::btree_map((0usize..5, 0usize..5), 0.1f32..1.0, 0..12)) {
            let pairs: Vec<Pair> = likeness.iter().map(|((r, c), l)| pair(*r, *c, *l)).collect();
            let chosen = best(&pairs);
            let sum: i64 = chosen.iter().map(|cell| 1 + (likeness[cell] * 1e6) as i64).sum();
            prop_assert_eq!(sum, brute(&pairs, &mut Vec::new()));
        }
    }
}
