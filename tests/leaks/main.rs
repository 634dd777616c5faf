//! Ten thousand known identifiers through every method and every command, at trace level; and then a
//! search of everything that the processes said and left behind.
//!
//! Goal: no identifier, passphrase, register ID, person number or register number is where it must
//! not be: logs, errors, statuses, the audit log, both stores (running and stopped), temporary files.
//! Method: the real binary, with everything captured to files; `hvelv scan` over them for identifiers
//! and IDs in every written form; a search of our own for text and for small numbers.  Each search
//! must first find what is planted.
//!
//! Person numbers and register numbers are derived from the key file.  That these are the right ones
//! is shown by the register IDs: each is the encryption of a register number derived here.
//!
//! What it does *not* cover: memory and swap of the processes, and what a caller's own terminal
//! shows of the arguments that the caller typed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use hvelv::crypto::{Entropy, Passphrase};
use hvelv::keyring::{Environment, Keyring, NumberSpace, SealedKeyring};
use hvelv::store::Store;
use hvelv::store::rocks::RocksStore;
use hvelv::vault::{HighWater, PERSONS, PartitionKeys, Seen, Vault};

mod bridges;
mod calls;
mod canaries;
mod disclosures;
mod erasure;
mod identity;
mod joint;
#[path = "../it/harness/manifest.rs"]
mod manifest;
mod messages;
mod rights;
mod search;
mod world;

use calls::Calls;
use canaries::{Canaries, PASSPHRASE, csv};
use search::SmallNumbers;
use world::World;

/// NPR's number in the shipped catalogue.
const NPR: u16 = 1;

/// Methods that have no way to fail but the connection's.
const NEVER_REFUSED: [&str; 2] =
    ["hvelv.v1.CatalogueService/ListRegisters", "hvelv.v1.OperatorService/Status"];

#[test]
fn no_canary_is_found_in_anything_that_is_said_or_left_behind() {
    let mut world = World::new();
    let canaries = prepare(&mut world);
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let server = world.serve("server-1");
    sealed(&mut world);
    let mut calls = Calls::new(&world, &canaries);
    runtime.block_on(async {
        calls.misuse_ingest().await;
        calls.give_a_share().await;
        calls.fail_to_unseal().await;
        calls.others().await;
        calls.disclosures().await;
        calls.rights().await;
        calls.identities().await;
        calls.erasure().await;
    });
    let Calls { mut answered, mut refused, mut ids, .. } = calls;
    assert!(world.scrape(&canaries.digits(11)).contains("hvelv_state{state=\"sealed\"} 1"));
    world.run("unseal @operator --passphrase-file secret/right", 0);

    let mut calls = Calls::new(&world, &canaries);
    runtime.block_on(async {
        calls.ingest().await;
        calls.misuse_ingest().await;
        calls.fail_to_unseal().await;
        calls.others().await;
        calls.disclosures().await;
        calls.rights().await;
        calls.identities().await;
        calls.erasure().await;
        calls.seal_and_unseal().await;
    });
    assert!(calls.serials > 1_000, "{} serials were answered", calls.serials);
    assert!(calls.surrogate_bytes >= 300 * 16, "{} bytes of surrogates", calls.surrogate_bytes);
    answered.extend(calls.answered);
    refused.extend(calls.refused);
    ids.extend(calls.ids);
    commands(&mut world);
    grants(&mut world, &server);
    disclosures::commands(&mut world, &canaries);
    rights::commands(&mut world, &canaries);
    identity::commands(&mut world, &canaries);
    erasure::commands(&mut world, &canaries);
    every_outcome_was_counted(&world.scrape(&canaries.digits(12)));
    std::fs::write(world.path("dev/access.toml"), "[[principal]]\nname = 1\n").unwrap();
    server.signal("HUP");
    server.wait_for("the old one stays in force");
    world.copy("dev/data", "copies/running");
    server.stop();

    offline(&mut world);
    every_method_was_called(&answered, &refused);
    every_command_was_run(&world);
    ids.extend(ids_in(&world));
    assert!(ids.len() > 2 * canaries::COUNT, "NPR and KPR gave IDs");
    much_was_captured(&world);
    search_everywhere(&mut world, &canaries, &ids);
    search_for_numbers(&world, &ids);
}

