//! Cells of feature maps: the places that anchor-free and anchor-based heads predict at.

/// One cell of one feature map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    /// Column.
    pub(crate) x: f32,
    /// Row.
    pub(crate) y: f32,
    /// Pixels of the input to one cell.
    pub(crate) stride: f32,
}

/// The usual strides of three feature maps.
pub(crate) const STRIDES_3: [usize; 3] = [8, 16, 32];

/// The usual strides, and those of variants for small objects (P2) and large pictures (P6).
const STRIDES: [&[usize]; 3] = [&STRIDES_3, &[8, 16, 32, 64], &[4, 8, 16, 32]];
/// Strides of small models with anchors (YOLOv3-tiny).
const STRIDES_WITH_ANCHORS: &[usize] = &[16, 32];

/// Whether so many rows are the cells, `anchors` of each, of any of the usual sets of feature maps.
pub(crate) fn is_cells(rows: usize, anchors: usize, width: usize, height: usize) -> bool {
    let with_anchors = (anchors > 1).then_some(STRIDES_WITH_ANCHORS);
    STRIDES.into_iter().chain(with_anchors).any(|strides| rows == anchors * count(width, height, strides))
}

/// Cells of all feature maps in the order of nearly all exports: by map, by row, by column.
pub(crate) fn cells(width: usize, height: usize, strides: &[usize]) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(count(width, height, strides));
    for &stride in strides {
        for y in 0..height.div_ceil(stride) {
            for x in 0..width.div_ceil(stride) {
                cells.push(Cell { x: x as f32, y: y as f32, stride: stride as f32 });
            }
        }
    }
    cells
}

/// Number of [`cells`].
pub(crate) fn count(width: usize, height: usize, strides: &[usize]) -> usize {
    strides.iter().map(|s| width.div_ceil(*s) * height.div_ceil(*s)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_the_usual_sizes() {
        assert_eq!(count(640, 640, &STRIDES_3), 8400);
        assert_eq!(count(416, 416, &STRIDES_3), 3549);
        let cells = cells(64, 32, &STRIDES_3);
        assert_eq!(cells.len(), count(64, 32, &STRIDES_3));
        assert_eq!(cells[8], Cell { x: 0.0, y: 1.0, stride: 8.0 });
        assert_eq!(cells.last(), Some(&Cell { x: 1.0, y: 0.0, stride: 32.0 }));
    }
}
