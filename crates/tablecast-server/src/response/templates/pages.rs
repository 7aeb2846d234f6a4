//! Pages that are nothing but a template: `pages/about.html` is `/about`, `pages/{year}/index.html` is any `/…/index`.
//! They are looked for where nothing else is found.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, HeaderValue, StatusCode};
use minijinja::value::{Kwargs, Rest};
use minijinja::{Error as Failure, ErrorKind, Value};
use tablecast_connector::{Error, Result};

use super::draw::{Documented, failed, merged, of_every_page, private_if};
use super::environment::Given;
use crate::Site;
use crate::apart::apart;
use crate::request::Request;
use crate::response::html::{self, Page};
use crate::response::{HTML, Reply};

const FOLDER: &str = "pages";

/// The address of a page with variable parts.
pub(super) struct Pattern {
    template: String,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    /// Anything without a slash.
    Variable(String),
}

impl Pattern {
    /// The pattern of a template's name; `None` if it is no page, or one without variable parts.
    pub(super) fn of(name: &str) -> Option<Result<Self>> {
        let path = name.strip_prefix(FOLDER)?.strip_suffix(".html")?;
        if !path.starts_with('/') || !path.contains('{') {
            return None;
        }
        Some(Self::parse(name, path))
    }

    fn parse(name: &str, path: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = path;
        while let Some((text, behind)) = rest.split_once('{') {
            let (variable, behind) = behind.split_once('}').unwrap_or_default();
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_name = variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !is_name || !variable.chars().all(is_word) {
                let message = format!("the template {name}: a variable part is written {{name}}");
                return Err(Error::invalid(message));
            }
            parts.push(Part::Text(text.to_owned()));
            parts.push(Part::Variable(variable.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self {
            template: name.to_owned(),
            parts,
        })
    }

    /// What the variable parts stand for in a path, if it is of this form.
    fn find(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        fits(&self.parts, path, &mut found).then_some(found)
    }
}

/// Whether the parts make the path; a variable takes as much as it can.
fn fits(parts: &[Part], path: &str, found: &mut Vec<(String, String)>) -> bool {
    match parts.split_first() {
        None => path.is_empty(),
        Some((Part::Text(text), rest)) => path
            .strip_prefix(text.as_str())
            .is_some_and(|behind| fits(rest, behind, found)),
        Some((Part::Variable(name), rest)) => {
            let end = path.find('/').unwrap_or(path.len());
            let ends = (0..=end).rev().filter(|end| path.is_char_boundary(*end));
            for end in ends {
                let (value, behind) = path.split_at(end);
                found.push((name.clone(), value.to_owned()));
                if fits(rest, behind, found) {
                    return true;
                }
                found.pop();
            }
            false
        }
    }
}

/// What a page's template does beside its text.
#[derive(Default)]
struct Done {
    status: Option<StatusCode>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The message of `raise_404`.
    missing: Option<String>,
}

/// The page at the address of a request; `None` if there is none. `NotFound` if its template says so.
pub(crate) fn page(site: &Site, request: &Request) -> Option<Result<Reply>> {
    let templates = site.templates.as_ref()?;
    let exact = format!("{FOLDER}{}.html", request.path);
    let (name, variables) = if templates.has(&exact) && !exact.contains('{') {
        (exact, Vec::new())
    } else {
        templates
            .patterns
            .iter()
            .find_map(|pattern| Some((pattern.template.clone(), pattern.find(&request.path)?)))?
    };
    let done = Arc::new(Mutex::new(Done::default()));
    let mut documented = Documented::default();
    for (name, function) in functions(&done) {
        documented.add(name, function);
    }
    let mut context = html::context(site, request, Page::empty());
    for (name, value) in variables {
        context.insert(name, value.into());
    }
    let was_read = of_every_page(request, &context, &mut documented);
    let drawn = templates
        .environment
        .get_template(&name)
        .and_then(|template| apart(|| template.render(merged(site, request, context, documented))));
    let done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(message) = done.missing {
        return Some(Err(Error::not_found(message)));
    }
    let html = match drawn {
        Ok(html) => html,
        Err(error) => return Some(Ok(failed(site, request, &name, &error))),
    };
    let mut reply = Reply::new(done.status.unwrap_or(StatusCode::OK), HTML, html);
    for (name, value) in done.headers {
        reply.headers.insert(name, value);
    }
    // What a template does with its variables is its own affair: nothing of it is kept.
    reply.once = true;
    let was_read = was_read.load(std::sync::atomic::Ordering::Relaxed);
    Some(Ok(private_if(was_read, reply)))
}

/// What a page's template can call.
fn functions(done: &Arc<Mutex<Done>>) -> [(&'static str, Value); 4] {
    [
        function(done, "custom_status", &["code"], |given, done| {
            done.status = Some(status(given.at(0), None)?);
            Ok(())
        }),
        function(done, "custom_header", &["name", "value"], |given, done| {
            done.headers.push(header(&given.text(0), &given.text(1))?);
            Ok(())
        }),
        function(
            done,
            "custom_redirect",
            &["location", "code"],
            |given, done| {
                done.status = Some(status(given.at(1), Some(StatusCode::FOUND))?);
                done.headers.push(header("location", &given.text(0))?);
                Ok(())
            },
        ),
        function(done, "raise_404", &["message"], |given, done| {
            let message = given.at(0).map(ToString::to_string);
            done.missing = Some(message.unwrap_or_else(|| "There is no such page".to_owned()));
            // Nothing that comes behind it counts.
            Err(invalid("raise_404".to_owned()))
        }),
    ]
}

/// A function that changes what is done, and shows nothing.
fn function(
    done: &Arc<Mutex<Done>>,
    name: &'static str,
    arguments: &'static [&'static str],
    change: fn(&Given, &mut Done) -> Changed,
) -> (&'static str, Value) {
    let done = Arc::clone(done);
    let function = move |ordered: Rest<Value>, by_name: Kwargs| {
        let given = Given::of(name, &ordered, &by_name, arguments)?;
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        change(&given, &mut done).map(|()| "")
    };
    (name, Value::from_function(function))
}

type Changed = std::result::Result<(), Failure>;

fn invalid(detail: String) -> Failure {
    Failure::new(ErrorKind::InvalidOperation, detail)
}

fn status(
    value: Option<&Value>,
    default: Option<StatusCode>,
) -> std::result::Result<StatusCode, Failure> {
    let typed = || StatusCode::from_u16(u16::try_from(value?.as_usize()?).ok()?).ok();
    let status = if value.is_some() { typed() } else { default };
    status
        .filter(|status| status.as_u16() >= 200)
        .ok_or_else(|| {
            invalid(format!(
                "a status is a number from 200 to 999, not {value:?}"
            ))
        })
}

/// Headers that say where an answer ends. A page that sets them breaks its connection.
const FRAME: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn header(name: &str, value: &str) -> std::result::Result<(HeaderName, HeaderValue), Failure> {
    if FRAME.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(invalid(format!("the header {name} is the server's to set")));
    }
    let name = HeaderName::try_from(name).ok();
    let value = HeaderValue::try_from(value).ok();
    name.zip(value)
        .ok_or_else(|| invalid("a header has a name, and a value on one line".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_sets_headers_but_those_that_frame_it() {
        assert!(header("x-own", "1").is_ok());
        for name in ["Transfer-Encoding", "content-length", "", "a b"] {
            assert!(header(name, "1").is_err(), "{name}");
        }
        assert!(header("x-own", "1\r\nx: 2").is_err());
    }

    #[test]
    fn a_pattern_takes_parts_of_a_path() {
        let found = |name: &str, path: &str| {
            let pattern = Pattern::of(name).expect("a pattern").expect("a good one");
            let found = pattern.find(path)?;
            Some(
                found
                    .into_iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        assert_eq!(
            found("pages/topic_{t}.html", "/topic_sf").as_deref(),
            Some("t=sf")
        );
        assert_eq!(
            found("pages/{a}/{b}-{c}.html", "/x/1-2-3").as_deref(),
            Some("a=x b=1-2 c=3")
        );
        assert_eq!(found("pages/{a}.html", "/x/y"), None);
        assert_eq!(found("pages/{a}/z.html", "/é/z").as_deref(), Some("a=é"));
        assert!(Pattern::of("pages/about.html").is_none());
        assert!(Pattern::of("row-{a}.html").is_none());
        for wrong in ["pages/{a.html", "pages/{}.html", "pages/{a b}.html"] {
            assert!(
                Pattern::of(wrong).is_some_and(|pattern| pattern.is_err()),
                "{wrong}"
            );
        }
    }
}
