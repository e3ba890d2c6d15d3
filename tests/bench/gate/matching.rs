//! What one replay saw of what another one saw. Pure.

use moshao_tests::compose::truth::{Span, Truth};
use serde::{Deserialize, Serialize};

use super::replay::{Played, Track};

/// Pictures in which a track must have been seen to count: fewer are flicker of the detector, which another choice of
/// pictures need not show.
const PICTURES_LEAST: usize = 4;
/// Pictures in which the same must have been seen to be found.
const FOUND_FROM: usize = 3;
/// Two pictures show the same moment when they are this close, seconds.
const SAME_MOMENT_S: f64 = 0.25;
/// Two boxes show the same thing from this intersection over union on.
const SAME_THING: f32 = 0.4;
/// How long before and after a picture with something that is watched for it is not quiet, seconds: what stands there is
/// looked at each second.
const SEEN_FOR_S: f64 = 1.0;
/// How far apart beginning and end of the same incident may lie, seconds.
const SAME_INCIDENT_S: f64 = 1.0;

/// How the replay with the gate compares with the one without, for one composition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// Incidents without the gate.
    pub(crate) incidents: usize,
    /// Those of them that were found with it.
    pub(crate) incidents_found: usize,
    /// When the others began, seconds.
    pub(crate) incidents_missed_at_s: Vec<f64>,
    /// Distinct tracks during happenings, without the gate.
    pub(crate) tracks: usize,
    /// Those of them that were found with it.
    pub(crate) tracks_found: usize,
    /// When the tracks that were not found began, seconds.
    pub(crate) missed_at_s: Vec<f64>,
    /// Share of the tracks' pictures in which they were seen with the gate as well.
    pub(crate) coverage: f64,
    /// From the first picture of a happening's first track to the wake, seconds; 0 where it was awake before. Of
    /// happenings that began asleep.
    pub(crate) wake_latencies_s: Vec<f64>,
    /// Quiet of the composition in which nothing that is watched for was seen without the gate, seconds.
    pub(crate) quiet_s: f64,
    /// Of it awake, seconds.
    pub(crate) awake_on_quiet_s: f64,
    /// Reasons of the wakes on the quiet part.
    pub(crate) quiet_wakes: Vec<String>,
}

/// Compares a replay with the gate to one without.
pub(crate) fn compare(truth: &Truth, without: &Played, with: &Played) -> Compared {
    let quiet = quiet(truth, without);
    let quiet_s = quiet.iter().map(Span::length_s).sum();
    let mut compared = Compared { quiet_s, ..Compared::default() };
    for incident in &without.incidents {
        compared.incidents += 1;
        let widened = Span {
            from_s: incident.span.from_s - SAME_INCIDENT_S,
            to_s: incident.span.to_s + SAME_INCIDENT_S,
        };
        let is_found = with
            .incidents
            .iter()
            .any(|other| other.rule == incident.rule && other.span.overlap_s(widened) > 0.0);
        if is_found {
            compared.incidents_found += 1;
        } else {
            compared.incidents_missed_at_s.push(incident.span.from_s);
        }
    }
    let (mut seen, mut seen_again) = (0, 0);
    for track in distinct(truth, without) {
        let again = pictures_in_common(track, &with.tracks);
        seen += track.sightings.len();
        seen_again += again;
        compared.tracks += 1;
        if again >= FOUND_FROM {
            compared.tracks_found += 1;
        } else {
            compared.missed_at_s.push(track.begin_s());
        }
    }
    compared.coverage = if seen == 0 { 1.0 } else { seen_again as f64 / seen as f64 };
    compared.wake_latencies_s =
        truth.happenings.iter().filter_map(|h| wake_latency_s(*h, truth, without, with)).collect();
    for quiet in &quiet {
        compared.awake_on_quiet_s += with.awake.iter().map(|awake| awake.overlap_s(*quiet)).sum::<f64>();
        let wakes = with.wakes.iter().filter(|wake| quiet.contains(wake.at_s));
        compared.quiet_wakes.extend(wakes.map(|wake| wake.reason.clone()));
    }
    compared
}

/// When nothing happens and nothing that is watched for stands in the picture: a place that burns is not quiet.
fn quiet(truth: &Truth, without: &Played) -> Vec<Span> {
    let mut seen_at_s: Vec<f64> =
        without.tracks.iter().flat_map(|track| &track.sightings).map(|sighting| sighting.at_s).collect();
    seen_at_s.sort_by(f64::total_cmp);
    let mut quiet = vec![];
    for span in &truth.quiet {
        let mut from_s = span.from_s;
        for at_s in seen_at_s.iter().filter(|at_s| span.contains(**at_s)) {
            quiet.push(Span { from_s, to_s: at_s - SEEN_FOR_S });
            from_s = from_s.max(at_s + SEEN_FOR_S);
        }
        quiet.push(Span { from_s, to_s: span.to_s });
    }
    quiet.retain(|span| span.to_s > span.from_s);
    quiet
}

/// Tracks that count: seen often enough, and not just something of the place that is taken for something.
fn distinct<'a>(truth: &'a Truth, played: &'a Played) -> impl Iterator<Item = &'a Track> {
    played.tracks.iter().filter(|track| {
        track.sightings.len() >= PICTURES_LEAST
            && truth.happenings.iter().any(|happening| happening.contains(track.begin_s()))
    })
}

