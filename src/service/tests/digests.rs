//! What digests in the log and in approvals tell somebody who has the stores, the log and keys.
//!
//! The adversary tries serials: the digest of an answer of one row, and that of an approval to identify
//! one, are compared with what is stored.  There are 9·10^k serials, which takes minutes; here they
//! are those near the ones that were answered.

use super::bridges::{permissive, world};
use super::disclosures::{done, issue};
use super::*;
use crate::approval::{Act, Verdict};
use crate::audit::Actor;
use crate::crypto::{DigestKey, KeyedDigest};
use crate::disclosure::DisclosureId;
use crate::keyring::WrappedDisclosureKey;

/// How far from each serial that was answered the adversary tries.
const NEAR: u64 = 200;

/// What is stored, as somebody reads it who has every key of the plane.
pub(super) struct Stored {
    issued: Vec<(u64, Entry)>,
    approvals: Vec<KeyedDigest>,
}

impl World {
    pub(super) fn entries_of(&self, action: Action) -> Vec<(u64, Entry)> {
        let bodies = self.bodies().into_iter();
        let entries = bodies.map(|body| Entry::decode(&body).unwrap());
        (0..).zip(entries).filter(|(_, entry)| entry.action == action).collect()
    }

    /// The key of a disclosure as it lies in the store.
    pub(super) fn wrapped_key(&self, id: DisclosureId) -> WrappedDisclosureKey {
        let open = self.service.open_now().unwrap();
        let stored = open.registers.stored(&Key::disclosure_key(id.0)).unwrap();
        WrappedDisclosureKey::from_bytes(stored.unwrap())
    }

    pub(super) fn stored_digests(&self) -> Stored {
        let open = self.service.open_now().unwrap();
        let approvals = open.registers.approvals().list(usize::MAX, |_| true);
        Stored {
            issued: self.entries_of(Action::SerialsIssued),
            approvals: approvals.iter().map(|approval| approval.wanted.digest).collect(),
        }
    }
}

impl Stored {
    /// The entry whose only message is a serial alone, by two keys: of the message, of the entry.
    pub(super) fn entry_of(
        &self,
        (message, entry): (&DigestKey, &DigestKey),
        serial: u64,
    ) -> Option<u64> {
        let mut rows = message.hasher();
        [1, serial, 0].iter().for_each(|part| rows.update(&u64::to_be_bytes(*part)));
        let rows = rows.finish();
        let is_it = |(index, found): &&(u64, Entry)| {
            let of = |last: &[u8]| {
                let mut whole = entry.hasher();
                [rows.as_bytes(), &[0; 8][..], last].iter().for_each(|part| whole.update(part));
                found.digest == Some(whole.finish())
            };
            of(&[]) || of(&index.to_be_bytes())
        };
        self.issued.iter().find(is_it).map(|(index, _)| *index)
    }

    /// Whether an approval is to identify a serial.
    fn is_approved(&self, key: &DigestKey, id: DisclosureId, serial: u64) -> bool {
        let (act, id, serial) = (Act::IdentifySerial.as_str(), id.to_string(), serial.to_string());
        let parts = [act, &id, "serial", &serial].map(str::as_bytes);
        self.approvals.contains(&key.digest_parts(&parts))
    }

    /// The serials that one of two keys finds.
    fn found(&self, keys: &[&DigestKey], id: DisclosureId, near: &[u64]) -> Vec<u64> {
        let tried = near.iter().flat_map(|serial| serial - NEAR..serial + NEAR);
        let is_found = |serial: &u64| {
            keys.iter().any(|message| {
                self.is_approved(message, id, *serial)
                    || keys.iter().any(|entry| self.entry_of((message, entry), *serial).is_some())
            })
        };
        tried.filter(is_found).collect()
    }
}

