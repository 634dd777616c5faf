//! PostgreSQL doing the same job with batched SQL: known persons, and first sight.
//!
//! ```text
//! map      number → person          sealed   person → 64 sealed bytes
//! member   person → register ID     audit    one row for each batch
//! ```
//!
//! What favours PostgreSQL: it keys its map by the number itself and makes no tag; it seals nothing
//! and gets the bytes; it records no look-up; nothing else runs in it, and there is no TLS. Of some
//! ways of asking, on one connection and on two, the fastest is taken.

use std::pin::pin;

use tokio::runtime::Runtime;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls};

use hvelv::clock::{Clock, SystemClock};

use super::Size;
use super::cluster::Cluster;
use super::compare::line;
use super::load::{BATCH, Form, Load, population};
use super::row::Row;
use super::world::{Server, World};

/// Batches of a trial, and of a round.
const TRIAL: usize = 8;
const ROUND: usize = 64;
const CONNECTIONS: [usize; 2] = [1, 2];

const TABLES: &str = "
CREATE TABLE map (number bigint, person bigint);
CREATE TABLE member (person bigint, id bigint);
CREATE TABLE sealed (person bigint, bytes bytea);
CREATE TABLE audit (batch bigserial PRIMARY KEY, digest bytea, at timestamptz DEFAULT now());
";
const INDEXES: &str = "
ALTER TABLE map ADD PRIMARY KEY (number);
ALTER TABLE member ADD PRIMARY KEY (person);
ALTER TABLE sealed ADD PRIMARY KEY (person);
VACUUM ANALYZE map; VACUUM ANALYZE member; VACUUM ANALYZE sealed; CHECKPOINT;
";

/// A way of looking up: its name, what is set for it, and the statement.
const LOOK_UPS: [(&str, &str, &str); 4] = [
    (
        "unnest, nested loop",
        "SET enable_hashjoin = off; SET enable_mergejoin = off",
        "SELECT row, id FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (number, row) \
         JOIN map USING (number) JOIN member USING (person)",
    ),
    (
        "unnest, nested loop, one array back",
        "SET enable_hashjoin = off; SET enable_mergejoin = off",
        "SELECT unnest(array_agg(row)), unnest(array_agg(id)) \
         FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (number, row) \
         JOIN map USING (number) JOIN member USING (person)",
    ),
    (
        "unnest, planner's choice",
        "SET enable_hashjoin = on; SET enable_mergejoin = on",
        "SELECT row, id FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (number, row) \
         JOIN map USING (number) JOIN member USING (person)",
    ),
    (
        "any of an array",
        "SET enable_hashjoin = off; SET enable_mergejoin = off",
        "SELECT number, id FROM map JOIN member USING (person) WHERE number = ANY ($1::bigint[])",
    ),
];

const INSERT: &str = "
WITH new AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])
                 AS new (number, person, id, bytes)),
     a AS (INSERT INTO map SELECT number, person FROM new),
     b AS (INSERT INTO member SELECT person, id FROM new),
     c AS (INSERT INTO sealed SELECT person, bytes FROM new)
INSERT INTO audit (digest) VALUES ($5)";

/// A way of inserting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Insert {
    /// One statement with arrays.
    Unnest,
    /// A transaction of three COPYs and one row.
    Copy,
}

