//! The addresses of the site, in one table: what each means, in which formats it is answered and what it may be asked.
//! Paths are read by it, and the OpenAPI document is made from it.

use super::target::{Format, Target};
use crate::names::tilde_decode;

/// One kind of address.
pub(crate) struct Route {
    /// The path, with names in braces, without format.
    pub(crate) path: &'static str,
    /// What it means, given what the names stand for.
    leads_to: fn(&Names<'_>) -> Target,
    /// The formats in which it is answered; a page of HTML has no ending.
    pub(crate) formats: &'static [Format],
    /// What is answered, as the schema of its JSON is named.
    pub(crate) answer: Answer,
    /// In a few words.
    pub(crate) summary: &'static str,
    /// What it may be asked.
    pub(crate) arguments: &'static [&'static [Argument]],
}

/// What an address is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Home,
    Database,
    Rows,
    Row,
    QueryRows,
    /// An object whose members depend on the page.
    Object,
    Connectors,
    Queries,
    Definition,
    Schemas,
    Schema,
    Matches,
    Completions,
    Picture,
    Profile,
    Page,
    Document,
}

/// What may stand in the query string.
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

/// What an argument's value may be.
pub(crate) enum Kind {
    Text,
    /// A text without which there is no answer.
    Needed,
    Switch,
    /// A number of at least 0, or `max`.
    Size,
    Number,
    Choice(&'static [&'static str]),
    /// Several, by repetition.
    Texts,
    /// Extras, by their names.
    Extras,
}

/// The parts of a path that its names stand for.
pub(crate) struct Names<'a>(Vec<&'a str>);

impl Names<'_> {
    fn decoded(&self, place: usize) -> String {
        self.0
            .get(place)
            .map(|part| tilde_decode(part))
            .unwrap_or_default()
    }

    fn raw(&self, place: usize) -> String {
        self.0.get(place).copied().unwrap_or_default().to_owned()
    }
}

/// The target of a path's parts; the first route that fits.
pub(crate) fn find(parts: &[&str]) -> Target {
    let found = ROUTES.iter().find_map(|route| route.matching(parts));
    found.unwrap_or_else(|| match parts {
        ["-", page] => Target::Introspection(tilde_decode(page)),
        [database, "-", page @ ..] => Target::DatabasePage {
            database: tilde_decode(database),
            page: page.join("/"),
        },
        [database, table, "-", page @ ..] => Target::TablePage {
            database: tilde_decode(database),
            table: tilde_decode(table),
            page: page.join("/"),
        },
        _ => Target::Nothing,
    })
}

impl Route {
    fn matching(&self, parts: &[&str]) -> Option<Target> {
        let mut pattern = self.path.split('/').skip(1);
        let mut names = Vec::new();
        for part in parts {
            match pattern.next()? {
                known if known.starts_with('{') => names.push(*part),
                known if known == *part => {}
                _ => return None,
            }
        }
        // Behind a lone dash stands a page; only where nothing stands there is the dash a name.
        let is_page = parts.iter().rev().skip(1).any(|part| *part == "-");
        let is_known = self.path.contains("/-/") || !is_page;
        (pattern.next().is_none() && is_known).then(|| (self.leads_to)(&Names(names)))
    }
}

const HTML: Format = Format::Html;
const JSON: Format = Format::Json;

/// The formats of rows.
const ROWS: &[Format] = &[
    HTML,
    JSON,
    Format::Csv,
    Format::Ndjson,
    Format::Parquet,
    Format::Arrow,
    Format::Xlsx,
];
/// The same where a cell has bytes of its own.
const ROWS_AND_BLOBS: &[Format] = &[
    HTML,
    JSON,
    Format::Csv,
    Format::Ndjson,
    Format::Parquet,
    Format::Arrow,
    Format::Xlsx,
    Format::Blob,
];

macro_rules! arguments {
    ($($name:literal $kind:expr, $about:literal;)*) => {
        &[$(Argument { name: $name, kind: $kind, about: $about }),*]
    };
}

