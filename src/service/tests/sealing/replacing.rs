//! Roots that are changed while the server is sealed, and what of it stands in the log.

use super::super::disclosures::decision;
use super::*;
use crate::crypto::{KeyId, SerialWidth};
use crate::keyring::{KeyState, WrappedDisclosureKey};
use crate::service::setup::{
    Installation, KeyChange, KeysGiven, MadeShare, OlderKeys, Others, Root, Rotation, SetupError,
    WaysWanted,
};
use crate::store::records::Plane as StorePlane;

fn replaced(world: &World, plane: Plane) {
    edit(world, |editor| {
        let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
        editor.replace_root(plane, &ways)
    });
}

/// Goal: who has a key file of before the replacement opens nothing that is sealed after it, also in a
/// disclosure that was open before and goes on.
#[test]
fn an_old_key_file_does_not_open_the_disclosures_that_go_on_after_their_root_was_replaced() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(20));
    let id = world.disclosure_of(world.application(), decision());
    let serials = world.serials(id, "NPR", &npr).unwrap().ids;
    let path = &world.service.parts.config.key_file;
    let aside = path.with_extension("old");
    std::fs::copy(path, &aside).unwrap();
    world.service.seal(&world.operator()).unwrap();
    replaced(&world, Plane::Registers);
    let prepared = std::fs::read(path).unwrap();
    world.unseal();

    let old = SealedKeyring::load(&aside, Environment::Development).unwrap();
    let old = old.unseal(&passphrase()).unwrap();
    let width = SerialWidth::new(9).unwrap();
    let opens = || {
        let stored = world.stores.registers.get(&Key::disclosure_key(id.0)).unwrap().unwrap();
        WrappedDisclosureKey::from_bytes(stored).open(id.0, old.erasure(), width).is_ok()
    };
    assert!(!opens());
    assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, serials);
    let rewrapped = || {
        let bodies = world.bodies();
        bodies.iter().filter(|body| body.contains("\"action\":\"keys_rewrapped\"")).count()
    };
    assert_eq!(rewrapped(), 1);
    world.reseal();
    assert_eq!(rewrapped(), 1, "once");

    // A crash after the store was changed and before the key file was: it is finished again.
    world.service.seal(&world.operator()).unwrap();
    std::fs::write(path, prepared).unwrap();
    world.unseal();
    assert!(rewrapped() == 2 && !opens());
    assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, serials);
}

#[test]
fn a_crash_at_any_commit_of_the_opening_after_a_replacement_is_finished_by_the_next() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        for commits in 0..6 {
            let world = World::unsealed();
            let npr = world.ingest("NPR", "HF", &numbers(5));
            let id = world.disclosure_of(world.application(), decision());
            let serials = world.serials(id, "NPR", &npr).unwrap().ids;
            world.service.seal(&world.operator()).unwrap();
            replaced(&world, Plane::Registers);
            *world.stores.fault.lock().unwrap() = Some((StorePlane::Registers, commits, fault));
            if world.service.unseal(&world.operator(), passphrase()).is_err() {
                world.unseal();
            }
            while world.service.status(Detail::Public).state != State::Open {
                std::thread::yield_now();
            }
            let found = loop {
                match world.serials(id, "NPR", &npr) {
                    Ok(found) => break found.ids,
                    Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
                }
                std::thread::yield_now();
            };
            assert_eq!(found, serials);
        }
    }
}

struct Offline {
    installation: Installation,
    service: Arc<Service>,
    access: Access,
    directory: tempfile::TempDir,
}

impl Offline {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let config = Config {
            mode: Mode::Development,
            key_file: at("test.hvk"),
            vault_dir: at("vault"),
            registers_dir: at("registers"),
            ..Config::default()
        };
        let catalogue = Catalogue::load(Path::new("registers.toml")).unwrap();
        let (decisions, organisations) = ("decisions.toml", "organisations.toml");
        let disclosure =
            DisclosureRules::load(Path::new(decisions), Path::new(organisations), &catalogue);
        let access = Access::parse(HOLDERS, Path::new("access.toml"), &catalogue).unwrap();
        let installation = Installation {
            config: Arc::new(config),
            catalogue: Arc::new(catalogue),
            disclosure: disclosure.unwrap(),
        };
        installation.init(&passphrase()).unwrap();
        let service = installation.service().unwrap();
        service.use_access(Arc::new(access.clone()));
        Self { installation, service, access, directory }
    }

    fn permit(&self, name: &str, right: Right) -> Permit {
        let principal = self.access.by_name(&name.parse().unwrap()).unwrap();
        authorize(principal, right, date(2026, 1, 15)).unwrap()
    }

    fn unseal(&self) -> Result<Unsealed, Error> {
        self.service.unseal(&self.permit("o", Right::Operate), passphrase())
    }

    fn given(&self) -> KeysGiven {
        let mut given = self.installation.open_roots().unwrap();
        given.passphrase(&passphrase()).unwrap();
        given
    }

    fn change(&self, hand_over: impl FnOnce(&[MadeShare]) -> Result<(), ()>) -> Result<(), ()> {
        let wanted = WaysWanted { passphrase: None, shares: Some((2, 3)) };
        let change = KeyChange::Ways { wanted, others: Others::Keep };
        let given = [self.given(), self.given()];
        self.installation.change_root(Root::Vault, &change, given, hand_over).unwrap()
    }

    /// Purpose and id of each key in force.
    fn active_keys(&self) -> Vec<(&'static str, KeyId)> {
        let (path, entropy) = (&self.installation.config.key_file, Entropy::os());
        let editor = Editor::open(path, &passphrase(), &entropy, clock().now()).unwrap();
        let keys = editor.keys().into_iter().filter(|key| key.state == KeyState::Active);
        keys.map(|key| (key.purpose.text(), key.id)).collect()
    }

    fn bodies(&self) -> Vec<String> {
        let permit = self.permit("r", Right::ReadAudit);
        let entries = self.service.audit_entries(&permit, 0, 0).unwrap();
        entries.map(|entry| String::from_utf8(entry.unwrap().body).unwrap()).collect()
    }
}

