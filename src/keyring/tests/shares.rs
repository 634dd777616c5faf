//! Roots sealed by shares: made, given one by one, changed, replaced, and every way to be refused.

use crate::crypto::{Share, ShareHead};

use super::*;

pub(super) fn plan_of(threshold: u8, total: u8) -> SharePlan {
    SharePlan::new(threshold, total).unwrap()
}

/// Splits a root; the passphrase stays.
pub(super) fn split(made: &Made, plane: Plane, threshold: u8, total: u8) -> Vec<Share> {
    made.edit(|editor| editor.split_root(plane, plan_of(threshold, total), OtherWay::Keep))
}

pub(super) fn begun(made: &Made) -> Unsealing {
    Unsealing::of(made.load().unwrap())
}

/// The same share again, as its holder would type it.
fn again(share: &Share) -> Share {
    Share::parse(share.to_text().as_bytes().to_vec()).unwrap()
}

pub(super) fn give(unsealing: &mut Unsealing, shares: &[Share], indices: &[u8]) {
    for index in indices {
        let taken = unsealing.give_share(again(&shares[usize::from(*index) - 1])).unwrap();
        assert_eq!(taken.index, *index);
    }
}

pub(super) fn progress(unsealing: &mut Unsealing) -> Vec<(bool, Vec<u8>)> {
    let each = unsealing.progress().unwrap().into_iter();
    each.map(|root| (root.is_open, root.given)).collect()
}

fn tag(keyring: &Keyring) -> [u8; 16] {
    keyring.vault().index.active().tag(b"encoding").to_bytes()
}

#[test]
fn shares_of_both_roots_open_what_the_passphrase_opens() {
    let made = make();
    let registers = split(&made, Plane::Registers, 2, 3);
    let vault = split(&made, Plane::Vault, 3, 5);
    let by_passphrase = tag(&made.unseal().unwrap());

    let mut unsealing = begun(&made);
    assert_eq!(progress(&mut unsealing), [(false, vec![]), (false, vec![])]);
    give(&mut unsealing, &vault, &[5, 1]);
    give(&mut unsealing, &registers, &[3]);
    assert_eq!(progress(&mut unsealing), [(false, vec![3]), (false, vec![1, 5])]);
    give(&mut unsealing, &registers, &[1]);
    assert_eq!(progress(&mut unsealing), [(true, vec![]), (false, vec![1, 5])]);
    assert!(!unsealing.is_complete());
    give(&mut unsealing, &vault, &[2]);
    assert!(unsealing.is_complete());
    assert_eq!(tag(&unsealing.open().unwrap()), by_passphrase);
}

#[test]
fn one_root_may_be_opened_by_shares_and_the_other_by_passphrase() {
    let made = make();
    let shares =
        made.edit(|editor| editor.split_root(Plane::Vault, plan_of(2, 2), OtherWay::Remove));
    let facts = made.load().unwrap();
    let [registers, vault] = facts.roots() else { panic!("two roots") };
    assert!(registers.passphrase && registers.shares.is_none());
    assert!(!vault.passphrase && vault.shares.as_ref().unwrap().total == 2);

    let missing = made.unseal().unwrap_err();
    assert!(matches!(missing, Error::RootClosed { plane: Plane::Vault }));
    let mut unsealing = begun(&made);
    give(&mut unsealing, &shares, &[1]);
    unsealing.give_passphrase(&passphrase()).unwrap();
    assert!(matches!(unsealing.give_passphrase(&passphrase()), Err(Error::NoPassphrase)));
    assert_eq!(progress(&mut unsealing), [(true, vec![]), (false, vec![1])]);
    give(&mut unsealing, &shares, &[2]);
    assert!(unsealing.open().is_ok());
}

#[test]
fn too_few_shares_open_nothing() {
    let made = make();
    let shares = split(&made, Plane::Registers, 3, 5);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &shares, &[4, 2]);
    let refused = unsealing.open().unwrap_err();
    assert!(matches!(refused, Error::RootClosed { plane: Plane::Registers }));
}

#[test]
fn a_share_given_twice_is_refused_and_not_counted() {
    let made = make();
    let shares = split(&made, Plane::Registers, 2, 3);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &shares, &[2]);
    let twice = unsealing.give_share(again(&shares[1])).unwrap_err();
    assert!(matches!(twice, Error::ShareTwice { plane: Plane::Registers, index: 2 }));
    assert_eq!(progress(&mut unsealing)[0], (false, vec![2]));
    give(&mut unsealing, &shares, &[3]);
    let late = unsealing.give_share(again(&shares[0])).unwrap_err();
    assert!(matches!(late, Error::RootOpen { plane: Plane::Registers }));
}