/// Measures both jobs beside Hvelv; nothing where there is no PostgreSQL.
pub(crate) fn measure(size: &Size) -> Vec<Row> {
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(reason) => {
            println!("SKIPPED, nothing is measured beside PostgreSQL: {reason}");
            return Vec::new();
        }
    };
    let batches = size.unseen.div_ceil(BATCH);
    let fresh = batches * BATCH * size.rounds_unseen;
    let trials = 2 * CONNECTIONS.len() * TRIAL * BATCH;
    let numbers = population(size.persons + fresh + trials);
    let (seen, fresh) = numbers.split_at(size.persons);
    let world = World::start();
    world.deliver_all(Form::Integers, seen);
    let mut database = Database::filled(&cluster, seen);

    let (look_up, connections) = database.best_look_up(seen);
    let count = size.identifiers / BATCH;
    let load = Load { form: Form::Integers, streams: 1, count, batch: BATCH };
    let messages = load.messages(seen);
    let asked = &seen[..seen.len().min(ROUND * BATCH)];
    let known: Vec<_> = (0..size.rounds)
        .map(|_| {
            let rate = database.look_up(look_up, connections, asked);
            (world.round(Server::Hvelv, load, &messages), rate)
        })
        .collect();
    let (insert, connections, mut fresh) = database.best_insert(fresh);
    let load = Load { count: batches, ..load };
    let first_sight: Vec<_> = (0..size.rounds_unseen)
        .map(|_| {
            let (now, later) = fresh.split_at(batches * BATCH);
            fresh = later;
            let rate = database.insert(insert, connections, now);
            (world.round(Server::Hvelv, load, &load.messages(now)), rate)
        })
        .collect();
    world.stop();
    let rows =
        [("known, beside PostgreSQL", known), ("first sight, beside PostgreSQL", first_sight)];
    let row = |(measure, rounds): (&str, Vec<_>)| {
        println!("{}", line(measure, &rounds).replace("echo", "PostgreSQL"));
        Row::beside(measure, "ids/s", &rounds)
    };
    rows.into_iter().map(row).collect()
}

struct Database {
    runtime: Runtime,
    clients: Vec<Client>,
    clock: SystemClock,
    /// Persons that there are.
    persons: u64,
}

impl Database {
    fn filled(cluster: &Cluster, seen: &[u64]) -> Self {
        let runtime = Runtime::new().unwrap();
        let connect = async || {
            let mut config = Config::new();
            config.host_path(cluster.socket()).user("bench").dbname("postgres");
            let (client, connection) = config.connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        };
        let clients = runtime.block_on(async {
            let clients = vec![connect().await, connect().await];
            let first = &clients[0];
            let version = first.query_one("SHOW server_version", &[]).await.unwrap();
            println!("PostgreSQL {}", version.get::<_, String>(0));
            first.batch_execute(TABLES).await.unwrap();
            for (numbers, from) in seen.chunks(1 << 16).zip((0..).step_by(1 << 16)) {
                copy(first, &New::of(numbers, from)).await;
            }
            for statement in INDEXES.split(';').filter(|text| !text.trim().is_empty()) {
                first.batch_execute(statement).await.unwrap();
            }
            clients
        });
        Self { runtime, clients, clock: SystemClock::new(), persons: seen.len() as u64 }
    }

    fn best_look_up(&self, seen: &[u64]) -> (usize, usize) {
        let asked = &seen[..seen.len().min(TRIAL * BATCH)];
        let ways = (0..LOOK_UPS.len()).flat_map(|way| CONNECTIONS.map(|count| (way, count)));
        let tried = ways.map(|(way, connections)| {
            // What is read for the first time waits for the disk.
            self.look_up(way, connections, asked);
            let rate = self.look_up(way, connections, asked);
            println!("  {}, {connections} connections: {rate:.0} ids/s", LOOK_UPS[way].0);
            ((way, connections), rate)
        });
        tried.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
    }

    /// Looks persons up, all of whom must be there; gives identifiers per second.
    fn look_up(&self, way: usize, connections: usize, numbers: &[u64]) -> f64 {
        let (_, settings, statement) = LOOK_UPS[way];
        self.timed(connections, numbers, async |client, chunks| {
            client.batch_execute(settings).await.unwrap();
            let statement = client.prepare(statement).await.unwrap();
            for numbers in chunks {
                let numbers: Vec<i64> = numbers.iter().map(|number| number.cast_signed()).collect();
                let found = client.query(&statement, &[&numbers]).await.unwrap();
                let is_id = |row: &tokio_postgres::Row| row.get::<_, i64>(1) != 0;
                assert_eq!(found.iter().filter(|row| is_id(row)).count(), numbers.len());
            }
        })
    }

