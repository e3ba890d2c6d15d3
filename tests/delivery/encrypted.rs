//! `mqtts://` with a CA of its own, as a centre has one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use moshao::metrics::Metrics;
use moshao::mqtt::Link;
use moshao::outbox::Class;
use moshao_config::{Broker as Address, Identity, Tls};
use moshao_tests::broker::Broker;
use moshao_tests::centre::PATIENCE;
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox};
use tokio::time::timeout;

const QUOTA_BYTES: u64 = 16 << 20;

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(arguments.split_whitespace())
        .output()
        .expect("openssl is needed for this test: apt-get install openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `NAME.pem` and `NAME.key` of a CA.
pub(crate) fn authority(directory: &Path, name: &str) -> PathBuf {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        directory,
        &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"),
    );
    directory.join(format!("{name}.pem"))
}

/// A certificate `NAME.pem` of 127.0.0.1 by the CA `ca`.
pub(crate) fn certificate(directory: &Path, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    std::fs::write(directory.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(directory, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
    let signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
    openssl(directory, &format!("x509 -req -in {name}.csr {signed} -out {name}.pem"));
}

fn encrypted(port: u16, ca_file: PathBuf) -> Address {
    Address { tls: Some(Tls { ca_file, identity: None }), ..loopback_broker(port) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_shows_its_certificate_and_files_that_come_later_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let ca_file = authority(directory.path(), "ca");
    certificate(directory.path(), "broker");
    let path = directory.path().display();
    std::fs::write(directory.path().join("passwords"), "gw:secret\n").unwrap();
    let hashed = Command::new("mosquitto_passwd").arg("-U").arg(directory.path().join("passwords")).status();
    assert!(hashed.expect("mosquitto_passwd comes with mosquitto").success());
    let broker = Broker::start_with(&format!(
        "user root\nallow_anonymous false\npassword_file {path}/passwords\ncafile {path}/ca.pem\n\
         certfile {path}/broker.pem\nkeyfile {path}/broker.key\nrequire_certificate true\n"
    ));
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(&directory.path().join("outbox"), QUOTA_BYTES, &metrics);
    outbox.accept(vec![new_event(Class::Alarm, "e1")], None).await.expect("accepted");
    let file = |name: &str| directory.path().join(name);
    let identity = Identity { certificate_file: file("box.pem"), key_file: file("box.key") };
    let address = Address {
        tls: Some(Tls { ca_file, identity: Some(identity) }),
        username: Some("gw".to_owned()),
        password_file: Some(file("password")),
        ..loopback_broker(broker.port)
    };
    let mut uplink = RunningUplink::start(address, 32, &outbox, &metrics);
    let mut refused = async |word: &'static str| {
        let told = |link: &Link| matches!(link, Link::Down { reason: Some(reason) } if reason.contains(word));
        timeout(PATIENCE, uplink.link.wait_for(told)).await.expect("in time").expect("the uplink lives");
    };
    refused("password").await;
    std::fs::write(file("password"), "secret\n").unwrap();
    refused("box.pem").await;
    certificate(directory.path(), "box");
    let mut stats = outbox.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.depth == 0)).await.expect("in time").unwrap();
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_to_a_broker_whose_ca_is_known_and_to_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let ca = authority(directory.path(), "ca");
    let other = authority(directory.path(), "other");
    certificate(directory.path(), "broker");
    let path = directory.path().display();
    let broker = Broker::start_with(&format!(
        "user root\ncafile {path}/ca.pem\ncertfile {path}/broker.pem\nkeyfile {path}/broker.key\n"
    ));
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(&directory.path().join("outbox"), QUOTA_BYTES, &metrics);
    outbox.accept(vec![new_event(Class::Alarm, "e1")], None).await.expect("accepted");

    let mut stranger = RunningUplink::start(encrypted(broker.port, other), 32, &outbox, &metrics);
    let down = stranger.link.wait_for(|link| matches!(link, Link::Down { reason: Some(_) }));
    let link = timeout(PATIENCE, down).await.expect("in time").expect("the uplink lives").clone();
    let Link::Down { reason: Some(reason) } = link else { unreachable!("waited for it") };
    assert!(reason.contains("TLS") && reason.contains("CA file"), "{reason}");
    stranger.stop().await;
    assert_eq!(outbox.stats().borrow().depth, 1, "nothing goes to a broker that nobody vouches for");

    let uplink = RunningUplink::start(encrypted(broker.port, ca), 32, &outbox, &metrics);
    let mut stats = outbox.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.depth == 0))
        .await
        .expect("in time")
        .expect("the outbox lives");
    uplink.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_file_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &metrics);
    let ca_file = directory.path().join("nobody.pem");
    let mut uplink = RunningUplink::start(encrypted(1, ca_file.clone()), 32, &outbox, &metrics);
    let down = uplink.link.wait_for(|link| matches!(link, Link::Down { reason: Some(_) }));
    let link = timeout(PATIENCE, down).await.expect("in time").expect("the uplink lives").clone();
    let Link::Down { reason: Some(reason) } = link else { unreachable!("waited for it") };
    assert!(reason.contains(ca_file.to_str().unwrap()), "{reason}");
    uplink.stop().await;
}