/// Goal: a wrong share is named by root and number, and by nothing else.  Method: a share with each
/// byte of its secret changed in turn, and one with a head of its own.
#[test]
fn a_wrong_share_is_named_and_nobody_learns_where_it_is_wrong() {
    let made = make();
    let shares = split(&made, Plane::Vault, 2, 2);
    let head = *shares[0].head();
    let mut said = std::collections::BTreeSet::new();
    let mut unsealing = begun(&made);
    for at in 0..32 {
        let wrong = Share::new(head, SecretBytes::filled(|bytes| bytes[at] = 1));
        let refused = unsealing.give_share(wrong).unwrap_err();
        assert!(matches!(refused, Error::ShareWrong { plane: Plane::Vault, index: 1 }));
        said.insert(refused.to_string());
    }
    assert_eq!(said.len(), 1);
    // The share of another holder under this one's number, and a number that there is not.
    for (index, expected) in [(2, 2), (3, 3), (255, 255)] {
        let wrong = Share::new(ShareHead { index, ..head }, SecretBytes::filled(|_| ()));
        let refused = unsealing.give_share(wrong).unwrap_err();
        assert!(matches!(refused, Error::ShareWrong { index, .. } if index == expected));
    }
    assert!(unsealing.is_empty());
}

#[test]
fn shares_of_another_store_plane_or_set_are_refused_by_name() {
    let (made, other) = (make(), make());
    let (first, foreign) = (split(&made, Plane::Vault, 2, 2), split(&other, Plane::Vault, 2, 2));
    let mut unsealing = begun(&made);
    let refused = unsealing.give_share(again(&foreign[0])).unwrap_err();
    assert!(matches!(refused, Error::ShareOfAnotherStore));
    for (plane, is_known) in [(1, true), (0, false), (3, false)] {
        let head = ShareHead { plane, ..*first[0].head() };
        let refused = unsealing.give_share(Share::new(head, SecretBytes::filled(|_| ())));
        let refused = refused.unwrap_err();
        // The registers root has no shares at all.
        let by_set = matches!(refused, Error::ShareOfAnotherSet { plane: Plane::Registers });
        assert!(if is_known { by_set } else { matches!(refused, Error::ShareOfAnotherStore) });
    }
    let second = split(&made, Plane::Vault, 2, 3);
    let refused = unsealing.give_share(again(&first[0])).unwrap_err();
    assert!(matches!(refused, Error::ShareOfAnotherSet { plane: Plane::Vault }));
    give(&mut unsealing, &second, &[1, 3]);
}

#[test]
fn shares_that_are_changed_while_some_were_given_are_forgotten() {
    let made = make();
    let first = split(&made, Plane::Registers, 2, 3);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &first, &[1]);
    let second = split(&made, Plane::Registers, 2, 3);
    assert_eq!(progress(&mut unsealing)[0], (false, vec![]));
    give(&mut unsealing, &second, &[2]);
    assert_eq!(progress(&mut unsealing)[0], (false, vec![2]));
}

#[test]
fn a_threshold_that_cannot_be_met_is_refused() {
    for (threshold, total) in [(0, 3), (1, 3), (4, 3), (2, 33), (33, 33), (2, 1), (0, 0)] {
        let refused = SharePlan::new(threshold, total).unwrap_err();
        assert!(matches!(refused, Error::SharePlan), "{threshold} of {total}");
    }
    let made = make();
    let shares = split(&made, Plane::Vault, 32, 32);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &shares, &(1..=32).rev().collect::<Vec<u8>>());
    assert!(progress(&mut unsealing)[1].0);
}

#[test]
fn a_file_that_was_tampered_with_names_no_share_as_wrong_but_the_file() {
    let made = make();
    let shares = split(&made, Plane::Registers, 2, 3);
    made.put(made.text().replace("threshold = 2", "threshold = 3"));
    let mut unsealing = begun(&made);
    // The digests cover the threshold that the shares were made with.
    give(&mut unsealing, &shares, &[1, 2, 3]);
    // Three points lie on the same line: it opens, and then the last line of the file does not fit.
    unsealing.give_passphrase(&passphrase()).unwrap();
    assert!(matches!(unsealing.open(), Err(Error::ChangedByHand)));

    made.put(made.text().replace("threshold = 3", "threshold = 2"));
    let sealed = made.text();
    let [one, two] = {
        let lines = sealed.lines().filter(|line| line.starts_with("sealed = "));
        let lines: Vec<&str> = lines.collect();
        [lines[1].to_owned(), lines[2].to_owned()]
    };
    made.put(sealed.replacen(&one, &two, 1));
    let mut unsealing = begun(&made);
    give(&mut unsealing, &shares, &[1]);
    let refused = unsealing.give_share(again(&shares[1])).unwrap_err();
    assert!(matches!(refused, Error::SharesDoNotOpen { plane: Plane::Registers }));
    assert!(unsealing.is_empty(), "what was given is wiped");
}

