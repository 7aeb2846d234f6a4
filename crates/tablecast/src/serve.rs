//! `tablecast serve`: opens files, says what is served where, and answers until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tablecast_connector::Connector;
use tablecast_server::{Configuration, Mount, Published, SETTINGS, Site, Templates, router};
use tokio::signal::unix::{SignalKind, signal};
use tower::ServiceExt;

use crate::arguments::ServeArguments;
use crate::configuration;
use crate::counts::Counts;
use crate::crossdb;
use crate::directory;
use crate::listen::{Listener, Listening};
use crate::open::{MEMORY, Wanted, named, open_all, options, publish};

/// Answers under way when the program is told to stop have this long.
const GRACE: Duration = Duration::from_secs(30);

pub(crate) async fn serve(
    connectors: Vec<Arc<dyn Connector>>,
    arguments: ServeArguments,
) -> anyhow::Result<ExitCode> {
    if arguments.help_settings {
        for setting in SETTINGS {
            println!(
                "{}\n    {} (default: {})",
                setting.name, setting.help, setting.default
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some((option, reason)) = arguments.refused.first() {
        bail!("{option} is not available: {reason}");
    }
    let arguments = directory::expanded(arguments, &connectors)?;
    let site = build(&connectors, &arguments, Told::All).await?;
    if let Some(path) = &arguments.get {
        return get(&site, path, arguments.headers).await;
    }
    let listening = Listening::open(&arguments).await?;
    let url = listening.url()? + site.configuration.settings.text("base_url");
    eprintln!("Serving on {url}  (Ctrl-C stops)");
    if arguments.open {
        open_browser(&url);
    }
    if arguments.reload {
        return serve_reloading(&connectors, &arguments, site, &listening).await;
    }
    answer(listening.start()?, site, std::future::pending()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Whether start-up tells what is served as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    All,
    Problems,
}

async fn build(
    connectors: &[Arc<dyn Connector>],
    arguments: &ServeArguments,
    told: Told,
) -> anyhow::Result<Arc<Site>> {
    let mut configuration = configuration::load(
        arguments.config.as_deref(),
        arguments.metadata.as_deref(),
        &arguments.setting,
    )?;
    configuration.default_deny = arguments.default_deny;
    let templates = arguments.template_dir.as_deref().map(Templates::load);
    let templates = templates
        .transpose()
        .map_err(|error| explained("--template-dir", &error))?;
    let mounts = mounts(&arguments.static_)?;
    let published = open_files(connectors, arguments, &configuration, told).await?;
    let versions = versions(arguments.version_note.as_deref());
    let list = connectors.iter().map(|connector| {
        json!({
            "name": connector.name(),
            "static": false,
            "templates": false,
            "version": env!("CARGO_PKG_VERSION"),
            "hooks": [],
            "opens": connector.opens(),
        })
    });
    let mut site = Site::new(published, configuration, versions, list.collect());
    site.cors = arguments.cors;
    site.is_https = arguments.ssl_certfile.is_some();
    site.templates = templates;
    site.mount(mounts)
        .map_err(|error| explained("--static", &error))?;
    for warning in site.warnings() {
        eprintln!("Warning: {warning}");
    }
    Ok(Arc::new(site))
}

/// The folders that are served under paths of their own.
fn mounts(given: &[String]) -> anyhow::Result<Vec<Mount>> {
    let mount = |text: &String| {
        let Some((path, folder)) = text.split_once(':') else {
            bail!("--static takes MOUNT:DIR, such as assets:my-files/, not {text:?}");
        };
        Mount::new(path, Path::new(folder))
            .map_err(|error| explained(&format!("--static {text}"), &error))
    };
    given.iter().map(mount).collect()
}

/// An error of the server's as one of the command line: what was given, what is wrong with it, and what would be right.
fn explained(given: &str, error: &tablecast_connector::Error) -> anyhow::Error {
    let hint = error
        .suggestion()
        .map_or_else(String::new, |hint| format!(". {hint}"));
    anyhow!("{given}: {error}{hint}")
}

async fn open_files(
    connectors: &[Arc<dyn Connector>],
    arguments: &ServeArguments,
    configuration: &Configuration,
    told: Told,
) -> anyhow::Result<Vec<Published>> {
    let option = |immutable| {
        options(
            immutable,
            arguments.nolock,
            &arguments.load_extension,
            configuration.settings.number("cache_size_kb"),
        )
    };
    let mut wanted: Vec<Wanted> = arguments
        .files
        .iter()
        .map(|text| Wanted {
            text: text.clone(),
            options: option(false),
        })
        .collect();
    wanted.extend(arguments.immutable.iter().map(|text| Wanted {
        text: text.clone(),
        options: option(true),
    }));
    // A page for SQL is better than an empty site.
    if (arguments.memory || wanted.is_empty()) && !arguments.crossdb {
        wanted.push(Wanted {
            text: MEMORY.to_owned(),
            options: option(false),
        });
    }
    let mut sources = Vec::new();
    let mut problems = 0;
    for opened in open_all(connectors, wanted).await {
        match opened.result {
            Ok(source) => sources.push((opened.text, source)),
            Err(error) => {
                problems += 1;
                let hint = error
                    .suggestion()
                    .map_or_else(String::new, |hint| format!(". {hint}"));
                eprintln!("Not served: {error}{hint}");
            }
        }
    }
    if sources.is_empty() && (problems > 0 || !arguments.crossdb) {
        bail!("nothing that was named can be served ({problems} refused, see above)");
    }
    let mut places: Vec<String> = sources.iter().map(|(text, _)| text.clone()).collect();
    let named = named(sources, configuration).await?;
    let joining = if arguments.crossdb {
        places.push(MEMORY.to_owned());
        Some(crossdb::memory(connectors, &named, configuration, option(false)).await?)
    } else {
        None
    };
    let mut published = publish(named);
    if let Some(path) = &arguments.inspect_file {
        let counts = Counts::read(path)?;
        for published in &mut published {
            if !published.database.details().is_mutable {
                published.counts = Arc::new(counts.of(&published.name));
            }
        }
    }
    published.extend(joining);
    if told == Told::All && arguments.get.is_none() {
        for (published, text) in published.iter().zip(places) {
            let connector = published.database.details().connector;
            eprintln!(
                "{text}  is served as  /{}  ({connector})",
                tablecast_server::tilde_encode(&published.name)
            );
        }
    }
    Ok(published)
}

/// What `/-/versions.json` answers, under the keys that Datasette's clients look for.
fn versions(note: Option<&str>) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let mut datasette = json!({ "version": "1.0a41" });
    if let (Some(note), Some(members)) = (note, datasette.as_object_mut()) {
        members.insert("note".to_owned(), note.into());
    }
    json!({
        "tablecast": { "version": version },
        "datasette": datasette,
        "python": { "version": null, "full": null },
        "asgi": null,
        "uvicorn": null,
        "sqlite": tablecast_sqlite::versions(),
    })
}

/// Answers until a signal comes or `stop` is ready; then lets running answers finish.
async fn answer(
    listener: Listener,
    site: Arc<Site>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (told, mut hear) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router(site)).with_graceful_shutdown(async move {
        tokio::select! {
            () = interrupted() => eprintln!("Stopping: answers under way may finish; Ctrl-C again stops at once"),
            () = stop => {}
        }
        drop(told);
    });
    let serving = async { serving.await };
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => return Ok(result?),
        _ = &mut hear => {}
    }
    tokio::select! {
        result = &mut serving => Ok(result?),
        () = interrupted() => Ok(()),
        () = tokio::time::sleep(GRACE) => Ok(()),
    }
}

/// Ready when Ctrl-C is pressed or the program is asked to end.
async fn interrupted() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// Serves anew whenever a file that was named changes. What cannot be opened then leaves the old site in place.
async fn serve_reloading(
    connectors: &[Arc<dyn Connector>],
    arguments: &ServeArguments,
    mut site: Arc<Site>,
    listening: &Listening,
) -> anyhow::Result<ExitCode> {
    let mut state = modified(&watched(arguments));
    loop {
        let (change, changed) = tokio::sync::oneshot::channel::<()>();
        let stop = async move {
            let _ = changed.await;
        };
        let serving = answer(listening.start()?, Arc::clone(&site), stop);
        tokio::pin!(serving);
        let rebuilt = tokio::select! {
            result = &mut serving => return result.map(|()| ExitCode::SUCCESS),
            rebuilt = rebuild(connectors, arguments, &mut state) => rebuilt,
        };
        drop(change);
        serving.await?;
        eprintln!("Files have changed: serving them anew");
        site = rebuilt;
    }
}

async fn rebuild(
    connectors: &[Arc<dyn Connector>],
    arguments: &ServeArguments,
    state: &mut Vec<Option<SystemTime>>,
) -> Arc<Site> {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = modified(&watched(arguments));
        if now == *state {
            continue;
        }
        *state = now;
        match build(connectors, arguments, Told::Problems).await {
            Ok(site) => return site,
            Err(error) => eprintln!("The site stays as it was: {error:#}"),
        }
    }
}

