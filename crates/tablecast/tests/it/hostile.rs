//! Hostile values: whatever stands in an argument, a filter or a path, the answer is one that the program's own
//! description names, in its type and form. What is asked is made from that description, so that a new address or
//! argument is asked here without being named.

use std::fmt::Write as _;

use serde_json::Value;

use crate::made::{Folder, climate};
use crate::program::{Answer, Program, percent, tilde};

/// Values that mean something to a parser of numbers, SQL, JSON, searches, HTML or paths.
const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "1.5",
    "max",
    "on",
    "NaN",
    "-inf",
    "1e999",
    "0x10",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "340282366920938463463374607431768211456",
    "\0",
    "a\0b",
    "\u{feff}",
    "\u{202e}\u{1f600}",
    "\u{ffff}",
    "\r\nX-Injected: 1",
    "'",
    "\"",
    "';--",
    "(",
    "1 /*",
    "id=1) or (1",
    "abs(-9223372036854775808)",
    "count(*)",
    "row_number() over ()",
    "?1",
    "a* NEAR",
    "\"a\" OR",
    "[",
    "[1,\"a\",null,[1],{}]",
    "{\"table\":1}",
    "{\"table\":\"notes\",\"column\":\"author\",\"value\":{}}",
    "9999-99-99",
    "<script>",
    "{{ 1 }}",
    "..",
    "/",
    "~",
    "rowid",
    "id",
    "text",
    "data",
    "*,,*",
];

/// What is no encoding of anything, or of no text.
const SEQUENCES: &[&str] = &[
    "%",
    "%0",
    "%zz",
    "%00",
    "%FF%FE",
    "%C0%80",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%u0041",
    "%5C",
    "~",
    "~0",
    "~ZZ",
    "~FF~FE",
    "~00",
    "~C0~80",
    "~ED~A0~80",
    "+",
    ";",
    "=",
    ",",
    ",,",
    "%2C",
    ".",
    "..",
    "-",
];

/// What is long or deep, by its name.
fn large() -> Vec<String> {
    vec![
        "9".repeat(400),
        "x".repeat(3000),
        "1,".repeat(1000),
        "[".repeat(5000),
        "{\"a\":".repeat(2000),
        "(".repeat(3000),
        "NOT ".repeat(2000),
        "%".repeat(3000),
        "\u{1f600}".repeat(500),
    ]
}

/// The SHA-256 of `x'00ff'`.
const DIGEST: &str = "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8";

/// The program with a file of each kind, what it says of itself, and what is wrong with its answers.
struct Asked {
    program: Program,
    paths: serde_json::Map<String, Value>,
    /// A database, a table and a key of each file.
    places: Vec<[String; 3]>,
    count: usize,
    wrong: String,
}

impl Asked {
    fn new(folder: &Folder) -> Self {
        let (notes, climate) = (folder.notes("d.db"), folder.write("weather.h5", &climate()));
        let limit = ["--setting", "sql_time_limit_ms", "500"];
        let program = Program::serve(&[limit[0], limit[1], limit[2], &notes, &climate]);
        let described = program.json("/-/openapi.json");
        let table = program.json("/weather.json")["tables"][0]["name"].clone();
        let table = tilde(table.as_str().expect("a table"));
        Self {
            paths: described["paths"].as_object().expect("addresses").clone(),
            places: vec![
                ["d", "notes", "1"].map(str::to_owned),
                ["weather".to_owned(), table, "1".to_owned()],
            ],
            program,
            count: 0,
            wrong: String::new(),
        }
    }

