//! People's own templates over a real port: which is drawn where, what it is given, and what happens if it fails.

use std::fs;

use crate::made::Folder;
use crate::program::{Program, run};

const CONFIG: &str = "
databases:
  d:
    tables:
      pairs: {allow: false}
    queries:
      by name: select name from authors where name = :name
";

/// A site of notes with these templates, and more arguments.
fn site(templates: &[(&str, &str)], more: &[&str]) -> (Folder, Program) {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    folder.database(
        "odd name!.db",
        "create table \"a b?\" (x integer primary key); insert into \"a b?\" values (1)",
    );
    let config = folder.write("c.yaml", CONFIG.as_bytes());
    for (name, text) in templates {
        let path = folder.at("templates").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let own = folder.text("templates");
    fs::create_dir_all(&own).expect("made");
    let odd = folder.text("odd name!.db");
    let arguments = [
        &[file.as_str(), &odd, "-c", &config, "--template-dir", &own],
        more,
    ]
    .concat();
    let program = Program::serve(&arguments);
    (folder, program)
}

/// Addresses with the names of the templates that may draw them, the most particular first.
const LOOKUPS: &[(&str, &[&str])] = &[
    ("/", &["index.html"]),
    ("/d", &["database-d.html", "database.html"]),
    (
        "/odd+name~21",
        &["database-odd-name-d18cf6.html", "database.html"],
    ),
    ("/d/notes", &["table-d-notes.html", "table.html"]),
    (
        "/odd+name~21/a+b~3F",
        &["table-odd-name-d18cf6-a-b-5bf1da.html", "table.html"],
    ),
    ("/d/seen", &["table-d-seen.html", "table.html"]),
    ("/d/notes/1", &["row-d-notes.html", "row.html"]),
    ("/d/-/query?sql=select+1", &["query-d.html", "query.html"]),
    ("/d/-/query", &["query-d.html", "query.html"]),
    (
        "/d/by+name?name=Ada",
        &["query-d-by-name-855d2b.html", "query-d.html", "query.html"],
    ),
    ("/nope", &["404.html", "error.html"]),
    ("/d/notes?_sort=nope", &["400.html", "error.html"]),
    ("/d/pairs", &["403.html", "error.html"]),
];

#[test]
fn the_most_particular_template_draws_a_page() {
    // First all of them are there, then the most particular ones are not, and so on, until there are none.
    let longest = LOOKUPS.iter().map(|(_, names)| names.len()).max();
    for depth in 0..=longest.unwrap_or_default() {
        let mut templates: Vec<(&str, String)> = Vec::new();
        for (_, names) in LOOKUPS {
            for name in names.iter().skip(depth) {
                templates.push((
                    name,
                    format!("own {name} {{{{ select_templates|join(' ') }}}}"),
                ));
            }
        }
        let templates: Vec<(&str, &str)> = templates
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let (_folder, program) = site(&templates, &[]);
        for (path, names) in LOOKUPS {
            let page = program.get(path).text();
            let own = names
                .iter()
                .find(|name| templates.iter().any(|(own, _)| own == *name));
            match own {
                Some(name) => {
                    assert!(page.starts_with(&format!("own {name} ")), "{path}: {page}");
                    assert!(page.contains(&format!("*{name}")), "{path}: {page}");
                }
                None => assert!(page.starts_with("<!DOCTYPE html>"), "{path}: {page}"),
            }
        }
    }
}

#[test]
fn a_template_extends_the_built_in_one() {
    let (_folder, program) = site(
        &[
            (
                "table.html",
                "{% extends \"default:table.html\" %}{% block title %}My {{ table }}{% endblock %}
                 {% block extra_head %}<meta name=own>{% endblock %}
                 {% block content %}<p class=own>{{ count }} of mine</p>{{ super() }}{% endblock %}
                 {% block body_end %}<i>end</i>{% endblock %}",
            ),
            (
                "base.html",
                "{% extends \"default:base.html\" %}{% block nav %}<nav>own nav</nav>{% endblock %}
                 {% block body_class %}own {{ super() }}{% endblock %}",
            ),
            ("_footer.html", "own footer of {{ datasette_version }}"),
        ],
        &[],
    );
    let page = program.get("/d/notes").text();
    for part in [
        "<title>My notes</title>",
        "<meta name=own>",
        "<p class=own>3 of mine</p>",
        "<h1>notes</h1>",
        "<td class=\"col-text\" data-column=\"text\">",
        "<i>end</i>",
        "<nav>own nav</nav>",
        "<body class=\"own table db-d table-notes\"",
        "own footer of 1.0a41",
        "<!-- Templates looked for: table-d-notes.html *table.html -->",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The other pages are built in, over the same base.
    for path in [
        "/",
        "/d",
        "/d/notes/1",
        "/d/-/query?sql=select+1",
        "/-/settings",
        "/-/queries",
        "/nope",
    ] {
        let page = program.get(path).text();
        assert!(
            page.contains("own nav") && page.contains("own footer"),
            "{path}: {page}"
        );
        assert!(page.contains("<h1>"), "{path}: {page}");
    }
}

#[test]
fn the_default_home_page_stays_at_its_own_address() {
    let (_folder, program) = site(&[("index.html", "own home")], &[]);
    assert_eq!(program.get("/").text(), "own home");
    let page = program.get("/-/").text();
    assert!(page.contains("<h1>Tablecast</h1>"), "{page}");
    assert!(
        page.contains("<meta name=\"robots\" content=\"noindex\">"),
        "{page}"
    );
}

#[test]
fn rows_are_drawn_by_templates_of_their_own() {
    let own = "{% for row in display_rows %}<p>{{ row['text'] }} by {{ row.display('author') }}, {{ row['data'] is none }}:
        {%- for cell in row %} {{ cell.column }}={{ cell.value_type }}{% endfor %}</p>{% endfor %}";
    for name in [
        "_table.html",
        "_table-d-notes.html",
        "_table-table-d-notes.html",
    ] {
        let (_folder, program) = site(&[(name, own)], &[]);
        for path in ["/d/notes", "/d/notes/-/fragment"] {
            let page = program.get(path).text();
            assert!(
                page.contains("first by <a href=\"/d/authors/1\">Ada</a>"),
                "{name}: {page}"
            );
            assert!(
                page.contains("id=pk text=str author=int tags=str data=bytes</p>"),
                "{name}: {page}"
            );
        }
        assert!(program.get("/d/notes").text().contains("<h1>notes</h1>"));
        assert_eq!(
            program.get("/d/bare").text().contains("<td"),
            name != "_table.html"
        );
    }
    let (_folder, program) = site(&[("_table-row-d-notes.html", own)], &[]);
    assert!(
        program
            .get("/d/notes/2")
            .text()
            .contains("second by <a href=\"/d/authors/2\">Grace</a>")
    );
    assert!(program.get("/d/notes").text().contains("<td"));
}

#[test]
fn a_page_is_a_template_at_its_address() {
    let (_folder, program) = site(
        &[
            (
                "pages/about.html",
                "{% extends 'base.html' %}{% block content %}About {{ request.path }}{% endblock %}",
            ),
            (
                "pages/robots.txt.html",
                "{{ custom_header('content-type', 'text/plain') }}User-agent: *",
            ),
            ("pages/old.html", "{{ custom_redirect('/d', 301) }}"),
            ("pages/moved.html", "{{ custom_redirect('/d/notes') }}"),
            ("pages/tea.html", "{{ custom_status(418) }}short and stout"),
            ("pages/topics/{topic}.html", "topic {{ topic }}"),
            ("pages/{a}-{b}/x.html", "{{ a }}+{{ b }}"),
            ("pages/d/extra.html", "beside the tables"),
            (
                "pages/missing/{id}.html",
                "{% if id != '1' %}{{ raise_404('No ' ~ id) }}{% endif %}one",
            ),
            ("404.html", "own 404: {{ error }} ({{ status }})"),
        ],
        &[],
    );
    for (path, status, text) in [
        ("/about", 200, "About /about"),
        ("/robots.txt", 200, "User-agent: *"),
        ("/old", 301, ""),
        ("/moved", 302, ""),
        ("/tea", 418, "short and stout"),
        ("/topics/a~20b", 200, "topic a~20b"),
        ("/topics/a&b", 200, "topic a&amp;b"),
        ("/1-2/x", 200, "1+2"),
        ("/d/extra", 200, "beside the tables"),
        ("/missing/1", 200, "one"),
        ("/missing/2", 404, "own 404: No 2 (404)"),
        ("/topics", 404, "own 404: Database not found (404)"),
        ("/pages/about", 404, "own 404: Database not found (404)"),
        ("/topics/a/b", 404, "own 404: Database not found (404)"),
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(text), "{path}: {}", answer.text());
    }
    assert_eq!(
        program.get("/robots.txt").header("content-type").as_deref(),
        Some("text/plain")
    );
    assert_eq!(
        program.get("/old").header("location").as_deref(),
        Some("/d")
    );
    // Tables go before pages, and errors of the API stay what they are.
    assert!(program.get("/d/notes").text().contains("<h1>notes</h1>"));
    assert_eq!(program.get("/nope.json").json()["ok"], false);
}

#[test]
fn a_template_is_given_functions_and_filters() {
    let (folder, program) = site(
        &[(
            "index.html",
            "{{ urls.instance() }} {{ urls.table('d', 'a b', format='json') }} {{ urls.row('d', 't', '1') }}
             {{ urls.database_query('d', 'select 1') }} {{ urls.row_blob('d', 't', '1', 'data') }}
             {{ urls.path(urls.path('/x')) }} {{ urls.static('app.css') }} {{ static('a.css', mount='assets') }}
             {{ static('app.css') }} {{ '<b>' }} {{ '<b>'|safe }} {{ 'a/b&c' }} {{ {'a': [1, none, true]}|tojson }}
             {{ 'a b'|urlencode }} {{ 'x'|default('y') }} {{ nothing|default('z') }} {{ [1,2]|join('-') }}
             {{ 'abc'|replace('b', 'd')|title }} {{ [1,2,3]|length }} {{ [1,2]|first }}{{ [1,2]|last }}
             {{ 'long text here'|truncate(8) }} {{ 'a,b'.split(',')[1] }} {{ 'abc'.startswith('a') }}
             {% for key, value in {'k': 'v'}.items() %}{{ key }}:{{ value }}{% endfor %} {{ '{:,}'.format(12345) }}
             {{ format_bytes(2048) }} {{ request.args.q }} {{ request.args.getlist('q')|join('+') }}
             {{ path_with_replaced_args(request, {'q': none, 'r': 1}) }} {{ none }} {{ True }} {{ 'a b!'|to_css_class }}
             {% for n, t in zip([1,2], ['a','b']) %}{{ n }}{{ t }}{% endfor %} {{ menu_links()|length }}",
        )],
        &["-s", "base_url", "/x/"],
    );
    drop(program);
    fs::create_dir(folder.at("files")).expect("a folder");
    folder.write("files/a.css", b"h1 { color: teal }");
    let mount = format!("assets:{}", folder.text("files"));
    let (file, own) = (folder.text("d.db"), folder.text("templates"));
    let program = Program::serve(&[
        &file,
        "--template-dir",
        &own,
        "--static",
        &mount,
        "-s",
        "base_url",
        "/x/",
    ]);
    let page = program.get("/x/?q=1&q=2").text();
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let sheet = words
        .split(' ')
        .find(|word| word.starts_with("/x/-/static/app.css?_hash="))
        .unwrap_or_else(|| panic!("{words}: {}", program.said()));
    let expected = format!(
        "/x/ /x/d/a+b.json /x/d/t/1 /x/d/-/query?sql=select+1 /x/d/t/1.blob?_blob_column=data /x/x /x/-/static/app.css \
         /x/assets/a.css?_hash=60d7bd8202b5 {sheet} &lt;b&gt; <b> a/b&amp;c {{\"a\": [1, null, true]}} a%20b x z 1-2 Adc 3 12 \
         long... b True k:v 12,345 2.0 KB 1 1+2 /x/?r=1 None True a-b-58f101 1a2b 0"
    );
    assert_eq!(words, expected);
}

#[test]
fn a_template_that_fails_is_an_error_that_stands_in_the_log() {
    let (_folder, program) = site(
        &[
            ("index.html", "one\n{{ nothing.at.all }}"),
            (
                "table.html",
                "{% for a in range(90000) %}{% for b in range(90000) %}{{ a * b }}{% endfor %}{% endfor %}",
            ),
            ("database.html", "{% include 'no-such.html' %}"),
            ("row.html", "{{ 'x' * 100000000000 }}"),
            ("query.html", "{% extends 'query.html' %}"),
            ("pages/status.html", "{{ custom_status(7) }}"),
            ("pages/header.html", "{{ custom_header('a b', 'c') }}"),
            ("404.html", "{{ raise() }}"),
        ],
        &[],
    );
    for (path, name, status) in [
        ("/", "index.html", 500),
        ("/d/notes", "table.html", 500),
        ("/d", "database.html", 500),
        ("/d/notes/1", "row.html", 500),
        ("/d/-/query?sql=select+1", "query.html", 500),
        ("/status", "pages/status.html", 500),
        ("/header", "pages/header.html", 500),
        ("/nope", "404.html", 500),
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(
            answer
                .text()
                .contains("The server failed on this request (error "),
            "{path}: {}",
            answer.text()
        );
        program.await_said(&format!("The template {name} could not be drawn"));
    }
    program.await_said("(in index.html:2)");
    // What is no page is as it was.
    assert_eq!(program.get("/d/notes.json").status, 200);
}

#[test]
fn broken_templates_are_named_before_anything_is_served() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    fs::create_dir_all(folder.at("templates/pages")).expect("folders");
    let said = |directory: &str| {
        let output = run(&[
            "serve",
            "-p",
            "0",
            &file,
            "--template-dir",
            &folder.text(directory),
        ]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && !said.contains("Serving on"),
            "{said}"
        );
        assert!(said.contains("--template-dir"), "{said}");
        said
    };
    assert!(said("nope").contains("nope is not a folder"));
    assert!(said("d.db").contains("d.db is not a folder"));
    for (name, text, part) in [
        ("table.html", "a\nb\n{% if %}", "table.html:3: "),
        ("table.html", "{{ a", "table.html:1: "),
        ("table.html", "{% block a %}", "table.html:1: "),
        ("pages/{a b}.html", "x", "a variable part is written {name}"),
        ("latin.html", "\u{fffd}", "latin.html cannot be read"),
    ] {
        let bytes = if name == "latin.html" {
            vec![0xe9]
        } else {
            text.as_bytes().to_vec()
        };
        let path = folder.write(&format!("templates/{name}"), &bytes);
        let said = said("templates");
        assert!(said.contains(part), "{name}: {said}");
        fs::remove_file(path).expect("removed");
    }
}

