//! Pictures of arrays: what they tell is held against the rows of the same tables, what they refuse says what would be
//! right, and nothing that a file claims makes them slow.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::made::Folder;
use crate::program::{Program, tilde};

/// Files of odd kinds, and one of arrays.
fn made(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors/hdf5/tests/made");
    let path: PathBuf = folder.join(name);
    path.display().to_string()
}

fn served() -> Program {
    Program::serve(&[made("pictures.h5")])
}

/// Where an array's elements are in the rows of its table.
struct Elements {
    rows: Vec<Value>,
    /// The dimension that the rows go by.
    main: usize,
}

impl Elements {
    /// The element at a place as a number; `None` if it is missing.
    fn at(&self, place: &[usize]) -> Option<f64> {
        let mut cell = &self.rows[place[self.main]];
        for (dimension, step) in place.iter().enumerate() {
            if dimension != self.main {
                cell = &cell[*step];
            }
        }
        match cell {
            Value::Bool(boolean) => Some(f64::from(u8::from(*boolean))),
            cell => cell.as_f64(),
        }
    }
}

/// Every place within these ranges.
fn places(ranges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new()];
    for &(start, end) in ranges {
        let longer = |place: &Vec<usize>| {
            let steps = start..end;
            steps
                .map(|step| [place.as_slice(), &[step]].concat())
                .collect::<Vec<_>>()
        };
        places = places.iter().flat_map(longer).collect();
    }
    places
}

/// Whether two numbers are the same but for the last digits of single precision.
fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}

/// Holds each bin of a picture against the elements that it says it holds.
fn check(told: &Value, elements: &Elements, missing: &[f64], address: &str) {
    let dimensions = told["dimensions"].as_array().expect("dimensions");
    let edges = |dimension: &Value| -> Vec<usize> {
        serde_json::from_value(dimension["edges"].clone()).expect("edges")
    };
    let all: Vec<Vec<usize>> = dimensions.iter().map(edges).collect();
    let at = |name: &Value| {
        dimensions
            .iter()
            .position(|dimension| dimension["name"] == *name)
    };
    let (x, y) = (at(&told["x"]).expect("x"), at(&told["y"]));
    let bins = |at: usize| all[at].len() - 1;
    let mut read = 0;
    for row in 0..y.map_or(1, bins) {
        for column in 0..bins(x) {
            let range = |(at, edges): (usize, &Vec<usize>)| match at {
                at if at == x => (edges[column], edges[column + 1]),
                at if Some(at) == y => (edges[row], edges[row + 1]),
                _ => (edges[0], edges[1]),
            };
            let ranges: Vec<(usize, usize)> = all.iter().enumerate().map(range).collect();
            let places = places(&ranges);
            read += places.len();
            let numbers = places.iter().filter_map(|place| elements.at(place));
            let numbers: Vec<f64> = numbers.filter(|number| !missing.contains(number)).collect();
            let told = |name: &str| {
                let values = &told[name];
                let value = if y.is_some() {
                    &values[row][column]
                } else {
                    &values[column]
                };
                value.as_f64()
            };
            if numbers.is_empty() {
                assert_eq!(told("values"), None, "{address} {ranges:?}");
                continue;
            }
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (name, expected) in [("values", mean), ("minima", least), ("maxima", most)] {
                let value = told(name).unwrap_or(f64::NAN);
                let is_right =
                    is_near(value, expected) || (expected.abs() < 1e-9 && value.abs() < 1e-9);
                assert!(
                    is_right,
                    "{address} {ranges:?}: {name} {value}, not {expected}"
                );
            }
        }
    }
    assert_eq!(told["read"], json!(read), "{address}");
    assert_eq!(told["elements"], json!(read), "{address}");
    assert_eq!(told["sampled"], false, "{address}");
}

/// The elements of a table that is an array, and the lengths of its dimensions.
fn elements(program: &Program, table: &str, told: &Value) -> (Elements, Vec<usize>) {
    let dimensions = told["dimensions"].as_array().expect("dimensions");
    let length = |dimension: &Value| dimension["length"].as_u64().expect("a length") as usize;
    let lengths: Vec<usize> = dimensions.iter().map(length).collect();
    let rows = program.json(&format!("{table}.json?_shape=arrays&_size=max&_nocount=1"));
    let rows = rows["rows"].as_array().expect("rows").iter();
    let rows: Vec<Value> = rows.map(|row| row[1].clone()).collect();
    let main = lengths.iter().position(|length| *length == rows.len());
    (
        Elements {
            main: main.expect("rows go by a dimension"),
            rows,
        },
        lengths,
    )
}

