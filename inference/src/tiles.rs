//! Overlapping tiles of a picture, for objects that are too small for the model when the whole picture is scaled down.

use crate::picture::BoxPx;

/// Rectangles in `columns` x `rows` that cover `picture`, each overlapping its neighbours by the share `overlap` of its
/// own side (0 to 0.5): an object up to that size lies whole in at least one of them.
pub fn tiles(picture: BoxPx, columns: usize, rows: usize, overlap: f32) -> Vec<BoxPx> {
    let along = |from: f32, to: f32, count: usize| {
        let (count, overlap) = (count.max(1), overlap.clamp(0.0, 0.5));
        let side = (to - from) / (count as f32 - (count - 1) as f32 * overlap);
        (0..count).map(move |i| {
            let start = from + i as f32 * side * (1.0 - overlap);
            (start, if i + 1 == count { to } else { start + side })
        })
    };
    let bands = along(picture.y1, picture.y2, rows);
    bands
        .flat_map(|(y1, y2)| {
            along(picture.x1, picture.x2, columns).map(move |(x1, x2)| BoxPx { x1, y1, x2, y2 })
        })
        .collect()
}

/// Share of a tile that its neighbour sees too, in [`with_whole`].
const OVERLAP: f32 = 0.2;

/// Overlapping [`tiles`] of `picture`, and all of it for what is larger than a tile.
pub fn with_whole(picture: BoxPx, columns: usize, rows: usize) -> Vec<BoxPx> {
    let mut all = tiles(picture, columns, rows, OVERLAP);
    all.push(picture);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_object_smaller_than_the_overlap_lies_whole_in_a_tile(
            columns in 1usize..5, rows in 1usize..5, x in 0.0f32..1.0, y in 0.0f32..1.0, share in 0.05f32..0.5,
        ) {
            let picture = BoxPx { x1: 0.0, y1: 0.0, x2: 1920.0, y2: 1080.0 };
            let all = tiles(picture, columns, rows, share);
            prop_assert_eq!(all.len(), columns * rows);
            let (w, h) = ((all[0].x2 - all[0].x1) * share * 0.99, (all[0].y2 - all[0].y1) * share * 0.99);
            let (x1, y1) = (x * (1920.0 - w), y * (1080.0 - h));
            let object = BoxPx { x1, y1, x2: x1 + w, y2: y1 + h };
            let whole = |t: &BoxPx| t.x1 <= object.x1 + 0.01 && t.y1 <= object.y1 + 0.01 && object.x2 <= t.x2 + 0.01 && object.y2 <= t.y2 + 0.01;
            prop_assert!(all.iter().any(whole), "{:?} not whole in {:?}", object, all);
        }
    }
}
