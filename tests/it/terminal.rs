//! `hvelv pseudonymize` on a terminal: a bar with rows a second and time left, of which nothing
//! remains; and no trace of one where there is no terminal.  The terminal is a pseudo-terminal that
//! `script` (util-linux) or Python makes.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::harness::{InProcessServer, Installation, PROGRAM, Ran, digits, people, run};

const INPUT: i32 = 6;
/// Columns of a terminal, and of one in which the bar does not fit into a line.
const WIDTH: usize = 100;
const NARROW: usize = 50;

/// Runs a line of the shell in a terminal so wide; nothing if nobody makes one here.
fn in_terminal(width: usize, line: &str) -> Option<Ran> {
    const PYTHON: &str = "import os, pty, sys\n\
                          sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let line = format!("stty cols {width} rows 24; {line}");
    let is_there = |program: &str, says: &str| {
        let found = Command::new(program).arg("--version").output();
        found.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).contains(says))
    };
    let mut command;
    if is_there("script", "util-linux") {
        command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    } else if is_there("python3", "Python 3") {
        command = Command::new("python3");
        command.args(["-c", PYTHON, "sh", "-c", &line]);
    } else {
        return None;
    }
    command.env("TERM", "xterm").env("SHELL", "/bin/sh");
    Some(tokio::task::block_in_place(|| run(command)))
}

/// What stands on a screen so wide after all of this was written to it.
fn screen(width: usize, written: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        match character {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                assert_eq!(characters.next(), Some('['), "a sequence that this screen knows");
                let mut count = String::new();
                let order = loop {
                    match characters.next().unwrap() {
                        digit if digit.is_ascii_digit() || "?;".contains(digit) => {
                            count.push(digit)
                        }
                        order => break order,
                    }
                };
                let times = count.parse().unwrap_or(1);
                match (order, count.as_str()) {
                    ('A', _) => row = row.saturating_sub(times),
                    ('B', _) => row += times,
                    ('K', "2") => lines[row].clear(),
                    ('K', _) => lines[row].truncate(column),
                    ('m' | 'h' | 'l', _) => {}
                    other => panic!("a sequence that this screen does not know: {other:?}"),
                }
            }
            other => {
                if column == width {
                    (row, column) = (row + 1, 0);
                    lines.resize(lines.len().max(row + 1), Vec::new());
                }
                let length = lines[row].len().max(column + 1);
                lines[row].resize(length, ' ');
                lines[row][column] = other;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    let text = |line: Vec<char>| line.into_iter().collect::<String>().trim_end().to_owned();
    lines.into_iter().map(text).filter(|line| !line.is_empty()).collect()
}

/// A command over `in.csv`, as the shell takes it; `from` and `to` are its files.
fn line(installation: &Installation, server: &InProcessServer, more: &str) -> String {
    let connect = installation.connect_file(server.address, "sender");
    format!(
        "cd '{}' && '{PROGRAM}' pseudonymize --register NPR --source HF --period 2025 \
         --id-column fnr --batch-rows 100 --connect '{}' {more}",
        installation.root().display(),
        connect.display()
    )
}

fn write_rows(installation: &Installation, count: usize, last: &str) {
    let mut rows = "fnr,n\n".to_owned();
    people(count).iter().for_each(|number| writeln!(rows, "{},1", digits(*number)).unwrap());
    fs::write(installation.path("in.csv"), rows + last).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
async fn a_bar_shows_rows_a_second_and_time_left_and_leaves_nothing_behind() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    write_rows(&installation, 20_000, "");
    let run_in = |more: &str| in_terminal(WIDTH, &line(&installation, &server, more));
    let Some(ran) = run_in("in.csv a.csv") else {
        eprintln!("skipped: neither script (util-linux) nor python3 is here to make a terminal");
        return;
    };
    let ran = ran.well();
    let frames: Vec<&str> = ran.out.split('\r').filter(|frame| frame.contains(" left")).collect();
    let is_whole = |frame: &&&str| {
        ["in.csv ", "% ", " rows, ", " rows/s, ", " left"].iter().all(|part| frame.contains(part))
    };
    assert!(frames.iter().filter(is_whole).count() > 1, "{:?}", ran.out);
    let left = screen(WIDTH, &ran.out);
    assert!(left.len() == 1 && left[0].starts_with("20000 rows, 0 rejected, "), "{left:?}");

    let narrow = line(&installation, &server, "--overwrite in.csv a.csv");
    let ran = in_terminal(NARROW, &narrow).unwrap().well();
    let left = screen(NARROW, &ran.out).join("");
    assert!(left.starts_with("20000 rows, 0 rejected, ") && !left.contains(" left"), "{left:?}");

    // From a pipe nobody knows how much there is.
    let input = installation.path("in.csv");
    let piped = line(&installation, &server, "- b.csv");
    let ran = in_terminal(WIDTH, &format!("cat '{}' | ({piped})", input.display())).unwrap().well();
    let frames: Vec<&str> = ran.out.split('\r').filter(|frame| frame.contains(" rows, ")).collect();
    let is_frame = |frame: &&&str| frame.contains("- ") && frame.contains(" rows/s");
    assert!(frames.iter().filter(is_frame).count() > 1, "{:?}", ran.out);
    assert!(!ran.out.contains(" left") && !ran.out.contains("% "), "{:?}", ran.out);
    assert_eq!(screen(WIDTH, &ran.out).len(), 1, "{:?}", screen(WIDTH, &ran.out));

    // Nothing of it when it is not wanted, and nothing before an error.
    for more in ["--quiet in.csv d.csv", "--json --quiet in.csv e.csv"] {
        let ran = run_in(more).unwrap().well();
        assert!(!ran.out.contains("rows/s") && !ran.out.contains('\u{1b}'), "{more}: {ran:?}");
    }
    write_rows(&installation, 20_000, "one field\n");
    let ran = run_in("in.csv f.csv").unwrap();
    let left = screen(WIDTH, &ran.out);
    assert_eq!(ran.code, Some(INPUT), "{left:?}");
    assert!(
        left[0].starts_with("hvelv: row 20001") && !left.join("").contains("rows/s"),
        "{left:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_there_is_no_trace_of_a_bar() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    write_rows(&installation, 20_000, "");
    let mut command = Command::new("sh");
    command.args(["-c", &line(&installation, &server, "in.csv out.csv")]);
    let ran = tokio::task::block_in_place(|| run(command)).well();
    assert_eq!((ran.out.as_str(), ran.err.lines().count()), ("", 1), "{ran:?}");
    assert!(!ran.err.contains(['\r', '\u{1b}']) && !ran.err.contains(" left"), "{ran:?}");
    server.stop().await;
}