#[test]
fn every_bin_of_a_picture_is_what_the_rows_say() {
    let files = [
        "pictures.h5",
        "types.h5",
        "pytables.h5",
        "indexes_latest.h5",
        "indexes_earliest.h5",
        "filters.h5",
        "kit.h5",
    ];
    let program = Program::serve(&files.map(made));
    let mut pictures = 0;
    for file in files {
        let database = file.trim_end_matches(".h5");
        let tables = program.json(&format!("/{database}.json"));
        for table in tables["tables"].as_array().expect("tables") {
            let name = table["name"].as_str().expect("a name");
            let table = format!("/{database}/{}", tilde(name));
            let address = format!("{table}/-/picture.json?_spread=on");
            let answer = program.get(&address);
            if answer.status != 200 {
                let refused = [404, 422, 400, 500].contains(&answer.status);
                assert!(refused, "{address}: {}", answer.status);
                continue;
            }
            let told = answer.json();
            let (elements, lengths) = elements(&program, &table, &told);
            let missing: &[f64] = match name {
                "marked" => &[-9.0],
                "named" => &[99.0],
                "sparse" => &[-7.0],
                _ => &[],
            };
            check(&told, &elements, missing, &address);
            let dimensions = told["dimensions"].as_array().expect("dimensions").iter();
            let names: Vec<&str> = dimensions.filter_map(|it| it["name"].as_str()).collect();
            let last = names.iter().zip(&lengths);
            let last: String = last.fold(String::new(), |all, (name, length)| {
                format!("{all}&{name}={}", length - 1)
            });
            let first = names[0];
            for query in [
                "_bins=2",
                "_bins=3&_y=",
                &format!("_x={first}&_bins=7"),
                &format!("_x={first}&_y={last}"),
                &format!("{first}=1:&_bins=5"),
            ] {
                let is_short = lengths[0] < 2 && query.contains("=1:");
                if is_short {
                    continue;
                }
                let address = format!("{address}&{query}");
                check(&program.json(&address), &elements, missing, &address);
                pictures += 1;
            }
        }
    }
    assert!(pictures > 100, "{pictures}");
}

#[test]
fn a_picture_tells_its_unit_and_what_is_missing() {
    let program = served();
    for (address, member, wanted) in [
        ("line/-/picture.json", "unit", json!("m")),
        ("line/-/picture.json", "missing", json!(3)),
        ("line/-/picture.json", "y", json!(null)),
        ("line/-/picture.json", "minima", json!(null)),
        ("heat/-/picture.json", "unit", json!("counts")),
        ("heat/-/picture.json", "x", json!("dim_1")),
        ("cube/-/picture.json?dim_0=2", "max", json!(59.375)),
        ("cube/-/picture.json?dim_0=5", "max", json!(0.0)),
        (
            "cube/-/picture.json?dim_0=0:6&_bins=1",
            "elements",
            json!(3600),
        ),
        (
            "marked/-/picture.json",
            "values",
            json!([1.0, null, 3.0, null, 5.0]),
        ),
        (
            "named/-/picture.json",
            "values",
            json!([[1.0, null], [null, 4.0]]),
        ),
        ("nothing/-/picture.json", "min", json!(null)),
        ("nothing/-/picture.json", "missing", json!(20)),
        (
            "pairs/-/picture.json?_x=dim_0&_y=dim_1&dim_0=1:3",
            "values",
            json!([[3.0, 6.0], [4.0, 7.0], [5.0, 8.0]]),
        ),
    ] {
        let told = program.json(&format!("/pictures/{address}"));
        assert_eq!(told[member], wanted, "{address}");
    }
}

#[test]
fn dimensions_are_called_what_the_file_calls_them() {
    let program = Program::serve(&[made("pictures.h5"), made("maps.nc")]);
    for (table, wanted) in [
        ("pictures/cube", ["dim_0", "dim_1", "dim_2"]),
        // What has no name, or the name of another, is counted.
        ("pictures/labelled", ["frame", "dim_1", "dim_2"]),
        ("maps/heat", ["time", "lat", "lon"]),
    ] {
        let told = program.json(&format!("/{table}/-/picture.json"));
        let dimensions = told["dimensions"].as_array().expect("dimensions");
        let names: Vec<&Value> = dimensions.iter().map(|it| &it["name"]).collect();
        assert_eq!(names, wanted, "{table}");
        let first = wanted[0];
        let answer = program.get(&format!("/{table}/-/picture.json?{first}=99"));
        let said = answer.json()["error"].to_string();
        assert!(answer.status == 400 && said.contains(first), "{said}");
    }
}

