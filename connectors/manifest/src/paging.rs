//! The pages of a web API: which address comes after a page, until there is none. Pages that lead in a circle are an error,
//! and so is an API with more pages than allowed: rows are never left out silently.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use serde_json::Value as Json;
use tablecast_connector::{Error, Result};
use url::Url;

use crate::keys::Keys;
use crate::rows::{Format, Row};

/// So many pages are read if the manifest says nothing else.
const PAGES_MAX: u64 = 100;
/// The manifest may not allow more.
const PAGES_MAX_MAX: u64 = 10_000;

/// Where the next page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is one page.
    Nowhere,
    /// At the address that stands in each page at this JSON Pointer; null or an empty text on the last one.
    At { pointer: String, may_lack: bool },
    /// At this parameter one higher, until a page is empty.
    Page { parameter: String, first: u64 },
    /// At this parameter higher by the rows that came, until a page is empty.
    Offset { parameter: String },
}

/// How pages follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) next: Next,
    pub(crate) pages_max: u64,
}

impl Paging {
    pub(crate) const ONE_PAGE: Self = Self {
        next: Next::Nowhere,
        pages_max: 1,
    };

    pub(crate) fn read(mut keys: Keys<'_>, format: &Format) -> Result<Self> {
        let pointer = keys.text("next")?;
        let may_lack = keys.word("last_page", &[("null", false), ("without_next", true)])?;
        let page = keys.text("page")?;
        let first = keys.number("first", 0..=1)?;
        let offset = keys.text("offset")?;
        let pages_max = keys.number("pages_max", 1..=PAGES_MAX_MAX)?;
        if may_lack.is_some() && pointer.is_none() {
            return Err(keys.wrong("last_page", "goes with `next` only"));
        }
        if first.is_some() && page.is_none() {
            return Err(keys.wrong("first", "goes with `page` only"));
        }
        let next = match (pointer, page, offset) {
            (Some(_), None, None) if !matches!(format, Format::Json { .. }) => {
                return Err(keys.wrong("next", "goes with the format json only"));
            }
            (Some(pointer), None, None) if !pointer.starts_with('/') => {
                return Err(keys.wrong("next", "is to be a JSON Pointer, which starts with `/`"));
            }
            (Some(pointer), None, None) => Next::At {
                pointer: pointer.to_owned(),
                may_lack: may_lack.unwrap_or(false),
            },
            (None, Some(page), None) => Next::Page {
                parameter: page.to_owned(),
                first: first.unwrap_or(1),
            },
            (None, None, Some(offset)) => Next::Offset {
                parameter: offset.to_owned(),
            },
            _ => {
                return Err(
                    keys.wrong_here("is to have one of the keys `next`, `page` and `offset`")
                );
            }
        };
        keys.finish()?;
        Ok(Self {
            next,
            pages_max: pages_max.unwrap_or(PAGES_MAX),
        })
    }
}

/// Where a walk through the pages of one API is.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    paging: &'a Paging,
    start: Url,
    at: Url,
    seen: HashSet<Url>,
    pages: u64,
    rows: u64,
    last_rows: Option<u64>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(paging: &'a Paging, start: Url) -> Self {
        let mut walk = Self {
            paging,
            at: start.clone(),
            start,
            seen: HashSet::new(),
            pages: 0,
            rows: 0,
            last_rows: None,
        };
        match &paging.next {
            Next::Page { parameter, first } => walk.at = walk.with(parameter, *first),
            Next::Offset { parameter } => walk.at = walk.with(parameter, 0),
            Next::Nowhere | Next::At { .. } => {}
        }
        walk.seen.insert(walk.at.clone());
        walk
    }

    /// The address of the page to read.
    pub(crate) fn address(&self) -> &Url {
        &self.at
    }

    /// Goes on from a page that has been read; whether there is another.
    pub(crate) fn advance(&mut self, envelope: &Json, page: &Page) -> Result<bool> {
        self.pages += 1;
        self.rows += page.rows;
        let next = match &self.paging.next {
            Next::Nowhere => None,
            Next::At { pointer, may_lack } => self.told(envelope, pointer, *may_lack, page)?,
            Next::Page { .. } | Next::Offset { .. } if page.rows == 0 => None,
            Next::Page { parameter, first } => Some(self.with(parameter, first + self.pages)),
            Next::Offset { parameter } => Some(self.with(parameter, self.rows)),
        };
        let Some(next) = next else {
            return Ok(false);
        };
        let number = self.pages;
        if self.last_rows == Some(page.digest) && !matches!(self.paging.next, Next::At { .. }) {
            return Err(Error::unreadable(format!(
                "page {number} has the same rows as the page in front of it: the paging leads nowhere"
            )));
        }
        self.last_rows = Some(page.digest);
        if !self.seen.insert(next.clone()) {
            return Err(Error::unreadable(format!(
                "page {number} leads back to a page that was read before"
            )));
        }
        if number >= self.paging.pages_max {
            return Err(
                Error::too_large(format!("there are more than {number} pages"))
                    .hint("`pages_max` allows more"),
            );
        }
        self.at = next;
        Ok(true)
    }

    fn told(
        &self,
        envelope: &Json,
        pointer: &str,
        may_lack: bool,
        page: &Page,
    ) -> Result<Option<Url>> {
        match envelope.pointer(pointer) {
            Some(Json::Null | Json::Bool(false)) => Ok(None),
            Some(Json::String(address)) if address.is_empty() => Ok(None),
            Some(Json::String(address)) => self.at.join(address).map(Some).map_err(|cause| {
                Error::unreadable(format!(
                    "`{pointer}` is no address on page {}: {cause}",
                    self.pages
                ))
            }),
            Some(_) => Err(Error::unreadable(format!(
                "`{pointer}` is no address on page {}",
                self.pages
            ))),
            None if may_lack || self.pages > 1 || page.rows == 0 => Ok(None),
            // A pointer with a slip of the pen would make one page of many.
            None => Err(
                Error::unreadable(format!("`{pointer}` is not there on the first page"))
                    .hint("Where the last page is without it, say so: `last_page: without_next`"),
            ),
        }
    }

    /// The first address with the parameter set.
    fn with(&self, parameter: &str, value: u64) -> Url {
        with_parameter(&self.start, parameter, &value.to_string())
    }
}

/// The address with the parameter set; one of the name that it has already is replaced.
pub(crate) fn with_parameter(address: &Url, name: &str, value: &str) -> Url {
    let others = address.query_pairs().filter(|(known, _)| known != name);
    let others: Vec<(String, String)> = others
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut with = address.clone();
    with.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair(name, value);
    with
}

/// What of a page tells how to go on.
#[derive(Debug, Default)]
pub(crate) struct Page {
    rows: u64,
    digest: u64,
}

impl Page {
    /// Rows of this page that come after those that were counted before.
    pub(crate) fn count(&mut self, rows: &[Row]) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.digest);
        for row in rows {
            let text = serde_json::to_vec(row).unwrap_or_default();
            hasher.write(&text);
        }
        self.digest = hasher.finish();
        self.rows += rows.len() as u64;
    }
}
