//! `[sink.ID]`.

use url::Url;

use super::Check;
use super::broker::{host, is_local};
use crate::model::{Secret, Sink, SinkKind};
use crate::raw::{self, At};
use crate::report::Problem;
use crate::secret::Template;

/// Least severe level that a webhook and a robot get where the file says nothing.
const WEBHOOK_LEVEL: u8 = 4;
const ROBOT_LEVEL: u8 = 2;

impl Check<'_> {
    pub(super) fn sinks(&mut self, file: &raw::File) -> Vec<Sink> {
        file.sink.0.iter().filter_map(|(id, section)| self.sink(id, section)).collect()
    }

    fn sink(&mut self, id: &At<String>, section: &raw::Sink) -> Option<Sink> {
        let url = section.url.as_ref().and_then(|text| self.sink_url(text, section.kind));
        let secret = section.secret.as_ref().and_then(|text| self.sink_secret(text, section.kind));
        let mentions =
            section.mentions.as_ref().and_then(|text| self.secret("mentions", text, Template::Plain));
        let kind = section.kind?;
        if let Some(key) = section.mentions.as_ref().filter(|_| !kind.is_robot()) {
            let message = "`mentions` is not used: a webhook calls nobody";
            self.problems.push(Problem::warning(key.place(), message));
        }
        if kind == SinkKind::Webhook && section.secret.is_none() {
            let message = "a webhook without `secret`: its server cannot know who sends";
            self.problems
                .push(Problem::warning(id.place(), message).hint("secret = \"${env:WEBHOOK_SECRET}\""));
        }
        Some(Sink {
            id: id.to_string(),
            kind,
            url: url?,
            secret,
            ca_file: section.ca_file.as_ref().map(|path| self.environment.path(path)),
            categories: section.categories.clone(),
            level: section.level.unwrap_or(if kind.is_robot() { ROBOT_LEVEL } else { WEBHOOK_LEVEL }),
            keyword: section.keyword.clone(),
            mentions: mentions.as_deref().map(names).unwrap_or_default(),
            quiet: section.quiet.0,
            backlog: section.backlog,
            timeout: section.timeout.0,
        })
    }

    fn sink_url(&mut self, text: &At<String>, kind: Option<SinkKind>) -> Option<Secret> {
        const EXAMPLE: &str = "for example \"https://grid.example/events\"";
        let expanded = self.secret("url", text, Template::Url)?;
        let url = match Url::parse(&expanded) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            Ok(_) => {
                self.error(text.place(), "`url` must begin with https:// or http://", EXAMPLE);
                return None;
            }
            Err(error) => {
                self.error(text.place(), format!("`url` is no URL: {error}"), EXAMPLE);
                return None;
            }
        };
        let host = host(&url)?;
        if url.scheme() == "http" && !is_local(&host) {
            let message = "events go over the network in clear";
            self.problems.push(Problem::warning(text.place(), message).hint("use https://"));
        }
        let vendor = kind.and_then(vendor).filter(|hosts| !hosts.contains(&host.as_str()));
        if let Some(hosts) = vendor.filter(|_| !is_local(&host)) {
            let message = format!("`url` points at {host}, which is not where these robots live");
            let hint = format!("usually {}; check that the key goes to nobody else", hosts.join(" or "));
            self.problems.push(Problem::warning(text.place(), message).hint(hint));
        }
        if kind.is_some_and(SinkKind::is_robot) && !text.contains("${") {
            let hint = "write it as ${env:NAME} or ${file:path}: whoever has it can write to the group";
            self.error(text.place(), "`url` holds the robot's key in clear", hint);
        }
        Some(Secret::new(expanded))
    }

    fn sink_secret(&mut self, text: &At<String>, kind: Option<SinkKind>) -> Option<Secret> {
        if !text.contains("${") {
            self.error(text.place(), "`secret` stands here in clear", "write ${env:NAME} or ${file:path}");
            return None;
        }
        if kind == Some(SinkKind::Wecom) {
            let message = "`secret` is not used: a WeCom robot signs nothing, its key is its secret";
            self.problems.push(Problem::warning(text.place(), message));
        }
        self.secret("secret", text, Template::Plain).map(Secret::new)
    }
}

/// `a, b` as a list.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Hosts on which a vendor's robots live.
fn vendor(kind: SinkKind) -> Option<&'static [&'static str]> {
    match kind {
        SinkKind::Webhook => None,
        SinkKind::Wecom => Some(&["qyapi.weixin.qq.com"]),
        SinkKind::Dingtalk => Some(&["oapi.dingtalk.com"]),
        SinkKind::Feishu => Some(&["open.feishu.cn", "open.larksuite.com"]),
    }
}
