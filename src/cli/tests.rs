use super::*;
use crate::testing::repository;

/// Every command that has a help text of its own, with its path.
fn commands(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let mut all = vec![(path.to_owned(), command.clone())];
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        all.extend(commands(inner, &format!("{path}-{}", inner.get_name())));
    }
    all
}

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from([&["hvelv"], arguments].concat())
}

#[test]
fn the_parser_agrees_with_itself() {
    command().debug_assert();
    // What clap looks at in builds without optimisation alone.
    for (path, command) in commands(&command(), "hvelv") {
        let mut names: Vec<&str> =
            command.get_arguments().map(|one| one.get_id().as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "{path}");
    }
}

/// Goal: help changes on purpose only. To accept a change, remove the file, run the test with
/// `HVELV_WRITE_GOLDEN=1`, and read the difference.
#[test]
fn help_texts_are_the_golden_ones() {
    let directory = repository().join("tests/golden/help");
    let mut differing = Vec::new();
    for (path, command) in commands(&command(), "hvelv") {
        let name = path.replace('-', " ");
        let help = command.bin_name(name).term_width(100).render_long_help().to_string();
        let help: String = help.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        let file = directory.join(format!("{path}.txt"));
        if !file.exists() && std::env::var_os("HVELV_WRITE_GOLDEN").is_some() {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(&file, &help).unwrap();
        }
        if std::fs::read_to_string(&file).ok().as_deref() != Some(help.as_str()) {
            differing.push(file);
        }
    }
    assert!(differing.is_empty(), "changed or missing: {differing:?}");
}

#[test]
fn every_command_has_examples() {
    for (path, command) in commands(&command(), "hvelv") {
        let is_leaf_of_audit = path.starts_with("hvelv-audit-");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(is_leaf_of_audit || help.contains("xamples"), "{path}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{path}: a long line");
    }
}

#[test]
fn every_exit_code_is_in_the_help() {
    let help = command().get_after_help().unwrap().to_string();
    for exit in Exit::ALL {
        let line = format!("{:>3}  {}", exit.code(), exit.meaning());
        assert!(help.contains(&line), "{line}");
    }
}

/// Nor from the environment: clap's `env` feature is off, and `std::env::var` is banned by clippy.
#[test]
fn a_passphrase_is_never_an_argument() {
    for (path, command) in commands(&command(), "hvelv") {
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let is_secret = id.contains("passphrase") || id == "share";
            let names_a_place = id.ends_with("_file") || id.ends_with("_fd");
            let takes_text = argument.get_action().takes_values();
            assert!(!is_secret || names_a_place || !takes_text, "{path} takes {id}");
        }
    }
    assert!(parse(&["unseal", "--passphrase-file", "f", "--passphrase-fd", "3"]).is_err());
    assert!(parse(&["unseal", "secret"]).is_err());
    assert!(parse(&["unseal", "--share", "secret"]).is_err());
    assert!(parse(&["unseal", "--share-file", "f", "--passphrase-file", "f"]).is_err());
}

#[test]
fn what_belongs_together_is_required_together() {
    let needed = ["pseudonymize", "--register", "NPR", "--source", "HF", "--id-column", "fnr"];
    assert!(parse(&[&needed[..], &["in", "out"]].concat()).is_ok());
    assert!(parse(&[&needed[..], &["in"]].concat()).is_err());
    assert!(parse(&["status", "--certificate", "c.pem"]).is_err());
    assert!(parse(&["audit", "verify"]).is_err());
    assert!(parse(&["audit", "verify", "--live", "--export", "f"]).is_err());
    assert!(parse(&["init", "--development", "--config", "hvelv.toml"]).is_err());
    assert!(parse(&["init", "--directory", "d"]).is_err());
}

#[test]
fn a_historical_import_without_a_period_says_what_to_give() {
    let mut arguments = vec!["pseudonymize", "--register", "IPLOS", "--source", "KOMMUNE"];
    arguments.extend(["--purpose", "historical-import", "--id-column", "fnr", "in", "out"]);
    let Command::Pseudonymize(options) = parse(&arguments).unwrap().command else { panic!() };
    let error = pseudonymize::run(&options).unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.advice()[0].contains("--period 2007-01-01..2016-12-31"));
}