#[test]
fn a_folder_of_configuration_brings_its_templates() {
    let folder = Folder::new();
    folder.notes("d.db");
    fs::create_dir_all(folder.at("templates/pages")).expect("folders");
    folder.write("templates/database.html", b"own {{ database }}");
    folder.write("templates/pages/about.html", b"own page");
    let program = Program::serve(&[folder.path()]);
    assert_eq!(program.get("/d").text(), "own d");
    assert_eq!(program.get("/about").text(), "own page");
}

#[test]
fn a_page_that_reads_cookies_is_not_kept_for_others() {
    let (_folder, program) = site(
        &[
            ("table-d-notes.html", "hello {{ request.cookies.name }}"),
            (
                "table-d-authors.html",
                "{{ table }} {{ request.args.get('x') }}",
            ),
        ],
        &[],
    );
    for name in ["Ada", "Grace"] {
        let answer = program.ask("GET", "/d/notes", &format!("Cookie: a=b; name={name}\r\n"));
        assert_eq!(answer.text(), format!("hello {name}"));
        assert_eq!(
            answer.header("cache-control").as_deref(),
            Some("no-cache, private")
        );
        assert_eq!(answer.header("etag"), None);
    }
    let answer = program.get("/d/authors?x=1");
    assert_eq!(answer.text(), "authors 1");
    assert!(answer.header("etag").is_some());
}