/// Goal: once a disclosure is closed, neither its approvals nor its entries say whose a serial was.
/// Method: a serial that was identified and one that was answered alone are tried for, with every
/// key that is left; while the disclosure is open its own key finds both.
#[test]
fn no_digest_ties_a_serial_to_a_person_after_closing() {
    let world = world();
    let npr = world.ingest("NPR", "HF", &numbers(20));
    let id = world.disclosure_of(world.application(), permissive());
    let staying = world.disclosure();
    let serials = world.serials(id, "NPR", &npr[1..]).unwrap().ids;
    // A stream that is cut off leaves who was answered with its entry: one person.
    let stream = world.service.open_serials(&world.officer(), id).unwrap();
    let alone = issue(&stream, "NPR", &npr[..1]).unwrap().ids[0];
    world.approve(Act::IdentifySerial, id, &[("serial", &serials[3].to_string())]);
    world.identify(id, serials[3]).unwrap();
    world.serials(staying, "NPR", &npr).unwrap();
    let open = world.service.open_now().unwrap();
    let (plane, erasure) = (open.registers.keys().digest(), open.keys().keyring.erasure());
    let wrapped = world.wrapped_key(id);
    let near = [alone, serials[3]];
    let own = wrapped.open_digests(id.0, erasure).unwrap();
    assert_eq!(world.stored_digests().found(&[plane, &own], id, &near), near);
    drop(own);
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    assert!(wrapped.open_digests(id.0, erasure).is_err(), "also with an old copy of the store");
    let others = world.wrapped_key(staying).open_digests(staying.0, erasure).unwrap();
    let left = [plane, &others];
    assert_eq!(world.stored_digests().found(&left, id, &near), [0_u64; 0]);
}

/// Goal: no digest ties the surrogates of two files to one person.  Method: one value is answered twice,
/// alone, and its digest is computed anew as FORMATS says, with the key of the disclosure and without.
#[test]
fn digests_of_surrogates_are_all_different_and_under_the_key_of_the_disclosure() {
    let world = world();
    let id = world.disclosure();
    let stream = world.service.open_surrogates(&world.officer(), id).unwrap();
    let batch = SurrogateBatch {
        key_space: "episodes".into(),
        values: vec![bytes::Bytes::from_static(b"P-17")],
        institutions: Vec::new(),
    };
    let answered = [0, 1].map(|_| stream.issue(&batch).unwrap().into_answer().0);
    assert_eq!(answered[0], answered[1]);
    let entries = world.entries_of(Action::SurrogatesIssued);
    let open = world.service.open_now().unwrap();
    let (plane, erasure) = (open.registers.keys().digest(), open.keys().keyring.erasure());
    let own = world.wrapped_key(id).open_digests(id.0, erasure).unwrap();
    let expected = |index: u64| {
        let mut whole = plane.hasher();
        let rows = own.digest_parts(&[&answered[0]]);
        [rows.as_bytes(), &[0; 8][..], &index.to_be_bytes()]
            .iter()
            .for_each(|part| whole.update(part));
        whole.finish()
    };
    for (index, entry) in &entries {
        assert_eq!(entry.digest, Some(expected(*index)));
        assert_ne!(entry.digest, Some(plane.digest(&answered[0])));
    }
    assert_ne!(entries[0].1.digest, entries[1].1.digest);
}

