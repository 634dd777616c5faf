//! Bad identifiers: each has its code, none fails its batch, and none is repeated in the answer.

use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::{IdentifierType, RegisterIds, RowCode};

use crate::harness::{
    InProcessServer, Installation, InstallationOptions, ask, completed, digits, dnr, first_with,
    header, integers, packed, people, text, texts,
};

/// The codes of the rows, `None` for a row with an ID.
fn codes(result: &RegisterIds) -> Vec<Option<RowCode>> {
    let code = |row: usize| {
        let note = result.notes.iter().find(|note| note.row as usize == row);
        assert_eq!(note.is_none(), result.ids[row] != 0, "row {row} has an ID or a note");
        note.map(|note| note.code())
    };
    (0..result.ids.len()).map(code).collect()
}

/// What a number with another last digit is.
fn misprinted(number: u64) -> u64 {
    number / 10 * 10 + (number + 1) % 10
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_identifier_has_its_code_and_the_good_ones_between_them_their_ids() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let good = digits(people(1)[0]);
    let full_width: String =
        good.chars().map(|digit| char::from_u32(digit as u32 + 0xfee0).unwrap()).collect();
    let cases = [
        ("good", good.clone(), None),
        ("wrong check digits", digits(misprinted(people(1)[0])), Some(RowCode::CheckDigits)),
        ("wrong date", digits(first_with(32_81_50)), Some(RowCode::Date)),
        ("wrong date, 29 February", digits(first_with(29_82_51)), Some(RowCode::Date)),
        ("10 digits", good[..10].to_owned(), Some(RowCode::Format)),
        ("13 digits", format!("{good}00"), Some(RowCode::Format)),
        ("letters", format!("{}O", &good[..10]), Some(RowCode::Format)),
        ("only letters", "abcdefghijk".to_owned(), Some(RowCode::Format)),
        ("blanks around", format!(" {good}"), Some(RowCode::Format)),
        ("a blank within", format!("{} {}", &good[..6], &good[6..]), Some(RowCode::Format)),
        ("blanks only", " ".repeat(11), Some(RowCode::Format)),
        ("full-width digits", full_width, Some(RowCode::Format)),
        ("empty", String::new(), Some(RowCode::Format)),
        ("a sign", format!("-{}", &good[1..]), Some(RowCode::Format)),
        ("a NUL", format!("{}\0", &good[..10]), Some(RowCode::Format)),
        ("a real number", digits(first_with(1_01_50)), Some(RowCode::RealInTest)),
        ("a real D-number", digits(first_with(41_01_50)), Some(RowCode::RealInTest)),
        ("an H-number alone", digits(first_with(1_41_50)), Some(RowCode::AssignerMissing)),
        ("felles hjelpenummer", digits(first_with(800_000)), Some(RowCode::RealInTest)),
        ("a synthetic D-number", digits(dnr()), None),
        ("good again", good.clone(), None),
    ];
    let values: Vec<&str> = cases.iter().map(|case| case.1.as_str()).collect();
    let answer = ask(&channel, header("NPR", "HF"), texts(&values)).await.unwrap();
    let result = answer.result.unwrap();
    for ((name, _, expected), code) in cases.iter().zip(codes(&result)) {
        assert_eq!(code, *expected, "{name}");
    }
    assert_eq!(result.ids[0], result.ids[cases.len() - 1]);
    assert_eq!(result.new_members, 2);

    // Declared as fødselsnummer: twelve digits are no number, a D-number is another kind.
    let mut declared = texts(&[format!("{good}0"), digits(dnr()), good]);
    declared.r#type = IdentifierType::Fnr.into();
    let declared = ask(&channel, header("NPR", "HF"), declared).await.unwrap().result.unwrap();
    let expected = [Some(RowCode::Format), Some(RowCode::KindMismatch), None];
    assert_eq!(codes(&declared), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_of_packed_columns_have_the_same_codes() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let good = people(1)[0];
    let bad = [
        (misprinted(good), RowCode::CheckDigits),
        (first_with(32_81_50), RowCode::Date),
        (first_with(1_01_50), RowCode::RealInTest),
        (dnr(), RowCode::KindMismatch),
    ];
    let rows: Vec<u64> = std::iter::once(good).chain(bad.iter().map(|row| row.0)).collect();
    let mut expected = vec![None];
    expected.extend(bad.map(|row| Some(row.1)));
    for batch in [packed(&rows), integers(&rows)] {
        let result = ask(&channel, header("NPR", "HF"), batch).await.unwrap().result.unwrap();
        assert_eq!(codes(&result), expected);
    }

    let letters = packed(&rows[..1]);
    let Some(Column::PackedAscii(bytes)) = letters.column else { panic!("packed") };
    let mut bytes = bytes.to_vec();
    bytes[3] = b'x';
    let letters = hvelv::rpc::proto::IdentifierBatch {
        r#type: IdentifierType::Fnr.into(),
        column: Some(Column::PackedAscii(bytes.into())),
        ..Default::default()
    };
    let result = ask(&channel, header("NPR", "HF"), letters).await.unwrap().result.unwrap();
    assert_eq!(codes(&result), [Some(RowCode::Format)]);
    // Twelve digits, and far more, as integers.
    let result =
        ask(&channel, header("NPR", "HF"), integers(&[100_000_000_000, u64::MAX, 0])).await;
    let result = result.unwrap().result.unwrap();
    assert!(codes(&result).iter().all(Option::is_some));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_h_number_belongs_to_its_assigner() {
    let installation = Installation::with(&InstallationOptions {
        identifiers: "test_assigners = ['983744516', '971526920']",
        ..InstallationOptions::default()
    });
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let number = first_with(1_41_50);
    let mut ids = Vec::new();
    for assigner in ["983744516", "971526920", "993467049"] {
        let mut batch = text(&[number]);
        (batch.r#type, batch.assigner) = (IdentifierType::Hnr.into(), assigner.to_owned());
        ids.push(ask(&channel, header("NPR", "HF"), batch).await.unwrap().result.unwrap());
    }
    assert_eq!((codes(&ids[0]), codes(&ids[1])), (vec![None], vec![None]));
    assert_ne!(ids[0].ids, ids[1].ids, "two assigners' H-numbers are two persons");
    assert_eq!(codes(&ids[2]), [Some(RowCode::RealInTest)]);
    server.stop().await;
}

/// The only test with the key derivation of production, which takes a second and 256 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn production_refuses_synthetic_numbers_and_takes_the_others() {
    let options = InstallationOptions { mode: "production", ..InstallationOptions::default() };
    let installation = Installation::with(&options);
    let server = InProcessServer::open(&installation).await;
    let status = server.status(&installation).await;
    assert_eq!((status.mode.as_str(), status.development_keys), ("production", false));
    let channel = installation.connect(server.address, "pipeline").await;
    // Marked by Tenor (+80), NHN (+65); then an unmarked one, a D-number, an H-number alone.
    let rows = [first_with(1_81_50), first_with(1_66_50), first_with(1_01_50)];
    let rows = [rows[0], rows[1], rows[2], first_with(41_01_50), first_with(1_41_50)];
    let result = ask(&channel, header("NPR", "HF"), text(&rows)).await.unwrap().result.unwrap();
    let synthetic = Some(RowCode::SyntheticInProduction);
    assert_eq!(codes(&result), [synthetic, synthetic, None, None, Some(RowCode::AssignerMissing)]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_mode_refuses_numbers_that_may_be_real() {
    let options = InstallationOptions { mode: "test", ..InstallationOptions::default() };
    let installation = Installation::with(&options);
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let rows = [people(1)[0], first_with(1_01_50)];
    let result = ask(&channel, header("NPR", "HF"), text(&rows)).await.unwrap().result.unwrap();
    assert_eq!(codes(&result), [None, Some(RowCode::RealInTest)]);
    assert!(completed(rows[0] / 100).is_some());
    server.stop().await;
}
