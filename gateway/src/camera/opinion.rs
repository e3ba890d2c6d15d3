//! What the detector makes of a sleeping camera's look. Pure.
//!
//! A look that differs from those before is no more than a suspicion: leaves, rain, a shadow or a person. The detector
//! sees the same picture, and what it recognises where the picture has changed, if only faintly, is worth waking for.

use super::thumb::Area;

/// A thing that was always there is another one when this share of its place has changed.
const REPLACED_FROM: f32 = 0.25;
/// Share of the picture from which on something is large: a fifth of its width by a fifth of its height.
pub const LARGE: f32 = 0.04;
/// Two areas are the same thing from this intersection over union on.
const SAME_FROM: f32 = 0.5;

/// What the detector is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    /// Where the picture has changed; nowhere where the detector looks by itself, and then everywhere counts.
    pub moving: Vec<Area>,
    /// What stands still and is known.
    pub parked: Vec<Area>,
    /// What was seen before and never moved: not new, and not gone either where it is not seen.
    pub familiar: Vec<Area>,
    /// Where something was faint before and nothing came of it: a doubt there again is no news. What is clear there is.
    pub doubted: Vec<Area>,
    /// Whether something large that no rule asks for matters: seen from an odd side, a car is taken for a telephone.
    pub heeds_others: bool,
    /// Where nothing new is found, what was seen last is told again: so that nobody takes what is parked for gone.
    pub is_told: bool,
}

/// What it recognised, in fractions of the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recognised {
    /// What rules ask for.
    pub clear: Vec<Area>,
    /// The same below the threshold of what is told.
    pub faint: Vec<Area>,
    /// What no rule asks for.
    pub others: Vec<Area>,
}

/// Its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// Nothing that was not known.
    Nothing,
    /// Something new and large, of a kind that no rule asks for.
    Other,
    /// Something new, below the threshold of what is told.
    Faint,
    /// Something parked is not where it was.
    Gone,
    /// Something new.
    Clear,
}

// === impl Suspicion ===

impl Suspicion {
    /// The answer, given what was recognised.
    pub fn opinion(&self, Recognised { clear, faint, others }: &Recognised) -> Opinion {
        let has_moved = |area: &Area| self.moving.is_empty() || self.moving.iter().any(|m| touch(*m, *area));
        let is_parked = |area: &Area| self.parked.iter().any(|parked| is_same(*parked, *area));
        let is_familiar = |area: &Area| {
            let changed: f32 = self.moving.iter().map(|moving| intersection(*moving, *area)).sum();
            changed < REPLACED_FROM * size(*area)
                && self.familiar.iter().any(|familiar| is_same(*familiar, *area))
        };
        let is_new = |area: &&Area| has_moved(area) && !is_parked(area) && !is_familiar(area);
        let is_doubted = |area: &Area| self.doubted.iter().any(|doubted| is_same(*doubted, *area));
        let is_gone = |parked: &&Area| {
            has_moved(parked) && !clear.iter().chain(faint).any(|area| is_same(**parked, *area))
        };
        let is_large = |area: &&Area| size(**area) >= LARGE;
        match () {
            () if clear.iter().any(|area| is_new(&area)) => Opinion::Clear,
            () if self.parked.iter().any(|parked| is_gone(&parked)) => Opinion::Gone,
            () if faint.iter().any(|area| is_new(&area) && !is_doubted(area)) => Opinion::Faint,
            () if self.heeds_others && others.iter().filter(is_large).any(|area| is_new(&area)) => {
                Opinion::Other
            }
            () => Opinion::Nothing,
        }
    }
}

/// Whether two areas have a part in common.
pub fn touch(a: Area, b: Area) -> bool {
    intersection(a, b) > 0.0
}

/// Whether two areas are the same thing, standing where it stood.
pub fn is_same(a: Area, b: Area) -> bool {
    let common = intersection(a, b);
    common > 0.0 && common >= SAME_FROM * (size(a) + size(b) - common)
}

/// Share of the picture that an area takes.
pub fn size([left, top, right, bottom]: Area) -> f32 {
    (right - left).max(0.0) * (bottom - top).max(0.0)
}

