//! DuckDB in a process of its own, from PyPI, and what a side's process says it took.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs statements and prints seconds and peak KiB.
const SCRIPT: &str = r#"
import duckdb, resource, sys, time
connection = duckdb.connect()
connection.execute("SET threads = 2; SET memory_limit = '1GB'; SET default_null_order = 'nulls_first'")
connection.execute("SET enable_progress_bar = false")
connection.execute(f"SET temp_directory = '{sys.argv[1]}'")
begun = time.perf_counter()
for statement in sys.argv[2:]:
    found = connection.execute(statement).fetchall()
took = time.perf_counter() - begun
print(found[0][0] if found else None)
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"#;

/// What one side did.
pub(crate) struct Measured {
    /// Time, without starting the process.
    pub(crate) seconds: f64,
    /// Peak memory.
    pub(crate) peak_mib: f64,
}

/// DuckDB in an environment of its own.
pub(crate) struct Duck {
    python: PathBuf,
    directory: PathBuf,
}

impl Duck {
    /// Installs it; the reason when that cannot be done.
    pub(crate) fn install(directory: &Path) -> Result<Self, String> {
        let environment = directory.join("duckdb");
        let python = environment.join("bin/python");
        let mut steps = [Command::new("python3"), Command::new(&python)];
        steps[0].args(["-m", "venv"]).arg(&environment);
        steps[1].args(["-m", "pip", "install", "--quiet", "duckdb"]);
        for step in &mut steps {
            let output = step.output().map_err(|cause| format!("python3: {cause}"))?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
            }
        }
        Ok(Self { python, directory: directory.to_owned() })
    }

    /// Runs statements in a process of its own; gives what it printed: the last result, and what it took.
    pub(crate) fn run(&self, statements: &[String]) -> String {
        let mut command = Command::new(&self.python);
        command.args(["-c", SCRIPT]).arg(self.directory.join("spill")).args(statements);
        output_of(&mut command)
    }
}

/// Runs a command that must end well, and gives what it printed.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a side printed last: seconds and KiB.
pub(crate) fn measured(printed: &str) -> Measured {
    let mut words = printed.lines().last().unwrap_or_default().split_whitespace();
    let mut next = || words.next().unwrap().parse::<f64>().unwrap();
    Measured { seconds: next(), peak_mib: next() / 1024.0 }
}

/// A path as SQL and arguments have it.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have names in UTF-8")
}