    fn best_insert<'a>(&mut self, mut fresh: &'a [u64]) -> (Insert, usize, &'a [u64]) {
        let mut best = (Insert::Unnest, 1, 0.0);
        for way in [Insert::Unnest, Insert::Copy] {
            for connections in CONNECTIONS {
                let (now, later) = fresh.split_at(TRIAL * BATCH);
                fresh = later;
                let rate = self.insert(way, connections, now);
                println!("  insert by {way:?}, {connections} connections: {rate:.0} ids/s");
                if rate > best.2 {
                    best = (way, connections, rate);
                }
            }
        }
        (best.0, best.1, fresh)
    }

    /// Inserts new persons, durably batch by batch; gives identifiers per second.
    fn insert(&mut self, way: Insert, connections: usize, numbers: &[u64]) -> f64 {
        let from = self.persons;
        self.persons += numbers.len() as u64;
        let first = numbers.as_ptr_range().start;
        self.timed(connections, numbers, async |client, chunks| {
            let statement = client.prepare(INSERT).await.unwrap();
            for numbers in chunks {
                let place = numbers.as_ptr_range().start.addr() - first.addr();
                let new = New::of(numbers, from + (place / size_of::<u64>()) as u64);
                match way {
                    Insert::Unnest => {
                        let digest = [7_u8; 32].as_slice();
                        let New { numbers, persons, ids, sealed } = &new;
                        let values: [&(dyn ToSql + Sync); 5] =
                            [numbers, persons, ids, sealed, &digest];
                        client.execute(&statement, &values).await.unwrap();
                    }
                    Insert::Copy => {
                        client.batch_execute("BEGIN").await.unwrap();
                        copy(client, &new).await;
                        let digest = [7_u8; 32].as_slice();
                        let audit = "INSERT INTO audit (digest) VALUES ($1)";
                        client.execute(audit, &[&digest]).await.unwrap();
                        client.batch_execute("COMMIT").await.unwrap();
                    }
                }
            }
        })
    }

    /// Gives batches to connections in turn, all of which work at the same time.
    fn timed(
        &self,
        connections: usize,
        numbers: &[u64],
        work: impl AsyncFn(&Client, Vec<&[u64]>),
    ) -> f64 {
        let chunks: Vec<&[u64]> = numbers.chunks(BATCH).collect();
        let of = |place: usize| chunks.iter().skip(place).step_by(connections).copied().collect();
        let begun = self.clock.monotonic();
        self.runtime.block_on(async {
            if connections == 1 {
                work(&self.clients[0], of(0)).await;
            } else {
                tokio::join!(work(&self.clients[0], of(0)), work(&self.clients[1], of(1)));
            }
        });
        numbers.len() as f64 / self.clock.monotonic().saturating_sub(begun).as_secs_f64()
    }
}

/// What is inserted about new persons.
struct New {
    numbers: Vec<i64>,
    persons: Vec<i64>,
    ids: Vec<i64>,
    sealed: Vec<Vec<u8>>,
}

impl New {
    /// Persons with numbers that are scattered, as ours are.
    fn of(numbers: &[u64], from: u64) -> Self {
        let person = |place: u64| {
            (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) & ((1 << 40) - 1)).cast_signed()
        };
        let persons: Vec<i64> = (from..).take(numbers.len()).map(person).collect();
        Self {
            numbers: numbers.iter().map(|number| number.cast_signed()).collect(),
            ids: persons.iter().map(|person| 100_000_000_000_000 + person).collect(),
            sealed: persons.iter().map(|person| person.to_le_bytes().repeat(8)).collect(),
            persons,
        }
    }
}

/// Three tables, each by COPY.
async fn copy(client: &Client, new: &New) {
    let tables: [(&str, [Type; 2]); 3] = [
        ("map", [Type::INT8, Type::INT8]),
        ("member", [Type::INT8, Type::INT8]),
        ("sealed", [Type::INT8, Type::BYTEA]),
    ];
    for (table, types) in tables {
        let sink = client.copy_in(&format!("COPY {table} FROM STDIN BINARY")).await.unwrap();
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in 0..new.numbers.len() {
            let values: [&(dyn ToSql + Sync); 2] = match table {
                "map" => [&new.numbers[row], &new.persons[row]],
                "member" => [&new.persons[row], &new.ids[row]],
                _ => [&new.persons[row], &new.sealed[row]],
            };
            writer.as_mut().write(&values).await.unwrap();
        }
        writer.finish().await.unwrap();
    }
}
