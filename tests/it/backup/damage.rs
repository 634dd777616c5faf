//! A backup that is not what its manifest says, and directories that are not empty.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_damaged_file_of_a_backup_is_named_and_nothing_is_restored() {
    let site = Site::new();
    let server = site.serve().await;
    site.ingest(&server, &people(200), &mut Acknowledged::default()).await;
    site.back_up(&server, "backup", None).well();
    server.stop();
    site.restore(&["backup"]).ended(PRECONDITION, "is not empty");
    site.wipe();
    let keys = fs::read(site.path("test.hvk")).unwrap();
    for entry in fs::read_dir(site.path("backup")).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        let mut longer = whole.clone();
        longer.push(b'\n');
        let cut = whole[..whole.len() - 1].to_vec();
        for damaged in [flipped, longer, cut] {
            fs::write(&path, damaged).unwrap();
            let refused = site.restore(&["backup"]);
            refused.ended(VERIFICATION, "Nothing was restored");
            let named = if name == "manifest" { "manifest" } else { name.as_str() };
            assert!(refused.err.contains(named), "{name}: {refused:?}");
        }
        fs::remove_file(&path).unwrap();
        site.restore(&["backup"]).ended(INPUT, &name);
        fs::write(&path, whole).unwrap();
    }
    assert!(!Path::new(&site.path("data/vault")).exists());
    assert!(fs::read(site.path("test.hvk")).unwrap() == keys, "the key file is as it was");
    site.restore(&["backup"]).well();
    site.verify().well();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_opens_with_its_own_key_alone() {
    let site = Site::new();
    let server = site.serve().await;
    site.back_up(&server, "backup", None).well();
    server.stop();
    site.wipe();
    let other = site.path("other.key");
    hvelv(&["extract", "key", &other]).well();
    fs::rename(site.path("offline.key"), site.path("right.key")).unwrap();
    fs::rename(&other, site.path("offline.key")).unwrap();
    site.restore(&["backup"]).ended(INPUT, "not sealed to a key of this file");
}
