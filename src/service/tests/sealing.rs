//! Shares given one by one, sealing by itself, and what of it stands in the log.

use super::*;
use crate::config::sealing::Seal;
use crate::crypto::Share;
use crate::keyring::{Editor, NewWays, OtherWay, Plane, SharePlan};
use crate::service::RootState;

mod closing;
mod replacing;
mod resealing;

/// Two holders who are one natural person, two others, and a system.
const HOLDERS: &str = "[[principal]]\nname = 'o'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/o']\nroles = ['operator']\n\
    [[principal]]\nname = 'r'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/r']\nroles = ['auditor']\n\
    [[principal]]\nname = 'a'\nkind = 'system'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/a']\nroles = ['ingest:NPR:HF', 'operator']\n\
    [[principal]]\nname = 'kari'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/kari']\nroles = ['keyholder']\n\
    [[principal]]\nname = 'kari-2'\nkind = 'person'\nperson = 'kari'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/kari-2']\nroles = ['keyholder']\n\
    [[principal]]\nname = 'ola'\nkind = 'person'\norganisation = '983744516'\n\
    certificates = ['uri:spiffe://hvelv.dev/ola']\nroles = ['keyholder']\n";

/// A world whose roots are both sealed by two of three shares, and by passphrase.
struct Shared {
    world: World,
    registers: Vec<Share>,
    vault: Vec<Share>,
}

fn edit<T>(
    world: &World,
    change: impl FnOnce(&mut Editor<'_>) -> Result<T, crate::keyring::Error>,
) -> T {
    let entropy = Entropy::os();
    let path = &world.service.parts.config.key_file;
    let mut editor = Editor::open(path, &passphrase(), &entropy, clock().now()).unwrap();
    let result = change(&mut editor).unwrap();
    editor.commit().unwrap();
    result
}

impl Shared {
    fn new() -> Self {
        let world = World::with(Budgets::DEFAULT, HOLDERS);
        let plan = SharePlan::new(2, 3).unwrap();
        let split = |plane| edit(&world, |editor| editor.split_root(plane, plan, OtherWay::Keep));
        let (registers, vault) = (split(Plane::Registers), split(Plane::Vault));
        Self { world, registers, vault }
    }

    fn give(&self, who: &str, share: &Share) -> Result<GivenShare, Error> {
        let share = Share::parse(share.to_text().as_bytes().to_vec()).unwrap();
        self.world.service.give_share(&self.world.permit(who, Right::GiveShares), share)
    }

    fn refused(&self, who: &str, share: &Share) -> ErrorCode {
        self.give(who, share).unwrap_err().code()
    }

    fn roots(&self) -> Vec<RootState> {
        self.world.service.root_states(&self.world.permit("kari", Right::GiveShares))
    }

    fn given(&self) -> Vec<Vec<u8>> {
        self.roots().into_iter().map(|root| root.shares_given).collect()
    }

    fn state(&self) -> State {
        self.world.service.status(Detail::Public).state
    }
}

#[test]
fn a_server_opens_share_by_share_and_the_log_says_who_gave_which() {
    let shared = Shared::new();
    let first = shared.give("kari", &shared.registers[2]).unwrap();
    assert_eq!((first.plane, first.index), ("registers", 3));
    assert_eq!(first.outcome.waiting, shared.roots());
    let roots = shared.roots();
    assert_eq!((roots[0].shares_needed, roots[0].shares_total), (2, 3));
    assert_eq!(
        (&roots[0].shares_given[..], &roots[0].given_by[..]),
        (&[3][..], &["kari".to_owned()][..])
    );
    shared.give("kari", &shared.vault[0]).unwrap();
    let third = shared.give("ola", &shared.vault[1]).unwrap();
    assert!(third.outcome.waiting[1].is_open && !third.outcome.waiting[0].is_open);
    assert_eq!(shared.state(), State::Sealed);
    let last = shared.give("o", &shared.registers[0]).unwrap();
    assert!(last.outcome.waiting.is_empty() && shared.roots().is_empty());
    assert_eq!(shared.state(), State::Open);
    assert_eq!(shared.refused("ola", &shared.registers[1]), ErrorCode::AlreadyUnsealed);

    let bodies = shared.world.bodies();
    let shares: Vec<&String> =
        bodies.iter().filter(|body| body.contains("\"action\":\"share_given\"")).collect();
    assert_eq!(shares.len(), 4);
    let at = |index: usize, by: &str, what: &str| {
        let body = shares[index];
        assert!(body.contains(&format!("\"principal\":\"{by}\"")) && body.contains(what), "{body}");
    };
    at(0, "kari", "share 3\"");
    at(1, "kari", "vault root, set ");
    at(2, "ola", "share 2\"");
    at(3, "o", "registers root, set ");
    let opened = bodies.iter().position(|body| body.contains("\"action\":\"unsealed\"")).unwrap();
    assert!(opened > bodies.iter().position(|body| body.contains("share_given")).unwrap());
}

#[test]
fn one_person_gives_one_share_of_a_root_under_whatever_name() {
    let shared = Shared::new();
    shared.give("kari", &shared.registers[0]).unwrap();
    for who in ["kari", "kari-2"] {
        assert_eq!(shared.refused(who, &shared.registers[1]), ErrorCode::ShareSamePerson);
    }
    assert_eq!(shared.given(), [vec![1], vec![]]);
    // Of the other root they may give one.
    shared.give("kari-2", &shared.vault[1]).unwrap();
    // A system gives none, whatever its role.
    assert_eq!(shared.refused("a", &shared.registers[1]), ErrorCode::NotAllowed);
    shared.give("ola", &shared.registers[1]).unwrap();
}

#[test]
fn wrong_duplicated_and_foreign_shares_are_named_recorded_and_not_counted() {
    let shared = Shared::new();
    let other = Shared::new();
    shared.give("kari", &shared.registers[0]).unwrap();
    assert_eq!(shared.refused("ola", &shared.registers[0]), ErrorCode::ShareGivenAlready);
    assert_eq!(shared.refused("ola", &other.registers[1]), ErrorCode::ShareNotInUse);
    let head = *shared.registers[1].head();
    let wrong = Share::new(head, crate::crypto::SecretBytes::filled(|bytes| bytes.fill(1)));
    let refused = shared.give("ola", &wrong).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ShareWrong);
    assert!(refused.text().starts_with("share 2 of the registers root is wrong"));
    let nobody = Passphrase::new(b"wrong".to_vec()).unwrap();
    assert!(shared.world.service.unseal(&shared.world.operator(), nobody).is_err());
    assert_eq!(shared.given(), [vec![1], vec![]]);
    assert_eq!(shared.state(), State::Sealed);

    shared.world.unseal();
    let bodies = shared.world.bodies();
    let refusals = |attempted: &str, reason: &str| {
        let is_it = |body: &&String| {
            body.contains(&format!("\"attempted\":\"{attempted}\""))
                && body.contains(&format!("\"reason\":\"{reason}\""))
        };
        bodies.iter().filter(is_it).count()
    };
    for reason in ["share_given_already", "share_not_in_use", "share_wrong"] {
        assert_eq!(refusals("share_given", reason), 1, "{reason}");
    }
    assert_eq!(refusals("unsealed", "passphrase_wrong"), 1);
}

