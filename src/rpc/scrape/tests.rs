use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::rpc::harness::{BOUND, bounded};

const TEXT: &str = "hvelv_streams 3\n# EOF\n";

fn config(connections_max: usize, connection_timeout_ms: u64) -> MetricsEndpoint {
    let listen = "127.0.0.1:0".parse().unwrap();
    MetricsEndpoint { enabled: true, listen, connections_max, connection_timeout_ms }
}

async fn serve(config: &MetricsEndpoint, scrape: Scrape) -> (SocketAddr, Scraping) {
    let endpoint = Endpoint::bind(config).await.unwrap().unwrap();
    (endpoint.address, endpoint.serve(scrape))
}

async fn usual() -> (SocketAddr, Scraping) {
    serve(&config(8, 60_000), Arc::new(|| Ok(TEXT.to_owned()))).await
}

/// Sends bytes and reads until the server closes; a connection that is reset ends too.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = bounded(TcpStream::connect(address)).await.unwrap();
    // A server that has refused already takes no more.
    drop(bounded(stream.write_all(bytes)).await);
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    drop(bounded(stream.read_to_end(&mut answer)).await);
    String::from_utf8(answer).unwrap()
}

/// Asks until a place is free.
async fn until_answered(address: SocketAddr) -> String {
    let asking = async {
        loop {
            let answer = exchange(address, b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
            if !answer.is_empty() {
                return answer;
            }
        }
    };
    tokio::time::timeout(BOUND, asking).await.expect("a place becomes free within the bound")
}

#[tokio::test]
async fn metrics_are_answered_as_open_metrics_and_the_connection_is_closed() {
    let (address, scraping) = usual().await;
    for request in ["GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n", "GET /metrics?a=b HTTP/1.0\r\n\r\n"]
    {
        let answer = exchange(address, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 OK"), "{head}");
        assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"));
        assert_eq!(body, TEXT);
    }
    scraping.stop().await;
}

#[tokio::test]
async fn nothing_but_get_metrics_is_answered_and_no_answer_repeats_what_was_asked() {
    let (address, scraping) = usual().await;
    let long = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "canary".repeat(4000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "x: canary\r\n".repeat(64));
    for (request, status) in [
        ("POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 9999\r\n\r\ncanary", "405"),
        ("HEAD /metrics HTTP/1.1\r\nhost: a\r\n\r\n", "405"),
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        ("GET /metrics/canary HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        ("POST /canary HTTP/1.1\r\nhost: a\r\n\r\n", "404"),
        ("canary\r\n\r\n", "400"),
        (&long, "431"),
        (&many, "431"),
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        let shown = request.get(..60).unwrap_or(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown}: {answer}");
        assert_eq!(answer.contains("allow: GET"), status == "405", "{answer}");
        assert!(!answer.contains("canary"), "{answer}");
    }
    // HTTP/2, and TLS.
    for other in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"\x16\x03\x01\x00\x05\x01\x00\x00"] {
        let answer = exchange(address, other).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert!(until_answered(address).await.ends_with(TEXT), "the endpoint still works");
    scraping.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_and_who_finds_no_place_at_once() {
    let (address, scraping) = serve(&config(1, 200), Arc::new(|| Ok(TEXT.to_owned()))).await;
    let mut silent = bounded(TcpStream::connect(address)).await.unwrap();
    let second = exchange(address, b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(second, "", "the only place is taken");
    assert!(!rest(&mut silent).await.contains("200"), "the silent one is closed");
    assert!(until_answered(address).await.ends_with(TEXT));
    scraping.stop().await;
}

#[tokio::test]
async fn who_does_not_read_holds_a_place_for_the_lifetime_of_a_connection_only() {
    // More than the buffers of both ends take.
    let (address, scraping) = serve(&config(1, 200), Arc::new(|| Ok("x".repeat(64 << 20)))).await;
    let mut slow = bounded(TcpStream::connect(address)).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut second = bounded(TcpStream::connect(address)).await.unwrap();
    assert_eq!(rest(&mut second).await, "", "the only place is taken");
    assert!(until_answered(address).await.contains("200 OK"));
    drop(slow);
    scraping.stop().await;
}

#[tokio::test]
async fn a_scrape_that_fails_is_a_status_and_not_an_end() {
    let fail: Scrape = Arc::new(|| Err(fmt::Error));
    let (address, scraping) = serve(&config(1, 60_000), fail).await;
    for _ in 0..2 {
        assert!(until_answered(address).await.starts_with("HTTP/1.1 500"));
    }
    scraping.stop().await;
}

#[tokio::test]
async fn stopping_closes_the_port_and_every_connection() {
    let (address, scraping) = usual().await;
    let mut silent = bounded(TcpStream::connect(address)).await.unwrap();
    bounded(scraping.stop()).await;
    assert_eq!(rest(&mut silent).await, "");
    assert!(bounded(TcpStream::connect(address)).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let (address, scraping) = usual().await;
    let taken = MetricsEndpoint { listen: address, ..config(1, 100) };
    let error = Endpoint::bind(&taken).await.err().unwrap();
    assert_eq!(error.to_string(), format!("{address} cannot be listened on"));
    let off = MetricsEndpoint { enabled: false, ..taken };
    assert!(Endpoint::bind(&off).await.unwrap().is_none());
    scraping.stop().await;
}