/// Goal: no two entries of one answer have one digest, and each is what FORMATS says.  Method: one row is
/// answered by two streams in one commit, which the recorder makes when what it waits for is over.
#[test]
fn one_row_answered_twice_has_two_digests_each_with_the_number_of_its_entry() {
    let world = world();
    let npr = world.ingest("NPR", "HF", &numbers(1));
    let id = world.disclosure();
    let streams = [0, 1].map(|_| world.service.open_serials(&world.officer(), id).unwrap());
    let mapped = streams.each_ref().map(|stream| stream.map("NPR", &npr).unwrap());
    let open = world.service.open_now().unwrap();
    let (begun, is_begun) = channel();
    let (go, wait) = channel::<()>();
    let entry = world.service.entry(Actor::Server, Action::SerialsStored);
    let held = Box::new(move |_| {
        begun.send(()).unwrap();
        wait.recv().unwrap();
    });
    open.registers.record_fold(entry, Vec::new(), held);
    is_begun.recv().unwrap();
    let pending: Vec<_> =
        streams.iter().zip(mapped).map(|(stream, one)| stream.submit(one).unwrap()).collect();
    go.send(()).unwrap();
    let answered = streams.iter().zip(pending).map(|(stream, one)| done(stream, one).unwrap());
    let answered: Vec<u64> = answered.map(|one| one.into_answer().0.ids[0]).collect();
    assert_eq!(answered[0], answered[1]);
    let entries = world.entries_of(Action::SerialsIssued);
    assert_eq!(entries[1].0, entries[0].0 + 1, "in one commit");
    let (plane, erasure) = (open.registers.keys().digest(), open.keys().keyring.erasure());
    let own = world.wrapped_key(id).open_digests(id.0, erasure).unwrap();
    let rows: Vec<u8> = [1, answered[0], 0].iter().flat_map(|part| part.to_be_bytes()).collect();
    for (index, entry) in entries {
        let batch = own.digest(&rows);
        let parts = [&batch.as_bytes()[..], &[0; 8], &index.to_be_bytes()];
        assert_eq!(entry.digest, Some(plane.digest(&parts.concat())));
    }
}

/// Goal: no text of an approval says which serial it is about.
#[test]
fn no_serial_stands_in_what_is_said_of_an_approval() {
    let world = world();
    let id = world.disclosure().to_string();
    let asked = |act: Act, reason: &str, basis: &str| {
        let request = ApprovalRequest {
            act,
            subject: id.clone(),
            parameters: Parameters(vec![("serial".into(), "123456784".into())]),
            reason: reason.to_owned(),
            basis: basis.to_owned(),
        };
        let permit = world.permit("f", Right::RequestApprovals);
        world.service.request_approval(&permit, request).map(|(status, _)| status.approval.id)
    };
    let noted = |id, note: &str| {
        let permit = world.permit("second", Right::Approve);
        let note = Some(note.to_owned());
        let decision = ApprovalDecision { id, verdict: Verdict::Refuse, note };
        world.service.decide_approval(&permit, decision).map(|_| ())
    };
    for act in [Act::IdentifySerial, Act::BridgeIn] {
        for serial in ["123456784", "12345678"] {
            let text = format!("who is {serial}");
            for (reason, basis) in [(&*text, "law"), ("case", &*text)] {
                let refused = asked(act, reason, basis).err().unwrap();
                assert_eq!(refused.code(), ErrorCode::RequestInvalid);
                assert!(refused.violations()[0].text.contains("8 digits"), "{refused:?}");
            }
            let open = asked(act, "sak 26/12345", "law 1234567").unwrap();
            let refused = noted(open, &text).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::RequestInvalid);
            noted(open, "sak 26/12345").unwrap();
        }
    }
    let other = asked(Act::OpenWindow, "order 123456784", "law").unwrap();
    noted(other, "order 123456784").unwrap();
}

#[test]
fn what_is_about_a_person_of_a_disclosure_is_asked_for_while_its_key_lives() {
    let world = world();
    let id = world.disclosure();
    let ask = |act: Act, subject: &str| {
        let request = ApprovalRequest {
            act,
            subject: subject.to_owned(),
            parameters: Parameters(vec![("serial".into(), "123456784".into())]),
            reason: "case 26/1".into(),
            basis: "helseregisterloven § 19 e".into(),
        };
        let permit = world.permit("f", Right::RequestApprovals);
        world.service.request_approval(&permit, request).map(|_| ())
    };
    for act in [Act::IdentifySerial, Act::BridgeIn] {
        ask(act, &id.to_string()).unwrap();
        let refused = ask(act, "disclosure 26-0017").err().unwrap();
        assert!(refused.code() == ErrorCode::RequestInvalid, "{refused:?}");
    }
    ask(Act::BridgeOut, "disclosure 26-0017").unwrap();
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    assert!(ask(Act::IdentifySerial, &id.to_string()).is_err());
}
