//! The program and its server, as users start them, and how much memory they take.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hvelv");
const POLL: Duration = Duration::from_millis(20);

/// Commands that need no server.
pub(crate) struct Program;

impl Program {
    /// Makes hospital episodes about synthetic persons.
    pub(crate) fn synth(persons: u64, rows: u64, out: &Path) {
        let mut command = Command::new(PROGRAM);
        command.args(["synth", "--persons", &persons.to_string(), "--rows", &rows.to_string()]);
        ends_well(command.arg("--out").arg(out));
    }
}

/// A development server that is open.
pub(crate) struct Server {
    process: Child,
    address: String,
    files: PathBuf,
}

impl Server {
    /// Makes an installation below a directory, starts its server and unseals it.
    pub(crate) fn start(directory: &Path) -> Self {
        let files = directory.join("dev");
        let mut init = Command::new(PROGRAM);
        init.args(["init", "--development", "--listen", "127.0.0.1:0", "--directory"]);
        ends_well(init.arg(&files));
        let mut serve = Command::new(PROGRAM);
        serve.args(["serve", "--config"]).arg(files.join("hvelv.toml"));
        let mut process = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = said.next().expect("a server says where it serves").unwrap();
            if let Some(after) = line.split("serving address=").nth(1) {
                break format!("https://{}", after.split_whitespace().next().unwrap());
            }
        };
        // A pipe that nobody reads would stop the server.
        std::thread::spawn(move || said.for_each(drop));
        let server = Self { process, address, files };
        let mut unseal = server.command("unseal", "operator");
        ends_well(unseal.arg("--passphrase-file").arg(server.files.join("passphrase")));
        server
    }

    fn command(&self, name: &str, caller: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args([name, "--server", &self.address, "--connect"]);
        command.arg(self.files.join(format!("{caller}.toml")));
        command
    }

    /// Replaces the identifiers of a file; gives the command's peak memory, KiB.
    pub(crate) fn pseudonymize(&self, input: &Path, output: &Path) -> u64 {
        let mut command = self.command("pseudonymize", "pipeline");
        command.args(["--register", "NPR", "--source", "HF", "--id-column", "fnr"]);
        command.args(["--period", "2025", "--quiet"]).arg(input).arg(output);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let watched = watch(child.id());
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
        watched.join().unwrap()
    }

    /// The server's peak memory, KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_kib(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ends_well(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// Looks at a process's peak memory until it has ended; gives the last.
#[expect(clippy::disallowed_methods, reason = "nothing tells what a process takes but looking")]
fn watch(process: u32) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut peak = 0;
        loop {
            match peak_kib(process) {
                0 => return peak,
                now => peak = now,
            }
            std::thread::sleep(POLL);
        }
    })
}

/// The most memory that a process had resident (`VmHWM`), 0 once it has ended.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
