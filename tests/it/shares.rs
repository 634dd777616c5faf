//! The ceremony with shares at the command line: made for holders, given by them one by one to a
//! server that runs, changed, and a root replaced.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Installation, PASSPHRASE, Ran, ServerProcess, hvelv};

const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;

struct Ceremony {
    installation: Installation,
}

impl Ceremony {
    fn new() -> Self {
        let installation = Installation::new();
        let this = Self { installation };
        this.secret("passphrase", PASSPHRASE);
        this
    }

    fn path(&self, name: &str) -> String {
        self.installation.path(name).to_str().unwrap().to_owned()
    }

    fn secret(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        self.path(name)
    }

    /// `hvelv keys …` with the passphrase.
    fn keys(&self, words: &[&str]) -> Ran {
        self.keys_by(words, &["--passphrase-file", &self.path("passphrase")])
    }

    fn keys_by(&self, words: &[&str], given: &[&str]) -> Ran {
        let config = self.path("hvelv.toml");
        hvelv(&[&["keys"], words, &["--config", &config], given].concat())
    }

    /// Two of three shares of a root, in a directory.
    fn split(&self, root: &str, directory: &str, more: &[&str]) -> Ran {
        let output = self.path(directory);
        let words = ["split", "--root", root, "--shares", "3", "--threshold", "2"];
        self.keys(&[&words[..], &["--output", &output], more].concat())
    }

    fn give(&self, server: &ServerProcess, who: &str, share: &str) -> Ran {
        let connect = self.installation.connect_file(server.address, who);
        let share = self.path(share);
        hvelv(&["unseal", "--share-file", &share, "--connect", connect.to_str().unwrap()])
    }

    fn status(&self, server: &ServerProcess, who: &str) -> String {
        let connect = self.installation.connect_file(server.address, who);
        hvelv(&["status", "--connect", connect.to_str().unwrap()]).out
    }

    fn serve(&self) -> ServerProcess {
        ServerProcess::start(&self.installation.config_file())
    }
}

#[test]
fn holders_open_a_server_share_by_share_at_the_command_line() {
    let ceremony = Ceremony::new();
    let made = ceremony.split("registers", "shares", &["--without-passphrase"]).well();
    assert_eq!(made.out.lines().count(), 3);
    ceremony.split("vault", "shares", &["--without-passphrase"]).ended(PRECONDITION, "registers");
    // From now on the registers root takes shares, and the vault its passphrase.
    let mut given = vec![ceremony.path("passphrase")];
    given.insert(0, "--passphrase-file".to_owned());
    let shares: Vec<String> = (1..=3)
        .map(|index| ceremony.path(&format!("shares/registers-share-{index}.txt")))
        .collect();
    given.extend(["--share-file".to_owned(), shares[0].clone()]);
    given.extend(["--share-file".to_owned(), shares[2].clone()]);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let output = ceremony.path("shares");
    let words =
        ["split", "--root", "vault", "--shares", "3", "--threshold", "2", "--output", &output];
    ceremony.keys_by(&[&words[..], &["--without-passphrase"]].concat(), &given).well();
    for path in &shares {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(path).unwrap().lines().last().unwrap().starts_with("hvelv1 "));
    }
    let shown = hvelv(&["keys", "show", "--config", &ceremony.path("hvelv.toml")]).well();
    assert!(shown.out.contains("registers  2 of 3 shares (set "), "{}", shown.out);

    let mut server = ceremony.serve();
    let first = ceremony.give(&server, "holder-a", "shares/registers-share-3.txt").well();
    assert!(first.err.contains("share 3 of the registers root is right"), "{}", first.err);
    assert!(first.err.contains("registers  1 of 2 shares given (3 holder-a)"), "{}", first.err);
    let shown = ceremony.status(&server, "holder-b");
    assert!(
        shown.contains("sealed") && shown.contains("vault      0 of 2 shares given"),
        "{shown}"
    );
    assert!(!ceremony.status(&server, "auditor").contains("shares given"), "for holders alone");

    let again = ceremony.give(&server, "holder-a", "shares/registers-share-1.txt");
    again.ended(DENIED, "another holder is needed");
    let twice = ceremony.give(&server, "holder-b", "shares/registers-share-3.txt");
    twice.ended(PRECONDITION, "share 3 of the registers root was given already");
    let auditor = ceremony.give(&server, "auditor", "shares/registers-share-1.txt");
    assert_eq!(auditor.code, Some(DENIED));
    let text = fs::read_to_string(ceremony.path("shares/registers-share-1.txt")).unwrap();
    let end = text.trim_end().len();
    let damaged =
        format!("{}{}", &text[..end - 1], if text[..end].ends_with('q') { 'p' } else { 'q' });
    ceremony.secret("damaged", &damaged);
    ceremony.give(&server, "holder-b", "damaged").ended(2, "typing error");

    ceremony.give(&server, "holder-b", "shares/registers-share-2.txt").well();
    ceremony.give(&server, "holder-b", "shares/vault-share-1.txt").well();
    let last = ceremony.give(&server, "holder-c", "shares/vault-share-2.txt").well();
    assert!(last.err.contains("open: 0 identifiers"), "{}", last.err);
    server.process.wait_for("unsealed");
    let connect = ceremony.installation.connect_file(server.address, "auditor");
    let words = ["audit", "entries", "--start", "0", "--count", "100", "--json"];
    let log = hvelv(&[&words[..], &["--connect", connect.to_str().unwrap()]].concat()).well().out;
    for word in ["shares_made", "share_given", "share_same_person", "share_given_already"] {
        assert!(log.contains(word), "{word} is not in {log}");
    }
    server.stop();
}

