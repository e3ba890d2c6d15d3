//! One clip while it is recorded: what to ask the camera's reel next, and when it is whole. Pure: `(now, part)` in,
//! pictures out.

use std::time::Duration;

use super::recorder::Order;
use crate::worker::link::{FilmPicture, ReelEnd, ReelFrom, ReelPart};

/// At the live end of the reel, the next part is asked for this long after the last.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// A part that has not come within this time is asked for again.
const PATIENCE: Duration = Duration::from_secs(3);
/// So often in a row; then the worker is given up.
const TRIES: u32 = 4;
/// A clip ends this long after its end should have come, whether the camera has sent it or not.
const GRACE: Duration = Duration::from_secs(5);

/// A clip that is being recorded.
#[derive(Debug)]
pub(super) struct Clip {
    pub(super) order: Order,
    from: ReelFrom,
    /// Media time and time of receipt of the first picture, milliseconds since the Unix epoch.
    first: Option<(Duration, i64)>,
    /// When the last part was asked for and not answered yet.
    asked: Option<Duration>,
    unanswered: u32,
    /// When to ask next.
    next: Duration,
    /// When it ends at the latest.
    deadline: Duration,
}

/// What became of a part.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// Pictures to be written.
    pub(super) pictures: Vec<FilmPicture>,
    /// It has ended, and why.
    pub(super) end: Option<End>,
}

/// How a clip ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has all that was ordered.
    Whole,
    /// The camera connected anew, or changed its picture.
    Reconnected,
    /// The camera sends nothing more.
    NoMorePictures,
    /// The disk was too slow for the camera.
    Behind,
    /// A picture is too large.
    PictureTooLarge,
    /// The worker does not answer.
    WorkerSilent,
    /// The gateway stops.
    Stopping,
}

// === impl Clip ===

impl Clip {
    /// `order` at `now`, where the wall clock says `now_unix_ms`.
    pub(super) fn new(order: Order, now: Duration, now_unix_ms: i64) -> Self {
        let from = ReelFrom::Time { received_unix_ms: order.from_unix_ms };
        let deadline = deadline(&order, now, now_unix_ms);
        Clip { order, from, first: None, asked: None, unanswered: 0, next: now, deadline }
    }

    /// Goes on until then, if that is later than it would have ended.
    pub(super) fn extend(&mut self, until_unix_ms: i64, now: Duration, now_unix_ms: i64) {
        self.order.until_unix_ms = self.order.until_unix_ms.max(until_unix_ms);
        self.deadline = deadline(&self.order, now, now_unix_ms);
    }

    /// What to ask for now, if anything.
    pub(super) fn ask(&mut self, now: Duration) -> Option<ReelFrom> {
        match self.asked {
            Some(asked) if now < asked + PATIENCE => return None,
            Some(_) => self.unanswered += 1,
            None if now < self.next => return None,
            None => {}
        }
        self.asked = Some(now);
        Some(self.from)
    }

    /// The request could not be sent; it is tried again as one that is not answered.
    pub(super) fn not_sent(&mut self, now: Duration) {
        self.asked = Some(now);
    }

    /// Time has passed: how it ends, if it does.
    pub(super) fn overdue(&self, now: Duration) -> Option<End> {
        if self.unanswered >= TRIES {
            return Some(End::WorkerSilent);
        }
        (now >= self.deadline).then_some(End::NoMorePictures)
    }

    /// The part that was asked for.
    pub(super) fn hear(&mut self, now: Duration, part: ReelPart) -> Step {
        self.asked = None;
        self.unanswered = 0;
        let (take, next, pictures, more) = match part {
            ReelPart::Film { take, next, pictures, more, .. } => (take, next, pictures, more),
            ReelPart::Over(end) => return Step { pictures: Vec::new(), end: Some(End::from(end)) },
        };
        if let (None, Some(first)) = (self.first, pictures.first()) {
            self.first = Some((first.media_time, first.received_unix_ms));
        }
        // Nothing has come since: the place in the reel is still to be found.
        if self.first.is_some() {
            self.from = ReelFrom::Next { take, number: next };
        }
        self.next = if more { now } else { now + POLL_EVERY };
        let until = self.until();
        let all = pictures.len();
        let pictures: Vec<FilmPicture> = pictures
            .into_iter()
            .take_while(|picture| until.is_none_or(|end| picture.media_time < end))
            .collect();
        let end = (pictures.len() < all).then_some(End::Whole);
        Step { pictures, end }
    }

    /// Media time at which it ends. Held against the first picture alone, so that a clock that is set meanwhile does
    /// not matter.
    fn until(&self) -> Option<Duration> {
        let (media_time, received_unix_ms) = self.first?;
        let lasting_ms = self.order.until_unix_ms.saturating_sub(received_unix_ms).max(0);
        Some(media_time + Duration::from_millis(lasting_ms.unsigned_abs()))
    }
}

