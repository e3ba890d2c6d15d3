//! Tracks over made-up detections.

use proptest::prelude::*;

use super::*;

fn detection(label: usize, x: f32, y: f32) -> Detection {
    Detection { label, score: 0.8, area: BoxPx::around(x, y, 40.0, 80.0) }
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_walker_keeps_one_id_at_two_and_at_ten_pictures_a_second() {
    for step_ms in [100, 200, 500] {
        let mut tracker = Tracker::new();
        let ids: Vec<u64> = (0..20)
            .map(|i| {
                let seconds = (i * step_ms) as f32 / 1000.0;
                // 0.8 heights a second: a person who walks across.
                let tracks = tracker.update(at(i * step_ms), &[detection(0, 100.0 + 64.0 * seconds, 200.0)]);
                assert_eq!(tracks.len(), 1);
                tracks[0].id
            })
            .collect();
        assert!(ids.iter().all(|id| *id == 1), "every {step_ms} ms: {ids:?}");
    }
}

#[test]
fn an_occlusion_within_the_memory_is_survived_and_beyond_it_is_a_new_object() {
    let mut tracker = Tracker::new();
    tracker.update(at(0), &[detection(0, 100.0, 100.0)]);
    tracker.update(at(200), &[detection(0, 100.0, 100.0)]);
    assert_eq!(tracker.update(at(1200), &[]), []);
    assert_eq!(tracker.update(at(2100), &[detection(0, 104.0, 100.0)])[0].id, 1);
    assert_eq!(tracker.update(at(4200), &[detection(0, 104.0, 100.0)])[0].id, 2);
}

#[test]
fn two_who_cross_keep_their_ids() {
    let mut tracker = Tracker::new();
    let mut last = Vec::new();
    for i in 0..25_u16 {
        let x = f32::from(i) * 12.0;
        last = tracker.update(
            at(200 * u64::from(i)),
            &[detection(0, 100.0 + x, 100.0), detection(0, 400.0 - x, 115.0)],
        );
    }
    assert_eq!(last.iter().map(|t| (t.id, t.area.x1 < 250.0)).collect::<Vec<_>>(), [(1, false), (2, true)]);
}

#[test]
fn another_label_is_another_object() {
    let mut tracker = Tracker::new();
    tracker.update(at(0), &[detection(0, 100.0, 100.0)]);
    let tracks = tracker.update(at(200), &[detection(1, 100.0, 100.0)]);
    assert_eq!((tracks[0].id, tracks[0].label, tracks[0].sightings), (2, 1, 1));
}

#[test]
fn faint_detections_keep_a_track_but_begin_none() {
    let mut tracker = Tracker::new();
    let here = [detection(0, 100.0, 100.0)];
    tracker.update(at(0), &here);
    for i in 1..30 {
        assert_eq!(tracker.update_with_faint(at(200 * i), &[], &here), [], "a faint sight is not told");
    }
    let again = tracker.update(at(6000), &here);
    assert_eq!((again[0].id, again[0].sightings), (1, 2));
    assert_eq!(Tracker::new().update_with_faint(at(0), &[], &here), []);
}

#[test]
fn time_that_runs_backwards_ends_all_tracks() {
    let mut tracker = Tracker::new();
    tracker.update(at(5000), &[detection(0, 100.0, 100.0)]);
    assert_eq!(tracker.update(at(100), &[detection(0, 100.0, 100.0)])[0].id, 2);
}

/// Milliseconds since the scene before, and label and place of each object.
type Scene = (u64, Vec<(usize, f32, f32)>);

fn scenes() -> impl Strategy<Value = Vec<Scene>> {
    let objects = proptest::collection::vec((0usize..2, 0.0f32..500.0, 0.0f32..300.0), 0..6);
    proptest::collection::vec((1u64..4000, objects), 1..30)
}

proptest! {
    #[test]
    fn ids_are_unique_rise_and_never_come_back_after_the_memory(scenes in scenes()) {
        let mut tracker = Tracker::new();
        let mut now = 0;
        let mut last_seen = std::collections::BTreeMap::new();
        for (step, objects) in scenes {
            now += step;
            let detections: Vec<Detection> = objects.iter().map(|(l, x, y)| detection(*l, *x, *y)).collect();
            let tracks = tracker.update(at(now), &detections);
            prop_assert_eq!(tracks.len(), detections.len(), "each detection is one track");
            prop_assert!(tracks.windows(2).all(|w| w[0].id < w[1].id), "in the order of ids, each once");
            for track in &tracks {
                let newest = last_seen.keys().copied().max().unwrap_or(0);
                match last_seen.insert(track.id, now) {
                    Some(before) => prop_assert!(now - before <= 2000, "{} came back after {} ms", track.id, now - before),
                    None => prop_assert!(track.id > newest),
                }
            }
        }
    }

    #[test]
    fn the_same_input_gives_the_same_tracks(scenes in scenes()) {
        let (mut one, mut two) = (Tracker::new(), Tracker::new());
        for (i, (_, objects)) in scenes.iter().enumerate() {
            let detections: Vec<Detection> = objects.iter().map(|(l, x, y)| detection(*l, *x, *y)).collect();
            let time = at(200 * i as u64);
            prop_assert_eq!(one.update(time, &detections), two.update(time, &detections));
        }
    }
}
