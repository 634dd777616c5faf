//! Goal: whichever I/O call fails while a server starts and opens its stores, reading included, it says
//! what is wrong, serves nothing wrong, and the next start without the fault is one as ever.  Method: a
//! start and an unsealing are counted through; then their n-th call fails, for a sample of n, or for
//! every n in the long run.

use std::collections::BTreeMap;

use tonic::Code;

use super::shim::{EIO, EVERYTHING, READS, Shim};
use crate::harness::{
    Acknowledged, Installation, LISTENING, PASSPHRASE, Random, Running, ServerProcess,
    all_is_there, ask, header, log_verifies, look_up, packed, people, reason, serve, size, unseal,
};

/// Persons in the stores.
const ROWS: usize = 2000;
/// Calls of the short run.
const SAMPLE: usize = 24;

/// Starts a server through a shim; nothing if it ended instead.
fn start(installation: &Installation, shim: &Shim) -> Result<ServerProcess, Running> {
    let mut process = Running::spawn(shim.command(&serve(&installation.config_file())));
    match process.says(LISTENING) {
        Some(line) => Ok(ServerProcess::listening(process, &line)),
        None => Err(process),
    }
}

/// Starts a server without any fault, which has everything, and gives it to be stopped or killed.
async fn works(installation: &Installation, known: &Acknowledged, seed: u64) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    all_is_there(installation, server.address, known, seed).await;
    server
}

/// How many calls a start and an unsealing make.
async fn calls(installation: &Installation) -> u64 {
    let shim = Shim::over(installation.root());
    shim.count(EVERYTHING | READS);
    let Ok(mut server) = start(installation, &shim) else { panic!("no fault, no start") };
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server.process.kill();
    shim.counted()
}

/// A start whose n-th call fails; gives what came of it.
async fn opened_with_fault(
    installation: &Installation,
    call: u64,
    known: &Acknowledged,
    seed: u64,
) -> &'static str {
    let shim = Shim::over(installation.root());
    shim.fail_of(EVERYTHING | READS, call..call + 1, EIO);
    let about = format!("seed {seed:#x}, call {call}");
    let mut server = match start(installation, &shim) {
        Ok(server) => server,
        Err(mut process) => {
            let (status, said) = (process.ended(), process.said.join("\n"));
            assert!(status.code().is_some_and(|code| code > 0), "{about}: {status} {said}");
            assert!(said.contains("hvelv: ") && !said.contains("panicked"), "{about}: {said}");
            return "ended";
        }
    };
    let operator = installation.connect(server.address, "operator").await;
    let unsealed = unseal(&operator, PASSPHRASE).await;
    let Err(status) = unsealed else {
        // What failed is not needed, or was tried again.
        shim.heal();
        all_is_there(installation, server.address, known, seed).await;
        server.process.kill();
        return "open";
    };
    let refusals = ["commit_uncertain", "key_file_unusable", "store_unusable"];
    assert!(refusals.contains(&reason(&status).as_str()), "{about}: {status:?}");
    // The cause is in the log, in the words of whoever met it.
    server.process.wait_for("causes");
    let numbers: Vec<u64> = known.ids.keys().copied().take(1).collect();
    let pipeline = installation.connect(server.address, "pipeline").await;
    let refused = ask(&pipeline, look_up("NPR", "HF"), packed(&numbers)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{about}: {refused:?}");
    // Without the fault the same server opens.
    shim.heal();
    unseal(&operator, PASSPHRASE).await.unwrap_or_else(|status| panic!("{about}: {status:?}"));
    all_is_there(installation, server.address, known, seed).await;
    server.process.kill();
    "refused"
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail_while_a_server_starts_and_opens_its_stores() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0x09e4_0006)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let mut known = Acknowledged::default();
    let mut server = works(&installation, &known, seed).await;
    let channel = installation.connect(server.address, "sender").await;
    for numbers in people(ROWS).chunks(ROWS / 4) {
        let answer = ask(&channel, header("NPR", "HF"), packed(numbers)).await.unwrap();
        let ids = answer.result.unwrap().ids;
        known.take(&numbers.iter().copied().zip(ids).collect::<Vec<_>>(), seed);
    }
    // Not stopped in order, so that the next start has a log to replay.
    server.process.kill();

    let count = calls(&installation).await;
    assert!(count > 100, "a start makes {count} calls: does the shim see them?");
    let mut numbers: Vec<u64> = (1..=count).collect();
    if size("HVELV_LONG", 0) == 0 {
        random.shuffle(&mut numbers);
        numbers.truncate(SAMPLE);
    }
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for call in numbers {
        let outcome = opened_with_fault(&installation, call, &known, seed).await;

        *outcomes.entry(outcome).or_default() += 1;
        let mut server = works(&installation, &known, seed).await;
        log_verifies(&installation, server.address);
        server.process.kill();
    }
    assert!(outcomes.get("refused").is_some_and(|count| *count > 3), "{outcomes:?}");
}
