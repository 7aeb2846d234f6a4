//! The end of a request and of the program: running answers finish, and work that nobody waits for ends.

use std::time::{Duration, Instant};

use crate::made::Folder;
use crate::program::{Answer, Program, percent};

/// Runs for about a second on a slow machine, and ends by itself.
const SLOW: &str = "with recursive n(x) as (select 1 union all select x + 1 from n limit 2000000) \
     select count(*) as rows from n";

const ENDLESS: &str =
    "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n";

fn patient(folder: &Folder) -> Program {
    Program::serve(&[
        "--setting",
        "sql_time_limit_ms",
        "60000",
        &folder.notes("d.db"),
    ])
}

fn path(sql: &str) -> String {
    format!("/d/-/query.json?sql={}", percent(sql))
}

#[test]
fn ctrl_c_lets_a_running_answer_finish_and_takes_no_new_one() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::new();
        let program = patient(&folder);
        let running = program.send("GET", &path(SLOW), "");
        std::thread::sleep(Duration::from_millis(100));
        program.signal(signal);
        let answer = Answer::read(running).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["rows"][0]["rows"], 2_000_000);
        let address = program.address().to_owned();
        let (ended_well, said) = program.end();
        assert!(ended_well, "{said}");
        assert!(said.contains("answers under way may finish"), "{said}");
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

#[test]
fn ctrl_c_twice_stops_at_once() {
    let folder = Folder::new();
    let program = patient(&folder);
    let running = program.send("GET", &path(ENDLESS), "");
    std::thread::sleep(Duration::from_millis(100));
    program.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    let since = Instant::now();
    program.signal("INT");
    program.end();
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    drop(running);
}

#[test]
fn ctrl_c_ends_an_idle_program_with_idle_connections_at_once() {
    let folder = Folder::new();
    let program = patient(&folder);
    let idle = std::net::TcpStream::connect(program.address()).expect("a connection");
    assert_eq!(program.get("/d/notes.json").status, 200);
    let since = Instant::now();
    program.signal("INT");
    assert!(program.end().0);
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    drop(idle);
}

#[test]
fn work_that_nobody_waits_for_any_more_ends() {
    let folder = Folder::new();
    let big = "create table many as with recursive n(x) as \
         (select 1 union all select x + 1 from n limit 300000) select x, hex(zeroblob(50)) as text from n;";
    let program = Program::serve(&[
        "--setting",
        "sql_time_limit_ms",
        "60000",
        &folder.database("d.db", big),
    ]);
    let never = percent(
        "(with recursive n(x) as (select 1 union all select x + 1 from n) select max(x) from n) = many.x",
    );
    for path in [
        path(ENDLESS),
        format!("/d/many.json?_where={never}"),
        format!("/d/many?_where={never}"),
        format!("/d/many.csv?_stream=on&_where={never}"),
    ] {
        let waiting: Vec<_> = (0..3).map(|_| program.send("GET", &path, "")).collect();
        std::thread::sleep(Duration::from_millis(300));
        assert!(
            busy(&program) > Duration::from_millis(100),
            "{path} is not at work"
        );
        drop(waiting);
        std::thread::sleep(Duration::from_millis(300));
        let after = busy(&program);
        assert!(
            after < Duration::from_millis(100),
            "{path}: still at work ({after:?})"
        );
    }
}

/// The processor's time that the program takes within half a second.
fn busy(program: &Program) -> Duration {
    let before = processor_ticks(program);
    std::thread::sleep(Duration::from_millis(500));
    // Linux counts a hundred ticks a second.
    Duration::from_millis(10) * (processor_ticks(program) - before)
}

fn processor_ticks(program: &Program) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id()));
    let stat = stat.expect("Linux says how long a process has run");
    // Behind the name in parentheses, the 12th and 13th field are the user's and the system's ticks.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|field| field.parse::<u32>().ok()).sum()
}

#[test]
fn a_reader_who_goes_away_in_the_middle_of_a_stream_disturbs_nobody() {
    use std::io::Read;
    let folder = Folder::new();
    let big = "create table many as with recursive n(x) as \
         (select 1 union all select x + 1 from n limit 300000) select x, hex(zeroblob(50)) as text from n;";
    let program = Program::serve(&[folder.database("d.db", big)]);
    // More readers than there are places for streams.
    for _ in 0..40 {
        let mut socket = program.send("GET", "/d/many.csv?_stream=on", "");
        let mut some = [0; 4096];
        socket.read_exact(&mut some).expect("a beginning");
        assert!(
            some.starts_with(b"HTTP/1.0 200"),
            "{}",
            String::from_utf8_lossy(&some)
        );
    }
    let whole = program.get("/d/many.csv?_stream=on");
    assert_eq!(whole.text().lines().count(), 300_001);
}