    /// Asks an address that is described as `path`.
    fn ask(&mut self, path: &str, address: &str) {
        let Some(answer) = Answer::read(self.program.send("GET", address, "")) else {
            self.note(address, "no answer");
            return;
        };
        self.count += 1;
        let status = answer.status.to_string();
        let nothing = Value::Null;
        let responses = &self.paths.get(path).unwrap_or(&nothing)["get"]["responses"];
        let Some(described) = responses.get(&status) else {
            self.note(address, &format!("{status}: {}", answer.text()));
            return;
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let kinds = described["content"].as_object();
        if kinds.is_some_and(|kinds| !kinds.contains_key(kind)) {
            self.note(address, &format!("{status} as {kind:?}"));
        }
        if kind == "application/json" && status != "302" {
            let is_read = serde_json::from_slice::<Value>(&answer.body);
            // Infinities are no JSON; who asks for them gets them.
            let is_excused = address.contains("_json_infinity");
            match is_read {
                Ok(json) if answer.status >= 400 && !is_error(&json, answer.status) => {
                    self.note(address, &format!("not the envelope of errors: {json}"));
                }
                Err(error) if !is_excused => self.note(address, &format!("no JSON: {error}")),
                _ => {}
            }
        }
        if answer.header("x-injected").is_some() {
            self.note(address, "a header out of a value");
        }
    }

    fn note(&mut self, address: &str, what: &str) {
        let shown: String = address.chars().take(200).collect();
        let what: String = what.chars().take(300).collect();
        let _ = writeln!(self.wrong, "{shown}\n    {what}");
    }

    fn finish(self, least: usize) {
        assert!(self.count > least, "only {} requests", self.count);
        assert!(self.wrong.is_empty(), "{}", self.wrong);
        assert_eq!(self.program.get("/d/notes.json").status, 200);
    }
}

fn is_error(json: &Value, status: u16) -> bool {
    json["ok"] == false
        && json["status"] == status
        && json["error"].as_str().is_some_and(|text| !text.is_empty())
}

/// `path` with a database, a table and a key for its names.
fn filled(path: &str, [database, table, key]: &[String; 3]) -> String {
    path.replace("{database}", database)
        .replace("{table}", table)
        .replace("{key}", key)
}

/// The format of a path.
fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// What an address needs so that the argument at hand is looked at.
fn needed(path: &str, argument: &str) -> &'static str {
    match argument {
        "sql" => "",
        _ if path.contains("/-/query") => "sql=select+x'00ff'+as+data&",
        "_blob_column" | "_column" => "",
        _ if path.contains("/-/profile") => "_column=text&",
        _ if ending(path) == "blob" => "_blob_column=data&",
        _ => "",
    }
}

fn arguments(described: &Value) -> Vec<String> {
    let parameters = described["get"]["parameters"].as_array();
    let of_query = parameters
        .into_iter()
        .flatten()
        .filter(|it| it["in"] == "query" && it["name"] != "filters");
    of_query
        .filter_map(|it| Some(it["name"].as_str()?.to_owned()))
        .collect()
}

/// All values, as they stand in a query string.
fn values() -> Vec<String> {
    let mut values: Vec<String> = VALUES.iter().map(|value| percent(value)).collect();
    values.extend(SEQUENCES.iter().map(|sequence| (*sequence).to_owned()));
    values.extend(large().iter().map(|value| percent(value)));
    values
}

/// JSON of the first file is asked everything. Other formats and files have the same arguments behind them: each of
/// theirs gets a few of the values, but not the same few.
fn step(path: &str, file: usize) -> usize {
    match (ending(path) == "json", file) {
        (true, 0) => 1,
        (true, _) => 6,
        _ => 17,
    }
}

#[test]
fn an_answer_that_differs_from_its_description_is_noted() {
    let folder = Folder::new();
    let mut asked = Asked::new(&folder);
    let path = "/{database}.json";
    asked.ask(path, "/d.json");
    assert!(asked.wrong.is_empty(), "{}", asked.wrong);
    for (address, wrong) in [
        ("/d/notes.csv", "200 as \"text/plain\""),
        ("/nope.csv", "404 as \"text/plain\""),
    ] {
        asked.wrong.clear();
        asked.ask(path, address);
        assert!(asked.wrong.contains(wrong), "{}", asked.wrong);
    }
    asked.paths = serde_json::Map::new();
    asked.ask(path, "/d.json");
    assert!(asked.wrong.contains("    200: {"), "{}", asked.wrong);
}

