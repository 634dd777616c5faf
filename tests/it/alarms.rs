//! Alarms from outside: an enumerator with a valid certificate is noticed, and then stopped by its
//! budget; ordinary deliveries are not noticed.

use std::fmt::Write as _;
use std::fs;

use hvelv::ident::{NumberSeries, synthetic};
use hvelv::rpc::certificates::client_uri;
use jiff::civil::date;
use tonic::transport::Channel;

use crate::harness::{
    Course, InProcessServer, Installation, Scraped, Stream, audit_entries, header, look_up, packed,
    reason, scrape, validity,
};

/// What the enumerator sends in a message.
const BATCH: usize = 25;

/// Members of the register, apart from each other, and numbers in sequence that nobody has.
fn members() -> Vec<u64> {
    let all = synthetic::numbers_between(NumberSeries::Fnr, date(1950, 1, 1), date(2019, 12, 31));
    all.step_by(20).take(3_000).collect()
}

fn sequence() -> impl Iterator<Item = u64> {
    synthetic::numbers_between(NumberSeries::Fnr, date(2021, 1, 1), date(2029, 1, 1))
}

/// An installation where two stolen certificates have small budgets: one delivers, one looks up.
fn installation() -> Installation {
    let installation = Installation::new();
    let path = installation.path("access.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    for (name, role) in [("thief", "ingest:NPR:HF"), ("spy", "resolve:NPR:AVTALE")] {
        let uri = client_uri(name);
        write!(
            text,
            "[[principal]]\nname = '{name}'\nkind = 'system'\norganisation = '983744516'\n\
             certificates = ['uri:{uri}']\nroles = ['{role}']\n[[principal.budget]]\n\
             register = 'NPR'\nassignments_max = 2000\nmisses_max = 1000\npersons_max = 2000\n"
        )
        .unwrap();
        installation.issue(&installation.authority, name, name, validity(-24, 24));
    }
    fs::write(path, text).unwrap();
    installation
}

fn alarms(scraped: &Scraped) -> Vec<(String, u64)> {
    let lines = scraped.text.lines();
    let of = |line: &str| {
        let (name, count) = line.strip_prefix("hvelv_alarms_total{alarm=\"")?.split_once("\"} ")?;
        Some((name.to_owned(), count.parse().unwrap()))
    };
    lines.filter_map(of).filter(|(_, count)| *count > 0).collect()
}

/// Sends numbers until the stream is ended: how many were sent before the first alarm, and in all.
async fn enumerate(
    channel: &Channel,
    server: &InProcessServer,
    header: hvelv::rpc::proto::DeliveryHeader,
    mut numbers: impl Iterator<Item = u64>,
) -> (Option<usize>, usize) {
    let metrics = server.handle.metrics_address().unwrap();
    let before = alarms(&scrape(metrics).await).len();
    let (mut stream, _) = Stream::open(channel, header).await.unwrap();
    let (mut noticed, mut sent) = (None, 0);
    loop {
        let batch: Vec<u64> = numbers.by_ref().take(BATCH).collect();
        assert_eq!(batch.len(), BATCH, "the enumerator came to its end");
        let answered = stream.exchange(packed(&batch)).await;
        if let Err(status) = answered {
            assert_eq!(reason(&status), "budget_spent");
            return (noticed, sent);
        }
        sent += batch.len();
        if noticed.is_none() && alarms(&scrape(metrics).await).len() > before {
            noticed = Some(sent);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are for who runs it with --nocapture")]
async fn an_enumerator_is_noticed_long_before_its_budget_stops_it() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let pipeline = installation.connect(server.address, "pipeline").await;
    let people = members();
    for _ in 0..3 {
        let (mut stream, _) = Stream::open(&pipeline, header("NPR", "HF")).await.unwrap();
        for batch in people.chunks(500) {
            stream.exchange(packed(batch)).await.unwrap();
        }
    }
    let metrics = server.handle.metrics_address().unwrap();
    assert_eq!(alarms(&scrape(metrics).await), [], "a first load, and the same persons again");

    let mut said = String::new();
    let thief = installation.connect(server.address, "thief").await;
    let (noticed, stopped) = enumerate(&thief, &server, header("NPR", "HF"), sequence()).await;
    let noticed = noticed.expect("it is noticed");
    assert!(noticed <= 250 && (1_950..=2_025).contains(&stopped), "{noticed} {stopped}");
    writeln!(said, "ingest: alarm after {noticed} identifiers, stopped after {stopped}").unwrap();
    let look_ups = look_up("NPR", "AVTALE");
    let apart = sequence().skip(100_000).step_by(9);
    let spy = installation.connect(server.address, "spy").await;
    let (noticed, stopped) = enumerate(&spy, &server, look_ups, apart).await;
    let noticed = noticed.expect("it is noticed");
    assert!(noticed <= 550 && stopped <= 1_025, "{noticed} {stopped}");
    writeln!(said, "look-ups: alarm after {noticed} identifiers, stopped after {stopped}").unwrap();
    println!("{said}");

    let entries = audit_entries(&installation, server.address).await;
    let raised: Vec<_> = entries.iter().filter(|one| one["action"] == "alarm_raised").collect();
    let texts: Vec<&str> = raised.iter().map(|one| one["changes"][0].as_str().unwrap()).collect();
    for alarm in
        ["sequential_numbers by thief", "unseen_numbers by thief", "look_ups_without_ingest by spy"]
    {
        assert!(texts.contains(&alarm), "{texts:?}");
    }
    // A delivery is recorded with its alarm before it ends: the alarm precedes the refusal.
    let place = |is_so: &dyn Fn(&serde_json::Value) -> bool| entries.iter().position(is_so);
    let alarm = place(&|entry| entry["action"] == "alarm_raised");
    assert!(alarm < place(&|entry| entry["reason"] == "budget_spent"));
    server.stop().await;
}

#[test]
fn the_demonstrations_data_raise_no_alarm() {
    let course = Course::open();
    let (input, persons) = (course.path("episodes.csv"), course.path("persons.csv"));
    let words = ["synth", "--persons", "4000", "--rows", "8000", "--out", &input];
    crate::harness::hvelv(&[&words[..], &["--population", &persons]].concat()).well();
    for register in [("NPR", "HF"), ("KPR", "KUHR")] {
        for round in 0..2 {
            let output = format!("{}-{round}.csv", register.0);
            course.pseudonymize(register.0, register.1, "episodes.csv", &output);
        }
    }
    let words = ["audit", "entries", "--count", "0", "--json"];
    let entries = course.run("auditor", &words).well();
    assert!(entries.out.contains("delivery_closed") && !entries.out.contains("alarm_raised"));
}