const OF_JSON: &[Argument] = arguments! {
    "_shape" Kind::Choice(&["objects", "arrays", "array", "arrayfirst", "object"]), "How rows are written; object needs a key.";
    "_nl" Kind::Switch, "With _shape=array: an object on each line.";
    "_json" Kind::Texts, "Columns whose texts are JSON, written as such.";
    "_json_infinity" Kind::Switch, "Infinities as such instead of null.";
    "_extra" Kind::Extras, "What the answer holds beside rows, between commas.";
};
const OF_ALL: &[Argument] = arguments! {
    "_timelimit" Kind::Number, "Milliseconds that the answer may take, if less than the setting.";
    "_ttl" Kind::Number, "Seconds for which the answer may be kept by others; 0 for none.";
};
const OF_TABLES: &[Argument] = arguments! {
    "_size" Kind::Size, "Rows on a page.";
    "_next" Kind::Text, "Where the page starts, as the answer before told.";
    "_sort" Kind::Text, "The column to sort by, smallest first.";
    "_sort_desc" Kind::Text, "The column to sort by, largest first.";
    "_col" Kind::Texts, "Columns to show.";
    "_nocol" Kind::Texts, "Columns to leave out.";
    "_search" Kind::Text, "A search over the columns of the table's full-text index.";
    "_searchmode" Kind::Choice(&["raw", "escaped"]), "Whether the search is in the language of the index.";
    "_where" Kind::Texts, "A condition in SQL.";
    "_through" Kind::Texts, "Rows found through another table: JSON with table, column and value.";
    "_facet" Kind::Texts, "Columns whose values are counted.";
    "_facet_array" Kind::Texts, "Columns of JSON arrays whose items are counted.";
    "_facet_date" Kind::Texts, "Columns of moments whose days are counted.";
    "_facet_size" Kind::Size, "The most values of each facet.";
    "_nofacet" Kind::Switch, "Counts no facets.";
    "_nosuggest" Kind::Switch, "Suggests no facets.";
    "_nocount" Kind::Switch, "Counts no rows.";
    "_labels" Kind::Switch, "Labels of references.";
    "_label" Kind::Texts, "Columns whose references are labelled.";
};
const OF_QUERIES: &[Argument] = arguments! {
    "sql" Kind::Text, "One statement that reads. Its parameters, :name, are arguments of the same name.";
};
const OF_BLOBS: &[Argument] = arguments! {
    "_blob_column" Kind::Text, "The column of the bytes, for .blob.";
    "_blob_hash" Kind::Text, "The SHA-256 of the bytes, for .blob of a query.";
};
const OF_EXPORTS: &[Argument] = arguments! {
    "_stream" Kind::Switch, "All rows, however many.";
    "_header" Kind::Switch, "off leaves out the line of names of CSV.";
    "_dl" Kind::Switch, "As a file to save.";
};
const OF_LISTS: &[Argument] = arguments! {
    "q" Kind::Text, "Words to look for.";
    "_size" Kind::Size, "Queries in the answer.";
    "_next" Kind::Text, "Where the list starts, as the answer before told.";
    "is_write" Kind::Choice(&["0", "1"]), "Only queries that write, or only others.";
    "is_private" Kind::Choice(&["0", "1"]), "Only private queries, or only others.";
    "source" Kind::Text, "Where they come from: config.";
    "owner_id" Kind::Text, "Whose they are.";
};
const OF_HOME: &[Argument] = arguments! {
    "_sort" Kind::Choice(&["relationships"]), "Tables with most references first.";
};
const OF_JUMP: &[Argument] = arguments! {
    "q" Kind::Text, "Words of a name.";
};
const OF_PARAMETERS: &[Argument] = arguments! {
    "sql" Kind::Text, "One statement.";
};
const OF_AUTOCOMPLETE: &[Argument] = arguments! {
    "q" Kind::Text, "What is typed of a key or label.";
    "_initial" Kind::Switch, "The last rows, where nothing is typed.";
};
const OF_PICTURES: &[Argument] = arguments! {
    "_column" Kind::Text, "The column, of an array that has several.";
    "_x" Kind::Text, "The dimension that is drawn from left to right.";
    "_y" Kind::Text, "The dimension that is drawn from top to bottom; empty for a line along _x.";
    "_bins" Kind::Number, "The most points of a line, or cells of each side.";
};
const OF_IMAGES: &[Argument] = arguments! {
    "_spread" Kind::Switch, "With .json: the least and the greatest number of each bin, too.";
    "_narrow" Kind::Switch, "With .svg: for a narrow sheet.";
};
const OF_PROFILES: &[Argument] = arguments! {
    "_column" Kind::Needed, "The column to profile.";
    "_search" Kind::Text, "A search over the columns of the table's full-text index.";
    "_searchmode" Kind::Choice(&["raw", "escaped"]), "Whether the search is in the language of the index.";
    "_where" Kind::Texts, "A condition in SQL.";
    "_through" Kind::Texts, "Rows found through another table: JSON with table, column and value.";
};
const OF_FRAGMENTS: &[Argument] = arguments! {
    "_row" Kind::Text, "The key of the only row.";
};

