//! The sections without which there is no configuration, as tests and benches begin theirs.

/// A gateway, the grid around it, the centre's broker and the sensors' broker: cameras, sensors and rules may follow.
pub const HEAD: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
[uplink]
url = "mqtt://127.0.0.1"
[sensors]
url = "mqtt://127.0.0.1"
"#;
