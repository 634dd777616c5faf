//! The whole course of a disclosure at the command line: a server as a process, registers with
//! somebody in them, and an officer.

use std::fs;

use hvelv::clock::{Clock as _, SystemClock};
use jiff::ToSpan as _;

use super::{
    Installation, InstallationOptions, PASSPHRASE, PRINCIPALS, Ran, ServerProcess, hvelv, unseal,
    validity,
};

/// A server that is open, and the files of everybody.
pub(crate) struct Course {
    pub(crate) installation: Installation,
    pub(crate) server: ServerProcess,
}

impl Course {
    /// Starts a server and opens it.
    pub(crate) fn open() -> Self {
        Self::with(&[])
    }

    /// As [`Self::open`], with more principals: name, kind and roles.
    pub(crate) fn with(more: &[(&str, &str, &str)]) -> Self {
        Self::with_options(&InstallationOptions::default(), more)
    }

    /// The same with other options.
    pub(crate) fn with_options(options: &InstallationOptions, more: &[(&str, &str, &str)]) -> Self {
        let installation = Installation::with(options);
        installation.grant(&[&PRINCIPALS[..], more].concat());
        for (name, ..) in more {
            installation.issue(&installation.authority, name, name, validity(-24, 24));
        }
        let server = ServerProcess::start(&installation.config_file());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let operator = installation.connect(server.address, "operator").await;
            unseal(&operator, PASSPHRASE).await.unwrap();
        });
        Self { installation, server }
    }

    /// The path of a file, as a word of a command.
    pub(crate) fn path(&self, name: &str) -> String {
        self.installation.path(name).to_str().unwrap().to_owned()
    }

    /// Reads a file.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.installation.path(name)).unwrap()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.installation.path(name), text).unwrap();
    }

    /// The names in a directory, sorted.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.installation.path(directory)).unwrap();
        let names = entries.map(|one| one.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Runs a command as somebody.
    pub(crate) fn run<S: AsRef<str>>(&self, name: &str, words: &[S]) -> Ran {
        hvelv(&self.words(name, words))
    }

    /// The words of a command as somebody gives it.
    pub(crate) fn words<S: AsRef<str>>(&self, name: &str, words: &[S]) -> Vec<String> {
        let connect = self.installation.connect_file(self.server.address, name);
        let mut words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
        words.extend(["--connect".to_owned(), connect.to_str().unwrap().to_owned()]);
        words
    }

    /// Sends a file with the column `fnr` to a register.
    pub(crate) fn pseudonymize(&self, register: &str, source: &str, input: &str, output: &str) {
        let (input, output) = (self.path(input), self.path(output));
        let words = ["pseudonymize", "--register", register, "--source", source];
        let rest = ["--id-column", "fnr", "--period", "2025", &input, &output];
        self.run("pipeline", &[&words[..], &rest[..]].concat()).well();
    }

    /// An approval that somebody asks for and ola gives.
    pub(crate) fn approve(&self, who: &str, act: &str, subject: &str, parameters: &[&str]) {
        let mut words = vec!["approval", "request", "--act", act, "--subject", subject];
        words.extend(["--reason", "linkage", "--basis", "case 26/1", "--json"]);
        words.extend(parameters.iter().flat_map(|one| ["--parameter", one]));
        let asked = self.run(who, &words).well();
        let asked: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
        self.run("ola", &["approval", "approve", asked["id"].as_str().unwrap()]).well();
    }

    /// Makes the recipient's key in a file: its public half.
    pub(crate) fn key(&self, name: &str) -> String {
        hvelv(&["extract", "key", &self.path(name)]).well().out.trim().to_owned()
    }

    /// Opens a disclosure of NPR and KPR for research, on a decision with such terms: its id.
    pub(crate) fn disclose(&self, terms: &str, recipient_key: &str) -> String {
        self.disclose_of(["NPR", "KPR"], "helsedataservice", terms, recipient_key)
    }

    /// As [`Self::disclose`], of two registers, by an authority.
    pub(crate) fn disclose_of(
        &self,
        [one, two]: [&str; 2],
        authority: &str,
        terms: &str,
        recipient_key: &str,
    ) -> String {
        let today = SystemClock::new().today();
        let day = |days: i32| today.checked_add(days.days()).unwrap();
        let (dated, valid_until, expires) = (day(-1), day(300), day(200));
        let width = if terms.contains("serial_width") { "" } else { "serial_width = 9\n" };
        let text = format!(
            "[application]\napplicant = 'Prosjektet'\norganisation = '352601810'\n\
             purpose = 'research'\nregisters = ['{one}', '{two}']\n\
             legal_basis = ['helseregisterloven § 19 a']\ndelivered_to = 'tsd'\n\
             contact = 'prosjektet@uni.example'\ndescription = 'Forløp'\n\
             [decision]\nauthority = '{authority}'\nkind = 'dispensation'\n\
             reference = '26/04711-9'\ndated = {dated}\nvalid_until = {valid_until}\n\
             {width}reidentification = 'refused'\n\
             overrides = [{{ provision = 'register_linkage', identifiers = 'without' }}]\n\
             {terms}\n\
             [disclosure]\nrecipient_key = '{recipient_key}'\nexpires = {expires}\n\
             [[file]]\nregister = '{one}'\npath = 'npr.csv'\noutput = 'npr.csv'\n\
             [[file]]\nregister = '{two}'\npath = 'kpr.csv'\noutput = 'kpr.csv'\n"
        );
        self.write("description.toml", &text);
        let words = ["disclosure", "run", &self.path("description.toml"), "--json"];
        let ran = self.run("officer", &words).well();
        let ran: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        ran["disclosure"]["id"].as_str().unwrap().to_owned()
    }

    /// The words that make an extract of files: register, what is read, what comes out.
    pub(crate) fn making(&self, disclosure: &str, files: &[[&str; 3]]) -> Vec<String> {
        let words =
            ["extract", "make", "--disclosure", disclosure, "--contact", "data@npr.example"];
        let mut words: Vec<String> = words.map(str::to_owned).to_vec();
        for [register, input, output] in files {
            words.extend([
                "--file".into(),
                (*register).into(),
                self.path(input),
                self.path(output),
            ]);
        }
        words
    }

    /// Opens what is sealed in a directory, into another.
    pub(crate) fn unpack(&self, key: &str, from: &str, to: &str) -> Ran {
        let mut words = vec!["extract".into(), "open".into(), "--identity".into(), self.path(key)];
        words.extend(self.names(from).iter().map(|name| self.path(&format!("{from}/{name}"))));
        words.push(self.path(to));
        hvelv(&words)
    }
}