#[test]
fn shares_are_changed_and_a_root_replaced_while_the_server_is_sealed_and_not_while_it_is_open() {
    let ceremony = Ceremony::new();
    ceremony.split("vault", "first", &[]).well();
    let old_file = fs::read(ceremony.path("test.hvk")).unwrap();
    let mut server = ceremony.serve();
    let connect = ceremony.installation.connect_file(server.address, "operator");
    let connect = connect.to_str().unwrap().to_owned();
    let passphrase = ceremony.path("passphrase");
    let unseal = |passphrase: &str| {
        hvelv(&["unseal", "--passphrase-file", passphrase, "--connect", &connect])
    };
    unseal(&passphrase).well();
    server.process.wait_for("unsealed");
    ceremony.split("vault", "second", &[]).ended(PRECONDITION, "hvelv seal");
    assert!(!ceremony.installation.path("second/vault-share-1.txt").exists());
    hvelv(&["seal", "--connect", &connect]).well();

    ceremony.split("vault", "second", &[]).well();
    let old = ceremony.give(&server, "holder-a", "first/vault-share-1.txt");
    old.ended(PRECONDITION, "not in use");
    ceremony.give(&server, "holder-a", "second/vault-share-1.txt").well();

    let new = ceremony.secret("new", "another passphrase");
    let words = ["replace-root", "--root", "vault", "--new-passphrase-file", &new];
    ceremony.keys(&words).well();
    let half = unseal(&passphrase).well();
    assert!(half.err.contains("still sealed") && half.err.contains("vault      passphrase"));
    ceremony
        .give(&server, "holder-b", "second/vault-share-2.txt")
        .ended(PRECONDITION, "not in use");
    unseal(&new).well();
    hvelv(&["seal", "--connect", &connect]).well();

    // The file of before opens by what it opened by, and the store's newer records do not.
    fs::write(ceremony.path("test.hvk"), old_file).unwrap();
    assert_eq!(unseal(&new).code, Some(DENIED));
    server.stop();
}

#[test]
fn shares_are_sealed_to_the_age_keys_of_their_holders() {
    let ceremony = Ceremony::new();
    let key = |name: &str| hvelv(&["extract", "key", &ceremony.path(name)]).well().out;
    let keys: Vec<String> = ["a.key", "b.key", "c.key"].map(key).to_vec();
    let recipients: Vec<&str> = keys.iter().flat_map(|key| ["--recipient", key.trim()]).collect();
    let few = ceremony.split("vault", "sealed", &recipients[..4]);
    few.ended(2, "2 keys for 3 shares");
    let twice = [&recipients[..4], &recipients[..2]].concat();
    ceremony.split("vault", "sealed", &twice).ended(2, "given twice");
    ceremony.split("vault", "sealed", &recipients).well();
    for index in 1..=3 {
        let sealed = fs::read(ceremony.path(&format!("sealed/vault-share-{index}.age"))).unwrap();
        assert!(sealed.starts_with(b"age-encryption.org/v1"));
        assert!(!sealed.windows(6).any(|window| window == b"hvelv1"));
    }
    ceremony.split("vault", "sealed", &recipients).ended(PRECONDITION, "exists already");
}

