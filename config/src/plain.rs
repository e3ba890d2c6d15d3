//! Secrets that stand in the text itself instead of being referred to: what a configuration that travels must not carry.

use crate::secret::KEYS_IN_URLS;

/// The keys of a file whose value is a password or the like, written out: `uplink.password`, `camera.gate.url`. Empty
/// where every secret is a `${file:…}` or `${env:…}`, and where the text is no TOML.
pub fn plain_secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        look(&toml::Value::Table(table), "", "", &mut found);
    }
    found
}

fn look(value: &toml::Value, path: &str, key: &str, found: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                look(value, &path, key, found);
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| look(value, path, key, found)),
        toml::Value::String(text) => {
            let is_secret = matches!(key, "password" | "secret") && is_written_out(text);
            if is_secret || in_url(text).is_some_and(is_written_out) {
                found.push(path.to_owned());
            }
        }
        _ => {}
    }
}

/// The password or the robot's key inside a URL.
fn in_url(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    if let Some((login, _)) = rest.rsplit_once('@')
        && let Some((_, password)) = login.split_once(':')
    {
        return Some(password);
    }
    KEYS_IN_URLS.iter().find_map(|begin| rest.split_once(begin).map(|(_, key)| key))
}

fn is_written_out(text: &str) -> bool {
    !text.is_empty() && !text.contains("${env:") && !text.contains("${file:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_written_out_are_found_and_references_are_not() {
        let text = r#"
[uplink]
url = "mqtts://box@centre.example"
password = "${file:uplink.pass}"
password_file = "uplink.pass"
[sensors]
url = "mqtt://127.0.0.1"
password = "geheim"
[camera.gate]
url = "rtsp://viewer:c4m:ra@10.0.0.12/102"
[camera.yard]
url = "rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/102"
main = { url = "rtsp://viewer:geheim@10.0.0.12/101" }
[camera.open]
url = "rtsp://10.0.0.13/a@b"
[sink.group]
url = "https://oapi.example/robot/send?access_token=abc"
secret = "${file:robot.secret}"
"#;
        let found = ["sensors.password", "camera.gate.url", "camera.yard.main.url", "sink.group.url"];
        assert_eq!(plain_secrets(text), found);
        assert_eq!(plain_secrets("[[["), Vec::<String>::new());
    }
}
