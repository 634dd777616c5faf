//! Erasure from outside: a case at the command line, its order, and what becomes of rows that come
//! again, also after a `kill -9`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hvelv::clock::{Clock as _, SystemClock};
use hvelv::rpc::proto::{CalendarDate, DeliveryHeader, ReportingPeriod, RowCode};

use crate::harness::{
    Course, ask, audit_entries, digits, header, log_verifies, look_up, packed, people,
};

const SUPPRESSED: i32 = RowCode::Suppressed as i32;

fn about_2025() -> DeliveryHeader {
    let day = |month, day| Some(CalendarDate { year: 2025, month, day });
    let period = Some(ReportingPeriod { from: day(1, 1), to: day(12, 31) });
    DeliveryHeader { period, ..header("NPR", "HF") }
}

/// A delivery that begins after every erasure so far, and as early as that.
fn about_later() -> DeliveryHeader {
    let tomorrow = SystemClock::new().today().tomorrow().unwrap();
    let part = |part: i8| u32::try_from(part).unwrap();
    let year = u32::try_from(tomorrow.year()).unwrap();
    let from = CalendarDate { year, month: part(tomorrow.month()), day: part(tomorrow.day()) };
    let to = CalendarDate { year: 2098, month: 12, day: 31 };
    let period = Some(ReportingPeriod { from: Some(from), to: Some(to) });
    DeliveryHeader { period, ..header("NPR", "HF") }
}

impl Course {
    fn private(&self, name: &str, text: &str) -> String {
        self.write(name, text);
        let path = self.installation.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self.path(name)
    }

    fn receive(&self, number: u64) -> crate::harness::Ran {
        let person = self.private("person", &(digits(number) + "\n"));
        let reason = self.private("reason", "Jeg vil glemme det.\n");
        let words = ["case", "receive", "--register", "NPR", "--channel", "letter"];
        let rest = ["--asked-on", "2026-01-02", "--reason-file", &reason];
        let subject = ["--identifier-file", &person];
        self.run("rights", &[&words[..], &rest[..], &subject[..]].concat())
    }

    fn json(&self, name: &str, words: &str) -> serde_json::Value {
        let mut words: Vec<&str> = words.split(' ').collect();
        words.push("--json");
        let ran = self.run(name, &words).well();
        serde_json::from_str(&ran.out).unwrap()
    }
}

#[test]
fn an_erased_row_that_comes_again_is_suppressed_and_a_later_one_gets_a_fresh_id() {
    let mut course = Course::open();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let numbers = people(3);
    let deliver = |course: &Course, header: DeliveryHeader| {
        runtime.block_on(async {
            let server = course.server.address;
            let pipeline = course.installation.connect(server, "pipeline").await;
            ask(&pipeline, header, packed(&numbers)).await.unwrap().result.unwrap()
        })
    };
    let ids = deliver(&course, about_2025()).ids;
    let case = course.receive(numbers[1]).well().out.trim().to_owned();
    assert!(case.starts_with("E-") && case.ends_with("-0001"));
    let assess = format!("case assess {case} --burden strong --public-interest ordinary --note x");
    course.json("rights", &assess);
    let decided = course.json("rights", &format!("case decide {case} --grant whole --reason x"));
    assert_eq!((&decided["state"], &decided["order"]), (&"ordered".into(), &1.into()));
    let mut fresh = None;
    for round in 0..2 {
        let again = deliver(&course, about_2025());
        let notes: Vec<_> = again.notes.iter().map(|note| (note.row, note.code)).collect();
        assert_eq!(notes, [(1, SUPPRESSED)]);
        assert_eq!((again.ids[0], again.ids[2]), (ids[0], ids[2]));
        let later = deliver(&course, about_later());
        assert!(later.notes.is_empty() && later.ids[1] != 0 && later.ids[1] != ids[1]);
        assert_eq!(*fresh.get_or_insert(later.ids[1]), later.ids[1], "round {round}");
        assert_eq!(deliver(&course, look_up("NPR", "HF")).ids, later.ids);
        let order = course.json("pipeline", "order list --register NPR");
        assert_eq!((&order["ids"][0], &order["number"]), (&ids[1].into(), &1.into()));
        course.restart_after_a_kill(&runtime);
    }
    course.json("pipeline", "order confirm --register NPR --number 1");
    course
        .run("pipeline", &["order", "confirm", "--register", "NPR", "--number", "1"])
        .ended(5, "order_confirmed");
    assert_eq!(course.json("rights", &format!("case show {case}"))["state"], "confirmed");
    let plan = course.json("rights", "retention plan");
    assert_eq!(plan["actions"], serde_json::json!([]));
    // Whom nothing can be done for, and who may not.
    course.receive(people(4)[3]).ended(2, "person_not_in_register");
    for caller in ["pipeline", "operator", "officer", "auditor"] {
        course.run(caller, &["case", "list"]).ended(4, "not_allowed");
    }
    course.run("rights", &["order", "list", "--register", "NPR"]).ended(4, "not_allowed");
    let entries = runtime.block_on(audit_entries(&course.installation, course.server.address));
    let all: String = entries.iter().map(ToString::to_string).collect();
    assert!(numbers.iter().all(|number| !all.contains(&digits(*number))));
    assert!(!all.contains("glemme") && all.contains("erasure_ordered"));
    log_verifies(&course.installation, course.server.address);
}

impl Course {
    fn restart_after_a_kill(&mut self, runtime: &tokio::runtime::Runtime) {
        use crate::harness::{PASSPHRASE, ServerProcess, unseal};
        self.server.process.kill();
        self.server = ServerProcess::start(&self.installation.config_file());
        runtime.block_on(async {
            let server = self.server.address;
            let operator = self.installation.connect(server, "operator").await;
            unseal(&operator, PASSPHRASE).await.unwrap();
        });
    }
}