#[test]
fn nobody_unseals_the_server_while_its_key_file_is_changed() {
    let offline = Offline::new();
    let mut meanwhile = None;
    offline
        .change(|_| {
            meanwhile = Some(offline.unseal().unwrap_err().code());
            Ok(())
        })
        .unwrap();
    assert_eq!(meanwhile, Some(ErrorCode::StoreUnusable));
    offline.unseal().unwrap();
    let bodies = offline.bodies();
    let made = bodies.iter().find(|body| body.contains("\"action\":\"shares_made\"")).unwrap();
    let ways = offline.installation.root_ways().unwrap();
    let (set, ..) = ways[1].shares.as_ref().unwrap();
    assert!(made.contains(&format!("\"set {set}\"")), "{made}");
    assert!(made.contains("opened by registers root by passphrase"), "{made}");
    assert!(made.contains("of the host"), "{made}");
}

#[test]
fn shares_that_could_not_be_handed_over_are_not_in_the_log() {
    let offline = Offline::new();
    let before = std::fs::read(offline.directory.path().join("test.hvk")).unwrap();
    offline.change(|_| Err(())).unwrap_err();
    assert_eq!(std::fs::read(offline.directory.path().join("test.hvk")).unwrap(), before);
    offline.unseal().unwrap();
    assert!(!offline.bodies().iter().any(|body| body.contains("shares_made")));
}

#[test]
fn a_root_that_was_not_replaced_for_an_unfinished_closing_is_not_in_the_log() {
    let offline = Offline::new();
    let mode = Environment::Development;
    let sealed = SealedKeyring::load(&offline.installation.config.key_file, mode).unwrap();
    let keyring = sealed.unseal(&passphrase()).unwrap();
    let _ = keyring.erasure().prepare(&Entropy::os(), clock().now()).unwrap();
    drop(keyring);
    let wanted = WaysWanted { passphrase: Some(passphrase()), shares: None };
    let change = KeyChange::Replace(wanted);
    let given = [offline.given(), offline.given()];
    let done =
        offline.installation.change_root(Root::Registers, &change, given, |_| Ok::<(), ()>(()));
    assert!(done.is_err());
    offline.unseal().unwrap();
    assert!(!offline.bodies().iter().any(|body| body.contains("root_replaced")));
}

/// Goal: what is made from now on has a new key, what was made before opens as before, and the log says
/// which.  Method: all four are rotated, and the server opened in between; exactly the keys of the
/// purposes that are meant have changed.
#[test]
fn rotated_keys_seal_and_sign_what_comes_and_open_what_was_there() {
    let offline = Offline::new();
    let mut checkpoints = Vec::new();
    let expected = [
        (Rotation::AuditSigning, &["audit_signing"][..]),
        (Rotation::ExtractSigning, &["extract_signing"]),
        (Rotation::Sealing(Root::Registers), &["audit_storage", "register_storage"]),
        (
            Rotation::Sealing(Root::Vault),
            &["identity", "oneway_tag_storage", "tag_storage", "vault_erasure"],
        ),
    ];
    let rotations = expected.map(|(rotation, _)| rotation);
    for (rotation, purposes) in expected {
        offline.unseal().unwrap();
        let auditor = offline.permit("r", Right::ReadAudit);
        checkpoints.push(offline.service.audit_checkpoint(&auditor).unwrap().verifier_keys.len());
        offline.service.seal(&offline.permit("o", Right::Operate)).unwrap();
        let before = offline.active_keys();
        offline.installation.rotate(rotation, [offline.given(), offline.given()]).unwrap();
        let is_new = |key: &(&str, KeyId)| !before.contains(key);
        let mut new: Vec<&str> =
            offline.active_keys().into_iter().filter(is_new).map(|(purpose, _)| purpose).collect();
        new.sort_unstable();
        new.dedup();
        assert_eq!(new, purposes);
    }
    offline.unseal().unwrap();
    assert_eq!(checkpoints, [1, 2, 2, 2], "both keys sign from the first rotation on");
    let bodies = offline.bodies();
    for rotation in rotations {
        let line = format!("\"{}\"", rotation.text());
        let is_it = |body: &&String| body.contains("key_rotated") && body.contains(&line);
        assert_eq!(bodies.iter().filter(is_it).count(), 1, "{line} in {bodies:?}");
    }
    assert!(bodies.iter().any(|body| body.contains("signing_key_added")));
    let while_open = offline.installation.rotate(rotations[0], [offline.given(), offline.given()]);
    assert!(while_open.is_err(), "the server is open");
}