#[test]
fn a_passphrase_for_one_root_and_shares_of_the_other_open_together() {
    let shared = Shared::new();
    let to = Passphrase::new(b"another".to_vec()).unwrap();
    edit(&shared.world, |editor| editor.set_passphrase(Plane::Vault, &to, OtherWay::Keep));
    let opened = shared.world.unseal();
    assert!(opened.waiting[0].is_open && !opened.waiting[1].is_open);
    assert_eq!(shared.state(), State::Sealed);
    assert_eq!(shared.refused("kari", &shared.registers[0]), ErrorCode::RootOpen);
    shared.give("kari", &shared.vault[0]).unwrap();
    assert!(shared.give("ola", &shared.vault[2]).unwrap().outcome.waiting.is_empty());
    assert_eq!(shared.state(), State::Open);
    let bodies = shared.world.bodies();
    let given: Vec<&String> =
        bodies.iter().filter(|body| body.contains("\"action\":\"passphrase_given\"")).collect();
    assert!(given.len() == 1 && given[0].contains("\"principal\":\"o\""), "{given:?}");
    assert!(given[0].contains("registers root") && !given[0].contains("vault root"), "{given:?}");
}

#[test]
fn shares_are_forgotten_after_their_time_and_by_sealing() {
    let shared = Shared::new();
    shared.give("kari", &shared.registers[0]).unwrap();
    let kept = u64::from(Seal::DEFAULT.shares_kept_minutes) * 60;
    shared.world.clock.advance(Duration::from_secs(kept - 1));
    assert_eq!(shared.given(), [vec![1], vec![]]);
    shared.give("ola", &shared.vault[0]).unwrap();
    shared.world.clock.advance(Duration::from_secs(kept - 1));
    assert_eq!(shared.given(), [vec![1], vec![1]], "the last one counts");
    shared.world.clock.advance(Duration::from_secs(1));
    shared.world.service.seal_if_idle();
    assert!(shared.given().concat().is_empty());

    shared.give("kari", &shared.registers[0]).unwrap();
    shared.world.service.seal(&shared.world.operator()).unwrap();
    assert!(shared.given().concat().is_empty());
    let nothing = shared.world.service.seal(&shared.world.operator()).unwrap_err();
    assert_eq!(nothing.code(), ErrorCode::ServerSealed);
}

