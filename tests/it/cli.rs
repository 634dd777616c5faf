//! The command line, from `init --development` to `seal`, with its exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Installation, PROGRAM, ServerProcess, hvelv, run};

const USAGE: i32 = 2;
const UNAVAILABLE: i32 = 3;
const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;

/// A path as an argument.
fn word(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Arguments that reach a server as somebody.
fn connected(directory: &Path, server: &ServerProcess, name: &str) -> [String; 4] {
    let file = directory.join(format!("{name}.toml"));
    ["--connect".into(), word(&file), "--server".into(), server.url()]
}

fn with(command: &[&str], rest: &[String]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).chain(rest.iter().cloned()).collect()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_development_server_is_made_opened_and_sealed_from_the_command_line() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("dev");
    let config = directory.join("hvelv.toml");
    let init = ["init", "--development", "--listen", "127.0.0.1:0", "--directory"];
    let init = with(&init, &[word(&directory)]);
    let made = hvelv(&init).well();
    assert!(made.err.contains("key file made") && made.out.is_empty(), "{made:?}");
    hvelv(&init).ended(PRECONDITION, "holds something already");
    let passphrase = word(&directory.join("passphrase"));
    let init = ["init", "--passphrase-file", &passphrase, "--config"];
    hvelv(&with(&init, &[word(&config)])).ended(PRECONDITION, "never overwrites");
    hvelv(&with(&["check", "--config"], &[word(&config)])).well();

    let server = ServerProcess::start(&config);
    let anybody =
        ["--ca".to_owned(), word(&directory.join("ca.pem")), "--server".into(), server.url()];
    let status = hvelv(&with(&["status"], &anybody));
    assert!(
        status.code == Some(PRECONDITION) && status.out.starts_with("sealed, mode development")
    );
    let status = hvelv(&with(&["status", "--json"], &anybody));
    let told = json(&status.out);
    assert_eq!((&told["state"], &told["development_keys"]), (&"sealed".into(), &true.into()));
    let registers = hvelv(&with(&["registers"], &anybody)).well();
    assert!(registers.out.contains("NPR") && registers.out.contains("IPLOS"));

    let operator = connected(&directory, &server, "operator");
    hvelv(&with(&["seal"], &operator)).ended(PRECONDITION, "sealed");
    let unseal = ["unseal", "--passphrase-file", &passphrase];
    let pipeline = connected(&directory, &server, "pipeline");
    hvelv(&with(&unseal, &pipeline)).ended(DENIED, "not_allowed");
    hvelv(&with(&unseal, &anybody)).ended(USAGE, "needs a client certificate");
    let opened = hvelv(&with(&unseal, &operator)).well();
    assert!(opened.err.contains("open: 0 identifiers"), "{opened:?}");
    hvelv(&with(&unseal, &operator)).ended(PRECONDITION, "already_unsealed");

    let told = json(&hvelv(&with(&["status", "--json"], &operator)).well().out);
    assert_eq!((&told["state"], &told["identifiers"]), (&"open".into(), &0.into()));
    assert_eq!(told["registers"]["NPR"], 0);
    // Nobody else is told counts.
    let told = json(&hvelv(&with(&["status", "--json"], &anybody)).well().out);
    assert!(told.get("identifiers").is_none() && told.get("audit_entries").is_none());

    hvelv(&with(&["seal"], &connected(&directory, &server, "stranger")))
        .ended(DENIED, "not_allowed");
    hvelv(&with(&["seal"], &operator)).well();
    let status = hvelv(&with(&["status"], &anybody));
    assert_eq!(status.code, Some(PRECONDITION));

    // From a file descriptor.
    let script = format!("exec \"$0\" \"$@\" --passphrase-fd 3 3< '{passphrase}'");
    let mut from_fd = Command::new("sh");
    from_fd.args(["-c", &script, PROGRAM, "unseal"]).args(&operator);
    run(from_fd).well();
    server.stop();
}