/// What is refused, with its status and what is said.
const REFUSED: &[(&str, u16, &str)] = &[
    (
        "d/notes/-/picture.json",
        404,
        "There is no picture of notes",
    ),
    (
        "pictures/texts/-/picture.json",
        404,
        "There is no picture of texts",
    ),
    (
        "pictures/one/-/picture.json",
        404,
        "There is no picture of one",
    ),
    ("pictures/none/-/picture.json", 404, "Table not found"),
    (
        "pictures/cube/-/picture.json?dim_0=6",
        400,
        "dim_0 has 6 steps, and 6 is not one of them",
    ),
    (
        "pictures/cube/-/picture.json?dim_0=-1",
        400,
        "dim_0=-1 is neither a step nor a range",
    ),
    (
        "pictures/cube/-/picture.json?dim_0=first",
        400,
        "dim_0=first is neither a step nor a range",
    ),
    (
        "pictures/cube/-/picture.json?dim_1=5:3",
        400,
        "5:3 is not a range",
    ),
    (
        "pictures/cube/-/picture.json?dim_1=0:21",
        400,
        "0:21 is not a range",
    ),
    (
        "pictures/cube/-/picture.json?dim_3=0",
        400,
        "There is no dimension \"dim_3\"",
    ),
    (
        "pictures/cube/-/picture.json?_x=time",
        400,
        "There is no dimension \"time\"",
    ),
    (
        "pictures/cube/-/picture.json?_y=time",
        400,
        "There is no dimension \"time\"",
    ),
    (
        "pictures/cube/-/picture.json?_x=dim_1&_y=dim_1",
        400,
        "_x and _y name the same",
    ),
    (
        "pictures/cube/-/picture.json?_bins=0",
        400,
        "_bins must be a number from 1 to 1000",
    ),
    (
        "pictures/cube/-/picture.json?_bins=1001",
        400,
        "_bins must be a number from 1 to 1000",
    ),
    (
        "pictures/line/-/picture.json?_bins=10001",
        400,
        "_bins must be a number from 1 to 10000",
    ),
    (
        "pictures/cube/-/picture.json?_bins=many",
        400,
        "_bins must be a number",
    ),
    (
        "pictures/cube/-/picture.json?_column=valeu",
        400,
        "There is no picture of a column \"valeu\"",
    ),
    (
        "pictures/cube/-/picture.json?_timelimit=soon",
        400,
        "_timelimit must be a number",
    ),
    ("pictures/cube/-/picture.csv", 404, "no such format"),
    ("pictures/cube.svg", 404, "no such format"),
    (
        "pictures/cube/-/profile.svg?_column=value",
        404,
        "no such format",
    ),
];

#[test]
fn what_cannot_be_drawn_is_told_what_would_be_right() {
    let folder = Folder::new();
    let program = Program::serve(&[made("pictures.h5"), folder.notes("d.db")]);
    for &(address, status, said) in REFUSED {
        let answer = program.get(&format!("/{address}"));
        assert_eq!(answer.status, status, "{address}: {}", answer.text());
        let text = if address.contains(".json") {
            answer.json()["error"].as_str().expect(address).to_owned()
        } else {
            answer.text()
        };
        assert!(text.contains(said), "{address}: {text}");
    }
    let answer = program.get("/pictures/cube/-/picture.json?_column=valeu");
    assert_eq!(
        answer.header("tablecast-hint").as_deref(),
        Some("Did you mean value?")
    );
}

