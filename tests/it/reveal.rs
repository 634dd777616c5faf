//! Reveal at the terminal: a custodian, another person, once; and never of IPLOS.

use crate::harness::{Course, digits, people};

const WHY: [&str; 4] = ["--purpose", "wrong merge", "--provision", "NPR-forskriften § 2-3"];

#[test]
fn a_custodian_is_told_who_a_register_id_is_with_another_persons_approval_and_never_of_iplos() {
    let course =
        Course::with(&[("ola", "person", "'approver'"), ("kari", "person", "'custodian'")]);
    let number = digits(people(1)[0]);
    course.write("fnr.csv", &format!("fnr\n{number}\n"));
    course.pseudonymize("NPR", "HF", "fnr.csv", "npr.csv");
    let npr = course.text("npr.csv");
    let id = npr.lines().nth(1).unwrap();
    course.write("id.txt", &format!("id={id}\n"));
    let file = course.path("id.txt");
    let reveal = |register: &'static str| {
        [&["reveal", "--register", register, &file][..], &WHY[..]].concat()
    };
    course.run("kari", &reveal("NPR")).ended(5, "another person's approval");
    course.run("officer", &reveal("NPR")).ended(4, "not allowed");
    let parameters =
        [&format!("id={id}") as &str, "purpose=wrong merge", "provision=NPR-forskriften § 2-3"];
    course.approve("kari", "reveal_identity", "NPR", &parameters);
    let told = course.run("kari", &reveal("NPR")).well();
    assert_eq!(told.out.trim(), format!("fnr {number}"));
    course.run("kari", &reveal("NPR")).ended(5, "another person's approval");
    course.approve("kari", "reveal_identity", "IPLOS", &parameters);
    let refused = course.run("kari", &reveal("IPLOS"));
    refused.ended(5, "one-way register");
    assert!(!refused.err.contains(id));
    course.server.stop();
}
