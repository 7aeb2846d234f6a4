//! Tablecast's HTTP server. A request walks four rooms, once, in this order, and the folders say so: `request` (parse
//! and reject), `plan` (what to ask), `fetch` (asks run side by side), `response` (json, csv, blob, html).
//!
//! It knows no connector by name and holds no SQL of its own.

mod apart;
mod configuration;
mod error;
mod extra_urls;
mod fetch;
mod fleeting;
mod kept;
mod mounts;
mod names;
mod permission;
mod plan;
mod request;
mod response;
mod route;
mod settings;
mod site;
mod walk;

pub use configuration::{
    Configuration, DatabaseOptions, FacetOption, Names, QueryOptions, Reference, TableOptions,
};
pub use extra_urls::{ExtraUrl, ExtraUrls};
pub use mounts::Mount;
pub use names::{tilde_decode, tilde_encode};
pub use permission::{ACTIONS, Allow, Rules, rules};
pub use response::Templates;
pub use route::router;
pub use settings::{SETTINGS, Setting, SettingKind, Settings};
pub use site::{Published, Site};
