//! The file changes while roots or keys are open.

use super::shares::{begun, give, plan_of, progress, split};
use super::*;

#[test]
fn a_root_that_was_opened_closes_when_what_opened_it_is_changed() {
    let plan = plan_of(2, 3);
    let made = make();
    let first = split(&made, Plane::Vault, 2, 3);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &first, &[1, 2]);
    assert!(progress(&mut unsealing)[1].0);
    made.edit(|editor| editor.split_root(Plane::Registers, plan, OtherWay::Keep));
    assert!(progress(&mut unsealing)[1].0, "what is changed of the other root is not its");
    split(&made, Plane::Vault, 2, 3);
    assert_eq!(progress(&mut unsealing)[1], (false, vec![]));

    unsealing.give_passphrase(&passphrase()).unwrap();
    assert!(unsealing.is_complete());
    made.edit(|editor| {
        let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
        editor.replace_root(Plane::Vault, &ways)
    });
    let refused = unsealing.open();
    assert!(matches!(refused, Err(Error::RootClosed { plane: Plane::Vault })), "{refused:?}");
}

#[test]
fn a_keyring_knows_when_the_keys_of_its_file_are_others() {
    for plane in [Plane::Vault, Plane::Registers] {
        let made = make();
        let running = made.unseal().unwrap();
        running.marks().raise(NumberSpace::Persons, 10).unwrap();
        let _ = running.erasure().prepare(&Entropy::os(), NOW).unwrap();
        running.erasure().finish(&Entropy::os(), NOW).unwrap();
        split(&made, plane, 2, 3);
        running.marks().check_current().unwrap();
        made.edit(|editor| {
            let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
            editor.replace_root(plane, &ways)
        });
        assert!(running.marks().check_current().unwrap_err().is_change());
    }
}
