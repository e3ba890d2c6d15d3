//! Which language a visitor of the page reads: what was chosen there, else what the browser asks for (`Accept-Language`,
//! RFC 9110 §12.5.4).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::login::cookie;
use crate::language::Language;

/// Cookie with the visitor's choice.
const COOKIE: &str = "moshao_language";

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(of(&parts.headers))
    }
}

fn of(headers: &HeaderMap) -> Language {
    match cookie(headers, COOKIE) {
        Some("zh") => return Language::Chinese,
        Some("en") => return Language::English,
        _ => {}
    }
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted(asked.unwrap_or_default())
}

/// The better liked of the two; Chinese where neither is named: most boxes stand in China.
fn accepted(header: &str) -> Language {
    let mut best = (0.0, Language::Chinese);
    for part in header.split(',') {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight: f32 =
            weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        let language = match tag.trim().split('-').next().map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => Language::Chinese,
            Some("en") => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_order_decides_unless_the_visitor_chose() {
        for (header, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", Language::English),
            ("de-DE,de;q=0.9,en;q=0.5", Language::English),
            ("en;q=0.3, zh;q=0.7", Language::Chinese),
            ("de", Language::Chinese),
            ("", Language::Chinese),
            (";;q=x,,", Language::Chinese),
        ] {
            assert_eq!(accepted(header), language, "{header}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "zh".parse().unwrap());
        headers.insert(header::COOKIE, "a=b; moshao_language=en".parse().unwrap());
        assert_eq!(of(&headers), Language::English);
    }
}
