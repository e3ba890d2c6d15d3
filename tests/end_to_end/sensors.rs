//! A message of a sensor becomes an event at the centre.

use std::time::Duration;

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;

use crate::site::uplink;

const SECONDS: Duration = Duration::from_secs(60);

#[test]
fn smoke_in_the_kitchen_reaches_the_centre_and_so_does_its_end() {
    let (centre_broker, site_broker) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(centre_broker.port);
    let gateway = Gateway::start(&format!(
        "{}[sensors]\nurl = \"{}\"\n\
         [sensor.kitchen-smoke]\ntopic = \"site/{{room}}/smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [rule.smoke]\nstate = {{ is = true }}\nlevel = 1\nclear_after = \"1s\"\n",
        uplink(&centre_broker),
        site_broker.url()
    ));
    eventually("the gateway listens to the site's broker", SECONDS, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });

    site_broker.publish("site/kitchen/smoke", r#"{"smoke": false}"#);
    site_broker.publish("site/kitchen/smoke", r#"{"smoke": true}"#);
    let opened = centre.wait_for("smoke is told", SECONDS, |event| event.data.phase == Phase::Opened);
    assert_eq!(opened.topic, "moshao/v1/510104001001/gw-test/event/fire/1");
    assert_eq!(opened.event.data.rule, "smoke");
    assert!(opened.event.subject.starts_with("sensor/kitchen-smoke"), "{}", opened.event.subject);
    let measure = opened.event.data.measure.expect("the event says what was measured");
    assert_eq!((measure.name.as_str(), measure.value), ("smoke", 1.0));

    site_broker.publish("site/kitchen/smoke", r#"{"smoke": false}"#);
    centre.wait_for("the end of the smoke is told", SECONDS, |event| {
        event.correlationid == opened.event.correlationid && event.data.phase == Phase::Closed
    });
}

#[test]
fn a_message_that_makes_no_sense_is_counted_and_the_next_one_is_understood() {
    let (centre_broker, site_broker) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(centre_broker.port);
    let gateway = Gateway::start(&format!(
        "{}[sensors]\nurl = \"{}\"\n\
         [sensor.boiler]\ntopic = \"site/boiler\"\nvalue = \"/celsius\"\nkind = \"temperature\"\nunit = \"Cel\"\nwatches = [\"hot\"]\n\
         [rule.hot]\nthreshold = {{ above = 57.0 }}\nlevel = 2\n",
        uplink(&centre_broker),
        site_broker.url()
    ));
    eventually("the gateway listens to the site's broker", SECONDS, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });

    site_broker.publish("site/boiler", "\u{1}not json");
    site_broker.publish("site/boiler", r#"{"celsius": "warm"}"#);
    site_broker.publish("site/boiler", r#"{"celsius": 81.5}"#);
    let opened = centre.wait_for("heat is told", SECONDS, |event| event.data.phase == Phase::Opened);
    let measure = opened.event.data.measure.expect("the event says what was measured");
    assert_eq!((measure.value, measure.unit.as_str(), measure.threshold), (81.5, "Cel", Some(57.0)));
    assert_eq!(gateway.metric("moshao_sensor_refused_total", &[]), 2.0);
    assert_eq!(gateway.metric("moshao_sensor_readings_total", &[]), 1.0);
}

#[test]
fn what_the_centre_answers_counts_once_and_is_told_back() {
    let (centre_broker, site_broker) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(centre_broker.port);
    let gateway = Gateway::start(&format!(
        "{}[incidents]\nescalate_fire = \"0s\"\n[sensors]\nurl = \"{}\"\n\
         [sensor.kitchen-smoke]\ntopic = \"site/smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [rule.smoke]\nstate = {{ is = true }}\nlevel = 1\nclear_after = \"1s\"\n",
        uplink(&centre_broker),
        site_broker.url()
    ));
    eventually("the gateway listens to the site's broker", SECONDS, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    site_broker.publish("site/smoke", r#"{"smoke": true}"#);
    let opened = centre.wait_for("smoke is told", SECONDS, |event| event.data.phase == Phase::Opened);

    // Again and again, as a centre does that hears no answer: the first may come before the box listens.
    let told = format!(r#"{{"event_id":"{}","state":"accepted","seq":1,"by":"duty"}}"#, opened.event.id);
    let topic = "moshao/v1/510104001001/gw-test/disposition";
    let counted = |answer: &str| gateway.metric("moshao_dispositions_total", &[("answer", answer)]);
    eventually("the answer has come twice", SECONDS, || {
        centre_broker.publish(topic, &told);
        (counted("applied") == 1.0 && counted("repeated") >= 1.0).then_some(())
    });
    centre_broker.publish(topic, "no disposition");
    eventually("nonsense is refused", SECONDS, || (counted("refused") == 1.0).then_some(()));

    site_broker.publish("site/smoke", r#"{"smoke": false}"#);
    let mine = |phase: Phase| {
        let incident = opened.event.correlationid.clone();
        move |event: &moshao::event::Event| event.correlationid == incident && event.data.phase == phase
    };
    let taken = centre.wait_for("it is told back", SECONDS, mine(Phase::Acknowledged));
    assert_eq!(taken.event.data.handling.and_then(|handling| handling.by).as_deref(), Some("duty"));
    let closed = centre.wait_for("acknowledged and clear, it ends", SECONDS, mine(Phase::Closed));
    assert_eq!(closed.event.data.ended, Some(moshao::event::Ended::Cleared));
    assert_eq!(closed.event.id, format!("{}-3", opened.event.correlationid), "nothing was told between");
}

#[test]
fn a_disposition_holds_the_evidence_until_another_one_releases_it() {
    let (centre_broker, site_broker) = (Broker::start(), Broker::start());
    let centre = Subscriber::start(centre_broker.port);
    let gateway = Gateway::start(&format!(
        "{}[incidents]\nescalate_fire = \"0s\"\n[sensors]\nurl = \"{}\"\n\
         [sensor.kitchen-smoke]\ntopic = \"site/smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [rule.smoke]\nstate = {{ is = true }}\nlevel = 1\n",
        uplink(&centre_broker),
        site_broker.url()
    ));
    eventually("the gateway listens to the site's broker", SECONDS, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    site_broker.publish("site/smoke", r#"{"smoke": true}"#);
    let opened = centre.wait_for("smoke is told", SECONDS, |event| event.data.phase == Phase::Opened);
    let incident = opened.event.correlationid;
    let topic = "moshao/v1/510104001001/gw-test/disposition";
    let read = |file: &str| std::fs::read_to_string(gateway.data_dir().join(file)).unwrap_or_default();
    let id = opened.event.id;
    let held = format!(
        r#"{{"event_id":"{id}","state":"dispatched","seq":2,"by":"duty","note":"case 4711","hold":true}}"#
    );
    eventually("the evidence is held", SECONDS, || {
        centre_broker.publish(topic, &held);
        let holds = read("holds.json");
        (holds.contains(&incident) && holds.contains("case 4711")).then_some(())
    });
    centre_broker.publish(topic, &held);
    eventually("it is repeated", SECONDS, || {
        (gateway.metric("moshao_dispositions_total", &[("answer", "repeated")]) >= 1.0).then_some(())
    });
    // The one before it comes late, and says nothing about a hold.
    centre_broker.publish(topic, &format!(r#"{{"event_id":"{id}","state":"accepted","seq":1}}"#));
    eventually("it is late", SECONDS, || {
        (gateway.metric("moshao_dispositions_total", &[("answer", "late")]) == 1.0).then_some(())
    });
    assert!(read("holds.json").contains(&incident), "only who says so releases it");
    let entries = |what: &str| read("ledger.jsonl").lines().filter(|line| line.contains(what)).count();
    assert_eq!(entries("\"hold\""), 1, "said again, it is written down once:\n{}", read("ledger.jsonl"));
    let released =
        format!(r#"{{"event_id":"{incident}","state":"closed","seq":3,"by":"duty","hold":false}}"#);
    centre_broker.publish(topic, &released);
    eventually("it is released", SECONDS, || (!read("holds.json").contains(&incident)).then_some(()));
    assert_eq!(entries("\"release\""), 1);
}
