//! The program's server as users start it, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hvelv");

/// A development server.
pub(crate) struct Server {
    process: Child,
    /// Where it serves.
    pub(crate) address: String,
    /// The directory of its files.
    pub(crate) files: PathBuf,
}

impl Server {
    /// Makes an installation below a directory, unless it is there, and starts its server, sealed.
    pub(crate) fn start(directory: &Path) -> Self {
        let files = directory.join("dev");
        if !files.exists() {
            let mut init = Command::new(PROGRAM);
            init.args(["init", "--development", "--listen", "127.0.0.1:0", "--directory"]);
            ends_well(init.arg(&files));
        }
        let mut serve = Command::new(PROGRAM);
        serve.args(["serve", "--config"]).arg(files.join("hvelv.toml"));
        let mut process = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = said.next().expect("a server says where it serves").unwrap();
            if let Some(after) = line.split("serving address=").nth(1) {
                break after.split_whitespace().next().unwrap().to_owned();
            }
        };
        // A pipe that nobody reads would stop the server.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, address, files }
    }

    /// The server's peak memory, KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_kib(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In order, so that what it has kept is there when it is started again.
        let mut terminate = Command::new("kill");
        let asked = terminate.arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Runs a command that must end well.
pub(crate) fn ends_well(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// The most memory that a process had resident (`VmHWM`), 0 once it has ended.
pub(crate) fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
