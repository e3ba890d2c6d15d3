//! `[page]`: the local web page.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, default};

/// The local web page: state of cameras and sensors, zones, incidents, tests. There is no page without the section.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Page {
    /// Address and port to listen on. Anything but loopback needs `certificate_file` and `key_file`.
    #[serde(default = "default::page_listen")]
    pub listen: At<String>,
    /// PEM file of the page's certificate, relative to the file, read when the gateway starts. With it the page is
    /// served over TLS alone.
    pub certificate_file: Option<At<String>>,
    /// PEM file of the certificate's private key.
    pub key_file: Option<At<String>>,
}
