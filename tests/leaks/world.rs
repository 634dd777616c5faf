//! Directories of one run, the server's process, and the commands beside it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::canaries::{PASSPHRASE, WRONG_PASSPHRASE};

/// How long anything may take.
pub(crate) const BOUND: Duration = Duration::from_secs(120);

/// One run.
///
/// ```text
/// secret/    passphrases             dev/       configuration, keys, stores
/// input/     canaries, on purpose    captured/  what every process and every call said
/// output/    files of IDs            tmp/       TMPDIR of every process
/// ```
pub(crate) struct World {
    directory: tempfile::TempDir,
    /// The server's address, once it has one.
    pub(crate) address: String,
    /// Where its metrics are.
    pub(crate) metrics_address: String,
    /// Commands that were run.
    pub(crate) commands: BTreeSet<String>,
    runs: usize,
}

impl World {
    /// Empty directories, and the passphrases in files of their own.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["secret", "input", "captured", "output", "tmp", "copies"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let world = Self {
            directory,
            address: String::new(),
            metrics_address: String::new(),
            commands: BTreeSet::new(),
            runs: 0,
        };
        for (name, text) in [("right", PASSPHRASE), ("wrong", WRONG_PASSPHRASE)] {
            let path = world.path(&format!("secret/{name}"));
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        world
    }

    /// A share of the registers root, as its holder has it.
    pub(crate) fn share(&self, number: u32) -> String {
        let path = self.path(&format!("secret/shares/registers-share-{number}.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().last().unwrap().to_owned()
    }

    /// A path of this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The binary, with everything in its environment that might make it talk.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hvelv"));
        command
            .current_dir(self.directory.path())
            .env("TMPDIR", self.path("tmp"))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; its arguments are separated by blanks, and `@` stands for the
    /// options that reach the server as a caller, as in `@operator`.
    pub(crate) fn run(&mut self, line: &str, exit: i32) -> String {
        let mut arguments = Vec::new();
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(caller) => {
                    arguments.extend(["--connect".to_owned(), format!("dev/{caller}.toml")]);
                    arguments.extend(["--server".to_owned(), format!("https://{}", self.address)]);
                }
                None => arguments.push(word.to_owned()),
            }
        }
        let output = self.command().args(&arguments).output().unwrap();
        self.runs += 1;
        let captured = self.path(&format!("captured/{:03}-{}", self.runs, arguments[0]));
        std::fs::write(captured.with_extension("out"), &output.stdout).unwrap();
        std::fs::write(captured.with_extension("err"), &output.stderr).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "hvelv {line}: {said}");
        const WITH_ACTIONS: [&str; 18] = [
            "access",
            "alias",
            "application",
            "approval",
            "audit",
            "bridge",
            "budget",
            "case",
            "consent",
            "convert",
            "decision",
            "disclosure",
            "extract",
            "identity",
            "keys",
            "order",
            "reservation",
            "retention",
        ];
        let depth = match &arguments[..] {
            [first, second, ..] if first == "audit" && second == "witness" => 3,
            [first, ..] if WITH_ACTIONS.contains(&first.as_str()) => 2,
            _ => 1,
        };
        self.commands.insert(arguments[..depth.min(arguments.len())].join("-"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Adds to what was captured.
    pub(crate) fn capture(&self, name: &str, bytes: &[u8]) {
        let path = self.path("captured").join(name);
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Starts the server, and waits until it listens.
    pub(crate) fn serve(&mut self, name: &str) -> Server {
        let captured = File::create(self.path(&format!("captured/{name}.out"))).unwrap();
        let mut child = self
            .command()
            .args(["serve", "--config", "dev/hvelv.toml"])
            .stdout(captured)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.commands.insert("serve".to_owned());
        let log = self.path(&format!("captured/{name}.err"));
        let lines = follow(child.stderr.take().unwrap(), &log);
        let server = Server { child, lines };
        let line = server.wait_for("serving");
        self.address = address_in(&line);
        self.metrics_address = address_in(&server.wait_for("metrics are served"));
        server
    }

    /// Reads the metrics, and sends the endpoint what it does not take, with a text in it.
    pub(crate) fn scrape(&self, text: &str) -> String {
        let [metrics, ..] = [
            "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
            format!("GET /metrics?{text} HTTP/1.1\r\nx: {text}\r\n\r\n"),
            format!("GET /{text} HTTP/1.1\r\nhost: {text}\r\n\r\n"),
            format!("POST /metrics HTTP/1.1\r\ncontent-length: 11\r\n\r\n{text}"),
            format!("{text}\r\n\r\n"),
        ]
        .map(|request| {
            let mut stream = TcpStream::connect(&self.metrics_address).unwrap();
            stream.set_read_timeout(Some(BOUND)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            // A refused request may be answered with a reset behind it.
            let _ = stream.read_to_end(&mut answer);
            self.capture("metrics.txt", &answer);
            String::from_utf8(answer).unwrap()
        });
        assert!(metrics.starts_with("HTTP/1.1 200 OK"), "{metrics}");
        metrics
    }

    /// Copies a directory as it is, also under a server that runs.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        copy_files(&self.path(from), &self.path(to));
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The port of `address=127.0.0.1:PORT`, or of its form in JSON.
fn address_in(line: &str) -> String {
    let after = line.split("127.0.0.1:").nth(1).expect("the server says where it listens");
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{port}")
}

/// Copies lines to a file and hands them on.
fn follow(input: impl Read + Send + 'static, to: &Path) -> Receiver<String> {
    let (sender, lines) = channel();
    let mut file = File::create(to).unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(input).lines() {
            let line = line.unwrap();
            writeln!(file, "{line}").unwrap();
            // Nobody may be waiting for a line.
            let _ = sender.send(line);
        }
    });
    lines
}

/// A server's process. Killed when dropped, so that a failed test leaves none.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
}

impl Server {
    /// The next line that holds a text.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(BOUND).expect("the server logs it within the bound");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &order]).status();
        assert!(sent.unwrap().success());
    }

    /// Stops it in order, and waits until its log is complete.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        while self.lines.recv_timeout(BOUND).is_ok() {}
        assert!(self.child.wait().unwrap().success(), "the server stops in order");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
