//! The manifest of an extract that nobody made.

use hvelv::extract::manifest::Manifest;
use hvelv::rpc::proto::Disclosure;

/// A manifest of one file, of a disclosure.
pub(crate) fn manifest(disclosure: &Disclosure, verifier_key: &str) -> String {
    let decided = disclosure.decided.as_ref().unwrap();
    let expires = disclosure.expires.unwrap();
    let asked = decided.terms.as_ref().unwrap().small_cells.as_ref();
    let screened = asked.map(|asked| {
        serde_json::json!({
            "persons_min": asked.persons_min,
            "columns": asked.columns,
            "persons": 10,
            "combinations": 2,
            "guarantee": "Screened: these columns. Nothing more is guaranteed.",
        })
    });
    let few = asked.map_or(5, |asked| asked.persons_min);
    let manifest = serde_json::json!({
        "v": 1,
        "disclosure": disclosure.id,
        "recipient": { "organisation": "Universitetet", "keys": [disclosure.recipient_key] },
        "purpose": "research",
        "legal_basis": "helseregisterloven § 19 a",
        "decision": {
            "authority": "Helsedataservice",
            "reference": decided.reference,
            "kind": "dispensation",
            "date": "2026-01-01",
        },
        "files": [{
            "name": "episodes.csv",
            "sha256": "ab".repeat(32),
            "bytes": 1_000,
            "rows": 30,
            "columns": [{ "name": "serial", "content": "serial" }],
        }],
        "small_cells": screened,
        "left_out": { "persons_fewer_than": few },
        "expires": format!("{:04}-{:02}-{:02}", expires.year, expires.month, expires.day),
        "contact": "utlevering@register.example",
        "made": "2026-01-02",
        "software": "hvelv 0.1.0",
        "verifier_key": verifier_key,
    });
    Manifest::parse(&manifest.to_string()).unwrap().text().unwrap()
}