#[test]
fn a_passphrase_that_is_wrong_or_exposed_opens_nothing() {
    let installation = Installation::new();
    let server = ServerProcess::start(&installation.config_file());
    let operator =
        ["--connect".to_owned(), word(&installation.connect_file(server.address, "operator"))];
    let file = installation.path("passphrase");
    fs::write(&file, "an open secret\n").unwrap();
    let unseal = with(&["unseal", "--passphrase-file", &word(&file)], &operator);
    for mode in [0o640, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        hvelv(&unseal).ended(USAGE, "chmod 600");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = hvelv(&unseal);
    wrong.ended(DENIED, "passphrase_wrong");
    assert!(!wrong.err.contains("an open secret"));
    fs::write(&file, "").unwrap();
    hvelv(&unseal).ended(USAGE, "the passphrase is empty");
    fs::remove_file(&file).unwrap();
    hvelv(&unseal).ended(USAGE, "cannot read");
    // Neither an argument nor the environment is a place for it, and there is no terminal here.
    let argument = hvelv(&with(&["unseal", "--passphrase", "secret"], &operator));
    assert_eq!(argument.code, Some(USAGE));
    hvelv(&with(&["unseal"], &operator)).ended(USAGE, "--passphrase-file");
    server.stop();
}

#[test]
fn without_a_server_the_commands_say_so() {
    let installation = Installation::new();
    let server = ServerProcess::start(&installation.config_file());
    let (operator, auditor) = (
        word(&installation.connect_file(server.address, "operator")),
        word(&installation.connect_file(server.address, "auditor")),
    );
    server.stop();
    for command in [&["status"][..], &["registers"], &["seal"]] {
        let ran = hvelv(&with(command, &["--connect".to_owned(), operator.clone()]));
        ran.ended(UNAVAILABLE, "no connection");
    }
    hvelv(&["audit", "verify", "--live", "--connect", &auditor])
        .ended(UNAVAILABLE, "no connection");
}

#[test]
fn check_lists_every_problem_at_once_and_serve_refuses_the_same() {
    let installation = Installation::new();
    let config = word(&installation.config_file());
    hvelv(&["check", "--config", &config]).well();

    fs::set_permissions(installation.path("test.hvk"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(installation.path("server-key.pem"), fs::Permissions::from_mode(0o640))
        .unwrap();
    fs::write(installation.path("access.toml"), "[[principal]]\nname = 'Bad Name'\nrole = 1\n")
        .unwrap();
    let checked = hvelv(&["check", "--config", &config]);
    for problem in ["mode 0600", "server-key.pem", "access.toml"] {
        checked.ended(USAGE, problem);
    }
    hvelv(&["serve", "--config", &config]).ended(USAGE, "access.toml");

    fs::remove_file(installation.path("test.hvk")).unwrap();
    hvelv(&["check", "--config", &config]).ended(USAGE, "there is no key file");
    fs::write(&config, "mode = 'wrong'\nlisten = 'nowhere'\nunheard_of = 1\n").unwrap();
    for command in ["check", "serve"] {
        let ran = hvelv(&[command, "--config", &config]);
        for problem in ["mode", "listen", "unheard_of"] {
            ran.ended(USAGE, problem);
        }
    }
    hvelv(&["check", "--config", "/nonexistent/hvelv.toml"])
        .ended(USAGE, "/nonexistent/hvelv.toml");
}

#[test]
fn an_address_that_is_taken_is_said_and_the_stores_are_left_alone() {
    let installation = Installation::new();
    let server = ServerProcess::start(&installation.config_file());
    let config = installation.config_file();
    let text = fs::read_to_string(&config).unwrap();
    let address = server.address.to_string();
    for key in ["", "enabled = true\n"] {
        let free = format!("{key}listen = '127.0.0.1:0'");
        let taken = text.replacen(&free, &free.replace("127.0.0.1:0", &address), 1);
        fs::write(&config, taken).unwrap();
        let ran = hvelv(&["serve", "--config", &word(&config)]);
        ran.ended(USAGE, &format!("{address} cannot be listened on"));
    }
    server.stop();
}

#[test]
fn exit_codes_are_documented_in_the_help() {
    let help = hvelv(&["help"]).well().out;
    for line in [
        "    0  done",
        "    1  a fault in hvelv itself",
        "    2  command line or configuration is wrong",
        "    3  no connection",
        "    4  denied",
        "    5  something comes first",
        "    6  the input file cannot be used",
        "    7  the log, a store, a backup or an extract does not verify",
        "    8  complete, but rows were rejected",
        "  130  interrupted",
    ] {
        assert!(help.contains(line), "{line}");
    }
    for arguments in [&["nonsense"][..], &["status", "--nonsense"], &["pseudonymize"]] {
        let ran = hvelv(arguments);
        assert_eq!(ran.code, Some(USAGE), "{ran:?}");
    }
}
