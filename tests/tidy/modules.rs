//! Who may depend on whom: the header of `src/lib.rs`, and DESIGN.md, section 13.

use super::{File, hold, refuses};

/// Each module with the modules that it may use. Everything may use itself; nothing else.
const MAY_USE: [(&str, &[&str]); 22] = [
    ("approval", &["config", "crypto"]),
    ("audit", &["crypto", "keyring", "store"]),
    ("backup", &["crypto"]),
    (
        "cli",
        &[
            "approval",
            "audit",
            "backup",
            "clock",
            "config",
            "crypto",
            "disclosure",
            "extract",
            "files",
            "ident",
            "memory",
            "rights",
            "rpc",
            "service",
        ],
    ),
    ("clock", &[]),
    ("config", &[]),
    ("crypto", &["memory"]),
    ("disclosure", &["config", "ident"]),
    ("extract", &["crypto", "disclosure", "files", "ident"]),
    ("files", &["crypto", "ident"]),
    ("ident", &[]),
    ("keyring", &["crypto"]),
    ("main", &[]),
    ("memory", &[]),
    ("metrics", &[]),
    ("policy", &["approval", "config"]),
    (
        "registers",
        &[
            "approval", "audit", "clock", "config", "crypto", "ident", "keyring", "memory",
            "store", "vault",
        ],
    ),
    ("rights", &["config", "disclosure", "registers"]),
    (
        "rpc",
        &[
            "approval",
            "audit",
            "clock",
            "config",
            "crypto",
            "disclosure",
            "ident",
            "memory",
            "metrics",
            "policy",
            "registers",
            "rights",
            "service",
        ],
    ),
    (
        "service",
        &[
            "approval",
            "audit",
            "backup",
            "clock",
            "config",
            "crypto",
            "disclosure",
            "extract",
            "ident",
            "keyring",
            "memory",
            "metrics",
            "policy",
            "registers",
            "rights",
            "store",
            "vault",
        ],
    ),
    ("store", &[]),
    ("vault", &["crypto", "ident", "keyring", "memory", "store"]),
];

/// Crates that only some places may name.
const CRATES: [(&str, &[&str]); 29] = [
    ("age", &["src/extract/recipient.rs"]),
    ("aes", &["src/crypto/"]),
    ("aes_gcm", &["src/crypto/"]),
    ("argon2", &["src/crypto/"]),
    ("arrow_array", &["src/cli/synth/", "src/extract/", "src/files/columnar/"]),
    ("arrow_buffer", &["src/cli/synth/", "src/extract/", "src/files/columnar/"]),
    ("arrow_schema", &["src/cli/synth/", "src/extract/", "src/files/columnar/"]),
    ("clap", &["src/cli/"]),
    ("cmac", &["src/crypto/"]),
    ("encoding_rs", &["src/files/delimited/"]),
    ("ghash", &["src/crypto/"]),
    ("hkdf", &["src/crypto/"]),
    ("hmac", &["src/crypto/"]),
    ("hyper_util", &["src/rpc/"]),
    ("indicatif", &["src/cli/"]),
    ("parquet", &["src/cli/synth/", "src/extract/", "src/files/columnar/"]),
    ("prometheus_client", &["src/metrics/"]),
    ("prost", &["src/cli/", "src/rpc/"]),
    ("rcgen", &["src/rpc/certificates.rs"]),
    ("ring", &["src/crypto/"]),
    ("rocksdb", &["src/store/rocks.rs"]),
    ("rustix", &["src/memory/"]),
    // The fingerprint of a certificate, which is no secret.
    ("sha2", &["src/crypto/", "src/rpc/tls/peer.rs"]),
    ("subtle", &["src/crypto/"]),
    ("tokio", &["src/cli/", "src/rpc/", "src/service/"]),
    ("tokio_rustls", &["src/main.rs", "src/rpc/"]),
    ("tonic", &["src/cli/", "src/rpc/"]),
    ("x509_parser", &["src/rpc/"]),
    ("zeroizing_alloc", &["src/memory/process.rs"]),
];

/// The module that a file of `src/` belongs to.
fn module(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let module = inner.split(['/', '.']).next()?;
    (!["lib", "testing"].contains(&module)).then_some(module)
}

fn directions(file: &File) -> Vec<String> {
    let Some(module) = module(&file.path) else { return Vec::new() };
    let allowed = MAY_USE.iter().find(|(name, _)| *name == module);
    let Some((_, allowed)) = allowed else {
        return vec![format!("{}: module {module} has no row in MAY_USE", file.path)];
    };
    let is_allowed = |used: &str| used == module || allowed.contains(&used);
    let code = file.code();
    let used = code.iter().flat_map(|(at, line)| used_by(line).into_iter().map(move |u| (*at, u)));
    used.filter(|(_, used)| !is_allowed(used))
        .map(|(at, used)| format!("{}:{at}: {module} may not use {used}", file.path))
        .collect()
}

/// Modules of the crate that a line names: `crate::x::…` and `use crate::{x, y::Z}`.
fn used_by(line: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for after in line.split("crate::").skip(1) {
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(list) => list.split(',').collect(),
            None => vec![after],
        };
        let first = |name: &'_ str| name.trim().find(|c: char| !c.is_alphanumeric() && c != '_');
        for name in names {
            let name = name.trim();
            let word = &name[..first(name).unwrap_or(name.len())];
            if word.starts_with(|c: char| c.is_ascii_lowercase()) {
                used.push(word);
            }
        }
    }
    used
}

fn crates(file: &File) -> Vec<String> {
    if !file.path.starts_with("src/") {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (at, line) in file.code() {
        for (name, places) in CRATES {
            let is_place = places.iter().any(|place| file.path.starts_with(place));
            if !is_place && names_crate(line, name) {
                violations.push(format!("{}:{at}: {name} belongs in {places:?}", file.path));
            }
        }
    }
    violations
}

/// Whether a line names `name::`, not as a part of another word or path.
fn names_crate(line: &str, name: &str) -> bool {
    let pattern = format!("{name}::");
    line.match_indices(&pattern).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before))
    })
}

#[test]
fn dependencies_point_one_way() {
    hold(directions);
    refuses(directions, "src/ident/x.rs", "use crate::crypto::Tag;", "use crate::ident::Rules;");
    refuses(directions, "src/vault/x.rs", "use crate::{registers, store};", "use crate::{store};");
    refuses(directions, "src/audit/x.rs", "    crate::rpc::serve()", "// crate::rpc::serve()");
}

#[test]
fn crates_are_named_only_where_they_belong() {
    hold(crates);
    refuses(crates, "src/vault/x.rs", "use rocksdb::DB;", "use crate::store::rocks::RocksStore;");
    refuses(crates, "src/rpc/x.rs", "use ring::hmac;", "use rustls::crypto::ring::default;");
    refuses(crates, "src/keyring/x.rs", "tokio::spawn(x)", "not_tokio::spawn(x)");
    refuses(
        crates,
        "src/service/x.rs",
        "use tonic::Status;",
        "#[cfg(test)]\nmod tests {\ntonic::x();\n}",
    );
}

#[test]
fn every_module_has_its_row() {
    let rows: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert!(rows.is_sorted(), "rows are in alphabetical order");
    assert_eq!(directions(&File::planted("src/new/x.rs", "")).len(), 1, "a new module is noticed");
}
