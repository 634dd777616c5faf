//! What of keys lies in the memory of a server: before it is opened, while it is open, once it is
//! sealed.
//!
//! Goal: sealing wipes every key of the key file, the roots, what opens them and the key of the file,
//! also where ciphers have put copies: on stacks of threads, and in memory that was given back.
//!
//! Method: the keys of an installation are computed here, by a reader of the key file of its own, and
//! every page of the server's process is searched for them, in raw form, as hexadecimal and as base64,
//! each by both of its halves: before it is opened, while it is open (the control: a search that finds
//! nothing then would prove nothing), and after it was sealed.  The last round opens the vault by
//! shares, and searches for their bytes, their symbols, the secret that they join to and the key that
//! it gives.
//!
//! Only root may look: to everybody else, the user of the server too, the process is closed, and then
//! that is what is asserted, and the run says that it searched nothing.  Not searched for: the text of
//! a share, and the passphrase, which stay in buffers of the transport (SECURITY.md).

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{
    Installation, PASSPHRASE, ServerProcess, Stream, ask, bounded, header, hvelv, log_verifies,
    packed, people,
};

const PAGE: usize = 4096;
const HALF: usize = 16;
/// What is smaller is no thread's stack.
const STACK_MIN: usize = 64 << 10;
const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Halves found: on stacks of threads, and elsewhere.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    on_stacks: usize,
    elsewhere: Vec<String>,
}

type Hits = HashMap<String, Found>;

/// Length-prefixed parts, as docs/FORMATS.md has them.
fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![u8::try_from(parts.len()).unwrap()];
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn derive(key: &[u8], label: &str, context: &[&[u8]]) -> Vec<u8> {
    let parts = [&[label.as_bytes()], context].concat();
    let mut out = vec![0; 32];
    hkdf::Hkdf::<sha2::Sha256>::from_prk(key).unwrap().expand(&frame(&parts), &mut out).unwrap();
    out
}

fn open(key: &[u8], envelope: &[u8], context: &[&[u8]]) -> Vec<u8> {
    let head: [&[u8]; 3] = [b"hvelv/v1/seal/key", &envelope[..1], &envelope[1..5]];
    let aad = frame(&[&head[..], context].concat());
    let nonce: [u8; 12] = envelope[5..17].try_into().unwrap();
    let gcm = aes_gcm::Aes256Gcm::new_from_slice(key).unwrap();
    gcm.decrypt(&nonce.into(), Payload { msg: &envelope[17..], aad: &aad }).unwrap()
}

/// Every key of a key file, by name.
fn keys_of(installation: &Installation) -> HashMap<String, Vec<u8>> {
    let text = std::fs::read_to_string(installation.path("test.hvk")).unwrap();
    let file: toml::Table = text.parse().unwrap();
    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<char> = text.chars().collect();
        let byte =
            |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    };
    let bytes =
        |table: &toml::Value, field: &str| STANDARD.decode(table[field].as_str().unwrap()).unwrap();
    let number = |table: &toml::Value, field: &str| {
        u32::try_from(table[field].as_integer().unwrap()).unwrap()
    };
    let store_id = hex(file["store_id"].as_str().unwrap());
    let mut keys = HashMap::new();
    for root in file["root"].as_array().unwrap() {
        if root["method"].as_str() != Some("passphrase") {
            continue;
        }
        let cost = [number(root, "memory_kib"), number(root, "passes"), number(root, "lanes")];
        let params = argon2::Params::new(cost[0], cost[1], cost[2], Some(32)).unwrap();
        let argon2 =
            argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut kek = [0; 32];
        let salt = hex(root["salt"].as_str().unwrap());
        argon2.hash_password_into(PASSPHRASE.as_bytes(), &salt, &mut kek).unwrap();
        let plane = root["plane"].as_str().unwrap();
        let secret = open(&kek, &bytes(root, "sealed"), &[b"root", plane.as_bytes(), &store_id]);
        let wrap = derive(&secret, "hvelv/v1/derive/root-wrap", &[plane.as_bytes()]);
        keys.insert(format!("kek of {plane}"), kek.to_vec());
        keys.insert(format!("wrap of {plane}"), wrap);
        keys.insert(format!("root of {plane}"), secret);
    }
    let mac = derive(&keys["root of registers"], "hvelv/v1/derive/key-file-mac", &[&store_id]);
    keys.insert("mac of the file".to_owned(), mac);
    let is_mortal = |key: &toml::Value| {
        ["identity", "oneway_outer", "register_id"].contains(&key["purpose"].as_str().unwrap())
    };
    let mut wrapped: Vec<&toml::Value> = file["key"].as_array().unwrap().iter().collect();
    wrapped.sort_by_key(|key| is_mortal(key));
    for key in wrapped {
        let envelope = bytes(key, "wrapped");
        let (plane, purpose) = (key["plane"].as_str().unwrap(), key["purpose"].as_str().unwrap());
        let id = number(key, "id");
        let under = u32::from_be_bytes(envelope[1..5].try_into().unwrap());
        let wrap = match under {
            0 => keys[&format!("wrap of {plane}")].clone(),
            erasure => {
                derive(&keys[&format!("key {erasure}")], "hvelv/v1/derive/erasure-wrap", &[])
            }
        };
        let scope = key.get("scope").map(|scope| scope.as_integer().unwrap());
        let scope =
            scope.map_or(Vec::new(), |scope| u16::try_from(scope).unwrap().to_be_bytes().to_vec());
        let context: [&[u8]; 7] = [
            b"key",
            &store_id,
            plane.as_bytes(),
            &id.to_be_bytes(),
            purpose.as_bytes(),
            &scope,
            &number(key, "epoch").to_be_bytes(),
        ];
        let secret = open(&wrap, &envelope, &context);
        keys.insert(format!("key {id}"), secret);
    }
    keys
}

