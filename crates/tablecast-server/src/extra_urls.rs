//! Style sheets and scripts that the configuration adds to pages: those of the site, then of the database, then of the
//! table.
//!
//! Browsers are told to load scripts and sheets from this site alone; the hosts that the configuration names are the
//! only exceptions.

use std::fmt::Write;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Value as Json, json};

use crate::Configuration;

/// A sheet or a script.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Given")]
pub struct ExtraUrl {
    url: String,
    /// The hash that its content must have.
    sri: Option<String>,
    is_module: bool,
}

/// The sheets and scripts of one level of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ExtraUrls {
    /// Style sheets.
    pub css: Vec<ExtraUrl>,
    /// Scripts.
    pub js: Vec<ExtraUrl>,
}

/// An address alone, or an object. Written out, because what serde says of an untagged enum names neither key.
struct Given(Json);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(Self)
    }
}

impl TryFrom<Given> for ExtraUrl {
    type Error = serde_json::Error;

    fn try_from(Given(given): Given) -> Result<Self, Self::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Object {
            url: String,
            sri: Option<String>,
            #[serde(default)]
            module: bool,
        }
        let object = match given {
            Json::String(url) => Object {
                url,
                sri: None,
                module: false,
            },
            Json::Object(_) => serde_json::from_value(given)?,
            other => {
                return Err(serde_json::Error::custom(format!(
                    "an address, or an object with url, sri and module, belongs here, not {other}"
                )));
            }
        };
        check(&object.url).map_err(serde_json::Error::custom)?;
        if let Some(sri) = &object.sri {
            check_sri(sri).map_err(serde_json::Error::custom)?;
        }
        Ok(Self {
            url: object.url,
            sri: object.sri,
            is_module: object.module,
        })
    }
}

/// An address of the web, or a path of this site, that can stand in a header and in HTML.
fn check(url: &str) -> Result<(), String> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || "\"'<>;,\\".contains(c);
    let scheme = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if url.is_empty() || url.contains(is_bad) || (scheme.contains(':') && !is_web) {
        return Err(format!(
            "the address {url:?} is neither a path nor starts with https:// or http://"
        ));
    }
    Ok(())
}

fn check_sri(sri: &str) -> Result<(), String> {
    let is_hash = |hash: &str| {
        let digest = ["sha256-", "sha384-", "sha512-"]
            .into_iter()
            .find_map(|kind| hash.strip_prefix(kind));
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        digest.is_some_and(|digest| !digest.is_empty() && digest.chars().all(is_base64))
    };
    if sri.is_empty() || !sri.split(' ').all(is_hash) {
        return Err(format!(
            "sri is sha256-, sha384- or sha512- and a digest in base64, not {sri:?}"
        ));
    }
    Ok(())
}

impl ExtraUrl {
    /// `scheme://host` of an address that is not of this site.
    fn origin(&self) -> Option<String> {
        if let Some(rest) = self.url.strip_prefix("//") {
            return Some(rest.split(['/', '?', '#']).next()?.to_owned());
        }
        let (scheme, rest) = self.url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        Some(format!("{scheme}://{host}"))
    }

    /// What a template is told of it. Paths lie under `base`, which ends with a slash.
    fn to_json(&self, base: &str) -> Json {
        let url = if self.url.starts_with("//") || self.url.contains("://") {
            self.url.clone()
        } else {
            format!("{base}{}", self.url.trim_start_matches('/'))
        };
        let mut item = json!({ "url": url });
        if let Some(members) = item.as_object_mut() {
            if let Some(sri) = &self.sri {
                members.insert("sri".to_owned(), sri.as_str().into());
            }
            if self.is_module {
                members.insert("module".to_owned(), true.into());
            }
        }
        item
    }
}

/// The sheets and scripts of a page about `database` and `table`, each once.
pub(crate) struct OfPage<'a> {
    css: Vec<&'a ExtraUrl>,
    js: Vec<&'a ExtraUrl>,
}

impl<'a> OfPage<'a> {
    pub(crate) fn new(
        configuration: &'a Configuration,
        database: Option<&str>,
        table: Option<&str>,
    ) -> Self {
        let options = database.and_then(|name| configuration.databases.get(name));
        let of_table = options.zip(table).and_then(|(options, table)| {
            let mut tables = options.tables.iter();
            tables.find(|(name, _)| name.eq_ignore_ascii_case(table))
        });
        let levels = [
            Some((&configuration.extra.css, &configuration.extra.js)),
            options.map(|options| (&options.extra.css, &options.extra.js)),
        ];
        let mut page = Self {
            css: Vec::new(),
            js: Vec::new(),
        };
        for (css, js) in levels.into_iter().flatten() {
            add(&mut page.css, css);
            add(&mut page.js, js);
        }
        if let Some((_, options)) = of_table {
            add(&mut page.css, options.extra_css_urls.iter().flatten());
            add(&mut page.js, options.extra_js_urls.iter().flatten());
        }
        page
    }

    pub(crate) fn css(&self, base: &str) -> Vec<Json> {
        self.css.iter().map(|it| it.to_json(base)).collect()
    }

    pub(crate) fn js(&self, base: &str) -> Vec<Json> {
        self.js.iter().map(|it| it.to_json(base)).collect()
    }

    /// What a browser may load for the page, as the header `Content-Security-Policy` says it.
    pub(crate) fn policy(&self) -> String {
        let mut policy = "default-src 'self'; img-src * data:; frame-ancestors 'none'".to_owned();
        let origins = |urls: &[&ExtraUrl]| {
            let mut origins: Vec<String> = urls.iter().filter_map(|url| url.origin()).collect();
            origins.sort();
            origins.dedup();
            origins.join(" ")
        };
        // Sheets load fonts, and scripts ask for data, from where they come.
        let (css, js) = (origins(&self.css), origins(&self.js));
        for (directives, origins) in [
            (["style-src", "font-src"], css),
            (["script-src", "connect-src"], js),
        ] {
            if origins.is_empty() {
                continue;
            }
            for directive in directives {
                // Writing to a text cannot fail.
                let _ = write!(policy, "; {directive} 'self' {origins}");
            }
        }
        policy
    }
}

fn add<'a>(all: &mut Vec<&'a ExtraUrl>, more: impl IntoIterator<Item = &'a ExtraUrl>) {
    for url in more {
        if !all.iter().any(|known| known.url == url.url) {
            all.push(url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_of_the_web() {
        let read = |json: Json| serde_json::from_value::<ExtraUrl>(json);
        for good in [
            json!("/static/a.css"),
            json!("a.css"),
            json!("https://example.com/a.css?v=1"),
            json!({"url": "//cdn.example/a.js", "sri": "sha384-YWJj", "module": true}),
        ] {
            assert!(read(good.clone()).is_ok(), "{good}");
        }
        for (bad, reason) in [
            (json!(""), "neither a path"),
            (json!("javascript:alert(1)"), "neither a path"),
            (json!("data:text/css,a"), "neither a path"),
            (json!("/a b"), "neither a path"),
            (json!("https://x; script-src *"), "neither a path"),
            (json!({"sri": "sha256-x"}), "url"),
            (json!({"url": "/a", "srl": "x"}), "srl"),
            (json!({"url": "/a", "sri": "md5-x"}), "sri is"),
            (json!({"url": "/a", "module": 1}), "boolean"),
            (json!(5), "belongs here"),
        ] {
            let error = read(bad.clone()).expect_err("a refusal").to_string();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }
}
