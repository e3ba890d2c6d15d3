//! The page over TLS, with a certificate of its own: as an installer reaches it from the network.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use moshao_tests::broker::free_port;
use moshao_tests::gateway::{Gateway, binary};
use moshao_tests::page_client::{PASSWORD, code};
use moshao_tests::skip;
use moshao_tests::wait::eventually;

const UPLINK: &str = "[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// An address of this machine that others reach; none where it has loopback alone.
fn outer_address() -> Option<IpAddr> {
    // Nothing is sent: the system says which of its addresses it would send from.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

/// `page.crt` and `page.key` as the configuration's own hint makes them, for these addresses.
fn certificate(folder: &Path, addresses: &[IpAddr]) {
    let names: Vec<String> = addresses.iter().map(|address| format!("IP:{address}")).collect();
    let made = Command::new("openssl")
        .current_dir(folder)
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650".split(' '))
        .args("-subj /CN=moshao -keyout page.key -out page.crt -addext".split(' '))
        .arg(format!("subjectAltName={}", names.join(",")))
        .output()
        .expect("openssl is needed for this test: apt-get install openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn curl(arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]).args(arguments);
    command.output().expect("curl is needed for this test: apt-get install curl")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_page_is_reached_over_tls_from_outside_and_by_nobody_in_the_clear() {
    let Some(address) = outer_address() else { return skip("needs an address besides loopback") };
    let folder = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    certificate(folder.path(), &[address, IpAddr::from([127, 0, 0, 1])]);
    certificate(other.path(), &[address]);
    let port = free_port();
    let (crt, key) = (folder.path().join("page.crt"), folder.path().join("page.key"));
    let gateway = Gateway::start(&format!(
        "{UPLINK}[page]\nlisten = \"0.0.0.0:{port}\"\ncertificate_file = \"{}\"\nkey_file = \"{}\"\n",
        crt.display(),
        key.display()
    ));
    let base = format!("https://{address}:{port}");
    let crt = crt.display().to_string();
    let page = eventually("the page answers", PATIENCE, || {
        let answer = curl(&["--cacert", &crt, "--include", &base]);
        answer.status.success().then_some(answer)
    });
    let page = text(&page.stdout);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("assets/app.js"), "{page}");

    // Whoever logs in gets a cookie that no browser sends in the clear.
    let wish = format!("{{\"code\":\"{}\",\"password\":\"{PASSWORD}\"}}", code(&gateway));
    let setup = format!("{base}/api/setup");
    let json = "content-type: application/json";
    let entered = curl(&["--cacert", &crt, "--include", "--header", json, "--data", &wish, &setup]);
    let entered = text(&entered.stdout);
    let cookie = entered.lines().find(|line| line.starts_with("set-cookie:")).unwrap_or_default();
    assert!(entered.starts_with("HTTP/1.1 200") && cookie.contains("; Secure"), "{entered}");

    let stranger = curl(&["--cacert", &other.path().join("page.crt").display().to_string(), &base]);
    assert!(
        !stranger.status.success() && text(&stranger.stderr).contains("certificate"),
        "{}",
        text(&stranger.stderr)
    );
    for host in [address, IpAddr::from([127, 0, 0, 1])] {
        let clear = curl(&["--include", &format!("http://{host}:{port}/")]);
        assert!(!clear.status.success(), "plain HTTP gets no answer: {}", text(&clear.stdout));
        assert_eq!(text(&clear.stdout), "");
    }
    assert_eq!(
        text(&curl(&["--cacert", &crt, &format!("{base}/api/status")]).stdout),
        "{\"error\":\"log in first\"}"
    );
}

#[test]
fn a_page_in_the_clear_for_everybody_is_no_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("moshao.toml");
    let site = "[gateway]\nid = \"gw\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n";
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:8080"] {
        std::fs::write(&file, format!("{site}{UPLINK}[page]\nlisten = \"{listen}\"\n")).expect("written");
        for verb in ["check", "run"] {
            let output =
                Command::new(binary()).arg(verb).arg("--config").arg(&file).output().expect("it runs");
            let said = text(&output.stdout) + &text(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{verb} {listen}: {said}");
            assert!(said.contains("passwords would cross the network in the clear"), "{said}");
            assert!(said.contains("openssl req -x509"), "what to do: {said}");
        }
    }
}