/// Keys, configuration at trace level, a population, and files with bad rows.
fn prepare(world: &mut World) -> Canaries {
    world.run(
        "init --development --directory dev --listen 127.0.0.1:0 --passphrase-file secret/right",
        0,
    );
    log_as(world, "text");
    share_a_root(world);
    world.run(
        "synth --persons 10000 --rows 12000 --out input/episodes.csv --population input/persons.csv",
        0,
    );
    let canaries = Canaries::read(&world.path("input/persons.csv"));
    let write = |name: &str, text: &str| {
        std::fs::write(world.path("input").join(name), text).unwrap();
    };
    let [one, two, three] = [0, 1, 2].map(|place| canaries.digits(place));
    let bad: String = canaries.malformed.iter().map(|cell| format!("{cell},x\n")).collect();
    write("bad.csv", &format!("fnr,note\n{one},x\n{bad}"));
    write("ragged.csv", &format!("fnr,note\n{one},x\n{two},x,{three}\n"));
    write("unclosed.csv", &format!("fnr,note\n{one},x\n\"{two},x\n{three},y\n"));
    write("headless.csv", &format!("{one};{two}\n{three};x\n"));
    write("guarded.csv", &format!("fnr,note\n{one},{two}\n"));
    write("parameters", &format!("number={one}\n"));
    write("utf16.csv", "\u{0}f\u{0}n\u{0}r\u{0}");
    canaries
}

/// Makes shares of the registers root, which opens by its passphrase as well; the approver holds one.
fn share_a_root(world: &mut World) {
    let access = world.path("dev/access.toml");
    let text = std::fs::read_to_string(&access).unwrap();
    let held = text.replace("roles = [\"approver\"]", "roles = [\"approver\", \"keyholder\"]");
    assert_ne!(text, held, "there is an approver");
    // The pipeline says names and addresses too.
    let wider = held.replace("\"ingest:NPR:*\"", "\"ingest:NPR:*\", \"ingest:REHAB:LOKAL\"");
    assert_ne!(wider, held, "there is a pipeline");
    let held = wider;
    std::fs::write(access, held).unwrap();
    let keys = "keys split --config dev/hvelv.toml --passphrase-file secret/right";
    let shares = "--root registers --shares 2 --threshold 2 --output secret/shares";
    world.run(&format!("{keys} {shares}"), 0);
}

