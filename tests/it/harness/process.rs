//! The program, as a process.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use super::BOUND;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hvelv");

/// What a server says when it listens.
pub(crate) const LISTENING: &str = "127.0.0.1:";

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The command succeeded.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The command ended with a code, and said something.
    #[track_caller]
    pub(crate) fn ended(&self, code: i32, said: &str) {
        assert!(self.code == Some(code) && self.err.contains(said), "not {code} {said}: {self:?}");
    }
}

/// Runs a command to its end.
pub(crate) fn hvelv<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    run(command)
}

/// Runs a command to its end, with a bound.
pub(crate) fn run(mut command: Command) -> Ran {
    let (ended, end) = channel();
    std::thread::spawn(move || ended.send(command.stdin(Stdio::null()).output()));
    let output = end.recv_timeout(BOUND).expect("the command ends within the bound").unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A process of ours with its standard error, line by line.  Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    pub(crate) said: Vec<String>,
}

impl Running {
    /// Starts the program.
    pub(crate) fn start<S: AsRef<OsStr>>(arguments: &[S]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts a command.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, lines) = channel();
        std::thread::spawn(move || {
            // Who listens may have gone.
            stderr.lines().map_while(Result::ok).all(|line| say.send(line).is_ok())
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with something in it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let Some(line) = self.says(text) else {
            panic!("the process never said {text:?}, but {:?}", self.said);
        };
        line
    }

    /// Waits for a line with something in it; none if the process ends without it.
    pub(crate) fn says(&mut self, text: &str) -> Option<String> {
        loop {
            let line = match self.lines.recv_timeout(BOUND) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("{text:?} is late: {:?}", self.said),
            };
            self.said.push(line.clone());
            if line.contains(text) {
                return Some(line);
            }
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        // Standard error closes when the process ends.
        while let Ok(line) = self.lines.recv_timeout(BOUND) {
            self.said.push(line);
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments that serve a configuration.
pub(crate) fn serve(config: &Path) -> [&OsStr; 3] {
    [OsStr::new("serve"), OsStr::new("--config"), config.as_ref()]
}

/// A server as a process of its own.
pub(crate) struct ServerProcess {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Starts a sealed server.
    pub(crate) fn start(config: &Path) -> Self {
        Self::reached(Running::start(&serve(config)))
    }

    /// Waits until a process serves.
    pub(crate) fn reached(mut process: Running) -> Self {
        let line = process.wait_for(LISTENING);
        Self::listening(process, &line)
    }

    /// A process that serves, by the line that says so.
    pub(crate) fn listening(process: Running, line: &str) -> Self {
        let rest = line.split_once(LISTENING).unwrap().1;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        Self { process, address }
    }

    /// The server's address as the command line takes it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Stops the server in order.
    pub(crate) fn stop(mut self) {
        self.process.signal("TERM");
        let status = self.process.ended();
        assert!(status.success(), "{status}: {:?}", self.process.said);
    }
}