/// When a clip has to be over, with time for what is on its way.
fn deadline(order: &Order, now: Duration, now_unix_ms: i64) -> Duration {
    let lasting_ms = order.until_unix_ms.saturating_sub(now_unix_ms).max(0);
    now + Duration::from_millis(lasting_ms.unsigned_abs()) + GRACE
}

// === impl End ===

impl End {
    /// What events say of a clip that is shorter than it should be.
    pub(super) fn cut(self) -> Option<&'static str> {
        match self {
            End::Whole => None,
            End::Reconnected => Some("reconnected"),
            End::NoMorePictures => Some("no-pictures"),
            End::Behind => Some("too-slow"),
            End::PictureTooLarge => Some("picture-too-large"),
            End::WorkerSilent => Some("worker-silent"),
            End::Stopping => Some("stopping"),
        }
    }
}

impl From<ReelEnd> for End {
    fn from(end: ReelEnd) -> Self {
        match end {
            ReelEnd::NoFilm => End::NoMorePictures,
            ReelEnd::NewTake => End::Reconnected,
            ReelEnd::Forgotten => End::Behind,
            ReelEnd::TooLarge => End::PictureTooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Source;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// From 1000 s to 1015 s of the wall clock, ordered at 1005 s, which is 0 of the other clock.
    fn clip() -> Clip {
        let order = Order {
            incident: "01INC".to_owned(),
            source: Source::Camera("gate".to_owned()),
            camera: "gate".to_owned(),
            from_unix_ms: 1_000_000,
            until_unix_ms: 1_015_000,
            answer: None,
        };
        Clip::new(order, MS(0), 1_005_000)
    }

    /// Pictures of a reel in which media time 0 is 998 s of the wall clock, five a second.
    fn part(numbers: std::ops::Range<u64>, more: bool) -> ReelPart {
        let picture = |number: u64| FilmPicture {
            data: Vec::new(),
            is_key: number.is_multiple_of(10),
            media_time: MS(number * 200),
            received_unix_ms: 998_000 + number as i64 * 200,
        };
        ReelPart::Film {
            take: 7,
            next: numbers.end,
            sample_entry: vec![1],
            pictures: numbers.map(picture).collect(),
            more,
        }
    }

    #[test]
    fn it_reads_the_past_at_once_and_then_as_it_comes_until_its_end() {
        let mut clip = clip();
        assert_eq!(clip.ask(MS(0)), Some(ReelFrom::Time { received_unix_ms: 1_000_000 }));
        assert_eq!(clip.ask(MS(10)), None, "one part at a time");
        let step = clip.hear(MS(20), part(10..20, true));
        assert_eq!((step.pictures.len(), step.end), (10, None));
        assert_eq!(clip.ask(MS(20)), Some(ReelFrom::Next { take: 7, number: 20 }), "there is more already");
        assert_eq!(clip.hear(MS(30), part(20..35, false)).pictures.len(), 15);
        assert_eq!(clip.ask(MS(100)), None);
        assert_eq!(clip.ask(MS(530)), Some(ReelFrom::Next { take: 7, number: 35 }));
        let step = clip.hear(MS(10_000), part(35..90, false));
        assert_eq!(step.end, Some(End::Whole));
        assert_eq!(step.pictures.last().unwrap().media_time, MS(16_800), "998 s and 17 s are 1015 s");
    }

    #[test]
    fn what_is_found_again_meanwhile_makes_it_longer() {
        let mut clip = clip();
        clip.hear(MS(0), part(10..20, false));
        clip.extend(1_020_000, MS(5_000), 1_010_000);
        assert_eq!(clip.hear(MS(12_000), part(20..90, false)).end, None);
        assert_eq!(clip.overdue(MS(19_999)), None);
        clip.extend(1_016_000, MS(6_000), 1_011_000);
        assert_eq!(clip.hear(MS(14_500), part(90..120, false)).end, Some(End::Whole), "and never shorter");
    }

    #[test]
    fn a_camera_that_reconnects_ends_it_and_one_that_goes_silent_does_too() {
        let mut clip = clip();
        clip.hear(MS(0), part(10..20, false));
        let step = clip.hear(MS(500), ReelPart::Over(ReelEnd::NewTake));
        assert_eq!(step.end.and_then(End::cut), Some("reconnected"));

        let mut clip = self::clip();
        clip.hear(MS(0), part(10..20, false));
        assert_eq!(clip.hear(MS(9_000), part(20..20, false)).end, None);
        assert_eq!(clip.overdue(MS(14_999)), None);
        assert_eq!(clip.overdue(MS(15_000)), Some(End::NoMorePictures));
    }

    #[test]
    fn a_worker_that_does_not_answer_is_asked_again_and_then_given_up() {
        let mut clip = clip();
        let mut asked = 0;
        for ms in (0..60_000).step_by(100) {
            asked += u32::from(clip.ask(MS(ms)).is_some());
            if let Some(end) = clip.overdue(MS(ms)) {
                assert_eq!((end, ms, asked), (End::WorkerSilent, 12_000, 5));
                return;
            }
        }
        panic!("asked {asked} times and never given up");
    }
}