/// What is looked for: halves of each key, in each form, with its name.
fn needles(keys: &HashMap<String, Vec<u8>>) -> HashMap<[u8; HALF], String> {
    let mut needles = HashMap::new();
    for (name, key) in keys {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let forms = [
            ("", key.clone()),
            (" in hexadecimal", hex.clone().into_bytes()),
            (" in capitals", hex.to_uppercase().into_bytes()),
            (" in base64", STANDARD.encode(key).into_bytes()),
        ];
        for (form, bytes) in forms {
            for half in bytes.chunks_exact(HALF) {
                needles.insert(half.try_into().unwrap(), format!("{name}{form}"));
            }
        }
    }
    needles
}

/// Names of what is found in the memory of a process, or none if nobody may look.
fn found(pid: u32, needles: &HashMap<[u8; HALF], String>) -> Option<Hits> {
    let memory = match File::open(format!("/proc/{pid}/mem")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        opened => opened.unwrap(),
    };
    let pagemap = File::open(format!("/proc/{pid}/pagemap")).unwrap();
    let mut begins = vec![false; 1 << 16];
    for needle in needles.keys() {
        begins[beginning(needle)] = true;
    }
    let mut hits = Hits::new();
    let (mut guard_end, pointers) = (0, stack_pointers(pid));
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut searched = 0;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let bound = |text: &str| usize::from_str_radix(text, 16).unwrap();
        let (from, to) = (bound(from), bound(to));
        let is_guarded = guard_end == from && to - from >= STACK_MIN;
        if rest.starts_with("---p") && to - from <= 16 * PAGE {
            guard_end = to;
        }
        if !rest.starts_with('r') || line.contains("[v") {
            continue;
        }
        // A thread's: it points there, or it did, and the library keeps it for the next thread.
        let is_used = pointers.iter().any(|pointer| (from..to).contains(pointer));
        let is_file = line.contains('/') || line.contains("[heap]");
        let is_stack = !is_file && (is_used || is_guarded || line.contains("[stack]"));
        let place = (!is_stack).then(|| line.to_owned());
        let mut kept: Vec<u8> = Vec::new();
        for page in from / PAGE..to / PAGE {
            let mut entry = [0; 8];
            pagemap.read_exact_at(&mut entry, page as u64 * 8).unwrap();
            let mut bytes = [0; PAGE];
            let at = (page * PAGE) as u64;
            // Present or swapped; a page that was never touched, or has gone since, holds nothing.
            if u64::from_le_bytes(entry) >> 62 == 0 || memory.read_exact_at(&mut bytes, at).is_err()
            {
                kept.clear();
                continue;
            }
            searched += 1;
            kept.extend_from_slice(&bytes);
            search(&kept, (needles, &begins), place.as_deref(), &mut hits);
            kept.drain(..kept.len() - (HALF - 1));
        }
    }
    assert!(searched > 1000, "{searched} pages are too few for a server");
    Some(hits)
}