/// The names that Datasette documents for each page, beside those of every page.
const DOCUMENTED: &[(&str, &[&str])] = &[
    ("/", &["databases", "metadata", "private", "noindex"]),
    (
        "/d",
        &[
            "database",
            "private",
            "path",
            "size",
            "tables",
            "hidden_count",
            "views",
            "queries",
            "queries_more",
            "queries_count",
            "allow_execute_sql",
            "table_columns",
            "metadata",
            "database_color",
            "database_page_data",
            "database_actions",
            "show_hidden",
            "editable",
            "allow_download",
            "attached_databases",
            "alternate_url_json",
            "select_templates",
            "top_database",
        ],
    ),
    (
        "/d/by+name?name=Ada",
        &[
            "database",
            "database_color",
            "query",
            "stored_query",
            "private",
            "stored_query_write",
            "metadata",
            "db_is_immutable",
            "error",
            "hide_sql",
            "show_hide_link",
            "show_hide_text",
            "editable",
            "allow_execute_sql",
            "save_query_url",
            "tables",
            "named_parameter_values",
            "edit_sql_url",
            "display_rows",
            "columns",
            "renderers",
            "url_csv",
            "show_hide_hidden",
            "table_columns",
            "alternate_url_json",
            "select_templates",
            "top_query",
            "top_stored_query",
            "query_actions",
        ],
    ),
    (
        "/d/notes",
        &[
            "actions",
            "all_columns",
            "columns",
            "count",
            "count_sql",
            "custom_table_templates",
            "database",
            "database_color",
            "display_columns",
            "display_rows",
            "expandable_columns",
            "facet_results",
            "facets_timed_out",
            "filters",
            "form_hidden_args",
            "human_description_en",
            "is_view",
            "metadata",
            "primary_keys",
            "private",
            "query",
            "renderers",
            "set_column_type_ui",
            "sorted_facet_results",
            "suggested_facets",
            "table",
            "table_definition",
            "view_definition",
            "ok",
            "next",
            "next_url",
            "count_truncated",
            "rows",
            "filter_columns",
            "supports_search",
            "extra_wheres_for_ui",
            "url_csv",
            "url_csv_path",
            "url_csv_hidden_args",
            "sort",
            "sort_desc",
            "append_querystring",
            "path_with_replaced_args",
            "fix_path",
            "settings",
            "alternate_url_json",
            "datasette_allow_facet",
            "is_sortable",
            "allow_execute_sql",
            "query_ms",
            "select_templates",
            "top_table",
            "table_page_data",
            "table_insert_ui",
            "table_alter_ui",
        ],
    ),
    (
        "/d/notes/1",
        &[
            "columns",
            "database",
            "database_color",
            "foreign_key_tables",
            "metadata",
            "primary_keys",
            "private",
            "table",
            "ok",
            "rows",
            "primary_key_values",
            "query_ms",
            "display_columns",
            "display_rows",
            "custom_table_templates",
            "row_actions",
            "row_mutation_ui",
            "table_page_data",
            "top_row",
            "renderers",
            "url_csv",
            "url_csv_path",
            "url_csv_hidden_args",
            "settings",
            "select_templates",
            "alternate_url_json",
        ],
    ),
];

