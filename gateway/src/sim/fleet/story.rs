//! What a gateway of the fleet says: events as a real one writes them, its birth and its health.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moshao_config::{Category, Grid};
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::event::envelope::{Envelope, Site};
use crate::event::{Device, Event, EventData, Measure};
use crate::incident::tell::new_id;

/// One kind of event.
struct Kind {
    code: &'static str,
    title: &'static str,
    category: Category,
    level: u8,
    kind: &'static str,
    device: &'static str,
    measure: Option<(&'static str, f64, &'static str)>,
}

/// What happens in a quarter, by turns: mostly small things.
const KINDS: [Kind; 8] = [
    kind("OBJECT", "发现目标", Category::Security, 3, "object", "camera", None),
    kind("BATT_LOW", "设备电量低", Category::Device, 4, "battery-low", "smoke", Some(("battery", 9.0, "%"))),
    kind("LOITER", "徘徊", Category::Security, 3, "loiter", "camera", None),
    kind("OFFLINE", "设备失联", Category::Device, 4, "sensor-lost", "heat", None),
    kind("FIRE_LANE", "占用消防通道", Category::Fire, 2, "lane", "camera", None),
    kind("RETRO", "逆行", Category::Traffic, 3, "wrong-way", "camera", None),
    kind("WATER_LEAK", "漏水", Category::City, 3, "leak", "leak", None),
    kind("FIRE_SMOKE", "烟感火警", Category::Fire, 1, "smoke", "smoke", Some(("smoke", 1.0, "bool"))),
];

const fn kind(
    code: &'static str,
    title: &'static str,
    category: Category,
    level: u8,
    kind: &'static str,
    device: &'static str,
    measure: Option<(&'static str, f64, &'static str)>,
) -> Kind {
    Kind { code, title, category, level, kind, device, measure }
}

/// The site of a gateway of the fleet.
pub(super) fn site(division: &str, gateway: &str) -> Site {
    Site {
        division: division.to_owned(),
        gateway: gateway.to_owned(),
        grid: Grid { code: format!("{division}003"), name: None },
        time_zone: TimeZone::fixed(jiff::tz::offset(8)),
    }
}

/// The event with this sequence, from 1 on, as a gateway writes it.
pub(super) fn event(site: &Site, sequence: u64, now: Timestamp) -> Event {
    let kind = &KINDS[(sequence as usize) % KINDS.len()];
    let incident = new_id(now);
    let id = format!("{}-{}", kind.device, sequence % 16);
    let device = Device { kind: kind.device.to_owned(), id: id.clone(), name: id.clone() };
    let measure = kind.measure.map(|(name, value, unit)| Measure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        threshold: None,
    });
    let data = EventData {
        rule: kind.kind.to_owned(),
        measure,
        ..EventData::new(kind.code, kind.title, kind.category, kind.level, site.grid_ref(), device)
    };
    let what = if kind.device == "camera" { "camera" } else { "sensor" };
    let envelope = Envelope {
        id: format!("{incident}-1"),
        kind: kind.kind.to_owned(),
        subject: format!("{what}/{id}"),
        happened: now,
        recorded: now,
        incident,
    };
    let mut event = site.event(envelope, data);
    event.sequence = format!("{sequence:020}");
    event
}

/// What goes onto the retained `state` at each connection.
pub(super) fn birth(site: &Site) -> Value {
    json!({
        "status": "online",
        "version": env!("CARGO_PKG_VERSION"),
        "grid": site.grid,
        "cameras": [],
        "sensors": [],
    })
}

/// What goes onto the retained `health` each minute.
pub(super) fn health(site: &Site, waiting: usize, now: Timestamp) -> Value {
    json!({
        "time": rfc3339(now, &site.time_zone),
        "cameras": 8,
        "cameras_down": [],
        "sensors_heard": 16,
        "workers_up": 2,
        "incidents_open": 0,
        "outbox": { "depth_events": waiting, "oldest_age_seconds": 0.0, "bytes": 0, "degraded": null },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_event_has_its_topic_and_reads_back() {
        let site = site("510104001001", "fleet-0001");
        for sequence in 1..=KINDS.len() as u64 {
            let event = event(&site, sequence, Timestamp::UNIX_EPOCH);
            assert!(site.topic(&event.data).starts_with("moshao/v1/510104001001/fleet-0001/event/"));
            let read: Event = serde_json::from_slice(&serde_json::to_vec(&event).unwrap()).unwrap();
            assert_eq!(read, event);
        }
    }
}
