//! Reads `hvelv.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{Audit, Config, Identifiers, Log, MetricsEndpoint, Mode, Tls, limits};
use crate::config::reader::Section;
use crate::config::words::shown;
use crate::config::{alarms, approvals, budgets, sealing};

/// The shortest and longest time a handshake may be given: ten seconds are for a slow hardware
/// token, and a minute is an attack.
const HANDSHAKE_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=60_000;
/// At most a day, so that an exchanged certificate is in use before the old one's last day is over.
const RELOAD_INTERVAL_S: std::ops::RangeInclusive<u64> = 1..=86_400;
/// At most a day: what no checkpoint covers, no witness has seen.
const CHECKPOINT_INTERVAL_S: std::ops::RangeInclusive<u64> = 1..=86_400;
/// One or two scrapers are usual; each connection may take a thread for as long as it reads.
const METRICS_CONNECTIONS: std::ops::RangeInclusive<usize> = 1..=64;
/// A scrape takes milliseconds; who needs a minute is not reading.
const METRICS_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// Reads the whole file.
pub(super) fn config(mut top: Section<'_, '_>) -> Option<Config> {
    let default = Config::default();
    let mode = top.parsed("mode").unwrap_or(default.mode);
    let config = Config {
        mode,
        listen: listen(&mut top, default.listen),
        vault_dir: top.path("vault_dir").unwrap_or(default.vault_dir),
        registers_dir: top.path("registers_dir").unwrap_or(default.registers_dir),
        key_file: top.path("key_file").unwrap_or(default.key_file),
        registers_file: top.path("registers_file").unwrap_or(default.registers_file),
        access_file: top.path("access_file").unwrap_or(default.access_file),
        decisions_file: top.path("decisions_file").unwrap_or(default.decisions_file),
        organisations_file: top.path("organisations_file").unwrap_or(default.organisations_file),
        tls: tls(top.child("tls"), default.tls),
        limits: limits::read(top.child("limits")),
        budgets: budgets::read(top.child("budgets")),
        alarms: alarms::read(top.child("alarms")),
        approvals: approvals::read(top.child("approvals")),
        seal: sealing::read_seal(top.child("seal")),
        memory: sealing::read_memory(top.child("memory")),
        identifiers: identifiers(top.child("identifiers"), default.identifiers, mode),
        audit: audit(top.child("audit"), default.audit),
        metrics: metrics(top.child("metrics"), default.metrics),
        log: log(top.child("log"), default.log),
    };
    check_paths(&config, &top);
    check_addresses(&config, &top);
    top.finish();
    Some(config)
}

fn listen(section: &mut Section<'_, '_>, default: SocketAddr) -> SocketAddr {
    let Some(text) = section.text("listen") else { return default };
    text.parse().unwrap_or_else(|_| {
        let text =
            format!("{} is not an IP address and port; write it as \"{default}\"", shown(&text));
        section.problem("listen", text);
        default
    })
}

fn tls(mut section: Section<'_, '_>, default: Tls) -> Tls {
    let tls = Tls {
        certificate_file: section.path("certificate_file").unwrap_or(default.certificate_file),
        key_file: section.path("key_file").unwrap_or(default.key_file),
        client_ca_file: section.path("client_ca_file").unwrap_or(default.client_ca_file),
        handshake_timeout_ms: section
            .number("handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS)
            .unwrap_or(default.handshake_timeout_ms),
        reload_enabled: section.flag("reload_enabled").unwrap_or(default.reload_enabled),
        reload_interval_s: section
            .number("reload_interval_s", RELOAD_INTERVAL_S)
            .unwrap_or(default.reload_interval_s),
    };
    section.finish();
    tls
}

fn identifiers(mut section: Section<'_, '_>, default: Identifiers, mode: Mode) -> Identifiers {
    // What says that a number belongs to nobody is no option of a server that holds real people.
    const TEST_OPTIONS: [&str; 4] =
        ["test_felles_prefixes", "test_duf_prefixes", "test_assigners", "test_numbers_file"];
    let present = TEST_OPTIONS.map(|key| section.has(key));
    let identifiers = Identifiers {
        accept_2032_from: section.date("accept_2032_from").unwrap_or(default.accept_2032_from),
        test_felles_prefixes: section.list("test_felles_prefixes"),
        test_duf_prefixes: section.list("test_duf_prefixes"),
        test_assigners: section.list("test_assigners"),
        test_numbers_file: section.path("test_numbers_file"),
    };
    let in_use = [
        !identifiers.test_felles_prefixes.is_empty(),
        !identifiers.test_duf_prefixes.is_empty(),
        !identifiers.test_assigners.is_empty(),
        identifiers.test_numbers_file.is_some(),
    ];
    for ((key, present), in_use) in TEST_OPTIONS.into_iter().zip(present).zip(in_use) {
        if mode == Mode::Production && present && in_use {
            section.problem(key, "test numbers are refused in production; remove it");
        }
    }
    section.finish();
    identifiers
}

fn audit(mut section: Section<'_, '_>, default: Audit) -> Audit {
    let audit = Audit {
        origin: section.parsed("origin").unwrap_or(default.origin),
        checkpoint_interval_s: section
            .number("checkpoint_interval_s", CHECKPOINT_INTERVAL_S)
            .unwrap_or(default.checkpoint_interval_s),
    };
    section.finish();
    audit
}

fn metrics(mut section: Section<'_, '_>, default: MetricsEndpoint) -> MetricsEndpoint {
    let endpoint = MetricsEndpoint {
        enabled: section.flag("enabled").unwrap_or(default.enabled),
        listen: listen(&mut section, default.listen),
        connections_max: section
            .number("connections_max", METRICS_CONNECTIONS)
            .unwrap_or(default.connections_max),
        connection_timeout_ms: section
            .number("connection_timeout_ms", METRICS_TIMEOUT_MS)
            .unwrap_or(default.connection_timeout_ms),
    };
    section.finish();
    endpoint
}

fn log(mut section: Section<'_, '_>, default: Log) -> Log {
    let log = Log {
        format: section.parsed("format").unwrap_or(default.format),
        level: section.parsed("level").unwrap_or(default.level),
    };
    section.finish();
    log
}

/// Metrics have an address of their own; port 0 is whatever the system picks.
fn check_addresses(config: &Config, top: &Section<'_, '_>) {
    let endpoint = &config.metrics;
    if endpoint.enabled && endpoint.listen == config.listen && config.listen.port() != 0 {
        top.problem("metrics.listen", "is the server's own address; give metrics another port");
    }
}

/// The two stores are two, and keys are in neither: a backup of data must not hold its keys.
fn check_paths(config: &Config, top: &Section<'_, '_>) {
    let (vault, registers) = (tidied(&config.vault_dir), tidied(&config.registers_dir));
    if vault.starts_with(&registers) || registers.starts_with(&vault) {
        let text = "shares a directory with vault_dir; give each a directory of its own";
        top.problem("registers_dir", text);
    }
    let keys = [("key_file", &config.key_file), ("tls.key_file", &config.tls.key_file)];
    for (key, file) in keys {
        let file = tidied(file);
        if file.starts_with(&vault) || file.starts_with(&registers) {
            let text = "lies in the directory of a database, whose backup would hold it; move it";
            top.problem(key, text);
        }
    }
}

/// The path without `.`, and with `..` taken back where that is possible without the file system.
fn tidied(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidied.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}
