//! Golden bytes of the records of applications and disclosures. Never regenerated.

use jiff::civil::date;

use super::shared::{Shipped, extract, on, opened, received};
use crate::disclosure::application::{Application, OtherSource};
use crate::disclosure::decision::{BridgeIn, BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::delivery::ReleasedFile;
use crate::disclosure::id::{ContentDigest, DisclosureId, Sha256Hex};
use crate::disclosure::lifecycle::Disclosure;
use crate::disclosure::record::RecordError;
use crate::disclosure::words::{Identifiers, Reidentification, SourceKind};
use crate::ident::SerialWidth;

const APPLICATION: &str = include_str!("../../../tests/vectors/application_v1.json");

const DISCLOSURE: &str = include_str!("../../../tests/vectors/disclosure_v1.json");

/// An application with everything that a record can have.
fn application() -> Application {
    let shipped = Shipped::load();
    let mut application = received(&shipped);
    application.request.combined_with =
        vec![OtherSource { name: "Journaler".parse().unwrap(), kind: SourceKind::PatientRecords }];
    let party = LinkingParty {
        number: "382199359".parse().unwrap(),
        name: "Koblingsenheten".parse().unwrap(),
    };
    let mut decision = super::shared::decision(&["NPR"]);
    decision.serial_width = SerialWidth::Thirteen;
    decision.bridge_out = Some(BridgeOut { to: party.clone(), delete_by: date(2026, 12, 31) });
    decision.bridge_in = Some(BridgeIn { from: party });
    decision.reidentification = Reidentification::Permitted;
    application.decide(decision, None, &shipped.rulebook(), &on("2026-03-03")).unwrap();
    application.decisions[0].continues = Some(DisclosureId([0x33; 16]));
    application.decisions[0].overrides = vec![ReservationOverride {
        provision: "register_linkage".parse().unwrap(),
        identifiers: Identifiers::With,
    }];
    application.withdraw("Prosjektet er innstilt".parse().unwrap(), &on("2026-03-04")).unwrap();
    application
}

fn disclosure() -> Disclosure {
    let (application, mut disclosure) = opened(&Shipped::load());
    disclosure.deliver(extract(), &application, &on("2026-04-02")).unwrap();
    disclosure.complete(&on("2026-04-03")).unwrap();
    disclosure.close(&on("2026-04-04")).unwrap();
    disclosure.confirm_deletion(&on("2026-04-05")).unwrap();
    disclosure
}

#[test]
fn an_application_record_is_the_golden_bytes() {
    let application = application();
    assert_eq!(String::from_utf8(application.encode()).unwrap(), APPLICATION);
    assert_eq!(Application::decode(APPLICATION.as_bytes()).unwrap(), application);
}

#[test]
fn a_disclosure_record_is_the_golden_bytes() {
    let disclosure = disclosure();
    assert_eq!(String::from_utf8(disclosure.encode()).unwrap(), DISCLOSURE);
    let id = DisclosureId([0x11; 16]);
    assert_eq!(Disclosure::decode(id, DISCLOSURE.as_bytes()).unwrap(), disclosure);
}

#[test]
fn a_record_of_what_is_in_each_file_is_the_golden_bytes() {
    let released = r#","released":[{"sha256":""#.to_owned()
        + &"33".repeat(32)
        + r#"","columns":["lopenr","sex"]}]"#;
    let golden = DISCLOSURE.replace("\"persons_left_out\":7", "\"persons_left_out\":7{}");
    let golden = golden.replace("{}", &released);
    let mut disclosure = disclosure();
    let columns = vec!["lopenr".to_owned(), "sex".to_owned()];
    disclosure.deliveries[0].extract.released =
        Some(vec![ReleasedFile { sha256: Some(Sha256Hex([0x33; 32])), digest: None, columns }]);
    assert_eq!(String::from_utf8(disclosure.encode()).unwrap(), golden);
    let id = DisclosureId([0x11; 16]);
    assert_eq!(Disclosure::decode(id, golden.as_bytes()).unwrap(), disclosure);
}

#[test]
fn a_record_of_an_extract_by_digests_under_a_key_is_the_golden_bytes() {
    let released = r#","released":[{"digest":""#.to_owned()
        + &("66".repeat(16) + &"44".repeat(32))
        + r#"","columns":["lopenr","sex"]}]"#;
    let golden = DISCLOSURE.replace("\"persons_left_out\":7", "\"persons_left_out\":7{}");
    let golden = golden.replace("{}", &released);
    let mut disclosure = disclosure();
    let columns = vec!["lopenr".to_owned(), "sex".to_owned()];
    let extract = &mut disclosure.deliveries[0].extract;
    let older = extract.manifest.take().unwrap().to_string();
    let under_key = |byte| Some(ContentDigest { salt: [0x66; 16], digest: [byte; 32] });
    extract.manifest_digest = under_key(0x55);
    extract.released = Some(vec![ReleasedFile { sha256: None, digest: under_key(0x44), columns }]);
    let (before, now) = (format!("\"manifest\":\"{older}\""), "66".repeat(16) + &"55".repeat(32));
    let golden = golden.replace(&before, &format!("\"manifest_digest\":\"{now}\""));
    assert_eq!(String::from_utf8(disclosure.encode()).unwrap(), golden);
    let id = DisclosureId([0x11; 16]);
    assert_eq!(Disclosure::decode(id, golden.as_bytes()).unwrap(), disclosure);
}

#[test]
fn a_record_that_cannot_have_happened_is_damaged() {
    let id = DisclosureId([0x11; 16]);
    let applications = [
        ("\"state\":\"decided\"", "\"state\":\"received\""),
        (
            "\"step\":\"receive\",\"state\":\"received\"",
            "\"step\":\"decide\",\"state\":\"decided\"",
        ),
        ("2026-03-04T12", "2026-03-02T12"),
        ("\"recipient\":{\"number\":\"352601810\"", "\"recipient\":{\"number\":\"376018954\""),
        ("\"serial_width\":13", "\"serial_width\":12"),
        ("{\"step\":\"decide\",\"state\":\"decided\"", "{\"step\":\"open\",\"state\":\"decided\""),
        ("\"decisions\":", "\"decisons\":"),
        ("\"applicant\":\"Prosjektleder\"", "\"applicant\":\"41806012345\""),
    ];
    for (from, to) in applications {
        assert!(APPLICATION.contains(from), "{from}");
        let text = APPLICATION.replacen(from, to, 1);
        assert_eq!(Application::decode(text.as_bytes()), Err(RecordError::Damaged), "{from}");
    }
    let disclosures = [
        ("\"step\":\"close\",\"state\":\"closed\"", "\"step\":\"deliver\",\"state\":\"extracted\""),
        (
            "{\"step\":\"close\",\"state\":\"closed\"",
            "{\"step\":\"confirm_deletion\",\"state\":\"completed\"",
        ),
        ("\"id\":\"1111", "\"id\":\"2111"),
        ("\"decision\":1", "\"decision\":-1"),
    ];
    for (from, to) in disclosures {
        assert!(DISCLOSURE.contains(from), "{from}");
        let text = DISCLOSURE.replacen(from, to, 1);
        assert_eq!(Disclosure::decode(id, text.as_bytes()), Err(RecordError::Damaged), "{from}");
    }
    let later = APPLICATION.replacen("{\"v\":1", "{\"v\":2", 1);
    assert_eq!(Application::decode(later.as_bytes()), Err(RecordError::Version));
    assert_eq!(Application::decode(b"{}"), Err(RecordError::Damaged));
}