fn pictures_in_common(track: &Track, others: &[Track]) -> usize {
    let is_seen = |at_s: f64, area: [f32; 4]| {
        others.iter().filter(|other| other.label == track.label).flat_map(|other| &other.sightings).any(
            |sighting| {
                (sighting.at_s - at_s).abs() <= SAME_MOMENT_S && overlap(sighting.area, area) >= SAME_THING
            },
        )
    };
    track.sightings.iter().filter(|sighting| is_seen(sighting.at_s, sighting.area)).count()
}

fn wake_latency_s(happening: Span, truth: &Truth, without: &Played, with: &Played) -> Option<f64> {
    let first_s = distinct(truth, without)
        .map(Track::begin_s)
        .filter(|at_s| happening.contains(*at_s))
        .min_by(f64::total_cmp)?;
    if with.awake.iter().any(|awake| awake.contains(happening.from_s)) {
        return None;
    }
    let woke_s = with.wakes.iter().map(|wake| wake.at_s).find(|at_s| *at_s >= happening.from_s);
    // One that never woke took as long as the composition had left.
    Some((woke_s.unwrap_or(truth.length_s) - first_s).max(0.0))
}

/// Intersection over union of two boxes.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let both = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    both / (area(a) + area(b) - both).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::replay::{Incident, Sighting, Wake};

    fn span(from_s: f64, to_s: f64) -> Span {
        Span { from_s, to_s }
    }

    fn truth() -> Truth {
        Truth {
            length_s: 130.0,
            quiet: vec![span(0.0, 60.0), span(70.0, 130.0)],
            happenings: vec![span(60.0, 70.0)],
        }
    }

    fn track(from_s: f64, to_s: f64, left: f32) -> Track {
        let sightings = (0..)
            .map(|n| from_s + f64::from(n) * 0.2)
            .take_while(|at_s| *at_s < to_s)
            .map(|at_s| Sighting { at_s, area: [left, 0.2, left + 0.2, 0.8] })
            .collect();
        Track { label: "person".to_owned(), sightings }
    }

    fn incident(from_s: f64, to_s: f64) -> Incident {
        Incident { rule: "person".to_owned(), span: span(from_s, to_s) }
    }

    #[test]
    fn what_both_saw_is_found_and_what_only_one_saw_is_not() {
        let without = Played {
            tracks: vec![track(62.0, 68.0, 0.3), track(63.0, 66.0, 0.7), track(10.0, 50.0, 0.1)],
            incidents: vec![incident(62.4, 70.0), incident(90.0, 91.0)],
            ..Played::default()
        };
        let with = Played {
            tracks: vec![track(63.1, 68.0, 0.32)],
            incidents: vec![incident(63.4, 70.0)],
            awake: vec![span(0.0, 5.0), span(63.0, 76.0)],
            wakes: vec![Wake { at_s: 63.0, reason: "look".to_owned() }],
            ..Played::default()
        };
        let compared = compare(&truth(), &without, &with);
        assert_eq!((compared.incidents, compared.incidents_found), (2, 1));
        assert_eq!((compared.tracks, compared.tracks_found), (2, 1), "the quiet part's does not count");
        assert_eq!(compared.missed_at_s, [63.0]);
        assert!((0.5..0.6).contains(&compared.coverage), "{}", compared.coverage);
        assert_eq!(compared.wake_latencies_s, [1.0]);
        assert_eq!((compared.awake_on_quiet_s, compared.quiet_wakes.len()), (11.0, 0));
        assert!((77.5..79.0).contains(&compared.quiet_s), "without what stood there: {}", compared.quiet_s);
        assert_eq!(compared.incidents_missed_at_s, [90.0]);
    }

    #[test]
    fn where_something_stands_that_is_watched_for_it_is_not_quiet() {
        let without = Played { tracks: vec![track(20.0, 30.0, 0.3)], ..Played::default() };
        let quiet = quiet(&truth(), &without);
        assert_eq!((quiet[0], quiet.len()), (span(0.0, 19.0), 3));
        assert!((30.7..30.9).contains(&quiet[1].from_s), "{:?}", quiet[1]);
        assert_eq!((quiet[1].to_s, quiet[2]), (60.0, span(70.0, 130.0)));
    }

    #[test]
    fn a_camera_that_never_wakes_finds_nothing_and_was_as_late_as_can_be() {
        let without = Played { tracks: vec![track(62.0, 68.0, 0.3)], ..Played::default() };
        let compared = compare(&truth(), &without, &Played::default());
        assert_eq!((compared.tracks, compared.tracks_found, compared.coverage), (1, 0, 0.0));
        assert_eq!(compared.wake_latencies_s, [68.0]);
    }

    #[test]
    fn the_same_moment_elsewhere_is_another_thing() {
        assert_eq!(pictures_in_common(&track(0.0, 2.0, 0.1), &[track(0.0, 2.0, 0.6)]), 0);
        assert_eq!(pictures_in_common(&track(0.0, 2.0, 0.1), &[track(1.0, 2.0, 0.1)]), 6);
        let car = Track { label: "car".to_owned(), ..track(0.0, 2.0, 0.1) };
        assert_eq!(pictures_in_common(&track(0.0, 2.0, 0.1), &[car]), 0);
    }
}
