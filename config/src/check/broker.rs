//! `[uplink]` and `[sensors]`: MQTT brokers.

use percent_encoding::percent_decode_str;
use url::Url;

use super::Check;
use crate::model::{Broker, Gateway, Protocol, Secret, Tls};
use crate::raw::{self, At};
use crate::report::Problem;
use crate::secret::Template;

/// Authorities of the system: Debian's and Ubuntu's ca-certificates.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

impl Check<'_> {
    pub(super) fn broker(
        &mut self,
        section: &str,
        broker: &At<raw::Broker>,
        gateway: Option<&Gateway>,
    ) -> Option<Broker> {
        let url_text = broker.url.as_ref();
        let url = url_text.and_then(|text| self.broker_url(text));
        let username =
            broker.username.as_ref().and_then(|text| self.secret("username", text, Template::Plain));
        let password =
            broker.password.as_ref().and_then(|text| self.secret("password", text, Template::Plain));
        let tls = url.as_ref().and_then(|url| self.tls(url, broker));
        let (url_username, url_password) = url.as_ref().map(credentials).unwrap_or_default();
        for (name, key, in_url) in [
            ("username", &broker.username, url_username.is_some()),
            ("password", &broker.password, url_password.is_some()),
        ] {
            if let Some(key) = key.as_ref().filter(|_| in_url) {
                self.error(key.place(), format!("`{name}` stands in the URL too"), "keep one of the two");
            }
        }
        let username = url_username.or(username);
        let password = url_password.or(password);
        let password_file = broker.password_file.as_ref().map(|path| self.environment.path(path));
        if let (Some(key), true) = (&broker.password_file, password.is_some()) {
            self.error(key.place(), "`password_file` beside another password", "keep one of the two");
        }
        if let (Some(first), false) = (broker.fallbacks.first(), section == "uplink") {
            let message = "`fallbacks`: a site has one broker for its sensors";
            self.error(first.place(), message, "only [uplink] has fallbacks");
        }
        if *broker.protocol == Protocol::V5 && section != "uplink" {
            let hint = "leave `protocol` out here";
            self.error(broker.protocol.place(), "`protocol`: sensors are listened to in MQTT 3.1.1", hint);
        }
        let fallbacks = url.as_ref().map(|url| self.fallbacks(url, broker)).unwrap_or_default();
        if (password.is_some() || password_file.is_some()) && username.is_none() && broker.username.is_none()
        {
            let key = broker.password.as_ref().or(broker.password_file.as_ref());
            let place = key.or(url_text).map_or(0..0, At::place);
            self.error(
                place,
                "a password without a user name, which MQTT 3.1.1 does not know",
                "add `username`",
            );
        }
        let (url, url_text) = (url?, url_text?);
        let host = host(&url)?;
        if (password.is_some() || password_file.is_some()) && tls.is_none() && !is_local(&host) {
            let message = "the password goes over the network in clear";
            self.problems.push(Problem::warning(url_text.place(), message).hint("use mqtts://"));
        }
        let client_id = broker.client_id.as_ref().map(|id| id.to_string()).or_else(|| {
            let gateway = gateway?;
            Some(match section {
                "uplink" => format!("moshao-{}-{}", gateway.division, gateway.id),
                _ => format!("moshao-{}-{section}", gateway.id),
            })
        });
        Some(Broker {
            host,
            port: url.port().unwrap_or(if tls.is_some() { 8883 } else { 1883 }),
            tls,
            username,
            password: password.map(Secret::new),
            password_file,
            fallbacks,
            client_id: client_id?,
            protocol: *broker.protocol,
            keep_alive: broker.keep_alive.0,
        })
    }

    /// Two sessions with one client id on one broker end each other for ever.
    pub(super) fn brokers_together(
        &mut self,
        file: &raw::File,
        uplink: Option<&Broker>,
        sensors: Option<&Broker>,
    ) {
        if let (Some(uplink), Some(sensors)) = (uplink, sensors)
            && (&uplink.host, uplink.port, &uplink.client_id)
                == (&sensors.host, sensors.port, &sensors.client_id)
        {
            let client_id = file.sensors.as_ref().and_then(|broker| broker.client_id.as_ref());
            let place = client_id.map_or(0..0, At::place);
            let message = format!("`client_id`: [uplink] uses `{}` on the same broker", sensors.client_id);
            self.error(place, message, "give each its own, or leave both out");
        }
    }

    fn broker_url(&mut self, text: &At<String>) -> Option<Url> {
        let expanded = self.secret("url", text, Template::Url)?;
        const EXAMPLE: &str = "for example \"mqtts://centre.example:8883\"";
        let url = match Url::parse(&expanded) {
            Ok(url) => url,
            Err(error) => {
                self.error(text.place(), format!("`url` is no URL: {error}"), EXAMPLE);
                return None;
            }
        };
        if !matches!(url.scheme(), "mqtt" | "mqtts") {
            self.error(text.place(), "`url` must begin with mqtt:// or mqtts://", EXAMPLE);
            return None;
        }
        if host(&url).is_none() {
            self.error(text.place(), "`url` has no host", EXAMPLE);
            return None;
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            let message = "`url` has something behind the host and port, which MQTT over TCP does not know";
            let hint =
                "a `/`, `?` or `#` in a password is written `%2F`, `%3F`, `%23`, or comes from ${env:NAME}";
            self.error(text.place(), message, hint);
            return None;
        }
        Some(url)
    }

    fn tls(&mut self, url: &Url, broker: &raw::Broker) -> Option<Tls> {
        let ca_file = broker.ca_file.as_ref();
        if url.scheme() == "mqtt" {
            if let Some(ca_file) = ca_file {
                let message = "`ca_file` is not used: mqtt:// is not encrypted";
                self.problems.push(Problem::warning(ca_file.place(), message).hint("use mqtts://"));
            }
            if let Some(file) = broker.certificate_file.as_ref().or(broker.key_file.as_ref()) {
                let message = "`certificate_file` and `key_file` are not used: mqtt:// is not encrypted";
                self.problems.push(Problem::warning(file.place(), message).hint("use mqtts://"));
            }
            return None;
        }
        let path = ca_file.map_or(SYSTEM_AUTHORITIES.into(), |path| self.environment.path(path));
        if let Some(ca_file) = ca_file.filter(|_| !path.is_file()) {
            let message = format!("`ca_file`: there is no file {} on this machine", path.display());
            self.problems.push(Problem::warning(ca_file.place(), message));
        }
        Some(Tls {
            ca_file: path,
            identity: self.identity(broker.certificate_file.as_ref(), broker.key_file.as_ref()),
        })
    }

    /// `host` or `host:port`; the port of the first broker where there is none.
    fn fallbacks(&mut self, first: &Url, broker: &raw::Broker) -> Vec<(String, u16)> {
        let standard = if first.scheme() == "mqtts" { 8883 } else { 1883 };
        let mut found = Vec::new();
        for text in &broker.fallbacks {
            let url = Url::parse(&format!("{}://{}", first.scheme(), **text)).ok();
            let plain = url.filter(|url| url.username().is_empty() && matches!(url.path(), "" | "/"));
            match plain.as_ref().and_then(|url| Some((host(url)?, url.port().unwrap_or(standard)))) {
                Some(address) => found.push(address),
                None => {
                    let message = format!("`fallbacks`: `{}` is no host, or host and port", **text);
                    self.error(text.place(), message, "for example \"centre-b.example:8883\"");
                }
            }
        }
        found
    }
}

/// User and password of a URL, decoded.
pub(super) fn credentials(url: &Url) -> (Option<String>, Option<String>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = Some(url.username()).filter(|name| !name.is_empty()).map(decoded);
    (username, url.password().map(decoded))
}

/// Host of a URL; an IPv6 address without its brackets.
pub(super) fn host(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

pub(super) fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