#[test]
fn a_picture_is_drawn_without_a_script() {
    let program = served();
    let page = program.get("/pictures/cube/-/picture?dim_0=2").page();
    for part in [
        "role=\"img\" aria-label=\"Heat map of cube over dim_2 and dim_1, at dim_0 2; from 0 to 59.375\"",
        "href=\"data:image/png;base64,iVBOR",
        "type=\"range\" name=\"dim_0\" min=\"0\" max=\"5\" value=\"2\"",
        "href=\"/pictures/cube/-/picture?dim_0=1\"",
        "href=\"/pictures/cube/-/picture?dim_0=3\"",
        "0 to 59.375 · 600 elements",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let svg = program.get("/pictures/odd+~3C~26~22name/-/picture.svg");
    assert_eq!(svg.header("content-type").as_deref(), Some("image/svg+xml"));
    assert!(svg.text().starts_with("<svg xmlns="), "{}", svg.text());
    assert!(
        svg.text().contains("odd &lt;&amp;&#34;name"),
        "{}",
        svg.text()
    );
    let narrow = program.get("/pictures/heat/-/picture.svg?_narrow=1").text();
    assert!(narrow.contains("viewBox=\"0 0 360 "), "{narrow}");
    // The table's page asks for the picture by itself, open where nobody looks for rows.
    let table = program.get("/pictures/heat").page();
    assert!(
        table.contains("<details class=\"drawn\" open data-picture=\"/pictures/heat/-/picture\""),
        "{table}"
    );
    let table = program.get("/pictures/heat?rowid__gt=3").page();
    assert!(
        table.contains("<details class=\"drawn\" data-picture="),
        "{table}"
    );
    assert!(
        !program
            .get("/pictures/texts")
            .text()
            .contains("data-picture")
    );
}

#[test]
fn the_page_of_an_array_does_not_read_rows_that_are_too_large_for_it() {
    let program = served();
    let page = program.get("/pictures/wide").page();
    for part in [
        "Each row is too large for a page: the picture shows them. _size=1 reads one.",
        "<strong>3</strong> rows",
        "data-picture=\"/pictures/wide/-/picture\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("No rows"), "{page}");
    let page = program.get("/pictures/wide?_size=1").page();
    assert!(
        page.contains("rel=\"next\"") && page.contains("[[0.0"),
        "{page}"
    );
    // Programs get what they ask for.
    let rows = program.json("/pictures/wide.json?_shape=array&_size=1");
    assert_eq!(rows[0]["value"][599].as_array().map(Vec::len), Some(600));
}

#[test]
fn what_a_file_claims_makes_no_picture_slow() {
    let program = Program::serve(&[made("huge.h5")]);
    let tables = program.json("/huge.json");
    for table in tables["tables"].as_array().expect("tables") {
        let name = tilde(table["name"].as_str().expect("a name"));
        for query in ["", "?_y=", "?_x=dim_0&_bins=1000"] {
            let started = Instant::now();
            let answer = program.get(&format!("/huge/{name}/-/picture.json{query}"));
            assert!(started.elapsed() < Duration::from_secs(5), "{name}{query}");
            assert!(
                [200, 400, 404, 500].contains(&answer.status),
                "{name}{query}: {}",
                answer.status
            );
        }
    }
    assert!(program.peak_megabytes() < 512);
}

#[test]
fn a_map_shows_the_decoded_cells_of_a_slice() {
    let program = Program::serve(&[made("maps.nc")]);
    let address = "/maps/time_lat_lon_grid";
    for time in 0..4 {
        for column in ["heat", "rain"] {
            let told = program.json(&format!(
                "{address}/-/picture.json?time={time}&_column={column}"
            ));
            assert_eq!(told["x"], "lon");
            assert_eq!(told["y"], "lat");
            let kinds: Vec<&Value> = told["dimensions"]
                .as_array()
                .expect("dimensions")
                .iter()
                .map(|it| &it["kind"])
                .collect();
            assert_eq!(kinds, ["coordinate", "latitude", "longitude"]);
            let day = told["dimensions"][0]["coordinates"][0]
                .as_str()
                .expect("a moment");
            let rows = program.json(&format!(
                "{address}.json?_shape=arrays&_size=max&time={day}&_col=lat&_col=lon&_col={column}"
            ));
            let rows = rows["rows"].as_array().expect("rows");
            assert_eq!(rows.len(), 48);
            for (place, row) in rows.iter().enumerate() {
                let (lat, lon) = (place / 8, place % 8);
                let cell = row.as_array().expect("a row");
                let [.., latitude, longitude, value] = cell.as_slice() else {
                    panic!("{row}");
                };
                assert_eq!(&told["dimensions"][1]["coordinates"][lat], latitude);
                assert_eq!(&told["dimensions"][2]["coordinates"][lon], longitude);
                assert_eq!(
                    &told["values"][lat][lon], value,
                    "{column} at {day} {latitude} {longitude}"
                );
            }
        }
    }
    // North is at the top, in the order of the file or not.
    let page = program.get(&format!("{address}/-/picture?time=1")).page();
    for part in [
        "Map of heat over lon and lat, at time 2001-02-01",
        "data-turned=\"0 0\"",
        ">60°N</text>",
        ">90°E</text>",
        "<option selected>heat</option><option>rain</option>",
        "class=\"grid\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The raw variable holds packed numbers, which are no kelvins.
    assert_eq!(
        program.json("/maps/heat/-/picture.json")["unit"],
        Value::Null
    );
    assert_eq!(
        program.json(&format!("{address}/-/picture.json"))["unit"],
        "K"
    );
    // One of the variables ends earlier than its dimension.
    let told = program.json(&format!("{address}/-/picture.json?time=3&_column=rain"));
    assert_eq!(told["missing"], 48);
    assert_eq!(told["sampled"], false);
    let error = program
        .get(&format!("{address}/-/picture.json?_column=time"))
        .json();
    assert_eq!(error["error"], "There is no picture of a column \"time\"");
}