fn search(
    bytes: &[u8],
    (needles, begins): (&HashMap<[u8; HALF], String>, &[bool]),
    elsewhere: Option<&str>,
    hits: &mut Hits,
) {
    for window in bytes.windows(HALF).filter(|window| begins[beginning(window)]) {
        let Some(name) = needles.get(window) else { continue };
        let found = hits.entry(name.clone()).or_default();
        match elsewhere {
            None => found.on_stacks += 1,
            Some(place) => found.elsewhere.push(place.to_owned()),
        }
    }
}

/// Where the stacks of the threads are now: the stack pointer of each that waits in the system.
fn stack_pointers(pid: u32) -> Vec<usize> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let pointer = |thread: std::io::Result<std::fs::DirEntry>| {
        let call = std::fs::read_to_string(thread.ok()?.path().join("syscall")).ok()?;
        let pointer = call.split_whitespace().rev().nth(1)?.strip_prefix("0x")?.to_owned();
        usize::from_str_radix(&pointer, 16).ok()
    };
    threads.filter_map(pointer).collect()
}

/// The symbols of a share's text.
fn symbols(text: &str) -> Vec<u8> {
    let line = text.lines().last().unwrap().replace(' ', "");
    let symbol = |letter: char| u8::try_from(ALPHABET.find(letter).unwrap()).unwrap();
    line.strip_prefix("hvelv1").unwrap().chars().map(symbol).collect()
}

/// What a text says: head, and the share itself.
fn payload(symbols: &[u8]) -> Vec<u8> {
    let bit = |at: usize| symbols[at / 5] >> (4 - at % 5) & 1;
    (0..48).map(|at| (0..8).fold(0, |byte, of| byte << 1 | bit(at * 8 + of))).collect()
}

fn times(mut one: u8, mut other: u8) -> u8 {
    let mut product = 0;
    while other > 0 {
        if other & 1 == 1 {
            product ^= one;
        }
        one = one << 1 ^ if one & 0x80 == 0 { 0 } else { 0x1b };
        other >>= 1;
    }
    product
}

/// What two shares join to, at 0 of the line through them.
fn join([one, other]: [&[u8]; 2]) -> Vec<u8> {
    let (x, y) = (one[15], other[15]);
    let inverse = (1..=255).find(|inverse| times(*inverse, x ^ y) == 1).unwrap();
    let (of_one, of_other) = (times(y, inverse), times(x, inverse));
    let bytes = one[16..].iter().zip(&other[16..]);
    bytes.map(|(one, other)| times(*one, of_one) ^ times(*other, of_other)).collect()
}

