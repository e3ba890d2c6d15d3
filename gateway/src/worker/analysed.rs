//! The last analysed pictures of each camera, for stills. A decoded picture of 1920x1080 takes 3 MB, so a camera that has
//! slept for a while holds none: its key frames are there, encoded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::camera::picture::Picture;

/// A sleeping camera's pictures are held for so long: events that were made of them ask for stills at once.
const HELD_ASLEEP: Duration = Duration::from_secs(10);

/// One analysed picture.
pub(super) struct Look {
    /// Number of the picture, as in its observation.
    pub(super) number: u64,
    pub(super) picture: Picture,
    /// People in it, in fractions; none where the detector does not know people.
    pub(super) people: Option<Vec<[f32; 4]>>,
}

/// The last two analysed pictures of each camera. Two, because a newer one may be there before an event's request is.
pub(super) struct Analysed(Mutex<Vec<Kept>>);

/// What is held of one camera.
#[derive(Default)]
struct Kept {
    before: Option<Arc<Look>>,
    latest: Option<Arc<Look>>,
    /// Number of the latest, and the people in it; held longer than the picture.
    last: Option<(u64, Option<Vec<[f32; 4]>>)>,
    kept: Option<Instant>,
}

// === impl Analysed ===

impl Analysed {
    pub(super) fn new(cameras: usize) -> Self {
        Self(Mutex::new((0..cameras).map(|_| Kept::default()).collect()))
    }

    /// Keeps a picture in place of the one before the last.
    pub(super) fn keep(&self, camera: usize, look: Arc<Look>) {
        let kept = &mut self.lock()[camera];
        kept.last = Some((look.number, look.people.clone()));
        kept.kept = Some(Instant::now());
        kept.before = kept.latest.replace(look);
    }

    /// A key frame of a sleeping camera that was told without being analysed: only its number and who is there is held.
    pub(super) fn note(&self, camera: usize, number: u64, people: Option<Vec<[f32; 4]>>) {
        self.lock()[camera].last = Some((number, people));
    }

    /// The picture of this number; the latest where it is gone or none is named. None where that is not held.
    pub(super) fn find(&self, camera: usize, number: Option<u64>) -> Option<Arc<Look>> {
        let Kept { before, latest, last, .. } = &self.lock()[camera];
        let wanted = [before, latest].into_iter().flatten().find(|look| Some(look.number) == number);
        let is_last = |look: &&Arc<Look>| last.as_ref().is_some_and(|(number, _)| *number == look.number);
        wanted.or(latest.as_ref().filter(is_last)).cloned()
    }

    /// Number of the latest picture and the people in it, whether it is still held or not; none where there was none.
    pub(super) fn last(&self, camera: usize) -> Option<(u64, Option<Vec<[f32; 4]>>)> {
        self.lock()[camera].last.clone()
    }

    /// Lets go of the pictures of cameras that sleep.
    pub(super) fn shed(&self, is_asleep: impl Fn(usize) -> bool) {
        self.shed_at(Instant::now(), is_asleep);
    }

    fn shed_at(&self, now: Instant, is_asleep: impl Fn(usize) -> bool) {
        for (camera, kept) in self.lock().iter_mut().enumerate() {
            if is_asleep(camera) && kept.kept.is_some_and(|kept| now >= kept + HELD_ASLEEP) {
                (kept.before, kept.latest) = (None, None);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(number: u64) -> Arc<Look> {
        Arc::new(Look { number, picture: Picture::any(), people: Some(vec![[0.1, 0.1, 0.2, 0.4]]) })
    }

    fn number(analysed: &Analysed, wanted: Option<u64>) -> Option<u64> {
        analysed.find(0, wanted).map(|look| look.number)
    }

    #[test]
    fn the_last_two_are_held() {
        let analysed = Analysed::new(1);
        assert!(analysed.find(0, None).is_none() && analysed.last(0).is_none());
        (1..=3).for_each(|number| analysed.keep(0, look(number)));
        assert_eq!(number(&analysed, None), Some(3));
        assert_eq!(number(&analysed, Some(2)), Some(2));
        assert_eq!(number(&analysed, Some(1)), Some(3), "gone: the latest");
    }

    #[test]
    fn after_a_key_frame_that_is_not_held_nothing_older_is_taken_for_the_latest() {
        let analysed = Analysed::new(1);
        analysed.keep(0, look(1));
        analysed.note(0, 2, None);
        assert_eq!((number(&analysed, Some(2)), number(&analysed, None)), (None, None));
        assert_eq!(number(&analysed, Some(1)), Some(1), "an event of it may still ask");
        assert_eq!(analysed.last(0), Some((2, None)));
    }

    #[test]
    fn a_camera_that_sleeps_lets_go_of_them_after_a_while_and_remembers_who_was_there() {
        let analysed = Analysed::new(1);
        analysed.keep(0, look(7));
        let now = Instant::now();
        analysed.shed_at(now, |_| true);
        assert_eq!(number(&analysed, Some(7)), Some(7), "an event may still ask for it");
        analysed.shed_at(now + HELD_ASLEEP, |_| false);
        assert_eq!(number(&analysed, Some(7)), Some(7), "awake");
        analysed.shed_at(now + HELD_ASLEEP, |_| true);
        assert_eq!(number(&analysed, Some(7)), None);
        assert_eq!(analysed.last(0), Some((7, Some(vec![[0.1, 0.1, 0.2, 0.4]]))));
    }
}
