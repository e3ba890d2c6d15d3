//! `deploy/prometheus` and `deploy/grafana` against a real Prometheus that scrapes a real gateway.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moshao_tests::broker::{Broker, free_port};
use moshao_tests::gateway::Gateway;
use moshao_tests::wait::eventually;
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// A Prometheus that scrapes one gateway each second, with the rules that we ship.
struct Prometheus {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Prometheus {
    fn start(gateway_port: u16) -> Self {
        let directory = tempfile::tempdir().expect("a directory for Prometheus");
        let port = free_port();
        let shipped = fs::read_to_string(deploy("prometheus/prometheus.yml")).expect("prometheus.yml");
        let ours = shipped
            .replace("127.0.0.1:9464", &format!("127.0.0.1:{gateway_port}"))
            .replace("gw-0007", "gw-test")
            .replace("30s", "1s")
            .replace("rules.yml", &deploy("prometheus/rules.yml").display().to_string());
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, ours).expect("its configuration");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("log")).expect("its log"))
            .spawn()
            .expect("prometheus is needed for this test: apt-get install prometheus");
        Prometheus { process, port, _directory: directory }
    }

    fn ask(&self, path: &str, arguments: &[(&str, &str)]) -> Option<Value> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--get", &format!("http://127.0.0.1:{}{path}", self.port)]);
        for (name, value) in arguments {
            curl.arg("--data-urlencode").arg(format!("{name}={value}"));
        }
        let output = curl.output().expect("curl is needed for this test: apt-get install curl");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The samples that a query gives now; what is wrong with it otherwise.
    fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let answer = self.ask("/api/v1/query", &[("query", expression)]).ok_or("no answer")?;
        if answer["status"] != "success" {
            return Err(answer.to_string());
        }
        Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Title of the panel and query, with Grafana's variables filled in.
fn queries(dashboard: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(deploy(dashboard)).expect("the dashboard is there");
    let dashboard: Value = serde_json::from_str(&text).expect("a dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    panels
        .iter()
        .flat_map(|panel| {
            let targets = panel["targets"].as_array().expect("targets").iter();
            targets.map(|target| {
                let query = target["expr"].as_str().expect("a query");
                let filled = query.replace("$instance", "gw-test").replace("$__rate_interval", "1m");
                (panel["title"].as_str().unwrap_or_default().to_owned(), filled)
            })
        })
        .collect()
}

/// Names of our metrics in a text.
fn names(text: &str) -> Vec<&str> {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !of_a_name(c)).filter(|word| word.starts_with("moshao_")).collect()
}

#[test]
fn every_alert_fires_when_it_must_and_not_beside_it() {
    for arguments in [["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(deploy("prometheus"))
            .output()
            .expect("promtool is needed for this test: apt-get install prometheus");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    }
    let rules = fs::read_to_string(deploy("prometheus/rules.yml")).expect("rules");
    let tests = fs::read_to_string(deploy("prometheus/rules.test.yml")).expect("tests");
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("\"{alert} fires\"")), "{alert} has no test that it fires");
        assert!(
            tests.contains(&format!("\"{alert} stays quiet\"")),
            "{alert} has no test that it stays quiet"
        );
    }
}

#[test]
fn dashboards_and_alerts_speak_of_metrics_that_exist() {
    let folder = fs::read_dir(deploy("../gateway/src/metrics")).expect("the folder of metrics");
    let sources = folder.map(|file| fs::read_to_string(file.expect("a file").path()).expect("Rust"));
    let known: String = sources.collect();
    let files =
        ["grafana/box.json", "grafana/fleet.json", "prometheus/rules.yml", "prometheus/rules.test.yml"];
    for file in files {
        let text = fs::read_to_string(deploy(file)).expect("it is there");
        for name in names(&text) {
            let base = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(known.contains(&format!("\"{base}\"")), "{file} asks for {name}, which no gateway has");
        }
    }
}

#[test]
fn dashboards_are_what_grafana_loads() {
    for file in ["grafana/box.json", "grafana/fleet.json"] {
        let text = fs::read_to_string(deploy(file)).expect("it is there");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        for key in ["uid", "title", "schemaVersion", "panels", "templating"] {
            assert!(!dashboard[key].is_null(), "{file} lacks {key}");
        }
        let panels = dashboard["panels"].as_array().expect("panels");
        let mut ids: Vec<i64> = panels.iter().map(|panel| panel["id"].as_i64().expect("an id")).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), panels.len(), "{file}: ids are unique");
        let place = |panel: &Value, key: &str| panel["gridPos"][key].as_i64().expect("a place");
        for (number, panel) in panels.iter().enumerate() {
            assert!(place(panel, "x") + place(panel, "w") <= 24, "{file}: panel {number} sticks out");
            for other in &panels[..number] {
                let beside = |from: &str, size: &str| {
                    place(panel, from) >= place(other, from) + place(other, size)
                        || place(other, from) >= place(panel, from) + place(panel, size)
                };
                assert!(
                    beside("x", "w") || beside("y", "h"),
                    "{file}: {} covers {}",
                    panel["title"],
                    other["title"]
                );
            }
        }
    }
}

#[test]
fn every_query_of_both_dashboards_runs_on_a_prometheus_that_scrapes_a_gateway() {
    let broker = Broker::start();
    let gateway = Gateway::start(&format!(
        "[uplink]\nurl = \"{0}\"\n[sensors]\nurl = \"{0}\"\n\
         [camera.gate]\nurl = \"rtsp://127.0.0.1:1/none\"\n\
         [sensor.smoke]\npreset = \"zigbee2mqtt-smoke\"\ntopic = \"zigbee2mqtt/smoke\"\n",
        broker.url()
    ));
    let prometheus = Prometheus::start(gateway.http_port());
    eventually("the gateway is subscribed", PATIENCE, || {
        (gateway.metric("moshao_sensor_broker_up", &[]) == 1.0).then_some(())
    });
    broker.publish("zigbee2mqtt/smoke", r#"{"smoke":true,"battery":90}"#);
    eventually("an event has been delivered", PATIENCE, || {
        (gateway.metric("moshao_events_delivered_total", &[]) >= 1.0).then_some(())
    });
    eventually("Prometheus has scraped the event twice", PATIENCE, || {
        let seen = prometheus.query("count_over_time(moshao_events_delivered_total[1m]) > 2").ok()?;
        (!seen.is_empty()).then_some(())
    });

    let (mut with_data, mut all) = (0, 0);
    for dashboard in ["grafana/box.json", "grafana/fleet.json"] {
        for (title, query) in queries(dashboard) {
            let samples =
                prometheus.query(&query).unwrap_or_else(|error| panic!("{dashboard}, {title}: {error}"));
            all += 1;
            with_data += usize::from(!samples.is_empty());
        }
    }
    // No camera is up here and machines in tests have neither thermometers nor eMMC; the rest has samples.
    assert!(with_data * 10 >= all * 6, "only {with_data} of {all} queries gave samples");
    for query in
        ["moshao_disk_free_bytes", "moshao_memory_available_bytes", "moshao_process_resident_bytes > 1e6"]
    {
        assert!(!prometheus.query(query).expect("a query").is_empty(), "{query}");
    }

    let rules = prometheus.ask("/api/v1/rules", &[]).expect("an answer");
    let groups = rules["data"]["groups"].as_array().expect("groups");
    let loaded: Vec<&Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten()).collect();
    assert!(loaded.len() >= 15, "{rules}");
    for rule in loaded {
        assert_ne!(rule["health"], "err", "{rule}");
    }
}
