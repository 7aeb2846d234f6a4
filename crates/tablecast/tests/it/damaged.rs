//! Files that are damaged inside, or that claim more than there is: what can be read is answered, the rest is an error
//! that says what is wrong, and the program goes on.

use std::path::Path;

use crate::made::{Folder, climate};
use crate::program::{Program, tilde};

#[test]
fn a_file_with_a_few_bytes_changed_never_stops_the_program() {
    let folder = Folder::new();
    let whole = climate();
    let mut files = vec![folder.notes("good.db")];
    let step = whole.len() / 80;
    for (number, at) in (0..whole.len()).step_by(step).enumerate() {
        let mut changed = whole.clone();
        for byte in changed.iter_mut().skip(at).take(3) {
            *byte ^= 0x5a;
        }
        files.push(folder.write(&format!("changed{number}.h5"), &changed));
    }
    let program = Program::serve(&files);
    let databases = program.json("/-/databases.json");
    let (mut read, mut failed) = (0, 0);
    for database in databases["databases"].as_array().into_iter().flatten() {
        let name = database["name"].as_str().expect("a name");
        let listed = program.get(&format!("/{name}.json"));
        if listed.status != 200 {
            assert!(listed.text().contains(name), "{name}: {}", listed.text());
            continue;
        }
        for table in listed.json()["tables"].as_array().into_iter().flatten() {
            let path = format!("/{name}/{}", tilde(table["name"].as_str().expect("a name")));
            for rest in [
                ".json?_size=max",
                ".csv?_stream=on",
                "",
                "/0.json",
                "/-/picture.json",
            ] {
                let answer = program.get(&format!("{path}{rest}"));
                match answer.status {
                    200 | 404 => read += 1,
                    400 | 500 => {
                        failed += 1;
                        // An error with a number is one of ours: nothing in a file may lead to it.
                        let text = answer.text();
                        assert!(!text.contains("The server failed"), "{path}{rest}: {text}");
                    }
                    status => panic!("{path}{rest}: {status}"),
                }
            }
        }
    }
    assert!(read > 100 && failed > 0, "{read} answers, {failed} errors");
    assert_eq!(program.get("/good/notes.json").status, 200);
    // The home page lists them all.
    assert_eq!(program.get("/").status, 200);
}

#[test]
fn a_dataset_that_claims_more_rows_than_there_can_be_is_answered_in_small_memory() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors/hdf5/tests/made/huge.h5");
    let program = Program::serve(&[file]);
    let listed = program.json("/huge.json");
    let tables = listed["tables"].as_array().expect("tables");
    assert!(!tables.is_empty());
    for table in tables {
        let path = format!("/huge/{}", tilde(table["name"].as_str().expect("a name")));
        for rest in [
            ".json?_timelimit=500",
            ".json?_size=max&_timelimit=500",
            ".json?_sort_desc=rowid&_timelimit=500",
            ".json?rowid__gt=1000000000000&_timelimit=500",
            ".json?_facet=rowid&_timelimit=500",
            "?_timelimit=500",
            "/1000000000000000.json?_timelimit=500",
        ] {
            let answer = program.get(&format!("{path}{rest}"));
            let text = answer.text();
            assert!(
                matches!(answer.status, 200 | 400 | 404 | 500),
                "{path}{rest}: {text}"
            );
            assert!(!text.contains("The server failed"), "{path}{rest}: {text}");
        }
    }
    let peak = program.peak_megabytes();
    assert!(peak < 500, "{peak} MB");
}

#[test]
fn a_stream_that_fails_in_the_middle_says_so_in_its_last_line() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table many as with recursive n(x) as
         (select 1 union all select x + 1 from n limit 300000) select x, hex(zeroblob(20)) as text from n;",
    );
    let mut bytes = std::fs::read(&file).expect("bytes");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes
        .iter_mut()
        .skip(middle)
        .take(40_960)
        .for_each(|byte| *byte = 0xa5);
    folder.write("d.db", &bytes);
    let program = Program::serve(&[file]);
    let stream = program.get("/d/many.csv?_stream=on");
    assert_eq!(stream.status, 200);
    let text = stream.text();
    assert!(
        text.lines().count() > 10_000,
        "{} lines",
        text.lines().count()
    );
    let last = text.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("Error: ") && last.contains("d.db"),
        "{last}"
    );
    let lines = program.get("/d/many.ndjson").text();
    assert!(lines.lines().count() > 10_000);
    let last: serde_json::Value =
        serde_json::from_str(lines.lines().last().unwrap_or_default()).expect("JSON");
    assert_eq!((&last["ok"], &last["status"]), (&false.into(), &500.into()));
    assert!(
        last["error"]
            .as_str()
            .is_some_and(|error| error.contains("d.db"))
    );
    // These are read to their end before anything is answered.
    for format in ["parquet", "arrow", "xlsx"] {
        let answer = program.get(&format!("/d/many.{format}"));
        assert_eq!(answer.status, 500, "{format}");
        assert!(
            answer.json()["error"]
                .as_str()
                .is_some_and(|error| error.contains("d.db"))
        );
    }
    assert_eq!(program.get("/d/many.json").status, 200);
}