fn intersection(a: Area, b: Area) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    width * height
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: Area = [0.7, 0.0, 1.0, 0.5];
    const CAR: Area = [0.1, 0.6, 0.4, 0.9];
    const BUSH: Area = [0.4, 0.1, 0.5, 0.3];
    const SIGN: Area = [0.5, 0.5, 0.6, 0.6];
    const PERSON: Area = [0.75, 0.2, 0.8, 0.6];

    fn opinion(moving: &[Area], clear: &[Area], faint: &[Area]) -> Opinion {
        opinion_with(moving, clear, faint, &[])
    }

    fn opinion_with(moving: &[Area], clear: &[Area], faint: &[Area], others: &[Area]) -> Opinion {
        let suspicion = Suspicion {
            moving: moving.to_vec(),
            parked: vec![CAR],
            familiar: vec![BUSH],
            doubted: vec![SIGN],
            heeds_others: true,
            is_told: true,
        };
        let [clear, faint, others] = [clear, faint, others].map(<[Area]>::to_vec);
        suspicion.opinion(&Recognised { clear, faint, others })
    }

    #[test]
    fn leaves_are_nothing_and_a_person_before_them_is_something() {
        assert_eq!(opinion(&[TREE], &[CAR], &[]), Opinion::Nothing);
        assert_eq!(opinion(&[TREE], &[CAR, PERSON], &[]), Opinion::Clear);
        assert_eq!(opinion(&[TREE], &[CAR], &[PERSON]), Opinion::Faint);
    }

    #[test]
    fn a_bush_that_was_taken_for_something_before_is_neither_new_nor_gone() {
        assert_eq!(opinion(&[], &[CAR, BUSH], &[]), Opinion::Nothing, "nothing has changed");
        assert_eq!(opinion(&[], &[CAR], &[]), Opinion::Nothing);
        assert_eq!(opinion(&[[0.4, 0.1, 0.42, 0.12]], &[CAR, BUSH], &[]), Opinion::Nothing, "a leaf of it");
        assert_eq!(opinion(&[BUSH], &[CAR, BUSH], &[]), Opinion::Clear, "something else in its place");
    }

    #[test]
    fn a_sign_that_was_doubted_before_is_no_new_doubt_and_news_once_it_is_clear() {
        assert_eq!(opinion(&[], &[CAR], &[SIGN]), Opinion::Nothing);
        assert_eq!(opinion(&[], &[CAR], &[SIGN, PERSON]), Opinion::Faint);
        assert_eq!(opinion(&[], &[CAR, SIGN], &[]), Opinion::Clear);
    }

    #[test]
    fn a_large_thing_of_another_kind_is_something_else_and_a_small_one_is_nothing() {
        let (cow, insect) = ([0.7, 0.1, 1.0, 0.5], [0.75, 0.2, 0.8, 0.28]);
        assert_eq!(opinion_with(&[TREE], &[CAR], &[], &[cow]), Opinion::Other);
        assert_eq!(opinion_with(&[TREE], &[CAR], &[], &[insect]), Opinion::Nothing);
        assert_eq!(opinion_with(&[TREE], &[CAR], &[], &[CAR]), Opinion::Nothing, "the car by another name");
        assert_eq!(opinion_with(&[BUSH], &[CAR], &[], &[cow]), Opinion::Nothing, "nothing has changed there");
        assert_eq!(opinion_with(&[TREE], &[CAR, PERSON], &[], &[cow]), Opinion::Clear);
    }

    #[test]
    fn what_is_recognised_where_nothing_has_changed_is_no_reason() {
        assert_eq!(opinion(&[[0.0, 0.0, 0.1, 0.1]], &[CAR, PERSON], &[]), Opinion::Nothing);
    }

    #[test]
    fn a_parked_car_that_drives_on_is_new_where_it_is_and_one_that_left_is_gone() {
        let moving = [[0.05, 0.55, 0.6, 0.95]];
        assert_eq!(opinion(&moving, &[[0.25, 0.6, 0.55, 0.9]], &[]), Opinion::Clear);
        assert_eq!(opinion(&moving, &[], &[]), Opinion::Gone);
        assert_eq!(opinion(&moving, &[], &[CAR]), Opinion::Nothing, "faint, but there");
        assert_eq!(
            opinion(&[TREE], &[], &[]),
            Opinion::Nothing,
            "missed by the detector, and nothing has moved"
        );
    }
}
