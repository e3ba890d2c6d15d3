//! Which cells of a small picture count: those in a region that is looked at and in no mask.
//!
//! A detection counts where its middle does, so what only moves in a mask or outside of all regions need not wake
//! anybody: whatever comes to count moves in cells that count.

use moshao_config::Polygon;

use super::change::Change;
use super::mask;
use super::thumb::Thumb;

/// The part of a camera's picture that counts.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    masks: Vec<Polygon>,
    regions: Vec<Polygon>,
    /// For each cell of a picture of `size` whether it counts.
    cells: Vec<bool>,
    size: (usize, usize),
}

// === impl Watched ===

impl Watched {
    /// Everything outside of `masks`, and within one of `regions` where there are any. Both in fractions of the
    /// picture.
    pub fn new(masks: Vec<Polygon>, regions: Vec<Polygon>) -> Self {
        Self { masks, regions, ..Self::default() }
    }

    /// Leaves of a change of `now` what counts.
    pub fn keep(&mut self, now: &Thumb, change: &mut Change) {
        if self.masks.is_empty() && self.regions.is_empty() {
            return;
        }
        if self.size != (now.columns, now.rows) {
            self.size = (now.columns, now.rows);
            self.cells = self.counting(now);
        }
        change.cells.iter_mut().zip(&self.cells).for_each(|(changed, counts)| *changed &= counts);
    }

    /// For each cell whether it counts: whether its middle does.
    fn counting(&self, now: &Thumb) -> Vec<bool> {
        let middle = |cell: usize| {
            let (x, y) = (cell % now.columns, cell / now.columns);
            ((x as f32 + 0.5) / now.columns as f32, (y as f32 + 0.5) / now.rows as f32)
        };
        let within = |area: &Polygon| -> Vec<usize> {
            (0..now.cells.len()).filter(|cell| mask::contains(area, middle(*cell))).collect()
        };
        let mut counts = vec![self.regions.is_empty(); now.cells.len()];
        for region in &self.regions {
            let mut cells = within(region);
            if cells.is_empty() {
                // Smaller than a cell.
                let Polygon(corners) = region;
                cells = corners.iter().flat_map(|(x, y)| now.cells_in([*x, *y, *x, *y])).collect();
            }
            cells.into_iter().for_each(|cell| counts[cell] = true);
        }
        self.masks.iter().flat_map(within).for_each(|cell| counts[cell] = false);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(left: f32, top: f32, right: f32, bottom: f32) -> Polygon {
        Polygon(vec![(left, top), (right, top), (right, bottom), (left, bottom)])
    }

    /// Cells of a picture of 8 by 4 that count where everything has changed.
    fn counting(masks: Vec<Polygon>, regions: Vec<Polygon>) -> Vec<usize> {
        let now = Thumb { columns: 8, rows: 4, cells: vec![0.0; 32] };
        let mut change = Change::of(8, vec![true; 32]);
        Watched::new(masks, regions).keep(&now, &mut change);
        (0..32).filter(|cell| change.cells[*cell]).collect()
    }

    #[test]
    fn everything_counts_where_nothing_is_said() {
        assert_eq!(counting(vec![], vec![]).len(), 32);
    }

    #[test]
    fn what_is_masked_or_outside_of_all_regions_does_not_count() {
        assert_eq!(counting(vec![square(0.0, 0.0, 1.0, 0.75)], vec![]), (24..32).collect::<Vec<_>>());
        assert_eq!(counting(vec![], vec![square(0.0, 0.0, 0.25, 0.25)]), [0, 1]);
        assert_eq!(counting(vec![square(0.0, 0.0, 0.125, 1.0)], vec![square(0.0, 0.0, 0.25, 0.25)]), [1]);
    }

    #[test]
    fn a_region_smaller_than_a_cell_counts() {
        assert_eq!(counting(vec![], vec![square(0.26, 0.26, 0.27, 0.27)]), [10]);
    }
}