/// Sets the form of the log, always at trace level; lets one custodian ask for many approvals, and an
/// institution give numbers.
fn log_as(world: &World, format: &str) {
    let path = world.path("dev/hvelv.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("[log]").expect("the configuration ends with [log]");
    let approvals = "[approvals]\nopen_max = 200\nrequests_per_day_max = 1000\n\
        [identifiers]\ntest_assigners = ['310000000']\n";
    let text = format!("{before}[log]\nformat = \"{format}\"\nlevel = \"trace\"\n{approvals}");
    std::fs::write(path, text).unwrap();
}

const INGEST: &str = "--register NPR --source HF --period 2026 --id-column fnr";

/// What commands say to a sealed server.
fn sealed(world: &mut World) {
    world.run("status @operator", 5);
    world.run("registers @pipeline", 0);
    world.run(&format!("pseudonymize @pipeline {INGEST} input/episodes.csv output/sealed.csv"), 5);
    world.run("audit entries @auditor", 5);
    world.run("unseal @operator --passphrase-file secret/wrong", 4);
    world.run("unseal @stranger --passphrase-file secret/right", 4);
}

/// What commands do with an open server, and what they refuse.
fn commands(world: &mut World) {
    for (input, output, exit) in [
        ("episodes", "npr", 0),
        ("bad", "bad --fail-on-rejects", 8),
        ("ragged", "ragged", 6),
        ("unclosed", "unclosed", 6),
        ("headless", "headless", 6),
        ("utf16", "utf16", 6),
        ("guarded", "guarded --json", 7),
        ("episodes", "npr", 5),
    ] {
        let (name, options) = output.split_once(' ').unwrap_or((output, ""));
        let files = format!("input/{input}.csv output/{name}.csv");
        world.run(&format!("pseudonymize @pipeline {INGEST} {options} {files}"), exit);
    }
    let kpr = "--register KPR --source KUHR --mode resolve --id-column fnr --json";
    world.run(&format!("pseudonymize @pipeline {kpr} input/episodes.csv output/kpr.csv"), 0);
    let stranger = format!("pseudonymize @stranger {INGEST} input/episodes.csv output/none.csv");
    world.run(&stranger, 4);
    world.run("status @operator --json", 0);
    world.run("registers NPR @pipeline --json", 0);
    world.run("registers NONE @pipeline", 2);
    world.run("unseal @operator --passphrase-file secret/right", 5);
    world.run("budget show @operator", 0);
    let grant = "--register NPR --budget misses --amount 1 --until 2026-01-01 --reason case-26/1";
    world.run(&format!("budget grant @operator --principal pipeline {grant}"), 2);
    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    world.run(&format!("backup @operator --recipient {key} --output captured-backup"), 0);
    world.run("restored @operator", 0);
    world.run("restored @operator --accept", 5);
    world.run("audit prune @operator", 0);
    world.run("audit prune @auditor", 4);
    approvals(world);
    world.run("audit entries @auditor --count 0 --json", 0);
    world.run("audit checkpoint @auditor", 0);
    world.run("audit verify @auditor --live", 0);
    world.run("audit export @auditor captured/audit.jsonl", 0);
    world.run("audit export @pipeline captured/denied.jsonl", 4);
    prove(world);
    world.run("seal @pipeline", 4);
    world.run("seal @operator", 0);
    world.run("seal @operator", 5);
    world.run("unseal @operator --passphrase-file secret/right", 0);
}

/// What takes two persons, with a parameter that is about one.
fn approvals(world: &mut World) {
    let act = "--act bridge_out --subject disclosure-26-1 --reason case-26/1 --basis law";
    let request =
        format!("approval request @officer {act} --parameters input/persons.csv --parameter a=b");
    world.run(&request, 2);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request =
            format!("approval request @officer {act} --parameters input/parameters --json");
        let asked = world.run(&request, 0);
        let id = asked.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next());
        ids.push(id.unwrap().to_owned());
    }
    world.run("approval list @approver", 0);
    world.run(&format!("approval show @officer {}", ids[0]), 0);
    world.run(&format!("approval approve @approver {} --note seen", ids[0]), 0);
    world.run(&format!("approval refuse @approver {} --json", ids[1]), 0);
    world.run(&format!("approval withdraw @officer {}", ids[0]), 0);
    world.run(&format!("approval approve @officer {}", ids[0]), 4);
}

/// A role that two holders grant, and one that nobody asked for.
fn grants(world: &mut World, server: &world::Server) {
    let access = world.path("dev/access.toml");
    let text = std::fs::read_to_string(&access).unwrap();
    let more = text.replace("roles = [\"auditor\"]", "roles = [\"auditor\", \"officer\"]");
    assert_ne!(text, more, "there is an auditor");
    std::fs::write(&access, more).unwrap();
    server.signal("HUP");
    server.wait_for("access file loaded");
    world.run("access status @approver --json", 0);
    world.run("access status @pipeline", 4);
    let role = "--principal auditor --role officer";
    let asked = world.run(&format!("access ask @officer {role} --reason case-26/1 --basis law"), 0);
    let id = asked.split(' ').next().unwrap();
    world.run(&format!("access grant @officer {role}"), 5);
    world.run(&format!("approval approve @approver {id}"), 0);
    world.run(&format!("access grant @officer {role}"), 0);
    world.run(&format!("access grant @officer {role}"), 5);
}

