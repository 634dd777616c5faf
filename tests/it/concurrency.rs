//! Many streams at once, with the same new identifiers.

use std::collections::HashSet;

use hvelv::rpc::proto::DeliveryHeader;
use tonic::transport::Channel;

use crate::harness::{
    InProcessServer, Installation, Random, Stream, bounded, header, packed, people, size,
};

const BATCH_ROWS: usize = 4096;
/// Batches of one stream under way: all streams together stay within what the server takes at once.
const AHEAD: usize = 2;

/// Sends numbers in an order of its own, and gives the IDs in the order of the numbers.
async fn deliver(
    channel: Channel,
    header: DeliveryHeader,
    numbers: Vec<u64>,
    seed: u64,
) -> (Vec<u64>, u64) {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    Random(seed).shuffle(&mut order);
    let (mut stream, _) = Stream::open(&channel, header).await.unwrap();
    let mut ids = vec![0; numbers.len()];
    let mut sent = order.chunks(BATCH_ROWS);
    let mut answered = order.chunks(BATCH_ROWS);
    let mut under_way = 0;
    let mut new_members = 0;
    loop {
        while under_way < AHEAD
            && let Some(places) = sent.next()
        {
            let batch: Vec<u64> = places.iter().map(|place| numbers[*place]).collect();
            stream.send(packed(&batch)).await;
            under_way += 1;
        }
        let Some(places) = answered.next() else { break };
        let result = stream.result().await.unwrap_or_else(|status| panic!("seed {seed}: {status}"));
        under_way -= 1;
        new_members += u64::from(result.new_members);
        assert_eq!(result.ids.len(), places.len());
        places.iter().zip(result.ids).for_each(|(place, id)| ids[*place] = id);
    }
    let summary = stream.finish().await.unwrap();
    let count = u64::try_from(numbers.len()).unwrap();
    assert_eq!((summary.answered, summary.persons), (count, count), "seed {seed}");
    (ids, new_members)
}

/// One ID for each identifier, none shared, everyone told the same.
fn all_agree(answers: &[(Vec<u64>, u64)], seed: u64) {
    let (first, _) = &answers[0];
    assert!(answers.iter().all(|(ids, _)| ids == first), "seed {seed}: two answers differ");
    let distinct: HashSet<u64> = first.iter().copied().collect();
    assert_eq!((distinct.len(), distinct.contains(&0)), (first.len(), false), "seed {seed}");
    let new: u64 = answers.iter().map(|answer| answer.1).sum();
    assert_eq!(new, u64::try_from(first.len()).unwrap(), "seed {seed}: new members");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_streams_with_the_same_new_identifiers_are_all_told_the_same() {
    let rounds = if size("HVELV_LONG", 0) > 0 { 20 } else { 1 };
    let numbers = people(100_000);
    for round in 0..rounds {
        let installation = Installation::new();
        let server = InProcessServer::open(&installation).await;
        let base = 0x6e70_7200 + round * 64;
        let mut streams = Vec::new();
        for seed in base..base + 64 {
            // Eight connections with eight streams each.
            let channel = match seed % 8 {
                0 => installation.connect(server.address, "sender").await,
                _ => streams_channel(&streams),
            };
            let sent = deliver(channel.clone(), header("NPR", "HF"), numbers.clone(), seed);
            streams.push((channel, tokio::spawn(sent)));
        }
        let mut answers = Vec::new();
        for (_, stream) in streams {
            answers.push(bounded(stream).await.unwrap());
        }
        all_agree(&answers, base);
        let status = server.status(&installation).await;
        assert_eq!((status.persons, status.open_deliveries), (100_000, 0), "seed {base}");
        server.stop().await;
    }
}

/// The connection of the last stream.
fn streams_channel<T>(streams: &[(Channel, T)]) -> Channel {
    streams.last().unwrap().0.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_persons_delivered_to_two_registers_at_once_are_one_person_with_two_ids() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(20_000);
    let mut streams = Vec::new();
    for seed in 0..16 {
        let header = if seed % 2 == 0 { header("NPR", "HF") } else { header("KPR", "KUHR") };
        let channel = installation.connect(server.address, "pipeline").await;
        streams.push(tokio::spawn(deliver(channel, header, numbers.clone(), seed)));
    }
    let (mut npr, mut kpr) = (Vec::new(), Vec::new());
    for (seed, stream) in streams.into_iter().enumerate() {
        let answers = if seed % 2 == 0 { &mut npr } else { &mut kpr };
        answers.push(bounded(stream).await.unwrap());
    }
    all_agree(&npr, 0);
    all_agree(&kpr, 1);
    let both: HashSet<u64> = npr[0].0.iter().chain(&kpr[0].0).copied().collect();
    assert_eq!(both.len(), 40_000);
    let status = server.status(&installation).await;
    assert_eq!(status.persons, 20_000);
    let members = |code| status.registers.iter().find(|one| one.code == code).unwrap().members;
    assert_eq!((members("NPR"), members("KPR")), (20_000, 20_000));
    server.stop().await;
}
