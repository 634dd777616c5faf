//! Identifiers in, register IDs out, over mutual TLS: every form, every mode, and deliveries.

use std::collections::HashSet;

use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::{IdentifierType, RowCode, RowType};

use crate::harness::{
    InProcessServer, Installation, Stream, ask, audit_entries, bounded, dnr, header, integers,
    look_up, packed, people, people_born, text,
};

/// A register ID: 15 digits, the first not 0.
fn is_register_id(id: u64) -> bool {
    (100_000_000_000_000..1_000_000_000_000_000).contains(&id)
}

#[tokio::test(flavor = "multi_thread")]
async fn text_packed_digits_and_integers_give_the_same_ids() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let mut numbers = people(500);
    // One with a leading zero, which an integer does not show.
    assert!(numbers.iter().any(|number| *number < 10_000_000_000));
    numbers.extend_from_within(..10);

    let first = ask(&channel, header("NPR", "HF"), text(&numbers)).await.unwrap();
    let first_ids = first.result.unwrap();
    assert_eq!((first_ids.ids.len(), first_ids.new_members), (510, 500));
    assert!(first_ids.ids.iter().all(|id| is_register_id(*id)) && first_ids.notes.is_empty());
    assert_eq!(first_ids.ids.iter().collect::<HashSet<_>>().len(), 500);
    assert_eq!(first_ids.ids[500..], first_ids.ids[..10]);
    assert_eq!(first.delivery_id.len(), 32);

    let (mut stream, opened) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    assert_eq!((opened.delivery_id.len(), opened.batch_identifiers_max), (32, 65_536));
    for batch in [packed(&numbers), integers(&numbers), text(&numbers)] {
        let again = stream.exchange(batch).await.unwrap();
        assert_eq!((again.ids, again.new_members), (first_ids.ids.clone(), 0));
    }
    stream.finish().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_in_order_and_the_summary_counts() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let numbers = people(3000);
    let known = ask(&channel, header("NPR", "HF"), packed(&numbers[..1000])).await.unwrap();
    let known = known.result.unwrap().ids;

    let (mut stream, opened) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    assert_eq!(server.status(&installation).await.open_deliveries, 1);
    for batch in numbers.chunks(500) {
        stream.send(packed(batch)).await;
    }
    stream.send(integers(&[numbers[0], 1, 2])).await;
    let mut ids = Vec::new();
    for _ in numbers.chunks(500) {
        ids.extend(stream.result().await.unwrap().ids);
    }
    assert_eq!(ids[..1000], known);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3000);
    let last = stream.result().await.unwrap();
    assert_eq!(last.ids, [known[0], 0, 0]);
    assert!(last.audit_entry > 0);
    let summary = stream.finish().await.unwrap();
    assert_eq!(summary.delivery_id, opened.delivery_id);
    assert_eq!((summary.rows, summary.answered, summary.without_id), (3003, 3001, 2));
    assert_eq!((summary.persons, summary.new_members), (3000, 2000));
    assert!(summary.audit_entry > last.audit_entry);

    let status = server.status(&installation).await;
    assert_eq!((status.persons, status.open_deliveries), (3000, 0));
    let members: Vec<_> = status.registers.iter().filter(|register| register.members > 0).collect();
    assert_eq!((members.len(), members[0].code.as_str(), members[0].members), (1, "NPR", 3000));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_has_unrelated_ids_in_two_registers() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let numbers = people(1000);
    let npr = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap().result.unwrap();
    let kpr = ask(&channel, header("KPR", "KUHR"), packed(&numbers)).await.unwrap().result.unwrap();
    let both: HashSet<u64> = npr.ids.iter().chain(&kpr.ids).copied().collect();
    assert_eq!(both.len(), 2000);
    // The order of the IDs tells nothing either.
    let ascents = |ids: &[u64]| ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((400..600).contains(&ascents(&npr.ids)), "{}", ascents(&npr.ids));
    assert_eq!(server.status(&installation).await.persons, 1000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_finds_members_and_assigns_nobody() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let numbers = people(30);
    let npr = ask(&channel, header("NPR", "HF"), packed(&numbers[..10])).await.unwrap();
    ask(&channel, header("KPR", "FLO"), packed(&numbers[10..20])).await.unwrap();

    // Ten members, ten known to another register only, ten whom nobody knows.
    let (mut stream, _) = Stream::open(&channel, look_up("NPR", "HF")).await.unwrap();
    let found = stream.exchange(packed(&numbers)).await.unwrap();
    assert_eq!(found.ids[..10], npr.result.unwrap().ids);
    assert_eq!(found.ids[10..], [0; 20]);
    let unknown: Vec<u32> = found.notes.iter().map(|note| note.row).collect();
    assert_eq!(unknown, (10..30).collect::<Vec<u32>>());
    assert!(found.notes.iter().all(|note| note.code() == RowCode::Unknown));
    assert_eq!(found.new_members, 0);
    let summary = stream.finish().await.unwrap();
    assert_eq!((summary.rows, summary.answered, summary.without_id), (30, 10, 20));
    assert_eq!((summary.new_members, server.status(&installation).await.persons), (0, 20));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_text_column_may_be_of_other_types() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let mut numbers = people(2);
    numbers.push(dnr());
    let row_type =
        |row, kind: IdentifierType| RowType { row, r#type: kind.into(), assigner: String::new() };
    let typed = |kind: IdentifierType, row_types: Vec<RowType>| {
        let mut batch = text(&numbers);
        batch.r#type = kind.into();
        if let Some(Column::Text(column)) = &mut batch.column {
            column.row_types = row_types;
        }
        batch
    };
    let any = typed(IdentifierType::Any, Vec::new());
    let any = ask(&channel, header("NPR", "HF"), any).await.unwrap().result.unwrap();
    assert!(any.ids.iter().all(|id| is_register_id(*id)));

    let mixed = typed(IdentifierType::Fnr, vec![row_type(2, IdentifierType::Dnr)]);
    let mixed = ask(&channel, header("NPR", "HF"), mixed).await.unwrap().result.unwrap();
    assert_eq!(mixed.ids, any.ids);

    let wrong = typed(IdentifierType::Fnr, vec![row_type(0, IdentifierType::Dnr)]);
    let wrong = ask(&channel, header("NPR", "HF"), wrong).await.unwrap().result.unwrap();
    assert_eq!(wrong.ids, [0, any.ids[1], 0]);
    assert!(wrong.notes.iter().all(|note| note.code() == RowCode::KindMismatch));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_sent_again_gives_the_same_ids_also_after_a_restart() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let numbers = people(5000);
    let first = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
    let first = first.result.unwrap();
    drop(channel);
    server.stop().await;

    let server = InProcessServer::sealed(&installation).await;
    assert_eq!(server.unseal(&installation).await.unwrap().persons, 5000);
    let channel = installation.connect(server.address, "sender").await;
    let again = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
    let again = again.result.unwrap();
    assert_eq!((again.ids == first.ids, again.new_members), (true, 0));
    let more = people_born(jiff::civil::date(2000, 1, 1), 5000);
    let more = ask(&channel, header("NPR", "HF"), packed(&more)).await.unwrap().result.unwrap();
    let all: HashSet<u64> = first.ids.iter().chain(&more.ids).copied().collect();
    assert_eq!((all.len(), more.new_members), (10_000, 5000));
    server.stop().await;
}

/// The client is a runtime of its own: when that ends, its connection breaks, as it does when the
/// client's process is killed.  (Dropping one end of a stream closes it in order.)
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_stops_half_way_keeps_what_was_answered() {
    let installation = std::sync::Arc::new(Installation::new());
    let server = InProcessServer::open(&installation).await;
    let numbers = people(2000);
    let client = tokio::runtime::Runtime::new().unwrap();
    let (address, batch, of_client) =
        (server.address, packed(&numbers[..1000]), std::sync::Arc::clone(&installation));
    let (stream, delivery, answered) = client
        .spawn(async move {
            let channel = of_client.connect(address, "sender").await;
            let (mut stream, opened) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
            let answered = stream.exchange(batch).await.unwrap();
            (stream, opened.delivery_id, answered)
        })
        .await
        .unwrap();
    assert_eq!(server.status(&installation).await.open_deliveries, 1);
    client.shutdown_background();
    drop(stream);
    bounded(async { while server.status(&installation).await.open_deliveries > 0 {} }).await;

    // It was closed with what it had, and not answered as complete.  It is recorded a moment after it
    // no longer counts as open.
    let closed = bounded(async {
        loop {
            let entries = audit_entries(&installation, server.address).await;
            let closed = entries.into_iter().find(|entry| {
                entry["action"] == "delivery_closed" && entry["delivery"] == delivery.as_str()
            });
            if let Some(closed) = closed {
                return closed;
            }
        }
    })
    .await;
    assert_eq!(closed["counts"]["rows"], 1000);
    assert_eq!(closed["reason"], "broken");
    let channel = installation.connect(server.address, "sender").await;
    let again = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
    let again = again.result.unwrap();
    assert_eq!((&again.ids[..1000], again.new_members), (&answered.ids[..], 1000));
    server.stop().await;
}
