//! Who may read what: rules of the configuration hold on every page that could show what they hide.

use crate::made::{Folder, climate};
use crate::program::Program;

/// A database with a table that nobody may view, one that refers to it, and one that everybody may view.
fn database(folder: &Folder) -> String {
    folder.database(
        "d.db",
        "create table secret (id integer primary key, name text);
         insert into secret values (1, 'hush');
         create table open (id integer primary key, secret_id integer references secret (id), name text);
         insert into open values (1, 1, 'hello');
         create view both as select * from open;",
    )
}

fn served(folder: &Folder, configuration: &str) -> Program {
    let file = if folder.at("d.db").exists() {
        folder.text("d.db")
    } else {
        database(folder)
    };
    folder.write("c.yaml", configuration.as_bytes());
    Program::serve(&[file, "-c".to_owned(), folder.text("c.yaml")])
}

const HIDDEN: &str = "databases:\n  d:\n    tables:\n      secret: {allow: {id: root}}\n";

#[test]
fn a_hidden_table_is_on_no_page() {
    let folder = Folder::new();
    let program = served(&folder, HIDDEN);
    for path in [
        "/d/secret",
        "/d/secret.json",
        "/d/secret.csv",
        "/d/secret.csv?_stream=on",
        "/d/SECRET.json",
        "/d/secret/1.json",
        "/d/secret/-/schema.json",
        "/d/secret/-/autocomplete?q=1",
        "/d/secret/-/fragment",
        "/d/secret/-/profile.json?_column=name",
        "/d/secret/-/picture.json",
        "/d/secret/-/picture",
        "/d/secret/-/picture.svg",
        "/d/secret/-/profile?_column=name",
        "/d/open.json?_through={\"table\":\"secret\",\"column\":\"name\",\"value\":\"hush\"}",
    ] {
        let answer = program.get(
            &path
                .replace('"', "%22")
                .replace('{', "%7B")
                .replace('}', "%7D"),
        );
        let refused = matches!(answer.status, 400 | 403 | 404);
        assert!(
            refused && !answer.text().contains("hush"),
            "{path}: {}",
            answer.text()
        );
    }
    for path in [
        "/.json",
        "/",
        "/d.json",
        "/d",
        "/d/-/schema.json",
        "/-/schema.md",
        "/-/jump.json?q=secret",
    ] {
        let answer = program.get(path);
        let shown = answer
            .text()
            .replace("secret_id", "")
            .replace("references secret", "");
        let shown = shown.replace("\"other_table\":\"secret\"", "");
        assert!(
            answer.status == 200 && !shown.contains("secret"),
            "{path}: {shown}"
        );
    }
}

#[test]
fn labels_of_a_hidden_table_are_not_shown() {
    let folder = Folder::new();
    let program = served(&folder, HIDDEN);
    for path in [
        "/d/open",
        "/d/open/1",
        "/d/open.json?_labels=on",
        "/d/open.csv?_labels=on",
        "/d/open.json?_facet=secret_id",
    ] {
        assert!(!program.get(path).text().contains("hush"), "{path}");
    }
}

#[test]
fn a_hidden_table_that_sql_can_read_is_warned_of_at_the_start() {
    let folder = Folder::new();
    let program = served(&folder, HIDDEN);
    assert!(
        program
            .said()
            .contains("Warning: in d, not everybody may view secret, but SQL may")
    );
    let shut = served(
        &folder,
        &HIDDEN.replace("    tables:", "    allow_sql: false\n    tables:"),
    );
    assert!(!shut.said().contains("Warning"), "{}", shut.said());
}

#[test]
fn a_hidden_table_whose_rows_come_in_others_is_warned_of_at_the_start() {
    let folder = Folder::new();
    let climate = folder.write("climate.h5", &climate());
    let said = |rules: &str| {
        let rules = format!("databases: {{climate: {{allow_sql: false, {rules}}}}}");
        let configuration = folder.write("rules.yaml", rules.as_bytes());
        Program::serve(&[&climate, "-c", &configuration]).said()
    };
    let told = said("tables: {pacific/by_year: {allow: false}}");
    assert!(
        told.contains("may view pacific/by_year, but what is made of it may hold its rows"),
        "{told}"
    );
    for quiet in [
        "tables: {}",
        "permissions: {view-table: false}",
        "allow: false",
    ] {
        assert!(!said(quiet).contains("Warning"), "{quiet}: {}", said(quiet));
    }
}

#[test]
fn all_tables_that_sql_can_read_are_warned_of() {
    let folder = Folder::new();
    let program = served(
        &folder,
        "databases: {d: {permissions: {view-table: false}}}",
    );
    let told = program.said();
    assert!(
        told.contains("in d, not everybody may view its tables, but SQL may"),
        "{told}"
    );
}

