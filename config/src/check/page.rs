//! `[page]`: what carries a password is encrypted, or does not leave the box.

use std::net::SocketAddr;

use super::Check;
use crate::model::{Http, Identity, Page};
use crate::raw::{self, At};
use crate::report::Problem;

/// How to make a certificate that a browser can be told to trust.
const MAKE_ONE: &str = "add `certificate_file` and `key_file` (openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
                        -subj /CN=moshao -addext subjectAltName=IP:ADDRESS -keyout page.key -out page.crt, with the box's \
                        ADDRESS), or listen on 127.0.0.1";

impl Check<'_> {
    pub(super) fn page(&mut self, page: &raw::Page, http: Option<&Http>) -> Option<Page> {
        let identity = self.identity(page.certificate_file.as_ref(), page.key_file.as_ref());
        for (name, file) in [("certificate_file", &page.certificate_file), ("key_file", &page.key_file)] {
            if let Some(file) = file {
                self.file_is_there(name, file);
            }
        }
        let listen = &page.listen;
        let Ok(address) = listen.parse::<SocketAddr>() else {
            let message = format!("`listen` must be an address and a port, not `{}`", **listen);
            self.error(listen.place(), message, "for example \"127.0.0.1:8080\"");
            return None;
        };
        let encrypted = page.certificate_file.is_some() || page.key_file.is_some();
        if !address.ip().is_loopback() && !encrypted {
            let message = format!(
                "`listen`: {address} is not loopback, and passwords would cross the network in the clear"
            );
            self.error(listen.place(), message, MAKE_ONE);
        }
        if http.is_some_and(|http| http.listen == address && address.port() != 0) {
            let message = format!("`listen`: [http] listens on {address} too");
            self.error(listen.place(), message, "give each its own port");
        }
        Some(Page { listen: address, identity })
    }

    fn file_is_there(&mut self, name: &str, file: &At<String>) {
        let path = self.environment.path(file);
        if !path.is_file() {
            let message = format!("`{name}`: there is no file {} on this machine", path.display());
            self.problems.push(Problem::warning(file.place(), message));
        }
    }

    /// Certificate and key belong together.
    pub(super) fn identity(
        &mut self,
        certificate: Option<&At<String>>,
        key: Option<&At<String>>,
    ) -> Option<Identity> {
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate_file: self.environment.path(certificate),
                key_file: self.environment.path(key),
            }),
            (Some(alone), None) => {
                self.error(alone.place(), "`certificate_file` without `key_file`", "add `key_file`");
                None
            }
            (None, Some(alone)) => {
                let hint = "add `certificate_file`";
                self.error(alone.place(), "`key_file` without `certificate_file`", hint);
                None
            }
            (None, None) => None,
        }
    }
}
