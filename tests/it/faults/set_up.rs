//! Goal: the key file is there whole or not at all, also when the power goes while it is made or
//! changed, and an installation that was said to be made is there.  Method: `hvelv init`, and `hvelv
//! init --add-registers`, end at an I/O call that a seed chooses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use super::disk::Disk;
use super::shim::Shim;
use crate::harness::{InProcessServer, Installation, PASSPHRASE, Random, hvelv, run, size};

/// More calls than `init` makes, so that some runs end before the cut.
const INIT_CALLS: usize = 260;

/// Runs `init` with the power cut at a call; says whether it ended well before.
fn init(installation: &Installation, more: &[&str], call: u64, random: &mut Random) -> bool {
    let mut disk = Disk::read(installation.root());
    let shim = Shim::over(installation.root());
    shim.cut_at(call);
    let mut command = shim.command(&arguments(installation, more));
    command.stdin(Stdio::null());
    let ran = run(command);
    assert!([Some(0), None].contains(&ran.code), "{ran:?}");
    disk.follow(shim.journal());
    disk.is_as_it_looks(call);
    disk.lose_power(random);
    ran.code == Some(0)
}

fn arguments(installation: &Installation, more: &[&str]) -> Vec<String> {
    let word = |path: &Path| path.to_str().unwrap().to_owned();
    let passphrase = installation.path("passphrase");
    fs::write(&passphrase, PASSPHRASE).unwrap();
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    let config = word(&installation.config_file());
    let mut words = vec!["init".into(), "--config".into(), config];
    words.extend(["--passphrase-file".into(), word(&passphrase)]);
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

async fn opens(installation: &Installation) {
    let server = InProcessServer::open(installation).await;
    server.stop().await;
}

fn remove_what_was_made(installation: &Installation) {
    drop(fs::remove_dir_all(installation.path("data")));
    for name in ["test.hvk", "test.hvk.new", "test.hvk.lock"] {
        drop(fs::remove_file(installation.path(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_was_said_to_be_made_survives_a_power_cut_and_half_a_one_says_so() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0x1417_0004)).unwrap();
    let cuts = if size("HVELV_LONG", 0) > 0 { 300 } else { 24 };
    let mut random = Random(seed);
    let installation = Installation::new();
    for cut in 0..cuts {
        remove_what_was_made(&installation);
        // The last one is not cut.
        let call = if cut + 1 == cuts { INIT_CALLS * 4 } else { 1 + random.below(INIT_CALLS) };
        let was_made = init(&installation, &[], u64::try_from(call).unwrap(), &mut random);
        assert!(was_made || cut + 1 < cuts, "init makes more calls than this test knows");
        if was_made {
            opens(&installation).await;
            continue;
        }
        // What is there is refused by name, or there is nothing; the key file is never half a one.
        let again = hvelv(&arguments(&installation, &[]));
        let refused = again.code == Some(5) && again.err.contains("never overwrites");
        assert!(refused || again.code == Some(0), "seed {seed:#x}, call {call}: {again:?}");
        if installation.path("test.hvk").exists() {
            let checked = installation.load().check_key_file();
            assert!(checked.is_ok(), "seed {seed:#x}, call {call}: {checked:?}");
        }
        if refused {
            remove_what_was_made(&installation);
            hvelv(&arguments(&installation, &[])).well();
        }
        opens(&installation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_while_the_key_file_is_changed_leaves_the_old_one_or_the_new_one() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0x1417_0005)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let catalogue = installation.path("registers.toml");
    let whole = fs::read_to_string(&catalogue).unwrap();
    let (mut old, mut new) = (0, 0);
    for call in 1.. {
        // Made for a catalogue that lacks the last register.
        remove_what_was_made(&installation);
        let shorter = whole.rsplit_once("\n[[register]]").unwrap().0;
        fs::write(&catalogue, shorter).unwrap();
        hvelv(&arguments(&installation, &[])).well();
        let before = fs::read(installation.path("test.hvk")).unwrap();
        fs::write(&catalogue, &whole).unwrap();

        let was_changed = init(&installation, &["--add-registers"], call, &mut random);
        let after = fs::read(installation.path("test.hvk")).unwrap();
        assert!(!was_changed || after != before, "seed {seed:#x}: said to be changed, and is not");
        if after == before {
            old += 1;
            hvelv(&arguments(&installation, &["--add-registers"])).well();
        } else {
            new += 1;
        }
        opens(&installation).await;
        if was_changed {
            break;
        }
    }
    assert!(old > 0 && new > 0, "seed {seed:#x}: {old} old, {new} new");
}
