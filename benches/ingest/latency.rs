//! Latency of single look-ups, in an open loop, beside an echo that appends a small record to a file and
//! syncs it, in groups, before it answers.
//!
//! How: both are asked at the same rate, half of what Hvelv answers when 64 ask at a time (measured
//! first). A thread sends each request at its scheduled time, whatever has been answered, and latency
//! counts from that time: who waits in a queue is not left out. Nothing is measured on a file system
//! in memory, where a sync costs nothing.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tonic::transport::Channel;

use hvelv::clock::Clock;
use hvelv::rpc::proto::PseudonymizeRequest;
use hvelv::rpc::proto::ingest_service_client::IngestServiceClient;

use super::Size;
use super::load::{BATCH, Form, header, population};
use super::row::Row;
use super::world::{Server, World};

/// Who ask at the same time while saturation is looked for.
const ASKING: usize = 64;
/// Connections that requests are spread over.
const CONNECTIONS: usize = 4;
/// At most so many persons are asked for.
const PERSONS_MAX: usize = 1 << 20;
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

type Client = IngestServiceClient<Channel>;

/// Measures all of it.
pub(crate) fn measure(size: &Size) -> Vec<Row> {
    let disk = file_system();
    println!("temporary directory on {disk}");
    if ["tmpfs", "ramfs"].contains(&disk.as_str()) {
        println!("SKIPPED, a sync costs nothing there: set TMPDIR to a directory on a disk");
        return Vec::new();
    }
    let numbers = population(size.persons.min(PERSONS_MAX));
    let world = World::start();
    world.deliver_all(Form::Integers, &numbers);
    let requests: Arc<[PseudonymizeRequest]> = numbers.chunks(1).take(BATCH).map(request).collect();
    let rate = saturation(&world, &requests, size.latency) / 2.0;
    println!("asked {rate:.0} times a second, half of saturation");
    let mut rounds: Vec<Vec<(f64, f64)>> = vec![Vec::new(); PERCENTILES.len()];
    for round in 0..size.rounds_unseen {
        let mut order = [Server::Hvelv, Server::Echo];
        order.rotate_left(round % 2);
        let mut found =
            order.map(|server| (server, open_loop(&world, server, &requests, rate, size)));
        found.sort_by_key(|(server, _)| *server == Server::Echo);
        for (pairs, (_, percentile)) in rounds.iter_mut().zip(PERCENTILES) {
            let [ours, echo] = [0, 1].map(|place: usize| at(&found[place].1, percentile));
            pairs.push((ours, echo));
        }
    }
    world.stop();
    let mut rows = vec![Row::alone("single look-ups, half of saturation", "1/s", rate)];
    let row = |((name, _), pairs): (&(&str, f64), &Vec<_>)| {
        Row::beside(format!("single look-up, {name}"), "us", pairs)
    };
    rows.extend(PERCENTILES.iter().zip(&rounds).map(row));
    for row in &rows[1..] {
        let reference = row.reference.unwrap_or_default();
        println!("{}: {:.0} us, echo {reference:.0} us", row.measure, row.value);
    }
    rows
}

fn request(numbers: &[u64]) -> PseudonymizeRequest {
    PseudonymizeRequest { delivery: Some(header()), batch: Some(Form::Integers.batch(numbers)) }
}

/// The type of the file system that the servers' files are on.
fn file_system() -> String {
    let mut stat = Command::new("stat");
    let output = stat.args(["-f", "-c", "%T"]).arg(std::env::temp_dir()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn clients(world: &World, server: Server) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let channel = world.clients.connect(world.address(server), "pipeline").await;
        clients.push(IngestServiceClient::new(channel));
    }
    clients
}

async fn ask(client: &mut Client, request: PseudonymizeRequest) {
    let answer = client.pseudonymize(request).await.unwrap().into_inner();
    assert!(answer.result.unwrap().ids.iter().all(|id| *id != 0), "everybody is known");
}

/// Answers a second of Hvelv when many ask, each again when it has its answer.
fn saturation(world: &World, requests: &Arc<[PseudonymizeRequest]>, time: Duration) -> f64 {
    let clock = &world.clients.clock;
    world.clients.runtime.block_on(async {
        let clients = clients(world, Server::Hvelv).await;
        let begun = clock.monotonic();
        let asking: Vec<_> = (0..ASKING)
            .map(|who| {
                let mut client = clients[who % CONNECTIONS].clone();
                let (requests, clock) = (Arc::clone(requests), Arc::clone(clock));
                tokio::spawn(async move {
                    let mut count = 0;
                    while clock.monotonic().saturating_sub(begun) < time {
                        let place = (count * ASKING + who) % requests.len();
                        ask(&mut client, requests[place].clone()).await;
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut answered = 0;
        for one in asking {
            answered += one.await.unwrap();
        }
        answered as f64 / clock.monotonic().saturating_sub(begun).as_secs_f64()
    })
}

/// Asks at a rate; gives latencies from the scheduled times, microseconds, ascending.
fn open_loop(
    world: &World,
    server: Server,
    requests: &Arc<[PseudonymizeRequest]>,
    rate: f64,
    size: &Size,
) -> Vec<f64> {
    let runtime = &world.clients.runtime;
    let clock = Arc::clone(&world.clients.clock);
    let clients = runtime.block_on(clients(world, server));
    let count = whole(rate * size.latency.as_secs_f64()).max(1);
    let (sender, mut latencies) = mpsc::unbounded_channel();
    let begun = clock.monotonic();
    for place in 0..count {
        let due = begun + Duration::from_secs_f64(place as f64 / rate);
        wait_until(&clock, due);
        let (mut client, sender) = (clients[place % CONNECTIONS].clone(), sender.clone());
        let (request, clock) = (requests[place % requests.len()].clone(), Arc::clone(&clock));
        runtime.spawn(async move {
            ask(&mut client, request).await;
            let took = clock.monotonic().saturating_sub(due);
            sender.send(took.as_secs_f64() * 1e6).unwrap();
        });
    }
    drop(sender);
    let mut all = Vec::with_capacity(count);
    while let Some(one) = latencies.blocking_recv() {
        all.push(one);
    }
    assert_eq!(all.len(), count, "everybody was answered");
    all.sort_by(f64::total_cmp);
    all
}

#[expect(clippy::disallowed_methods, reason = "a request is due at a time, and at no event")]
fn wait_until(clock: &Arc<dyn Clock>, due: Duration) {
    let left = due.saturating_sub(clock.monotonic());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

/// The next whole number.
#[expect(clippy::cast_possible_truncation, reason = "counts of a run are far below 2^53")]
fn whole(count: f64) -> usize {
    count.ceil() as usize
}

/// The smallest latency that so many are not above.
fn at(ascending: &[f64], part: f64) -> f64 {
    let rank = whole(ascending.len() as f64 * part);
    ascending[rank.clamp(1, ascending.len()) - 1]
}