#[test]
fn every_described_address_is_served() {
    let folder = Folder::new();
    let asked = Asked::new(&folder);
    let place = ["d", "notes", "1"].map(str::to_owned);
    for path in asked.paths.keys() {
        let address = filled(path, &place);
        // A column of an answer is named with the digest of its bytes.
        let blob = if path == "/{database}/-/query.blob" {
            format!("_blob_column=data&_blob_hash={DIGEST}")
        } else {
            String::new()
        };
        let needed = needed(path, "");
        let answer = asked.program.get(&format!("{address}?{needed}{blob}"));
        // Only configured queries have a definition, and this site has none. Nor has it an array to draw.
        let served = if path.contains("/-/definition") || path.contains("/-/picture") {
            404
        } else {
            200
        };
        assert_eq!(answer.status, served, "{address}: {}", answer.text());
    }
}

#[test]
fn hostile_values_of_arguments_are_answered_as_described() {
    let folder = Folder::new();
    let mut asked = Asked::new(&folder);
    let (paths, all) = (asked.paths.clone(), values());
    for (path, described) in &paths {
        for (file, place) in asked.places.clone().iter().enumerate() {
            let address = filled(path, place);
            if file > 0 && address == *path {
                continue;
            }
            for (number, argument) in arguments(described).iter().enumerate() {
                let needed = needed(path, argument);
                let step = step(path, file);
                for value in all.iter().skip(number % step).step_by(step) {
                    asked.ask(path, &format!("{address}?{needed}{argument}={value}"));
                }
                if ending(path) != "json" {
                    continue;
                }
                let many: String = (0..300).fold(needed.to_owned(), |mut all, number| {
                    let _ = write!(all, "{argument}={number}&");
                    all
                });
                asked.ask(path, &format!("{address}?{many}"));
            }
        }
    }
    asked.finish(5000);
}

#[test]
fn hostile_filters_are_answered_as_described() {
    let folder = Folder::new();
    let mut asked = Asked::new(&folder);
    let mut operators: Vec<&str> = tablecast_connector::OPERATORS
        .iter()
        .map(|(name, _)| *name)
        .collect();
    operators.push("nope");
    let (path, all) = ("/{database}/{table}.json", values());
    for place in asked.places.clone() {
        let address = filled(path, &place);
        let columns = asked.program.json(&format!("{address}?_extra=columns"))["columns"].clone();
        let columns: Vec<Value> = columns.as_array().expect("columns").clone();
        let columns = columns.iter().filter_map(Value::as_str);
        for (number, column) in columns.chain(["rowid", "", "_"]).enumerate() {
            for (place, operator) in operators.iter().enumerate() {
                for value in all.iter().skip((number + place) % 9).step_by(9) {
                    let filter = format!("{}__{operator}={value}", percent(column));
                    asked.ask(path, &format!("{address}?_size=1&{filter}"));
                }
            }
        }
    }
    asked.finish(2000);
}

#[test]
fn hostile_names_in_paths_are_answered_as_described() {
    let folder = Folder::new();
    let mut asked = Asked::new(&folder);
    let mut names: Vec<String> = VALUES.iter().map(|value| tilde(value)).collect();
    names.extend(SEQUENCES.iter().map(|sequence| (*sequence).to_owned()));
    names.extend(large().iter().map(|value| tilde(value)));
    let paths = asked.paths.clone();
    for path in paths.keys() {
        for (place, name) in names.iter().enumerate() {
            // Nothing between two slashes is another address, and so are a dash and what looks like a format.
            if name.is_empty() || name == "-" || name.starts_with('.') {
                continue;
            }
            for part in 0..3 {
                let mut parts = asked.places[place % 2].clone();
                parts[part].clone_from(name);
                let address = filled(path, &parts);
                if address.contains(name.as_str()) {
                    asked.ask(path, &address);
                }
            }
        }
    }
    asked.finish(1000);
}
