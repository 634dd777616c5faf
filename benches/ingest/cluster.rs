//! A PostgreSQL server of its own: a fresh cluster in a temporary directory, over a Unix socket.
//!
//! It may keep a quarter of the memory in its buffers, syncs every commit, and has what would
//! disturb its rounds (autovacuum, checkpoints, just-in-time compiling) turned off.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian has it.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";

/// A running server; stopped and removed when dropped.
pub(crate) struct Cluster {
    directory: tempfile::TempDir,
    programs: PathBuf,
    /// Who runs it, where we are root: PostgreSQL refuses to run as root.
    user: Option<&'static str>,
}

impl Cluster {
    /// Makes a cluster and starts it; the reason when there is no PostgreSQL.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or_else(|| {
            format!("no initdb in {DEBIAN} nor in PATH (apt-get install postgresql-15)")
        })?;
        let directory = tempfile::tempdir().unwrap();
        let is_root = said(Command::new("id").arg("-u"))? == "0";
        let user = is_root.then(|| {
            let has_postgres = said(Command::new("id").args(["-u", "postgres"])).is_ok();
            if has_postgres { "postgres" } else { "nobody" }
        });
        if let Some(user) = user {
            said(Command::new("chown").arg(user).arg(directory.path()))?;
        }
        let cluster = Self { directory, programs, user };
        let data = cluster.data();
        let mut initdb = cluster.command("initdb");
        initdb.args(["--auth=trust", "--username=bench", "--no-locale", "--encoding=UTF8"]);
        said(initdb.arg("--pgdata").arg(&data))?;
        let options = format!(
            "-k {} -c listen_addresses= -c shared_buffers={}MB -c fsync=on -c synchronous_commit=on \
             -c full_page_writes=on -c max_wal_size=64GB -c checkpoint_timeout=1d -c autovacuum=off \
             -c jit=off -c work_mem=64MB -c maintenance_work_mem=512MB",
            cluster.socket().display(),
            memory_mib() / 4,
        );
        let mut start = cluster.command("pg_ctl");
        start.args(["start", "--wait", "--silent", "--options", &options, "--pgdata"]).arg(&data);
        said(start.arg("--log").arg(cluster.socket().join("log")))?;
        Ok(cluster)
    }

    /// The directory of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.directory.path()
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        let _ = said(stop.args(["stop", "--mode=immediate", "--pgdata"]).arg(self.data()));
    }
}

/// The directory of PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let has = |directory: &Path| directory.join("initdb").exists();
    let debian = PathBuf::from(DEBIAN);
    if has(&debian) {
        return Some(debian);
    }
    let found = said(Command::new("sh").args(["-c", "command -v initdb"])).ok()?;
    Path::new(&found).canonicalize().ok()?.parent().map(Path::to_owned)
}

fn memory_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// What a command says when it ends well; its complaint when not.
fn said(command: &mut Command) -> Result<String, String> {
    // A server that is started inherits what it may write to: a pipe would never end.
    let complaints = tempfile::tempfile().unwrap();
    let (mut output, mut complaint) = (tempfile::tempfile().unwrap(), complaints);
    let (to_output, to_complaint) = (output.try_clone().unwrap(), complaint.try_clone().unwrap());
    command.stdin(Stdio::null()).stdout(to_output).stderr(to_complaint);
    let status = command.status().map_err(|cause| format!("{command:?}: {cause}"))?;
    let text = |file: &mut std::fs::File| {
        use std::io::{Read as _, Seek as _};
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text.trim().to_owned()
    };
    if status.success() {
        return Ok(text(&mut output));
    }
    Err(format!("{command:?}: {status}: {}", text(&mut complaint)))
}
