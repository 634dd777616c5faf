//! The program's commands, as users start them, and how much memory they take.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::server::{PROGRAM, Server, ends_well, peak_kib};

const POLL: Duration = Duration::from_millis(20);

/// Makes hospital episodes about synthetic persons.
pub(crate) fn synth(persons: u64, rows: u64, out: &Path) {
    let mut command = Command::new(PROGRAM);
    command.args(["synth", "--persons", &persons.to_string(), "--rows", &rows.to_string()]);
    ends_well(command.arg("--out").arg(out));
}

/// Opens a server.
pub(crate) fn unseal(server: &Server) {
    let mut unseal = command(server, "unseal", "operator");
    ends_well(unseal.arg("--passphrase-file").arg(server.files.join("passphrase")));
}

/// Replaces the identifiers of a file; gives the command's peak memory, KiB.
pub(crate) fn pseudonymize(server: &Server, input: &Path, output: &Path) -> u64 {
    let mut command = command(server, "pseudonymize", "pipeline");
    command.args(["--register", "NPR", "--source", "HF", "--id-column", "fnr"]);
    command.args(["--period", "2025", "--quiet"]).arg(input).arg(output);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let watched = watch(child.id());
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    watched.join().unwrap()
}

fn command(server: &Server, name: &str, caller: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args([name, "--server", &format!("https://{}", server.address), "--connect"]);
    command.arg(server.files.join(format!("{caller}.toml")));
    command
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
