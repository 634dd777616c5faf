//! Stores and key files that are not what they should be: each is refused, with its code for the
//! caller, its cause in the log at the usual level, and no secret in either.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hvelv::store::keys::Key;
use hvelv::store::records::Marker;
use hvelv::store::rocks::RocksStore;
use hvelv::store::{Batch, Durability, Store as _};
use tonic::Code;

use crate::harness::{
    InProcessServer, Installation, InstallationOptions, PASSPHRASE, ServerProcess, ask,
    copy_directory, header, packed, people, people_born, reason, unseal,
};

/// Starts the server, tries to unseal it, and looks at what is said where.
async fn unsealing_is_refused(installation: &Installation, code: &str, cause: &str) {
    let mut server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    let status = unseal(&operator, PASSPHRASE).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, code));
    let line = server.process.wait_for(cause);
    assert!(line.contains(code) && line.contains("WARN"), "{line}");
    let keys = fs::read_to_string(installation.path("test.hvk")).unwrap_or_default();
    let secrets = keys.split('"').filter(|word| word.len() > 40).chain([PASSPHRASE]);
    let said = format!("{status:?} {}", server.process.said.join("\n"));
    for secret in secrets {
        assert!(!said.contains(secret), "a secret was shown");
    }
    drop(operator);
    server.stop();
}

fn change_marker(installation: &Installation, directory: &str, change: impl Fn(&mut Marker)) {
    let store = RocksStore::open(&installation.path(directory)).unwrap();
    let bytes = store.get(&Key::marker()).unwrap().unwrap();
    let mut marker = Marker::decode(&bytes).unwrap();
    change(&mut marker);
    let mut batch = Batch::new();
    batch.put(Key::marker(), marker.encode());
    store.commit("test", batch, Durability::Synced).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_environment_is_refused() {
    for directory in ["data/vault", "data/registers"] {
        let installation = Installation::new();
        change_marker(&installation, directory, |marker| marker.environment = 1);
        unsealing_is_refused(&installation, "store_unusable", "belongs to another environment")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_installation_or_plane_is_refused() {
    let (installation, other) = (Installation::new(), Installation::new());
    fs::remove_dir_all(installation.path("data/vault")).unwrap();
    copy_directory(&other.path("data/vault"), &installation.path("data/vault"));
    unsealing_is_refused(&installation, "store_unusable", "belongs to another installation").await;

    let installation = Installation::new();
    fs::rename(installation.path("data/vault"), installation.path("data/v")).unwrap();
    fs::rename(installation.path("data/registers"), installation.path("data/vault")).unwrap();
    fs::rename(installation.path("data/v"), installation.path("data/registers")).unwrap();
    unsealing_is_refused(&installation, "store_unusable", "belongs to another plane").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_schema_and_one_without_a_marker_are_refused() {
    let installation = Installation::new();
    change_marker(&installation, "data/registers", |marker| marker.schema += 1);
    unsealing_is_refused(&installation, "store_unusable", "has schema 2, this program serves 1")
        .await;

    let installation = Installation::new();
    let store = RocksStore::open(&installation.path("data/vault")).unwrap();
    let mut batch = Batch::new();
    batch.remove(Key::marker());
    store.commit("test", batch, Durability::Synced).unwrap();
    drop(store);
    unsealing_is_refused(&installation, "store_unusable", "no schema marker").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_store_is_refused_and_not_made_anew() {
    for directory in ["data/vault", "data/registers"] {
        let installation = Installation::new();
        fs::rename(installation.path(directory), installation.path("aside")).unwrap();
        unsealing_is_refused(&installation, "store_unusable", "no store at").await;
        assert!(!installation.path(directory).join("CURRENT").exists());
        // Put back, it opens.
        drop(fs::remove_dir_all(installation.path(directory)));
        fs::rename(installation.path("aside"), installation.path(directory)).unwrap();
        let server = InProcessServer::open(&installation).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_missing_truncated_or_open_to_others_is_refused() {
    let installation = Installation::new();
    let path = installation.path("test.hvk");
    let whole = fs::read(&path).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        unsealing_is_refused(&installation, "key_file_unusable", "set mode 0600").await;
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for kept in [0, 1, whole.len() / 2, whole.len() - 20] {
        fs::write(&path, &whole[..kept]).unwrap();
        unsealing_is_refused(&installation, "key_file_unusable", "key file").await;
    }
    fs::remove_file(&path).unwrap();
    unsealing_is_refused(&installation, "key_file_unusable", "no key file").await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn development_keys_are_refused_outside_development() {
    let installation = Installation::new();
    for mode in ["production", "test"] {
        installation.write_config(&InstallationOptions { mode, ..InstallationOptions::default() });
        unsealing_is_refused(&installation, "development_keys", "development").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_another_installation_is_refused() {
    let (installation, other) = (Installation::new(), Installation::new());
    fs::copy(other.path("test.hvk"), installation.path("test.hvk")).unwrap();
    unsealing_is_refused(&installation, "store_unusable", "belongs to another installation").await;
}

/// An old copy of the vault would give numbers twice, so it is refused; the newest one is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_restored_from_an_older_copy_refuses_to_serve() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let numbers = people(1000);
    let old = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap().result.unwrap();
    drop(channel);
    server.stop().await;
    copy_directory(&installation.path("data/vault"), &installation.path("older"));

    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    // Within the lease of the copy: only the mark of what is used tells.
    let more = people_born(jiff::civil::date(1990, 1, 1), 10);
    let new = ask(&channel, header("NPR", "HF"), packed(&more)).await.unwrap().result.unwrap();
    drop(channel);
    server.stop().await;

    fs::rename(installation.path("data/vault"), installation.path("newest")).unwrap();
    copy_directory(&installation.path("older"), &installation.path("data/vault"));
    unsealing_is_refused(&installation, "store_unusable", "the vault is behind").await;

    fs::remove_dir_all(installation.path("data/vault")).unwrap();
    fs::rename(installation.path("newest"), installation.path("data/vault")).unwrap();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    for (numbers, ids) in [(numbers, old.ids), (more, new.ids)] {
        let again = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
        assert_eq!(again.result.unwrap().ids, ids);
    }
    drop(channel);
    server.stop().await;
}