const OF_EVERY_PAGE: &[&str] = &[
    "request",
    "crumb_items",
    "urls",
    "actor",
    "menu_links",
    "display_actor",
    "show_logout",
    "zip",
    "body_scripts",
    "format_bytes",
    "show_messages",
    "extra_css_urls",
    "extra_js_urls",
    "base_url",
    "datasette_version",
];

#[test]
fn a_page_shows_its_context_where_the_setting_allows() {
    let (folder, program) = site(&[], &["-s", "template_debug", "on"]);
    for (path, names) in DOCUMENTED {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = program.get(&format!("{path}{mark}_context=1")).text();
        let json = page
            .strip_prefix("<pre>")
            .and_then(|page| page.strip_suffix("</pre>"));
        let json = json.unwrap_or_else(|| panic!("{path}: {page}"));
        let json = json
            .replace("&#34;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#39;", "'");
        let json: serde_json::Value =
            serde_json::from_str(&json.replace("&amp;", "&")).expect("JSON");
        for name in names.iter().chain(OF_EVERY_PAGE) {
            assert!(json.get(*name).is_some(), "{path}: {name}");
        }
    }
    drop(program);
    let program = Program::serve(&[&folder.text("d.db")]);
    assert!(program.get("/d?_context=1").text().contains("<h1>d</h1>"));
}

