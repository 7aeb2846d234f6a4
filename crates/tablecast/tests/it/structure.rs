//! What is told of a container beside its rows: groups, how tables are stored, and what their attributes say, which the
//! jump menu finds.

use serde_json::json;

use crate::made::{Folder, climate};
use crate::program::Program;

fn served(folder: &Folder, more: &[&str]) -> Program {
    let notes = folder.notes("notes.db");
    let hdf5 = folder.write("climate.h5", &climate());
    let mut arguments = vec![notes.as_str(), &hdf5];
    arguments.extend(more);
    Program::serve(&arguments)
}

#[test]
fn a_database_tells_its_groups_and_how_its_tables_are_stored() {
    let folder = Folder::new();
    let program = served(&folder, &[]);
    let told = program.json("/climate.json");
    assert_eq!(
        told["groups"],
        json!([{"path": "", "title": "Two long records of the climate"}])
    );
    let stored = &told["tables"][0]["storage"];
    assert_eq!(stored["shape"], json!([2284]));
    assert_eq!(stored["element"], "compound");
    assert_eq!(stored["filters"], json!(["blosc"]));
    assert_eq!(
        (&stored["bytes"], &stored["stored_bytes"]),
        (&json!(36_544), &json!(8125))
    );
    let page = program.get("/climate").text();
    for words in [
        "Two long records of the climate",
        "pacific/ <span class=\"soft\">2 tables · 5.4 kB",
        "float32 · 61 × 12 · chunks 1,365 × 12 · blosc · 2.9 kB in 2.6 kB (1.1 : 1)",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_container_without_groups_answers_as_before() {
    let folder = Folder::new();
    let program = served(&folder, &[]);
    let told = program.json("/notes.json");
    assert!(told.get("groups").is_none() && told["tables"][0].get("storage").is_none());
}

#[test]
fn the_jump_menu_finds_what_attributes_say() {
    let folder = Folder::new();
    let program = served(&folder, &[]);
    for (words, description) in [
        ("ppm", "units: ppm"),
        ("units+PPM", "units: ppm"),
        (
            "dioxide+weekly",
            "title: Carbon dioxide at Mauna Loa, weekly",
        ),
        ("two+long", "title: Two long records of the climate"),
    ] {
        let found = program.json(&format!("/-/jump.json?q={words}"));
        assert_eq!(
            found["matches"],
            json!([{
                "name": "climate: mauna_loa/co2",
                "url": "/climate/mauna_loa~2Fco2",
                "type": "table",
                "description": description,
            }]),
            "{words}"
        );
    }
    // A table is found once, and by its name first.
    let found = program.json("/-/jump.json?q=mauna");
    assert_eq!(found["matches"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["matches"][0]["description"], json!(null));
    assert_eq!(
        program.json("/-/jump.json?q=nothing_like_it")["matches"],
        json!([])
    );
}

#[test]
fn what_is_said_of_a_hidden_table_is_not_found() {
    let folder = Folder::new();
    let rules = r#"{"databases": {"climate": {"tables": {"mauna_loa/co2": {"allow": false}}}}}"#;
    let rules = folder.write("rules.json", rules.as_bytes());
    let program = served(&folder, &["-c", &rules]);
    for words in ["ppm", "dioxide"] {
        let found = program.json(&format!("/-/jump.json?q={words}"));
        assert_eq!(found["matches"], json!([]), "{words}");
    }
}
