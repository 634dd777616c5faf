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

/// Names and addresses from file to vault and back: taken out of the data, told to a custodian with
/// another person's approval, told of in innsyn, and gone with the consent.
#[test]
fn names_and_addresses_of_a_rehabilitation_register_are_sealed_and_told_to_a_custodian_alone() {
    let course =
        Course::with(&[("ola", "person", "'approver'"), ("kari", "person", "'custodian'")]);
    let number = digits(people(1)[0]);
    course.write("person", &format!("{number}\n"));
    let person = course.path("person");
    std::fs::set_permissions(&person, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let said = |words: &str| {
        let words = format!("{words} --identifier-file {person}");
        course.run("rights", &words.split_whitespace().collect::<Vec<_>>())
    };
    said("consent give --register REHAB --purpose quality_improvement --channel letter").well();
    course.write("in.csv", &format!("navn,fnr,adresse,x\nAase Aas,{number},\"Vei 1, By\",7\n"));
    let send = |register: &'static str, source: &'static str, output: &str| {
        let (input, output) = (course.path("in.csv"), course.path(output));
        let words =
            ["pseudonymize", "--register", register, "--source", source, "--period", "2025"];
        let columns =
            ["--id-column", "fnr", "--name-column", "navn", "--address-column", "adresse"];
        course.run("pipeline", &[&words[..], &columns[..], &[&input, &output]].concat())
    };
    let refused = send("NPR", "HF", "npr.csv");
    refused.ended(2, "batch.contacts.names");
    assert!(!refused.err.contains("Aase"), "{refused:?}");
    send("REHAB", "LOKAL", "rehab.csv").well();
    let table = course.text("rehab.csv");
    let (id, rest) = table.lines().nth(1).unwrap().split_once(',').unwrap();
    assert_eq!((table.lines().next(), rest), (Some("rehab_id,x"), "7"));

    course.write("id.txt", &format!("id={id}\n"));
    let parameters =
        [&format!("id={id}") as &str, "purpose=wrong merge", "provision=NPR-forskriften § 2-3"];
    course.approve("kari", "reveal_identity", "REHAB", &parameters);
    let file = course.path("id.txt");
    let words = [&["reveal", "--register", "REHAB", &file][..], &WHY[..]].concat();
    let told = course.run("kari", &words).well();
    assert_eq!(told.out.trim(), format!("fnr {number}\nname Aase Aas\naddress Vei 1, By"));

    let innsyn = "innsyn --as self --way manual --life alive --json";
    let report: serde_json::Value = serde_json::from_str(&said(innsyn).well().out).unwrap();
    let text = report.to_string();
    assert!(text.contains(r#""kept":{"fields":["address","name"]"#), "{text}");
    assert!(!text.contains("Aase") && !text.contains("Vei 1"), "{text}");
    said("consent withdraw --register REHAB --channel letter").well();
    let after = said(innsyn).well().out;
    assert!(!after.contains("kept"), "{after}");
    course.server.stop();
}
