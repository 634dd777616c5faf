//! Requests that are refused as a whole: wrong order, wrong register, over a limit.

use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::pseudonymize_stream_request::Message;
use hvelv::rpc::proto::{
    CalendarDate, DeliveryHeader, IdentifierBatch, IdentifierException, IngestPurpose,
    ReportingPeriod,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::{
    InProcessServer, Installation, InstallationOptions, Stream, ask, audit_entries, header,
    integers, look_up, packed, people, reason, refusal,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_zero_is_answered_with_nothing() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let answer = ask(&channel, header("NPR", "HF"), packed(&[])).await.unwrap();
    assert!(answer.result.unwrap().ids.is_empty());
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    assert!(stream.exchange(integers(&[])).await.unwrap().ids.is_empty());
    let summary = stream.finish().await.unwrap();
    assert_eq!((summary.rows, summary.persons), (0, 0));
    // And a delivery without any batch.
    let (stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    assert_eq!(stream.finish().await.unwrap().rows, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_the_maximum_is_answered_and_one_row_more_is_refused_by_the_limits_name() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let numbers = people(65_537);
    let answer = ask(&channel, header("NPR", "HF"), packed(&numbers[..65_536])).await.unwrap();
    let ids = answer.result.unwrap();
    assert_eq!((ids.ids.len(), ids.new_members, ids.notes.len()), (65_536, 65_536, 0));

    let status = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "batch_too_large")
    );
    assert!(status.message().contains("limits.batch_identifiers_max = 65536"), "{status}");
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let status = stream.exchange(integers(&numbers)).await.unwrap_err();
    assert_eq!(reason(&status), "batch_too_large");
    // The last one of the batch that was refused is still nobody.
    assert_eq!(server.status(&installation).await.persons, 65_536);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_by_the_limits_name() {
    let installation = Installation::with(&InstallationOptions {
        limits: "message_bytes_max = 65536\nbatch_identifiers_max = 4096",
        ..InstallationOptions::default()
    });
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let numbers = people(10_000);
    let status = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap_err();
    let expected = (Code::ResourceExhausted, "message_too_large".to_owned());
    assert_eq!((status.code(), reason(&status)), expected);
    assert!(status.message().contains("limits.message_bytes_max = 65536"), "{status}");
    let info = status.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!(info["limit_option"], "limits.message_bytes_max");

    let (mut stream, opened) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    assert_eq!(opened.batch_identifiers_max, 4096);
    stream.exchange(packed(&numbers[..100])).await.unwrap();
    let status = stream.exchange(packed(&numbers)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), expected);
    assert!(status.message().contains("limits.message_bytes_max = 65536"), "{status}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_streams_and_messages_are_named() {
    let installation = Installation::with(&InstallationOptions {
        limits: "streams_max = 1\nstream_messages_max = 2",
        ..InstallationOptions::default()
    });
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let status = Stream::open(&channel, header("NPR", "HF")).await.err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.streams_max = 1"), "{status}");
    stream.exchange(packed(&people(1))).await.unwrap();
    let status = stream.exchange(packed(&people(1))).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.stream_messages_max = 2"), "{status}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_and_only_the_first_opens_the_delivery() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let expected = (Code::InvalidArgument, "delivery_order".to_owned());

    let mut stream = Stream::silent(&channel).await.unwrap();
    assert_eq!(refusal(stream.exchange(packed(&people(1))).await), expected);

    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    stream.exchange(packed(&people(1))).await.unwrap();
    stream.say(Message::Open(header("NPR", "HF"))).await;
    assert_eq!(refusal(stream.result().await), expected);

    let mut stream = Stream::silent(&channel).await.unwrap();
    stream.close();
    assert_eq!(refusal(stream.result().await), expected);
    server.stop().await;
}

fn fields(status: &tonic::Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone());
    violations.unwrap_or_default().into_iter().map(|violation| violation.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_is_told_every_violation_at_once() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;

    let missing = DeliveryHeader { period: None, ..header("NPR", "HF") };
    let status = ask(&channel, missing.clone(), packed(&people(1))).await.unwrap_err();
    let expected = (Code::InvalidArgument, "request_invalid".to_owned());
    assert_eq!((status.code(), reason(&status)), expected);
    assert_eq!(fields(&status), ["delivery.period"]);
    let status = Stream::open(&channel, missing).await.err().unwrap();
    assert_eq!(fields(&status), ["delivery.period"]);

    let day = |day| Some(CalendarDate { year: 2025, month: 2, day });
    for (from, to) in [(day(2), day(1)), (day(1), day(30)), (None, day(1))] {
        let period = Some(ReportingPeriod { from, to });
        let reversed = DeliveryHeader { period, ..header("NPR", "HF") };
        let status = ask(&channel, reversed, packed(&people(1))).await.unwrap_err();
        assert_eq!(fields(&status), ["delivery.period"]);
    }

    let status = ask(&channel, DeliveryHeader::default(), IdentifierBatch::default()).await;
    let fields_of_all = [
        "delivery.register",
        "delivery.source",
        "delivery.purpose",
        "delivery.mode",
        "batch.type",
        "batch.column",
    ];
    assert_eq!(fields(&status.unwrap_err()), fields_of_all);

    let mut torn = packed(&people(2));
    torn.column = Some(Column::PackedAscii(vec![b'0'; 21].into()));
    let status = ask(&channel, header("NPR", "HF"), torn).await.unwrap_err();
    assert_eq!(fields(&status), ["batch.packed_ascii"]);
    server.stop().await;
}

fn exception(column: &str, kind: &str, reason: &str) -> IdentifierException {
    let [column, kind, reason] = [column, kind, reason].map(str::to_owned);
    IdentifierException { column, kind, reason }
}

fn excepting(exceptions: Vec<IdentifierException>) -> DeliveryHeader {
    DeliveryHeader { identifier_exceptions: exceptions, ..header("NPR", "HF") }
}

/// The log has the exceptions of a stream and of a unary request, once each.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_lets_stand_is_in_the_audit_log_and_nobodys_number_is() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let good = excepting(vec![
        exception("note", "any", "agreed in case 24/17"),
        exception("mors fnr", "fnr", "linked by the register"),
    ]);
    ask(&channel, good.clone(), packed(&people(1))).await.unwrap();
    let (stream, _) = Stream::open(&channel, good).await.unwrap();
    stream.finish().await.unwrap();
    ask(&channel, header("NPR", "HF"), packed(&people(1))).await.unwrap();
    let number = people(1)[0].to_string();
    let long = "x".repeat(201);
    for (wrong, field) in [
        (exception(&number, "any", "case 7"), "column"),
        (exception("", "any", "case 7"), "column"),
        (exception("note", "any", &format!("for {} {}", &number[..6], &number[6..])), "reason"),
        (exception("note", "any", "two\nlines"), "reason"),
        (exception("note", "any", &long), "reason"),
        (exception("note", "", "case 7"), "kind"),
        (exception("note", &number, "case 7"), "kind"),
    ] {
        let field = format!("delivery.identifier_exceptions.{field}");
        let status = Stream::open(&channel, excepting(vec![wrong.clone()])).await.err().unwrap();
        assert_eq!(fields(&status), [field.as_str()]);
        assert!(!format!("{status:?}").contains(&number[..6]), "{status:?}");
        let status = ask(&channel, excepting(vec![wrong]), packed(&people(1))).await.unwrap_err();
        assert_eq!(fields(&status), [field.as_str()]);
    }
    let many = excepting(vec![exception("note", "any", "case 7"); 33]);
    let status = Stream::open(&channel, many).await.err().unwrap();
    assert_eq!(fields(&status), ["delivery.identifier_exceptions"]);

    let expected = serde_json::json!([
        "identifiers allowed in column note (any): agreed in case 24/17",
        "identifiers allowed in column mors fnr (fnr): linked by the register",
    ]);
    let mut opened = audit_entries(&installation, server.address).await;
    opened.retain(|body| body["action"] == "delivery_opened");
    assert_eq!(opened.len(), 2, "one for each request with exceptions that was taken: {opened:?}");
    assert!(opened.iter().all(|body| body["changes"] == expected), "{opened:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_register_and_a_source_that_is_not_configured_are_refused() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let batch = || packed(&people(1));
    // Nobody can have a role for a register that does not exist, so the answer is the same as for
    // one that the caller may not know of.
    let denied = (Code::PermissionDenied, "not_allowed".to_owned());
    assert_eq!(refusal(ask(&channel, header("NOPE", "HF"), batch()).await), denied);
    assert_eq!(refusal(Stream::open(&channel, header("NOPE", "HF")).await), denied);
    let unknown = (Code::NotFound, "source_unknown".to_owned());
    assert_eq!(refusal(ask(&channel, header("NPR", "NOPE"), batch()).await), unknown);
    assert_eq!(refusal(Stream::open(&channel, look_up("NPR", "KUHR")).await), unknown);
    // A caller with a role for one source learns nothing of the others.
    let sender = installation.connect(server.address, "sender").await;
    for source in ["NOPE", "AVTALE"] {
        assert_eq!(refusal(ask(&sender, header("NPR", source), batch()).await), denied);
    }
    assert_eq!(refusal(ask(&sender, look_up("NPR", "HF"), batch()).await), denied);
    assert_eq!(server.status(&installation).await.persons, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_register_takes_a_historical_import_and_nothing_else() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let closed = (Code::FailedPrecondition, "register_closed".to_owned());
    let numbers = people(10);
    assert_eq!(refusal(ask(&channel, header("IPLOS", "KOMMUNE"), packed(&numbers)).await), closed);
    assert_eq!(refusal(Stream::open(&channel, header("IPLOS", "KOMMUNE")).await), closed);

    let purpose = IngestPurpose::HistoricalImport.into();
    let import = DeliveryHeader { purpose, ..header("IPLOS", "KOMMUNE") };
    let first = ask(&channel, import.clone(), packed(&numbers)).await.unwrap().result.unwrap();
    assert_eq!((first.new_members, first.notes.len()), (10, 0));
    let again = ask(&channel, import.clone(), packed(&numbers)).await.unwrap().result.unwrap();
    assert_eq!((again.ids == first.ids, again.new_members), (true, 0));
    // An import is a right of its own.
    installation.grant(&[
        ("pipeline", "system", "'ingest:IPLOS:*', 'resolve:IPLOS:*'"),
        ("operator", "person", "'operator'"),
    ]);
    assert!(server.handle.reload().await.unwrap().access);
    let denied = (Code::PermissionDenied, "not_allowed".to_owned());
    assert_eq!(refusal(ask(&channel, import, packed(&numbers)).await), denied);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_on_consent_answers_nobody_without_it_and_stores_nobody() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let answer = ask(&channel, header("REHAB", "LOKAL"), packed(&people(3))).await.unwrap();
    let result = answer.result.unwrap();
    assert_eq!(result.ids, [0; 3]);
    let suppressed = hvelv::rpc::proto::RowCode::Suppressed;
    assert!(result.notes.iter().all(|note| note.code() == suppressed));
    assert_eq!((result.notes.len(), server.status(&installation).await.persons), (3, 0));
    server.stop().await;
}