/// What needs no server, and a second start with the log in its other form.
fn offline(world: &mut World) {
    world.run("check --config dev/hvelv.toml", 2);
    world.run("serve --config dev/hvelv.toml", 2);
    let access = world.path("dev/access.toml");
    std::fs::write(&access, "").unwrap();
    world.run("check --config dev/hvelv.toml", 0);
    world.run("audit verify --export captured/audit.jsonl", 0);
    world.run("init --config dev/hvelv.toml --passphrase-file secret/right", 5);
    let add = "init --config dev/hvelv.toml --add-registers --passphrase-file";
    world.run(&format!("{add} secret/right"), 0);
    world.run(&format!("{add} secret/wrong"), 5);
    let keys = "--config dev/hvelv.toml --passphrase-file secret/wrong";
    world.run("keys show --config dev/hvelv.toml", 0);
    world.run(&format!("keys passphrase {keys}"), 5);
    world.run(&format!("keys replace-root {keys} --root registers"), 2);
    world.run(&format!("keys rotate {keys} audit-signing"), 5);
    world.run(&format!("keys destroy {keys} audit-signing"), 5);
    let right = "--config dev/hvelv.toml --passphrase-file secret/right";
    world.run(&format!("keys destroy {right} audit-signing"), 5);
    world.run(&format!("keys rotate {right} vault-sealing"), 0);
    let shares = "--root registers --shares 3 --threshold 2 --output captured";
    world.run(&format!("keys split {keys} {shares}"), 5);
    world.run("verify --config dev/hvelv.toml --passphrase-file secret/wrong", 5);
    world.run("verify --config dev/hvelv.toml --passphrase-file secret/right", 0);
    world.run("extract key secret/offline.key", 0);
    let restore = "restore --config dev/hvelv.toml --identity secret/offline.key";
    world.run(&format!("{restore} --passphrase-file secret/right captured-backup"), 5);
    world.run("help pseudonymize", 0);
    let config = "--config dev/hvelv.toml --passphrase-file";
    world.run(&format!("access bootstrap {config} secret/wrong"), 5);
    world.run(&format!("access bootstrap {config} secret/right"), 0);
    log_as(world, "json");
    let server = world.serve("server-2");
    world.run("status --ca dev/ca.pem @operator", 5);
    server.stop();
}

/// Receipts, proofs, tiles and a witness; all that they write is searched.
fn prove(world: &mut World) {
    let export = std::fs::read_to_string(world.path("captured/audit.jsonl")).unwrap();
    let key = export.split("\"verifier_key\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let key = key.unwrap().to_owned();
    let is_own = |line: &str| line.contains("pipeline") && line.contains("\\\"ingest\\\"");
    let entry = export.lines().skip(1).position(is_own).unwrap();
    world.run(&format!("audit receipt @pipeline --entry {entry} captured/one.tlog-proof"), 0);
    world.run(&format!("audit receipt @operator --entry {entry} captured/other.tlog-proof"), 4);
    world.run(&format!("audit prove @auditor --entry {entry} captured/two.tlog-proof"), 0);
    for receipt in ["one", "two"] {
        let line = format!("audit verify-receipt captured/{receipt}.tlog-proof --verifier-key");
        world.run(&format!("{line} {key}"), 0);
    }
    world.run("audit tiles @auditor captured/tiles --entries", 0);
    world.run("audit consistency @auditor captured/request", 0);
    let init = "audit witness init captured/witness --name witness.example/w1 --log-key";
    world.run(&format!("{init} {key}"), 0);
    world.run("audit witness add captured/witness captured/request", 0);
    world.run("audit witness run captured/witness @auditor", 0);
}

fn every_method_was_called(answered: &BTreeSet<&str>, refused: &BTreeSet<&str>) {
    use prost::Message as _;
    let descriptors = hvelv::rpc::proto::FILE_DESCRIPTOR_SET;
    let set = prost_types::FileDescriptorSet::decode(descriptors).unwrap();
    let mut count = 0;
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                // Answered by a server that was restored alone: `tests/it/backup.rs`.
                // By a command: `grants`.
                let elsewhere = [
                    "hvelv.v1.ApprovalService/GrantRole",
                    "hvelv.v1.OperatorService/AcceptRestore",
                ];
                let elsewhere = elsewhere.contains(&name.as_str());
                let is_answered = elsewhere || answered.contains(name.as_str());
                assert!(is_answered, "{name} was never answered");
                let never = NEVER_REFUSED.contains(&name.as_str());
                assert!(never || refused.contains(name.as_str()), "{name} was never refused");
                count += 1;
            }
        }
    }
    assert!(count >= 11, "the interface has at least the methods of issue 2");
}

