//! Metrics of a real server: sealed, open, after an ingest, and while requests are refused.

use std::net::SocketAddr;

use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Inbound;
use hvelv::rpc::proto::{StatusRequest, UnsealRequest};
use tonic::Code;

use crate::harness::{
    BOUND, InProcessServer, Installation, Scraped, ServerProcess, Stream, ask, bounded, digits,
    exchange, header, look_up, packed, people, refusal, scrape, texts,
};

const STREAM: &str = "/hvelv.v1.IngestService/PseudonymizeStream";
const UNARY: &str = "/hvelv.v1.IngestService/Pseudonymize";

fn endpoint(server: &InProcessServer) -> SocketAddr {
    server.handle.metrics_address().expect("the server serves metrics")
}

fn requests(method: &str, code: &str) -> String {
    format!("hvelv_requests_total{{method=\"{method}\",code=\"{code}\"}}")
}

fn rows(source: &str, outcome: &str) -> String {
    format!("hvelv_rows_total{{register=\"NPR\",source=\"{source}\",outcome=\"{outcome}\"}}")
}

/// Scrapes until something is so: a request is counted when its answer is gone, which its sender
/// may see first.
async fn until(address: SocketAddr, is_so: impl Fn(&Scraped) -> bool) -> Scraped {
    let scraping = async {
        loop {
            let scraped = scrape(address).await;
            if is_so(&scraped) {
                return scraped;
            }
        }
    };
    tokio::time::timeout(BOUND, scraping).await.expect("it is so within the bound")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_that_it_is_sealed_and_then_that_it_is_open() {
    let installation = Installation::new();
    let server = InProcessServer::sealed(&installation).await;
    let address = endpoint(&server);
    let sealed = scrape(address).await;
    sealed.is("hvelv_state{state=\"sealed\"}", 1);
    sealed.is("hvelv_state{state=\"open\"}", 0);
    sealed.is("hvelv_streams", 0);
    for absent in ["hvelv_index", "hvelv_members", "hvelv_audit", "hvelv_rows"] {
        assert_eq!(sealed.count(absent), 0, "{absent} of a sealed server: {}", sealed.text);
    }
    let build = format!("hvelv_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    sealed.is(&build, 1);

    server.unseal(&installation).await.unwrap();
    let open = scrape(address).await;
    open.is("hvelv_state{state=\"sealed\"}", 0);
    open.is("hvelv_state{state=\"open\"}", 1);
    open.is("hvelv_index_identifiers", 0);
    assert!(open.count("hvelv_members{") > 10, "every register of the catalogue is there");
    open.is("hvelv_members{register=\"NPR\"}", 0);
    let entries = server.status(&installation).await.audit_entries;
    assert!(entries > 0);
    open.is("hvelv_audit_entries", entries);
    open.is(&requests("/hvelv.v1.OperatorService/Unseal", "OK"), 1);

    server.seal(&installation).await.unwrap();
    let again = scrape(address).await;
    again.is("hvelv_state{state=\"sealed\"}", 1);
    assert_eq!(again.count("hvelv_index"), 0);
    again.is("hvelv_checkpoints_total{outcome=\"signed\"}", 1);
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_ingest_every_count_is_exact() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let address = endpoint(&server);
    let channel = installation.connect(server.address, "pipeline").await;
    let numbers = people(3000);

    // 1500 persons in three batches of a stream, each twice, with three bad rows in the last.
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let running = scrape(address).await;
    running.is("hvelv_streams", 1);
    running.is("hvelv_deliveries", 1);
    running.is(&rows("HF", "answered"), 0);
    running.is(&rows("HF", "check_digits"), 0);
    let mut ids = Vec::new();
    for batch in numbers[..1000].chunks(500) {
        ids.extend(stream.exchange(packed(&[batch, batch].concat())).await.unwrap().ids);
    }
    let third: Vec<String> = numbers[1000..1500].iter().copied().map(digits).collect();
    let wrong = digits(numbers[0] ^ 1);
    let bad = [wrong, "00000000000".to_owned(), "x".to_owned()];
    let answer = stream.exchange(texts(&[&third[..], &third, &bad].concat())).await.unwrap();
    assert_eq!(answer.notes.len(), 3);
    // Read to its end: a stream that is dropped before its status has come counts as cancelled.
    stream.close();
    assert!(matches!(stream.hear().await, Ok(Some(Inbound::Summary(_)))));
    assert!(matches!(stream.hear().await, Ok(None)));
    // A look-up: 2 members, 3 who are unknown; and a unary request of 10 new persons.
    let asked = packed(&[&numbers[..2], &numbers[2990..2993]].concat());
    ask(&channel, look_up("NPR", "AVTALE"), asked).await.unwrap();
    ask(&channel, header("NPR", "AVTALE"), packed(&numbers[2000..2010])).await.unwrap();

    let scraped = until(address, |now| {
        now.value(&requests(STREAM, "OK")).is_some()
            && now.value(&requests(UNARY, "OK")) == Some("2")
            && now.value("hvelv_deliveries") == Some("0")
    })
    .await;
    scraped.is(&rows("HF", "answered"), 3000);
    let refused: u64 = ["check_digits", "date", "format", "real_in_test"]
        .iter()
        .map(|outcome| scraped.value(&rows("HF", outcome)).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(refused, 3, "{}", scraped.text);
    scraped.is(&rows("HF", "unknown"), 0);
    scraped.is(&rows("AVTALE", "answered"), 12);
    scraped.is(&rows("AVTALE", "unknown"), 3);
    scraped.is("hvelv_new_members_total{register=\"NPR\",source=\"HF\"}", 1500);
    scraped.is("hvelv_new_members_total{register=\"NPR\",source=\"AVTALE\"}", 10);
    scraped.is("hvelv_members{register=\"NPR\"}", 1510);
    scraped.is("hvelv_index_identifiers", 1510);
    scraped.is(&requests(STREAM, "OK"), 1);
    for series in ["hvelv_streams", "hvelv_in_flight_messages", "hvelv_in_flight_bytes"] {
        scraped.is(series, 0);
    }
    // Each of the five batches was mapped, made durable, and waited for one commit.
    for stage in ["mapped", "durable"] {
        scraped.is(&format!("hvelv_batch_seconds_count{{stage=\"{stage}\"}}"), 5);
    }
    let recorded = "store=\"registers\",operation=\"record answers\"";
    scraped.is(&format!("hvelv_commit_batches_count{{{recorded}}}"), 5);
    assert_eq!(
        scraped.value(&format!("hvelv_commit_batches_sum{{{recorded}}}")),
        Some("5.0"),
        "one batch at a time"
    );
    let assigned = "store=\"vault\",operation=\"assign persons\"";
    scraped.is(&format!("hvelv_commit_batches_count{{{assigned}}}"), 4);
    scraped.is(&format!("hvelv_commit_seconds_count{{{assigned}}}"), 4);
    let entries = server.status(&installation).await.audit_entries;
    scraped.is("hvelv_audit_entries", entries);

    // Nothing of what was sent or answered is there.
    let sent = numbers.iter().copied().map(digits);
    for number in sent.chain(ids.iter().map(u64::to_string)) {
        assert!(!scraped.text.contains(&number), "an identifier or an ID is in the metrics");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_are_counted_by_method_and_code() {
    let installation = Installation::new();
    let server = InProcessServer::sealed(&installation).await;
    let address = endpoint(&server);
    let numbers = people(3);
    let channel = installation.connect(server.address, "pipeline").await;
    for _ in 0..3 {
        let refused = refusal(ask(&channel, header("NPR", "HF"), packed(&numbers)).await);
        assert_eq!(refused.0, Code::FailedPrecondition);
    }
    let (mut stream, code) = (Stream::silent(&channel).await.unwrap(), Code::InvalidArgument);
    stream.send(packed(&numbers)).await;
    assert_eq!(stream.hear().await.err().unwrap().code(), code);
    let stranger = installation.connect(server.address, "stranger").await;
    let mut operator = OperatorServiceClient::new(stranger);
    let unseal = UnsealRequest { passphrase: b"canary".to_vec() };
    assert!(bounded(operator.unseal(unseal)).await.is_err());
    bounded(operator.status(StatusRequest {})).await.unwrap();

    let expected = [
        (requests(UNARY, "FAILED_PRECONDITION"), 3),
        (requests(STREAM, "INVALID_ARGUMENT"), 1),
        (requests("/hvelv.v1.OperatorService/Unseal", "PERMISSION_DENIED"), 1),
        (requests("/hvelv.v1.OperatorService/Status", "OK"), 1),
    ];
    let scraped = until(address, |now| {
        expected.iter().all(|(series, _)| now.value(series).is_some())
            && now.value(&expected[0].0) == Some("3")
    })
    .await;
    for (series, count) in expected {
        scraped.is(&series, count);
    }
    scraped.is("hvelv_connections_total{outcome=\"accepted\"}", 2);
    server.stop().await;
}

/// The program itself: where metrics are is in its log, and what is no scrape is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_metrics_and_refuses_what_is_no_scrape() {
    let installation = Installation::new();
    let mut server = ServerProcess::start(&installation.config_file());
    let line = server.process.wait_for("metrics are served");
    let port: String =
        line.split_once("127.0.0.1:").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    // One that says nothing does not keep others out.
    let silent = bounded(tokio::net::TcpStream::connect(address)).await.unwrap();
    let large = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    for (request, status) in [
        ("POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", "405"),
        ("GET /other HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        (large.as_str(), "431"),
    ] {
        let answer = exchange(address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    scrape(address).await.is("hvelv_state{state=\"sealed\"}", 1);
    server.stop();
    drop(silent);
}