#[test]
fn what_is_refused_while_sealed_is_bounded_and_the_rest_is_counted() {
    let shared = Shared::new();
    for _ in 0..300 {
        let twice = shared.give("a", &shared.vault[0]).unwrap_err();
        assert_eq!(twice.code(), ErrorCode::NotAllowed);
    }
    shared.world.unseal();
    let bodies = shared.world.bodies();
    let refused = bodies.iter().filter(|body| body.contains("\"action\":\"refused\"")).count();
    assert_eq!(refused, 256);
    assert!(bodies.iter().any(|body| body.contains("\"left_out\":44")));
}

#[test]
fn a_replaced_root_leaves_ids_as_they_are_and_takes_new_persons() {
    ids_stay_through(|editor, plane| {
        let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
        editor.replace_root(plane, &ways).map(drop)
    });
}

#[test]
fn rotated_sealing_leaves_ids_as_they_are_and_takes_new_persons() {
    ids_stay_through(|editor, plane| editor.rotate_sealing(plane));
}

/// Changes both planes' keys between two deliveries.
fn ids_stay_through(change: impl Fn(&mut Editor<'_>, Plane) -> Result<(), crate::keyring::Error>) {
    let world = World::unsealed();
    let people = numbers(300);
    let before = world.ingest("NPR", "HF", &people[..200]);
    world.service.seal(&world.operator()).unwrap();
    for plane in [Plane::Registers, Plane::Vault] {
        edit(&world, |editor| change(editor, plane));
    }
    world.unseal();
    let after = world.ingest("NPR", "HF", &people);
    assert_eq!(after[..200], before);
    world.reseal();
    assert_eq!(world.ingest("NPR", "HF", &people), after);
}

/// A server that seals itself after ten minutes.
fn idle() -> World {
    let mut world = World::new();
    let parts = &world.service.parts;
    let seal = Seal { idle_enabled: true, idle_after_minutes: 10, ..Seal::DEFAULT };
    let config = Config { seal, ..(*parts.config).clone() };
    world.service = Service::new(Parts {
        config: Arc::new(config),
        catalogue: Arc::clone(&parts.catalogue),
        disclosure: parts.disclosure.clone(),
        rules: rules(),
        stores: Box::new(world.stores.clone()),
        clock: Arc::new(world.clock.clone()),
        entropy: Arc::new(Entropy::os()),
    });
    world
}

#[test]
fn a_server_that_nobody_uses_is_sealed_and_says_so() {
    let world = idle();
    world.unseal();
    let minutes = |count: u64| world.clock.advance(Duration::from_secs(count * 60));
    let state = || {
        world.service.seal_if_idle();
        world.service.status(Detail::Full).state
    };
    minutes(9);
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let delivery =
        world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap();
    minutes(9);
    send(&delivery, &numbers(1)).unwrap();
    // Its end is a use as well.
    drop(delivery);
    minutes(9);
    // Neither status nor metrics nor the timer of checkpoints is a use.
    world.service.sign_due_checkpoint();
    let _ = world.service.reading();
    assert_eq!(state(), State::Open);
    minutes(1);
    assert_eq!(state(), State::Sealed);
    world.unseal();
    assert!(world.bodies().iter().any(|body| {
        body.contains("\"action\":\"sealed\"") && body.contains("nobody has used it for 10 minutes")
    }));
}

#[test]
fn a_server_that_is_not_told_to_never_seals_itself_and_a_signal_seals_it() {
    let world = World::unsealed();
    world.clock.advance(Duration::from_secs(1_000_000));
    world.service.seal_if_idle();
    assert_eq!(world.service.status(Detail::Full).state, State::Open);
    world.service.seal_by_signal();
    assert_eq!(world.service.status(Detail::Full).state, State::Sealed);
    world.service.seal_by_signal();
    world.unseal();
    assert!(
        world
            .bodies()
            .iter()
            .any(|body| { body.contains("\"action\":\"sealed\"") && body.contains("by signal") })
    );
}
