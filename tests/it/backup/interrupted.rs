//! Processes that are killed in the middle of a backup and of a restore.

use super::*;
use crate::harness::Random;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_killed_is_none_and_the_server_serves_on() {
    let site = Site::new();
    let mut known = Acknowledged::default();
    let server = site.serve().await;
    site.ingest(&server, &people(20_000), &mut known).await;
    let output = site.path("killed");
    for _ in 0..3 {
        let mut running = Running::start(&site.backing_up(&server, "killed", None));
        running.wait_for("backup ");
        running.kill();
        assert!(!Path::new(&output).exists(), "half a backup has a name");
    }
    site.ingest(&server, &people(20_100)[20_000..], &mut known).await;
    // The server notices that nobody takes the parts any more, and makes another.
    let made = (0..200).any(|_| site.back_up(&server, "whole", None).code == Some(0));
    assert!(made, "no backup could be made after those that were killed");
    server.stop();
    site.wipe();
    site.restore(&["whole"]).well();
    site.verify().well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_while_it_was_backed_up_leaves_no_backup_and_opens_again() {
    let site = Site::new();
    let mut known = Acknowledged::default();
    let mut server = site.serve().await;
    site.ingest(&server, &people(20_000), &mut known).await;
    let output = site.path("killed");
    let mut running = Running::start(&site.backing_up(&server, "killed", None));
    running.wait_for("backup ");
    server.process.kill();
    // Either all of it was there already, or nothing has the name.
    let whole = running.ended().success();
    assert_eq!(Path::new(&output).exists(), whole);
    let server = site.serve().await;
    all_is_there(&site.installation, server.address, &known, 0).await;
    site.back_up(&server, "whole", None).well();
    server.stop();
    assert!(!Path::new(&site.path("data/vault/snapshot")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_serves_nobody_and_is_begun_anew() {
    let site = Site::new();
    let mut known = Acknowledged::default();
    let server = site.serve().await;
    site.ingest(&server, &people(5_000), &mut known).await;
    site.back_up(&server, "backup", None).well();
    server.stop();
    site.wipe();
    let mut random = Random(7);
    for _ in 0..size("HVELV_RESTORE_KILLS", 8) {
        let mut running = Running::start(&site.restoring(&["backup"], &[]));
        // Killed when so many of its files are there, wherever it is then.
        let files = random.below(40);
        let there = || {
            let count = |name: &str| fs::read_dir(site.path(name)).map_or(0, Iterator::count);
            count("data/vault.restoring") + count("data/registers.restoring")
        };
        while there() < files && !Path::new(&site.path("data/vault")).exists() {
            std::thread::yield_now();
        }
        running.kill();
        let is_whole = Path::new(&site.path("data/vault")).exists();
        if is_whole {
            break;
        }
        let status = ServerProcess::start(&site.installation.config_file());
        let operator = site.installation.connect(status.address, "operator").await;
        let refused = unseal(&operator, PASSPHRASE).await.unwrap_err();
        assert_eq!(reason(&refused), "store_unusable");
        status.stop();
        if Path::new(&site.path("data/registers")).exists() {
            // Killed between the two names: the operator moves it aside, as the text says.
            site.restore(&["backup"]).ended(PRECONDITION, "is not empty");
            fs::remove_dir_all(site.path("data/registers")).unwrap();
        }
    }
    if !Path::new(&site.path("data/vault")).exists() {
        site.restore(&["backup"]).well();
    }
    site.verify().well();
    let server = site.serve().await;
    site.accept(&server);
    all_is_there(&site.installation, server.address, &known, 0).await;
    server.stop();
}