#[test]
fn a_database_that_is_hidden_does_not_tell_its_tables() {
    let folder = Folder::new();
    let program = served(&folder, "databases: {d: {allow: false}}");
    for path in [
        "/d/open",
        "/d/nothing",
        "/d/open.json",
        "/d/nothing.json",
        "/d/nothing/1",
    ] {
        assert_eq!(program.get(path).status, 403, "{path}");
    }
}

#[test]
fn the_most_specific_rule_wins_and_a_refusal_outweighs_a_permission() {
    let folder = Folder::new();
    for (configuration, table, database, site) in [
        ("allow: false", 403, 403, 403),
        ("allow: {unauthenticated: true}", 200, 200, 200),
        ("allow: false\ndatabases: {d: {allow: true}}", 200, 200, 403),
        ("databases: {d: {allow: false}}", 403, 403, 200),
        (
            "databases: {d: {allow: false, tables: {open: {allow: true}}}}",
            200,
            403,
            200,
        ),
        (
            "databases: {d: {allow: true, permissions: {view-table: false}}}",
            403,
            200,
            200,
        ),
        ("permissions: {view-table: {id: [1, 2]}}", 403, 200, 200),
    ] {
        let program = served(&folder, configuration);
        let statuses = ["/d/open.json", "/d.json", "/.json"].map(|path| program.get(path).status);
        assert_eq!(statuses, [table, database, site], "{configuration}");
    }
}

#[test]
fn sql_needs_its_own_permission_and_that_of_the_database() {
    let folder = Folder::new();
    for configuration in [
        "allow_sql: false",
        "databases: {d: {allow_sql: {id: root}}}",
        "permissions: {execute-sql: false}",
        "databases: {d: {allow: false}}",
        "settings: {default_allow_sql: off}",
    ] {
        let program = served(&folder, configuration);
        for path in [
            "/d/-/query.json?sql=select+1",
            "/d/-/query",
            "/d.json?sql=select+1",
            "/d/open.json?_where=1",
        ] {
            let answer = program.get(path);
            let status = if answer.status == 302 {
                403
            } else {
                answer.status
            };
            let seen = configuration.contains("allow: false") || !path.starts_with("/d.json");
            assert!(
                status == 403 || !seen,
                "{configuration} {path}: {}",
                answer.text()
            );
        }
    }
    let program = served(
        &folder,
        "settings: {default_allow_sql: off}\ndatabases: {d: {allow_sql: true}}",
    );
    assert_eq!(program.get("/d/-/query.json?sql=select+1").status, 200);
}

#[test]
fn a_database_that_sql_may_not_read_is_not_joined() {
    let folder = Folder::new();
    let file = database(&folder);
    folder.write("c.yaml", b"databases: {d: {allow_sql: false}}");
    let program = Program::serve(&[&file, "--crossdb", "-c", &folder.text("c.yaml")]);
    assert!(
        program
            .said()
            .contains("Not joined by --crossdb: d (not everybody may run SQL on it)")
    );
    let answer = program.get("/_memory/-/query.json?sql=select+*+from+[d].secret");
    assert!(
        answer.status == 400 && !answer.text().contains("hush"),
        "{}",
        answer.text()
    );
}

#[test]
fn by_default_everything_is_denied_if_asked_so() {
    let folder = Folder::new();
    let file = database(&folder);
    folder.write("c.yaml", b"databases: {d: {tables: {open: {allow: true}}}}");
    let program = Program::serve(&[&file, "--default-deny", "-c", &folder.text("c.yaml")]);
    let statuses =
        ["/", "/d", "/d/secret.json", "/d/open.json"].map(|path| program.get(path).status);
    assert_eq!(statuses, [403, 403, 403, 200]);
}

#[test]
fn a_hidden_configured_query_is_in_no_list_and_cannot_be_run() {
    let folder = Folder::new();
    let program = served(
        &folder,
        "databases:\n  d:\n    queries:\n      mine: {sql: select 7, allow: {id: me}}\n      ours: select 8\n",
    );
    assert_eq!(program.get("/d/mine.json").status, 403);
    assert_eq!(program.get("/d/mine/-/definition").status, 403);
    for path in [
        "/d.json",
        "/d",
        "/-/queries.json",
        "/d/-/queries",
        "/-/jump.json?q=",
    ] {
        let text = program.get(path).text();
        assert!(
            text.contains("ours") && !text.contains("mine"),
            "{path}: {text}"
        );
    }
}