#[test]
fn impossible_thresholds_and_roots_without_a_way_are_refused_before_anything_is_written() {
    let ceremony = Ceremony::new();
    let before = fs::read(ceremony.path("test.hvk")).unwrap();
    for (shares, threshold) in [("3", "4"), ("3", "1"), ("33", "2"), ("0", "0")] {
        let output = ceremony.path("none");
        let words = ["split", "--root", "vault", "--shares", shares, "--threshold", threshold];
        let refused = ceremony.keys(&[&words[..], &["--output", &output]].concat());
        refused.ended(PRECONDITION, "open the root");
    }
    ceremony.keys(&["replace-root", "--root", "vault"]).ended(2, "nothing would open the new root");
    let wrong = ceremony.secret("wrong", "wrong");
    let words = ["passphrase", "--root", "vault", "--new-passphrase-file", &wrong];
    ceremony
        .keys_by(&words, &["--passphrase-file", &wrong])
        .ended(PRECONDITION, "wrong passphrase");
    assert_eq!(fs::read(ceremony.path("test.hvk")).unwrap(), before);
    assert!(!ceremony.installation.path("none").exists());
}

#[test]
fn a_passphrase_is_changed_for_both_roots_and_the_old_one_opens_nothing() {
    let ceremony = Ceremony::new();
    let new = ceremony.secret("new", "another passphrase");
    ceremony.keys(&["passphrase", "--new-passphrase-file", &new]).well();
    let server = ceremony.serve();
    let connect = ceremony.installation.connect_file(server.address, "operator");
    let connect = connect.to_str().unwrap();
    let old = ceremony.path("passphrase");
    let refused = hvelv(&["unseal", "--passphrase-file", &old, "--connect", connect]);
    assert_eq!(refused.code, Some(DENIED));
    hvelv(&["unseal", "--passphrase-file", &new, "--connect", connect]).well();
    server.stop();
}

/// Roots without a passphrase are opened by shares for whatever the command line does with them.
#[test]
fn registers_are_added_by_shares_where_no_root_has_a_passphrase() {
    let ceremony = Ceremony::new();
    let catalogue = ceremony.installation.path("registers.toml");
    let whole = fs::read_to_string(&catalogue).unwrap();
    let shorter = whole.rsplit_once("\n[[register]]").unwrap().0;
    fs::write(&catalogue, shorter).unwrap();
    fs::remove_file(ceremony.path("test.hvk")).unwrap();
    fs::remove_dir_all(ceremony.path("data")).unwrap();
    let (config, passphrase) = (ceremony.path("hvelv.toml"), ceremony.path("passphrase"));
    hvelv(&["init", "--config", &config, "--passphrase-file", &passphrase]).well();
    ceremony.split("registers", "shares", &["--without-passphrase"]).well();
    let share = |root: &str, index: u8| {
        ["--share-file".to_owned(), ceremony.path(&format!("shares/{root}-share-{index}.txt"))]
    };
    let mut given: Vec<String> = [share("registers", 1), share("registers", 2)].concat();
    given.extend(["--passphrase-file".to_owned(), ceremony.path("passphrase")]);
    let output = ceremony.path("shares");
    let words = ["split", "--root", "vault", "--shares", "3", "--threshold", "2"];
    let words = [&words[..], &["--output", &output, "--without-passphrase"]].concat();
    let by: Vec<&str> = given.iter().map(String::as_str).collect();
    ceremony.keys_by(&words, &by).well();

    // One register more: the catalogue of before lacked its last.
    fs::write(&catalogue, &whole).unwrap();
    let all = [share("registers", 1), share("registers", 3), share("vault", 2), share("vault", 3)];
    let all: Vec<&str> = all.iter().flatten().map(String::as_str).collect();
    let add = ["init", "--config", &config, "--add-registers"];
    let added = hvelv(&[&add[..], &all].concat()).well();
    assert!(added.err.contains("keys made") && !added.err.contains("0 keys"), "{}", added.err);
    let few = hvelv(
        &[&add[..], &all[..6], &["--passphrase-file", &ceremony.path("passphrase")]].concat(),
    );
    assert_eq!(few.code, Some(PRECONDITION));
    let scan = hvelv(&[&["scan", "--person-numbers", &config], &all[..], &[&config]].concat());
    assert!(scan.err.contains("no person number has been drawn yet"), "{}", scan.err);
}