/// Goal: an old key that signed checkpoints goes, and never one that is needed.  Method: it is tried before
/// there is an older one, before the new one has signed, and after; then the server opens, and a
/// checkpoint has one signature.
#[test]
fn an_old_signing_key_is_destroyed_when_the_new_one_has_signed_and_not_before() {
    let offline = Offline::new();
    let opened_and_sealed = || {
        offline.unseal().unwrap();
        let auditor = offline.permit("r", Right::ReadAudit);
        let keys = offline.service.audit_checkpoint(&auditor).unwrap().verifier_keys.len();
        offline.service.seal(&offline.permit("o", Right::Operate)).unwrap();
        keys
    };
    let destroy = || {
        offline
            .installation
            .destroy_older_keys(OlderKeys::AuditSigning, [offline.given(), offline.given()])
    };
    assert_eq!(opened_and_sealed(), 1);
    assert!(matches!(destroy(), Err(SetupError::NoOlderKey)));
    let given = [offline.given(), offline.given()];
    offline.installation.rotate(Rotation::AuditSigning, given).unwrap();
    assert!(matches!(destroy(), Err(SetupError::NotSignedYet)));
    assert_eq!(opened_and_sealed(), 2);
    assert_eq!(destroy().unwrap(), 1);
    assert!(matches!(destroy(), Err(SetupError::NoOlderKey)));
    assert_eq!(opened_and_sealed(), 1);
    offline.unseal().unwrap();
    let line = r#""audit signing, epoch 1""#;
    let is_it = |body: &String| body.contains("key_destroyed") && body.contains(line);
    assert_eq!(offline.bodies().iter().filter(|body| is_it(body)).count(), 1);
}

/// Goal: an old key that seals goes when nothing is left under it, and never before.  Method: as above, of
/// both planes; the server opens with what is left.
#[test]
fn an_old_sealing_key_is_destroyed_when_nothing_is_left_under_it_and_not_before() {
    let offline = Offline::new();
    let destroy = |root| {
        let given = [offline.given(), offline.given()];
        offline.installation.destroy_older_keys(OlderKeys::Sealing(root), given)
    };
    let seal = || offline.service.seal(&offline.permit("o", Right::Operate)).unwrap();
    assert!(matches!(destroy(Root::Vault), Err(SetupError::NoOlderKey)));
    offline.unseal().unwrap();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let permit = offline.permit("a", request.right());
    let delivery = offline.service.open_delivery(&permit, &request).unwrap();
    let ids = send(&delivery, &numbers(3)).unwrap().ids;
    drop(delivery);
    seal();
    for root in [Root::Registers, Root::Vault] {
        let given = [offline.given(), offline.given()];
        offline.installation.rotate(Rotation::Sealing(root), given).unwrap();
        let refused = destroy(root);
        assert!(matches!(refused, Err(SetupError::StillSealed { count: 1.. })), "{refused:?}");
    }
    offline.unseal().unwrap();
    offline.service.reseal_for(Duration::MAX);
    assert!(destroy(Root::Vault).is_err(), "the server is open");
    seal();
    assert_eq!(destroy(Root::Registers).unwrap(), 2);
    // The one-way registers' partitions each have a key of their own.
    assert!(destroy(Root::Vault).unwrap() > 2);
    assert!(matches!(destroy(Root::Registers), Err(SetupError::NoOlderKey)));
    offline.unseal().unwrap();
    let delivery = offline.service.open_delivery(&permit, &request).unwrap();
    assert_eq!(send(&delivery, &numbers(3)).unwrap().ids, ids);
    let bodies = offline.bodies();
    for line in ["register storage, epoch 1", "identity, epoch 1"] {
        let line = format!("\"{line}\"");
        let is_it = |body: &&String| body.contains("key_destroyed") && body.contains(&line);
        assert_eq!(bodies.iter().filter(is_it).count(), 1, "{line} in {bodies:?}");
    }
}