fn watched(arguments: &ServeArguments) -> Vec<PathBuf> {
    let files = arguments
        .files
        .iter()
        .chain(&arguments.immutable)
        .map(PathBuf::from);
    let mut files: Vec<PathBuf> = files
        .chain(arguments.config.clone())
        .chain(arguments.metadata.clone())
        .collect();
    if let Some(folder) = &arguments.template_dir {
        add_folder(folder, 0, &mut files);
    }
    files
}

/// A folder and what is in it, as deep as templates may lie.
fn add_folder(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    files.push(folder.to_owned());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && depth < Templates::DEPTH_MAX {
            add_folder(&path, depth + 1, files);
        } else {
            files.push(path);
        }
    }
}

fn modified(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files
        .iter()
        .map(|file| {
            file.metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
        })
        .collect()
}

/// The answer to one request on standard output.
async fn get(site: &Arc<Site>, path: &str, headers: bool) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    if !path.starts_with('/') {
        bail!("--get takes a path that starts with a slash, not {path:?}");
    }
    let request = Request::get(path)
        .header("host", "localhost")
        .body(Body::empty())
        .context("--get takes a path")?;
    let response = router(Arc::clone(site)).oneshot(request).await?;
    let status = response.status();
    let mut out = std::io::stdout().lock();
    if headers {
        writeln!(out, "HTTP/1.1 {status}")?;
        for (name, value) in response.headers() {
            writeln!(out, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        writeln!(out)?;
    }
    let body = response.into_body().collect().await?.to_bytes();
    out.write_all(&body)?;
    out.flush()?;
    Ok(if status.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn open_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    if Command::new(opener).arg(url).spawn().is_err() {
        eprintln!("No browser could be opened; the address is {url}");
    }
}
