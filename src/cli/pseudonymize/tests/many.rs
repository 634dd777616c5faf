//! Which files are read and where they go.

use super::*;

fn jobs_of(words: &[&str]) -> Result<Vec<Job>, Error> {
    let all = ["x", "--register", "NPR", "--source", "HF", "--id-column", "fnr"];
    job::jobs(&Only::try_parse_from([&all[..], words].concat()).unwrap().options)
}

#[test]
fn many_files_keep_their_names_in_their_directory() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let jobs = jobs_of(&["--out-dir", out.to_str().unwrap(), "a/x.csv", "b/y.parquet"]).unwrap();
    let outputs: Vec<&Path> = jobs.iter().map(|job| job.output.as_path()).collect();
    assert_eq!(outputs, [out.join("x.csv"), out.join("y.parquet")]);
    assert!(out.is_dir());
    for wrong in [&["a/x.csv", "b/x.csv"][..], &["-", "x.csv"]] {
        let error = jobs_of(&[&["--out-dir", out.to_str().unwrap()], wrong].concat()).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{wrong:?}");
    }
    assert_eq!(jobs_of(&["a", "b", "c"]).unwrap_err().exit(), Exit::Usage);
}

#[test]
fn a_bad_file_stops_no_other_but_a_server_that_is_away_does() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let jobs = jobs_of(&["--out-dir", out, "a", "b", "c"]).unwrap();
    let run = |exits: [Exit; 3]| {
        let done = std::cell::Cell::new(0);
        let outcome = send_all(&jobs, |_| {
            let exit = exits[done.get()];
            done.set(done.get() + 1);
            match exit {
                Exit::Success | Exit::Rejects => Ok(exit),
                exit => Err(Error::new(exit, "so it is")),
            }
        });
        (outcome.map_err(|error| error.exit()), done.get())
    };
    let (good, bad) = (Exit::Success, Exit::Input);
    assert_eq!(run([good, good, good]), (Ok(good), 3));
    assert_eq!(run([good, Exit::Rejects, good]), (Ok(Exit::Rejects), 3));
    assert_eq!(run([good, bad, Exit::Verification]), (Err(bad), 3));
    assert_eq!(run([Exit::Unavailable, good, good]), (Err(Exit::Unavailable), 1));
}

#[test]
fn the_kind_of_a_file_is_told_by_its_name_then_by_its_beginning() {
    let error =
        Bench::named("in.parquet", b"fnr\n01810012345\n").run(&FNR, Fault::None).unwrap_err();
    assert!(error.to_string().contains("damaged, or not Parquet"), "{error}");
    let error = Bench::named("in.dat", b"PAR1...").run(&FNR, Fault::None).unwrap_err();
    assert_eq!(error.exit(), Exit::Input);
    let bench = Bench::named("in.parquet", b"fnr\n01810012345\n");
    bench.run(&["--id-column", "fnr", "--format", "csv"], Fault::None).unwrap();
    assert_eq!(bench.output(), "npr_id\n100001810012345\n");
}

#[test]
fn what_goes_to_standard_output_is_spooled_and_the_spool_goes() {
    let [job] = jobs_of(&["in.csv", "-"]).unwrap().try_into().unwrap();
    let spool = job.output.parent().unwrap().to_owned();
    assert!(spool.is_dir());
    drop(job);
    assert!(!spool.exists());
}
