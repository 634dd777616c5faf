//! Goal: whichever I/O call fails in a step of a disclosure, the officer is told so, what was answered
//! stays, and the step can be taken after all.  Method: the first call of a step fails, then the second,
//! and so on, until one passes without; after each kind of step the server loses its power.

use std::fs;

use hvelv::rpc::proto::{Application, Disclosure, OpenDisclosureRequest};
use tonic::{Code, Status};

use super::failing_calls::Failing;
use super::shim::EIO;
use crate::disclosure::{Caller, described};
use crate::harness::{
    Acknowledged, Installation, Random, bounded, log_verifies, people, reason, size,
};

/// More calls than a step makes; a test that gets here does not fail what it means to.
const CALLS_MAX: u64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Receive,
    Decide,
    Open,
    Deliver,
    Complete,
    Confirm,
    Close,
}

use Step::{Close, Complete, Confirm, Decide, Deliver, Open, Receive};

const STEPS: [Step; 7] = [Receive, Decide, Open, Deliver, Complete, Confirm, Close];

/// All that officers have stored, the newest first.
type Stored = (Vec<Application>, Vec<Disclosure>);

/// A disclosure on its way: the application, and itself once there is one.
#[derive(Default)]
struct Case {
    application: String,
    disclosure: String,
}

impl Case {
    /// One that waits for a step.
    async fn before(step: Step, officer: &mut Caller) -> Self {
        let mut case = Self::default();
        for earlier in STEPS.into_iter().filter(|earlier| *earlier < step) {
            case.take(officer, earlier).await.unwrap();
        }
        case
    }

    /// Takes a step.
    async fn take(&mut self, officer: &mut Caller, step: Step) -> Result<(), Status> {
        let (request, decision, open) = described();
        let application = self.application.clone();
        match step {
            Receive => self.application = officer.receive(request).await?.id,
            Decide => drop(officer.decide(&application, decision).await?),
            Open => {
                let open = OpenDisclosureRequest { application, ..open };
                self.disclosure = officer.open(open).await?.id;
            }
            Deliver => drop(officer.deliver(&self.disclosure).await?),
            Complete => drop(officer.complete(&self.disclosure).await?),
            Confirm => drop(officer.confirm(&self.disclosure).await?),
            Close => drop(officer.close(&self.disclosure).await?),
        }
        Ok(())
    }
}

/// All that is stored, once the server has reopened its stores.
async fn stored(officer: &mut Caller) -> Stored {
    let reading = async {
        loop {
            match officer.applications().await {
                Ok(applications) => return applications,
                Err(status) => assert_eq!(reason(&status), "server_degraded"),
            }
            tokio::task::yield_now().await;
        }
    };
    let applications = bounded(reading).await;
    (applications, officer.disclosures().await.unwrap())
}

/// How many erasure keys of the register plane the key file has.
fn erasure_keys(installation: &Installation) -> usize {
    let text = fs::read_to_string(installation.path("test.hvk")).unwrap();
    let keys = text.split("[[key]]");
    keys.filter(|key| key.contains("\"register_erasure\"") && key.contains("\nwrapped = ")).count()
}

/// A step whose n-th call fails: refused in words that say what to do, and then taken once.
async fn is_taken_after_all(
    (installation, failing): (&Installation, &Failing),
    officer: &mut Caller,
    (step, call): (Step, u64),
) -> bool {
    let mut case = Case::before(step, officer).await;
    let before = stored(officer).await;
    let refused = failing.shim.refused();
    failing.shim.fail(call..call + 1, EIO);
    let taken = case.take(officer, step).await;
    failing.shim.heal();
    let after = stored(officer).await;
    let about = format!("{step:?}, call {call}: {taken:?}");
    if let Err(status) = taken {
        let told = (status.code(), reason(&status));
        let told = (told.0, told.1.as_str());
        let says = [
            (Code::Unavailable, "commit_uncertain"),
            (Code::Unavailable, "server_degraded"),
            (Code::FailedPrecondition, "key_file_unusable"),
        ];
        assert!(says.contains(&told), "{about}");
        if after == before {
            case.take(officer, step).await.unwrap();
        } else if step == Close {
            // Asked again, as the refusal advises.
            let again = case.take(officer, step).await.unwrap_err();
            assert_eq!(reason(&again), "step_out_of_order", "{about}");
        }
    }
    let after = stored(officer).await;
    assert_ne!(after, before, "{about}");
    assert_eq!(erasure_keys(installation), 1, "{about}: an older one opens a closed disclosure");
    let count = |stored: &Stored| (stored.0.len(), stored.1.len());
    let new = (usize::from(step == Receive), usize::from(step == Open));
    assert_eq!(count(&after), (count(&before).0 + new.0, count(&before).1 + new.1), "{about}");
    failing.shim.refused() > refused
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail_in_any_step_of_a_disclosure() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0xfa11_0008)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let (mut known, mut seen) = (Acknowledged::default(), Stored::default());
    for step in STEPS {
        let mut failing = Failing::start(&installation).await;
        failing.send(&installation, &people(20), &mut known, seed).await;
        let mut officer = Caller::of(&installation, failing.server.address, "officer").await;
        assert!(stored(&mut officer).await == seen, "seed {seed:#x}: before {step:?}");
        for call in 1.. {
            assert!(call < CALLS_MAX, "{step:?} makes more calls");
            if !is_taken_after_all((&installation, &failing), &mut officer, (step, call)).await {
                assert!(call > 2, "{step:?} makes {call} calls: does the shim see them?");
                break;
            }
        }
        log_verifies(&installation, failing.server.address);
        seen = stored(&mut officer).await;
        failing.lose_power(&installation, &known, &mut random, seed).await;
    }
    let failing = Failing::start(&installation).await;
    let mut officer = Caller::of(&installation, failing.server.address, "officer").await;
    assert!(stored(&mut officer).await == seen, "seed {seed:#x}: at the end");
    failing.server.stop();
}