/// The metrics hold what was done, so that their search is one of something.
fn every_outcome_was_counted(metrics: &str) {
    for outcome in ["answered", "check_digits", "format", "unknown"] {
        let counted = metrics.lines().any(|line| {
            line.starts_with("hvelv_rows_total{")
                && line.contains(&format!("outcome=\"{outcome}\""))
                && !line.ends_with(" 0")
        });
        assert!(counted, "rows with outcome {outcome} were counted: {metrics}");
    }
    assert!(metrics.contains("hvelv_requests_total{method=\"unknown\""));
}

/// The golden help texts name every command.
fn every_command_was_run(world: &World) {
    let golden =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/golden/help");
    for path in search::files(&[golden]) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(command) = name.strip_prefix("hvelv-") else { continue };
        // `scan` is run by the search itself.
        let is_run = command == "scan"
            || world
                .commands
                .iter()
                .any(|run| run == command || run.starts_with(&format!("{command}-")));
        assert!(is_run, "hvelv {command} was never run");
    }
}

/// The IDs in the files that were written.
fn ids_in(world: &World) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    for name in ["output/npr.csv", "output/kpr.csv"] {
        let text = std::fs::read_to_string(world.path(name)).unwrap();
        let rows = text.lines().skip(1).filter_map(|line| line.split(',').next());
        ids.extend(rows.map(|cell| cell.parse::<u64>().unwrap()));
    }
    ids
}

/// What is searched below is there: lines under `info`, statuses with details, the audit log.
fn much_was_captured(world: &World) {
    let read = |name: &str| std::fs::read(world.path("captured").join(name)).unwrap();
    let log = String::from_utf8(read("server-1.err")).unwrap();
    assert!(log.contains(" DEBUG "), "the log is at a level below info");
    assert!(String::from_utf8(read("statuses.txt")).unwrap().contains("request_id"));
    assert!(read("audit.jsonl").len() > 1000 && read("audit.bin").len() > 1000);
}

fn search_everywhere(world: &mut World, canaries: &Canaries, ids: &BTreeSet<u64>) {
    std::fs::write(world.path("input/needles.csv"), canaries.needles()).unwrap();
    let needles = csv(ids.iter().map(|id| format!("{id:015}")));
    std::fs::write(world.path("input/ids.csv"), needles).unwrap();
    // Output files hold IDs on purpose, and never an identifier; rejects hold neither.  What chance
    // gives is counted as if no bytes were copies of others, so that copies are searched apart.
    let live = "captured dev tmp";
    let for_identifiers = format!("scan --needles input/needles.csv --column n {live} output");
    let for_ids =
        format!("scan --needles input/ids.csv --column n {live} output/bad.csv.rejects.csv");
    let in_copies =
        ["needles", "ids"].map(|name| format!("scan --needles input/{name}.csv --column n copies"));
    for scan in [&for_identifiers, &for_ids].into_iter().chain(&in_copies) {
        world.run(scan, 0);
    }
    let everywhere = ["captured", "dev", "copies", "tmp", "output"].map(|name| world.path(name));
    let mut texts = canaries.texts();
    texts.extend([1, 2].map(|number| world.share(number).into_bytes()));
    texts.extend([1, 2].map(|number| world.share(number).replace(' ', "").into_bytes()));
    let found = search::texts(&everywhere, &texts);
    assert!(found.is_empty(), "found: {found:?}");
    assert!(search::files(&[world.path("tmp")]).is_empty(), "no temporary file is left");
    for file in search::files(&[world.path("output")]) {
        assert!(!file.to_string_lossy().contains(".part-"), "{} is left", file.display());
    }
    // The rows that were rejected are told by number and code alone.
    let rejects = std::fs::read_to_string(world.path("output/bad.csv.rejects.csv")).unwrap();
    assert!(rejects.lines().count() > canaries.malformed.len(), "every bad row is listed");
    planted_canaries_are_found(world, canaries, ids, [&for_identifiers, &for_ids]);
}

