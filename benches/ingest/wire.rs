//! Over gRPC with TLS beside the echo: known persons and first sight, by form, streams and batch.

use super::Size;
use super::compare::{known, line};
use super::load::{BATCH, Form, Load, population};
use super::row::Row;
use super::world::{Server, World};

/// Streams at the same time, each on a connection of its own.
const STREAMS: [usize; 3] = [1, 4, 16];
/// Identifiers in a message, on one stream; 4096 stands among the streams.
const BATCHES: [usize; 5] = [1, 16, 256, 16_384, 65_536];
/// Most messages in a round of small batches.
const MESSAGES_MAX: usize = 8192;

/// Measures all of it.
pub(crate) fn measure(size: &Size) -> Vec<Row> {
    let unseen: usize =
        loads(size.unseen).iter().map(|load| load.streams * load.count * load.batch).sum();
    let numbers = population(size.persons + size.rounds_unseen * unseen);
    let (seen, mut unseen) = numbers.split_at(size.persons);
    let world = World::start();
    let first_sight = world.deliver_all(Form::Integers, seen);
    println!("everybody, first sight, one stream: {:.2} M ids/s", first_sight / 1e6);
    let mut rows = Vec::new();
    let mut push = |measure: String, rounds| {
        println!("{}", line(&measure, &rounds));
        rows.push(Row::beside(measure, "ids/s", &rounds));
    };
    for load in loads(size.identifiers) {
        push(format!("known, {}", name(load)), known(&world, load, seen, size.rounds));
    }
    for load in loads(size.unseen) {
        let rounds = (0..size.rounds_unseen).map(|_| {
            let (now, later) = unseen.split_at(load.streams * load.count * load.batch);
            unseen = later;
            let messages = load.messages(now);
            let echo = world.round(Server::Echo, load, &messages);
            (world.round(Server::Hvelv, load, &messages), echo)
        });
        push(format!("first sight, {}", name(load)), rounds.collect());
    }
    world.stop();
    rows
}

/// Every load, of so many identifiers in a round.
fn loads(identifiers: usize) -> Vec<Load> {
    let by_streams = [Form::Integers, Form::PackedAscii, Form::Text]
        .into_iter()
        .flat_map(|form| STREAMS.map(|streams| (form, streams, BATCH)));
    let by_batch = BATCHES.into_iter().map(|batch| (Form::Integers, 1, batch));
    let load = |(form, streams, batch): (Form, usize, usize)| {
        let count = (identifiers / streams / batch).clamp(1, MESSAGES_MAX);
        Load { form, streams, count, batch }
    };
    by_streams.chain(by_batch).map(load).collect()
}

fn name(load: Load) -> String {
    let streams = if load.streams == 1 { "stream" } else { "streams" };
    format!("{}, {} {streams}, {} a message", load.form.name(), load.streams, load.batch)
}