#[test]
fn a_file_with_shares_says_format_2_and_one_without_format_1() {
    let made = make();
    assert!(made.text().contains("\nformat = 1\n"));
    split(&made, Plane::Vault, 2, 3);
    let text = made.text();
    assert!(text.contains("\nformat = 2\n"));
    made.edit(|editor| editor.set_passphrase(Plane::Vault, &passphrase(), OtherWay::Remove));
    assert!(made.text().contains("\nformat = 1\n"));
    // A file that says otherwise than it is was not written by hvelv.
    made.put(text.replace("\nformat = 2\n", "\nformat = 1\n"));
    assert!(matches!(made.load(), Err(Error::Damaged { .. })));
    made.put(text.replace("\nformat = 2\n", "\nformat = 3\n"));
    assert!(matches!(made.load(), Err(Error::UnknownFormat { found: 3 })));
}

#[test]
fn shapes_of_sets_that_hvelv_does_not_write_are_refused() {
    let made = make();
    split(&made, Plane::Vault, 2, 3);
    let text = made.text();
    let tag = text.lines().find(|line| line.starts_with("    \"")).unwrap().to_owned();
    for (from, to) in [
        ("threshold = 2", "threshold = 1"),
        ("threshold = 2", "threshold = 4"),
        ("threshold = 2", "threshold = 2\nextra = 1"),
        ("method = \"shares\"", "method = \"passphrase\""),
        ("method = \"shares\"", "method = \"hsm\""),
        (tag.as_str(), &tag.to_uppercase()),
        (tag.as_str(), &tag.repeat(33)),
        ("set = \"", "set = \"00"),
    ] {
        assert!(text.contains(from), "{from}");
        made.put(text.replacen(from, to, 1));
        assert!(matches!(made.load(), Err(Error::Damaged { .. })), "{to}");
    }
    // The same way twice for a root.
    let set: Vec<&str> = text.split("\n\n").filter(|part| part.contains("method = \"sh")).collect();
    made.put(text.replace(set[0], &format!("{0}\n\n{0}", set[0])));
    assert!(matches!(made.load(), Err(Error::Damaged { .. })));
}

#[test]
fn after_a_change_of_shares_the_old_ones_open_the_old_file_alone() {
    let made = make();
    let first = split(&made, Plane::Registers, 2, 3);
    let old_file = made.bytes();
    let second = split(&made, Plane::Registers, 2, 3);
    let mut unsealing = begun(&made);
    assert!(unsealing.give_share(again(&first[0])).is_err());
    give(&mut unsealing, &second, &[1, 2]);
    made.put(&old_file);
    let mut unsealing = begun(&made);
    give(&mut unsealing, &first, &[1, 2]);
    assert!(progress(&mut unsealing)[0].0, "an older copy keeps its older ways");
}