/// The same searches, with each form planted beside the stores that they have just passed.
fn planted_canaries_are_found(
    world: &mut World,
    canaries: &Canaries,
    ids: &BTreeSet<u64>,
    scans: [&String; 2],
) {
    let number = canaries.numbers[9];
    let id = *ids.first().unwrap();
    for (scan, digits, short) in
        [(scans[0], format!("{number:011}"), 5), (scans[1], format!("{id:015}"), 7)]
    {
        let value: u64 = digits.parse().unwrap();
        let (big, little) = (value.to_be_bytes(), value.to_le_bytes());
        let halves = |text: String| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2);
            pairs.map(|pair| (pair[0] & 15) << 4 | pair[1] & 15).collect()
        };
        for form in [
            digits.clone().into_bytes(),
            big.to_vec(),
            little.to_vec(),
            // A set of letters `o` is the half byte 15, which is no digit.
            halves(format!("{digits}o")),
            halves(format!("o{digits}")),
            big[8 - short..].to_vec(),
            little[..short].to_vec(),
        ] {
            // Short forms count when chance does not explain them: many are planted.
            let planted: Vec<u8> =
                (0..200).flat_map(|_| [&form[..], &[0xff; 8]].concat()).collect();
            std::fs::write(world.path("tmp/planted"), planted).unwrap();
            world.run(scan, 7);
        }
    }
    std::fs::write(world.path("tmp/planted"), PASSPHRASE).unwrap();
    assert_eq!(search::texts(&[world.path("tmp")], &canaries.texts()).len(), 1);
    std::fs::remove_file(world.path("tmp/planted")).unwrap();
}

fn search_for_numbers(world: &World, ids: &BTreeSet<u64>) {
    let passphrase = Passphrase::new(PASSPHRASE.as_bytes().to_vec()).unwrap();
    let sealed = SealedKeyring::load(&world.path("dev/hvelv.hvk"), Environment::Development);
    let keyring = Arc::new(sealed.unwrap().unseal(&passphrase).unwrap());
    // Copies apart, as above.
    let live = ["captured", "dev", "tmp", "output"].map(|name| world.path(name));
    let places = [&live[..], &[world.path("copies")]];
    let used = persons_used(world, &keyring);
    assert!(used >= canaries::COUNT as u64, "every canary has a person number");

    let keys = keyring.vault().person_numbers.active();
    let register = &keyring.registers().registers[&NPR];
    for (what, keys) in [("person", keys), ("register", register.numbers.active())] {
        let (mut given, mut never) = (Vec::new(), Vec::new());
        if what == "person" {
            keys.numbers_at(0..used, &mut given).unwrap();
        } else {
            // Of the leased ones those that IDs were made of: they are drawn in random order.
            keys.numbers_at(0..keyring.marks().get(NumberSpace::Register(NPR)), &mut given)
                .unwrap();
            let mut bodies = given.clone();
            register.ids.active().encrypt_many(&mut bodies).unwrap();
            let of_ids: BTreeSet<u64> = ids.iter().map(|id| id / 10 % 10_000_000_000_000).collect();
            let mut bodies = bodies.into_iter();
            given.retain(|_| bodies.next().is_some_and(|body| of_ids.contains(&body)));
            let known = given.len();
            assert!(known >= canaries::COUNT, "the numbers are those of the IDs: {known}");
        }
        let count = given.len() as u64;
        keys.numbers_at(5_000_000..5_000_000 + count, &mut never).unwrap();
        let (given, never) = (SmallNumbers::new(given), SmallNumbers::new(never));
        for places in places {
            let found = search::beyond_control(places, &given, &never);
            assert!(found.is_empty(), "{what} numbers were found: {found:?}");
        }
    }
}

struct NoMarks;

impl HighWater for NoMarks {
    fn raise(&self, _: u16, _: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing is assigned here".into())
    }
}

/// How many person numbers the vault has given, from position 0 on.
fn persons_used(world: &World, keyring: &Arc<Keyring>) -> u64 {
    let store: Arc<dyn Store> =
        Arc::new(RocksStore::open(&world.path("copies/running/vault")).unwrap());
    let keys = PartitionKeys::new(Arc::clone(keyring), PERSONS).unwrap();
    let high_water: Arc<dyn HighWater> = Arc::new(NoMarks);
    let seen = |_| Seen::default();
    let vault = Vault::open(store, vec![keys], &seen, &high_water, &Arc::new(Entropy::os()));
    vault.unwrap().used(PERSONS)
}