/// Splits the vault's root; gives the files, and what nobody may find of them.
fn split(installation: &Installation) -> (Vec<String>, HashMap<String, Vec<u8>>) {
    let word = |name: &str| installation.path(name).to_str().unwrap().to_owned();
    std::fs::write(word("passphrase"), PASSPHRASE).unwrap();
    std::fs::set_permissions(word("passphrase"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (config, output, passphrase) = (word("hvelv.toml"), word("shares"), word("passphrase"));
    let given = ["--config", &config, "--output", &output, "--passphrase-file", &passphrase];
    let words = ["keys", "split", "--root", "vault", "--shares", "2", "--threshold", "2"];
    hvelv(&[&words[..], &given, &["--without-passphrase"]].concat()).well();
    let files = [1, 2].map(|index| word(&format!("shares/vault-share-{index}.txt"))).to_vec();
    let texts: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let symbols: Vec<Vec<u8>> = texts.iter().map(|text| symbols(text)).collect();
    let payloads: Vec<Vec<u8>> = symbols.iter().map(|symbols| payload(symbols)).collect();
    let secret = join([&payloads[0], &payloads[1]]);
    let file: toml::Table = std::fs::read_to_string(word("test.hvk")).unwrap().parse().unwrap();
    let digits = file["store_id"].as_str().unwrap().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let store_id: Vec<u8> = digits.chunks(2).map(pair).collect();
    let context: [&[u8]; 3] = [&store_id, b"vault", &payloads[0][6..14]];
    let kek = derive(&secret, "hvelv/v1/derive/share-kek", &context);
    let mut secrets = HashMap::new();
    for (index, (symbols, payload)) in symbols.into_iter().zip(payloads).enumerate() {
        // The head is the same in all, and no secret: 26 symbols and 16 bytes.
        secrets.insert(format!("symbols of share {index}"), symbols[26..].to_vec());
        secrets.insert(format!("bytes of share {index}"), payload[16..].to_vec());
    }
    secrets.insert("secret of shares".to_owned(), secret);
    secrets.insert("kek of shares".to_owned(), kek);
    (files, secrets)
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Nothing is left: no root, no key that works, in no form.
fn check_sealed(sealed: &Hits, round: &str) {
    assert!(sealed.is_empty(), "{round}: keys are left in a sealed server: {sealed:?}");
}

#[expect(clippy::print_stdout, reason = "that nothing was searched is said")]
#[test]
fn roots_are_found_in_the_memory_of_an_open_server_and_wiped_once_it_is_sealed() {
    let installation = Installation::new();
    let keys = keys_of(&installation);
    let needles = needles(&keys);
    let server = ServerProcess::start(&installation.config_file());
    let pid = server.process.id();
    let Some(before) = found(pid, &needles) else {
        let user = std::process::Command::new("id").arg("-u").output().unwrap().stdout;
        assert_ne!(user, b"0\n", "root may look");
        println!("NOT SEARCHED: only root may look into the server's memory");
        return;
    };
    assert_eq!(before, Hits::new(), "before it is opened");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    for round in 0..2 {
        runtime.block_on(async {
            let operator = installation.connect(server.address, "operator").await;
            bounded(crate::harness::unseal(&operator, PASSPHRASE)).await.unwrap();
            let sender = installation.connect(server.address, "sender").await;
            for part in people(3000).chunks(1000) {
                ask(&sender, header("NPR", "HF"), packed(part)).await.unwrap();
            }
            let (mut stream, _) = Stream::open(&sender, header("NPR", "HF")).await.unwrap();
            stream.exchange(packed(&people(4000))).await.unwrap();
            stream.finish().await.unwrap();
            log_verifies(&installation, server.address);
        });
        let open = found(pid, &needles).unwrap();
        assert!(open.contains_key("root of registers"), "{open:?}");
        assert!(open.len() > 10, "keys of ciphers lie in their schedules: {open:?}");
        assert!(!open.keys().any(|name| name.contains(" in ")), "nothing is written out: {open:?}");
        // The vault's root, and what opened the roots, is wiped as soon as the keys are open.
        let wiped = ["root of vault", "kek of vault", "kek of registers"];
        assert!(wiped.iter().all(|name| !open.contains_key(*name)), "{open:?}");

        if round == 0 {
            let connect = installation.connect_file(server.address, "operator");
            hvelv(&["seal", "--connect", connect.to_str().unwrap()]).well();
        } else {
            server.process.signal("USR1");
            runtime.block_on(crate::sealing::until_sealed(&installation, server.address));
        }
        check_sealed(&found(pid, &needles).unwrap(), &format!("round {round}"));
    }

    let (files, secrets) = split(&installation);
    let mut needles = needles;
    needles.extend(self::needles(&secrets));
    let connect = |name| installation.connect_file(server.address, name);
    for (file, holder) in files.iter().zip(["holder-a", "holder-b"]) {
        let (file, connect) = (file.as_str(), connect(holder));
        let words = ["unseal", "--share-file", file, "--connect"];
        hvelv(&[&words[..], &[connect.to_str().unwrap()]].concat()).well();
    }
    let (operator, passphrase) = (connect("operator"), installation.path("passphrase"));
    let (operator, passphrase) = (operator.to_str().unwrap(), passphrase.to_str().unwrap());
    hvelv(&["unseal", "--passphrase-file", passphrase, "--connect", operator]).well();
    let open = found(pid, &needles).unwrap();
    assert!(open.contains_key("root of registers"), "{open:?}");
    let shares: Vec<&String> = open.keys().filter(|name| secrets.contains_key(*name)).collect();
    assert!(shares.is_empty(), "a share is wiped as soon as its root is open: {open:?}");
    hvelv(&["seal", "--connect", operator]).well();
    check_sealed(&found(pid, &needles).unwrap(), "by shares");
    server.stop();
}