macro_rules! site_page {
    ($name:literal, $answer:expr, $summary:literal) => {
        Route {
            path: concat!("/-/", $name),
            leads_to: |_| Target::Introspection($name.to_owned()),
            formats: &[HTML, JSON],
            answer: $answer,
            summary: $summary,
            arguments: &[],
        }
    };
}

/// Every address, in the order in which they are tried.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        path: "/",
        leads_to: |_| Target::Home,
        formats: &[HTML, JSON],
        answer: Answer::Home,
        summary: "The databases",
        arguments: &[OF_HOME],
    },
    Route {
        path: "/-/",
        leads_to: |_| Target::Home,
        formats: &[HTML, JSON],
        answer: Answer::Home,
        summary: "The databases",
        arguments: &[OF_HOME],
    },
    site_page!(
        "versions",
        Answer::Object,
        "The versions of the program and its parts"
    ),
    site_page!("settings", Answer::Object, "The settings"),
    site_page!(
        "databases",
        Answer::Object,
        "The databases with their files"
    ),
    site_page!(
        "config",
        Answer::Object,
        "The configuration, without secrets"
    ),
    site_page!("metadata", Answer::Object, "What is said of the site"),
    site_page!("plugins", Answer::Connectors, "The connectors"),
    site_page!("actor", Answer::Object, "Who asks"),
    Route {
        path: "/-/queries",
        leads_to: |_| Target::Introspection("queries".to_owned()),
        formats: &[HTML, JSON],
        answer: Answer::Queries,
        summary: "The configured queries of all databases",
        arguments: &[OF_LISTS],
    },
    Route {
        path: "/-/schema",
        leads_to: |_| Target::Introspection("schema".to_owned()),
        formats: &[HTML, JSON, Format::Markdown],
        answer: Answer::Schemas,
        summary: "The statements that make all tables",
        arguments: &[],
    },
    Route {
        path: "/-/jump",
        leads_to: |_| Target::Introspection("jump".to_owned()),
        formats: &[JSON],
        answer: Answer::Matches,
        summary: "Databases, tables, views and queries by name",
        arguments: &[OF_JUMP],
    },
    Route {
        path: "/-/openapi",
        leads_to: |_| Target::Introspection("openapi".to_owned()),
        formats: &[JSON],
        answer: Answer::Document,
        summary: "This description",
        arguments: &[],
    },
    Route {
        path: "/{database}",
        leads_to: |names| Target::Database(names.decoded(0)),
        formats: &[HTML, JSON],
        answer: Answer::Database,
        summary: "The tables, views and queries of a database",
        arguments: &[],
    },
    Route {
        path: "/{database}/-/query",
        leads_to: |names| Target::Query(names.decoded(0)),
        formats: ROWS_AND_BLOBS,
        answer: Answer::QueryRows,
        summary: "The answer to SQL",
        arguments: &[OF_QUERIES, OF_JSON, OF_EXPORTS, OF_BLOBS, OF_ALL],
    },
    Route {
        path: "/{database}/-/queries",
        leads_to: |names| of_database(names, "queries"),
        formats: &[HTML, JSON],
        answer: Answer::Queries,
        summary: "The configured queries of a database",
        arguments: &[OF_LISTS],
    },
    Route {
        path: "/{database}/-/query/parameters",
        leads_to: |names| of_database(names, "query/parameters"),
        formats: &[JSON],
        answer: Answer::Object,
        summary: "The named parameters of SQL",
        arguments: &[OF_PARAMETERS],
    },
    Route {
        path: "/{database}/-/schema",
        leads_to: |names| of_database(names, "schema"),
        formats: &[HTML, JSON, Format::Markdown],
        answer: Answer::Schema,
        summary: "The statements that make a database's tables",
        arguments: &[],
    },
    Route {
        path: "/{database}/{table}",
        leads_to: |names| Target::Table {
            database: names.decoded(0),
            table: names.decoded(1),
        },
        formats: ROWS,
        answer: Answer::Rows,
        summary: "The rows of a table or view, or of a configured query",
        arguments: &[OF_TABLES, OF_JSON, OF_EXPORTS, OF_ALL],
    },
    Route {
        path: "/{database}/{table}/-/schema",
        leads_to: |names| of_table(names, "schema"),
        formats: &[HTML, JSON, Format::Markdown],
        answer: Answer::Schema,
        summary: "The statement that makes a table",
        arguments: &[],
    },
    Route {
        path: "/{database}/{table}/-/autocomplete",
        leads_to: |names| of_table(names, "autocomplete"),
        formats: &[JSON],
        answer: Answer::Completions,
        summary: "Rows by what is typed of their key or label",
        arguments: &[OF_AUTOCOMPLETE, OF_ALL],
    },
    Route {
        path: "/{database}/{table}/-/fragment",
        leads_to: |names| of_table(names, "fragment"),
        formats: &[HTML],
        answer: Answer::Page,
        summary: "The rows of a table's page alone",
        arguments: &[OF_FRAGMENTS, OF_TABLES, OF_ALL],
    },
    Route {
        path: "/{database}/{table}/-/picture",
        leads_to: |names| of_table(names, "picture"),
        formats: &[HTML, JSON, Format::Svg],
        answer: Answer::Picture,
        summary: "A picture of an array of numbers, and the numbers behind it",
        arguments: &[OF_PICTURES, OF_IMAGES, OF_ALL],
    },
    Route {
        path: "/{database}/{table}/-/profile",
        leads_to: |names| of_table(names, "profile"),
        formats: &[HTML, JSON],
        answer: Answer::Profile,
        summary: "What a column holds",
        arguments: &[OF_PROFILES, OF_ALL],
    },
    Route {
        path: "/{database}/{table}/-/definition",
        leads_to: |names| of_table(names, "definition"),
        formats: &[JSON],
        answer: Answer::Definition,
        summary: "A configured query as it is configured",
        arguments: &[],
    },
    Route {
        path: "/{database}/{table}/{key}",
        leads_to: |names| Target::Row {
            database: names.decoded(0),
            table: names.decoded(1),
            key: names.raw(2),
        },
        formats: ROWS_AND_BLOBS,
        answer: Answer::Row,
        summary: "A row",
        arguments: &[OF_JSON, OF_BLOBS, OF_ALL],
    },
];

fn of_database(names: &Names<'_>, page: &str) -> Target {
    Target::DatabasePage {
        database: names.decoded(0),
        page: page.to_owned(),
    }
}

fn of_table(names: &Names<'_>, page: &str) -> Target {
    Target::TablePage {
        database: names.decoded(0),
        table: names.decoded(1),
        page: page.to_owned(),
    }
}