#[test]
fn the_guide_names_what_a_page_is_given() {
    let guide = include_str!("../../../../docs/templates.md");
    let rows = [
        "home",
        "database",
        "SQL, configured query",
        "table, view",
        "row",
    ];
    for ((path, names), row) in DOCUMENTED.iter().zip(rows) {
        let start = format!("| {row} | ");
        let told = guide.lines().filter(|line| line.starts_with(&start));
        let told = told.max_by_key(|line| line.len()).expect(row);
        for name in *names {
            assert!(told.contains(&format!("`{name}`")), "{path}: {name}");
        }
    }
    for name in OF_EVERY_PAGE {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}

/// The templates that the guide shows, by the names that their first lines tell.
fn of_the_guide() -> Vec<(String, String)> {
    let guide = include_str!("../../../../docs/templates.md");
    let blocks = guide.split("```html\n").skip(1);
    let templates = blocks.filter_map(|block| {
        let text = block.split("```").next()?;
        let name = text.split("{# templates/").nth(1)?.split(" #}").next()?;
        Some((name.to_owned(), text.to_owned()))
    });
    templates.collect()
}

#[test]
fn the_templates_of_the_guide_draw_pages() {
    let folder = Folder::new();
    let templates = of_the_guide();
    assert!(templates.len() >= 3, "{templates:?}");
    for (name, text) in &templates {
        let path = folder.at("templates").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/penguins.db");
    let program = Program::serve(&[file, "--template-dir", &folder.text("templates")]);
    for (path, status, part) in [
        (
            "/penguins/islands",
            200,
            "<p>3 islands, as seen from the ship.</p>",
        ),
        ("/penguins/islands", 200, "<h1>islands</h1>"),
        (
            "/penguins/penguins",
            200,
            "<article><h2>N1A1</h2><p><a href=\"/penguins/species/1\">",
        ),
        (
            "/islands/Dream",
            200,
            "<a href=\"/penguins/islands?name=Dream\">",
        ),
        ("/islands/Atlantis", 404, "No such island"),
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
}

#[test]
fn templates_are_read_again_when_they_change() {
    let (folder, program) = site(&[("index.html", "first")], &["--reload"]);
    assert_eq!(program.get("/").text(), "first");
    let becomes = |text: &str| {
        let since = std::time::Instant::now();
        while program.get("/").text() != text {
            assert!(since.elapsed().as_secs() < 60, "{text}: {}", program.said());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    folder.write(
        "templates/index.html",
        b"second {% include 'part.txt' ignore missing %}",
    );
    becomes("second ");
    // What cannot be parsed leaves the site as it was.
    folder.write("templates/part.txt", b"{% if %}");
    program.await_said("The site stays as it was: --template-dir: ");
    assert_eq!(program.get("/").text(), "second ");
    folder.write("templates/part.txt", b"third");
    becomes("second third");
}
