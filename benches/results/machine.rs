//! What the figures were measured on.

use std::path::Path;
use std::process::Command;

/// What a reader needs to judge figures by, in words.
pub(crate) fn describe(target: &Path) -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = line_of("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let memory = line_of("/proc/meminfo", "MemTotal").unwrap_or_else(unknown);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let huge = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let load = std::fs::read_to_string("/proc/loadavg").map_or_else(|_| unknown(), first_line);
    vec![
        ("processor", format!("{processor}, {cores} cores")),
        ("memory", memory),
        ("huge pages", huge.map_or_else(|_| unknown(), first_line)),
        ("system", said(Command::new("uname").args(["-s", "-r", "-m"]))),
        ("target on", said(Command::new("stat").args(["-f", "-c", "%T"]).arg(target))),
        (
            "temporary",
            said(Command::new("stat").args(["-f", "-c", "%T"]).arg(std::env::temp_dir())),
        ),
        ("compiler", said(Command::new("rustc").arg("--version"))),
        // Other levels are for trying the benchmarks out.
        ("opt-level", env!("HVELV_OPT_LEVEL").to_owned()),
        ("load", load),
    ]
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(unknown, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}