/// Goal: nothing that opened a root opens the one in its place, nor what was sealed since.
#[test]
fn after_a_root_is_replaced_old_passphrases_shares_and_files_open_nothing_new() {
    for plane in [Plane::Registers, Plane::Vault] {
        let made = make();
        let first = split(&made, plane, 2, 3);
        let old = made.unseal().unwrap();
        let old_file = made.bytes();
        let sealed_before = seal_by(&old, plane);
        let to = Passphrase::new(b"another one".to_vec()).unwrap();
        let shares = made.edit(|editor| {
            let ways = NewWays { passphrase: Some(&to), shares: Some(plan_of(2, 2)) };
            editor.replace_root(plane, &ways)
        });
        let new_file = made.bytes();

        // Neither the passphrase of before nor the shares of before open the new root.
        let mut unsealing = begun(&made);
        unsealing.give_passphrase(&passphrase()).unwrap();
        let at = usize::from(plane == Plane::Vault);
        assert!(!progress(&mut unsealing)[at].0 && progress(&mut unsealing)[1 - at].0);
        for share in &first {
            let refused = unsealing.give_share(again(share)).unwrap_err();
            assert!(matches!(refused, Error::ShareOfAnotherSet { .. }));
        }
        // Nor do they with the new file under the old file's root entries.
        let [old_text, new_text] =
            [&old_file, &new_file].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        let roots = |text: &str| text.split("\n[[key]]").next().unwrap().to_owned();
        made.put(new_text.replace(&roots(&new_text), &roots(&old_text)));
        assert!(made.unseal().is_err());

        // The new ways open it; what was sealed before opens, what is sealed since opens for no old key.
        made.put(&new_file);
        give(&mut unsealing, &shares, &[1, 2]);
        let new = unsealing.open().unwrap();
        assert_eq!(tag(&new), tag(&old));
        assert!(opens(&new, plane, &sealed_before));
        let sealed_since = seal_by(&new, plane);
        assert!(opens(&new, plane, &sealed_since) && !opens(&old, plane, &sealed_since));
        made.put(&old_file);
        assert!(!opens(&made.unseal().unwrap(), plane, &sealed_since));
    }
}

/// What a plane's storage keys seal.
fn seal_by(keyring: &Keyring, plane: Plane) -> Vec<Vec<u8>> {
    let entropy = Entropy::os();
    let keys = match plane {
        Plane::Registers => vec![&keyring.registers().storage, &keyring.registers().audit.storage],
        Plane::Vault => vec![
            &keyring.vault().identity,
            &keyring.vault().tag_storage,
            &keyring.vault().one_way[&IPLOS].tag_storage,
        ],
    };
    keys.into_iter().map(|keys| keys.seal(&entropy, &PLACE, b"record").unwrap()).collect()
}

/// Whether any of it opens; all does or none.
fn opens(keyring: &Keyring, plane: Plane, sealed: &[Vec<u8>]) -> bool {
    let keys = match plane {
        Plane::Registers => vec![&keyring.registers().storage, &keyring.registers().audit.storage],
        Plane::Vault => vec![
            &keyring.vault().identity,
            &keyring.vault().tag_storage,
            &keyring.vault().one_way[&IPLOS].tag_storage,
        ],
    };
    let opened: Vec<bool> =
        keys.iter().zip(sealed).map(|(keys, sealed)| keys.open(&PLACE, sealed).is_ok()).collect();
    assert!(opened.iter().all(|one| *one == opened[0]), "{opened:?}");
    opened[0]
}

#[test]
fn a_new_disclosure_key_does_not_open_with_the_erasure_key_of_before() {
    let made = make();
    let old = made.unseal().unwrap();
    made.edit(|editor| {
        let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
        editor.replace_root(Plane::Registers, &ways)
    });
    let new = made.unseal().unwrap();
    // As the service does before anything is given out under it.
    new.erasure().finish(&Entropy::os(), NOW).unwrap();
    let key = WrappedDisclosureKey::generate([7; 16], new.erasure(), &Entropy::os()).unwrap();
    let width = crate::crypto::SerialWidth::new(9).unwrap();
    assert!(key.open([7; 16], new.erasure(), width).is_ok());
    assert!(key.open([7; 16], old.erasure(), width).is_err());
}

#[test]
fn a_root_keeps_at_least_one_way_and_is_not_replaced_while_a_closing_is_unfinished() {
    let made = make();
    let none = NewWays { passphrase: None, shares: None };
    let refused = made.refused(|editor| editor.replace_root(Plane::Vault, &none));
    assert!(matches!(refused, Error::RootWithoutWay { plane: Plane::Vault }));
    let keyring = made.unseal().unwrap();
    let _ = keyring.erasure().prepare(&Entropy::os(), NOW).unwrap();
    let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
    let refused = made.refused(|editor| editor.replace_root(Plane::Registers, &ways));
    assert!(matches!(refused, Error::ClosingUnfinished));
}

#[test]
fn a_server_that_is_open_can_no_longer_change_a_file_whose_registers_root_was_replaced() {
    let made = make();
    let running = made.unseal().unwrap();
    made.edit(|editor| {
        let ways = NewWays { passphrase: Some(&passphrase()), shares: None };
        editor.replace_root(Plane::Registers, &ways)
    });
    let before = made.bytes();
    let refused = running.marks().raise(NumberSpace::Persons, 100);
    assert!(matches!(refused, Err(Error::ChangedByHand)));
    assert_eq!(made.bytes(), before);
}
