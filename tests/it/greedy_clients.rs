//! Goal: a client that sends slowly, never reads, or holds connections and says nothing, costs the
//! server a bounded amount, and the others are served on.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hvelv::rpc::proto::PseudonymizeStreamRequest;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Outbound;
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};

use crate::harness::{
    BOUND, InProcessServer, Installation, InstallationOptions, PASSPHRASE, ServerProcess, Stream,
    ask, bounded, header, packed, people, reason, unseal, until,
};

fn with_limits(limits: &'static str) -> Installation {
    Installation::with(&InstallationOptions { limits, ..InstallationOptions::default() })
}

async fn is_served(channel: &Channel, numbers: &[u64]) {
    let answer = ask(channel, header("NPR", "HF"), packed(numbers)).await.unwrap();
    assert_eq!(answer.result.unwrap().ids.len(), numbers.len());
}

/// A request body that is sent as it is handed in.
struct Sent(mpsc::UnboundedReceiver<Bytes>);

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

/// A message as gRPC frames it.
fn framed(message: Outbound) -> Vec<u8> {
    let message = PseudonymizeStreamRequest { message: Some(message) }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

/// Opens a stream whose bytes are handed in one by one; gives the status that ends it.
fn open_raw(channel: Channel) -> (mpsc::UnboundedSender<Bytes>, tokio::task::JoinHandle<Status>) {
    let (bytes, sent) = mpsc::unbounded_channel();
    let request = http::Request::post("/hvelv.v1.IngestService/PseudonymizeStream")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(Sent(sent)))
        .unwrap();
    let ended = tokio::spawn(async move {
        let mut channel = channel;
        let response = channel.ready().await.unwrap().call(request).await.unwrap();
        let mut body = std::pin::pin!(response.into_body());
        loop {
            let frame =
                std::future::poll_fn(|context| http_body::Body::poll_frame(body.as_mut(), context));
            let frame = frame.await.expect("a stream ends with a status").unwrap();
            if let Ok(trailers) = frame.into_trailers() {
                return Status::from_header_map(&trailers).unwrap();
            }
        }
    });
    (bytes, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_trickles_is_ended_and_the_others_are_served_meanwhile() {
    let installation = with_limits("stream_idle_timeout_ms = 500");
    let server = InProcessServer::open(&installation).await;
    let numbers = people(20_000);
    let other = installation.connect(server.address, "pipeline").await;
    let slow = installation.connect(server.address, "sender").await;
    let (bytes, ended) = open_raw(slow);
    bytes.send(framed(Outbound::Open(header("NPR", "HF"))).into()).unwrap();
    // Each byte comes in time; the message would not be there for hours.
    let batch = framed(Outbound::Batch(packed(&numbers)));
    let mut rest = batch.iter();
    while !ended.is_finished() {
        let byte = *rest.next().expect("the stream ends before the message does");
        // A stream that has ended takes none.
        drop(bytes.send(vec![byte].into()));
        is_served(&other, &numbers[..10]).await;
    }
    let status = bounded(ended).await.unwrap();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "stream_idle"));
    assert_eq!(server.status(&installation).await.open_deliveries, 0);
    server.stop().await;
}

/// Sends until nothing more is taken; gives how many batches were.
async fn stuff(stream: &Stream, numbers: &[u64]) -> usize {
    let mut sent = 0;
    let taken = Duration::from_secs(1);
    while tokio::time::timeout(taken, stream.send(packed(numbers))).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "the server takes batch after batch and holds all the answers");
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_held_back_then_ended_and_keeps_no_place_from_others() {
    let installation = with_limits("in_flight_messages_max = 4\nstream_idle_timeout_ms = 1000");
    let server = InProcessServer::open(&installation).await;
    let known = people(1000);
    let deaf = installation.connect(server.address, "sender").await;
    let other = installation.connect(server.address, "pipeline").await;
    is_served(&other, &known).await;
    // Answers of 512 KiB: the client's window is full after eight.
    let numbers: Vec<u64> = known.iter().copied().cycle().take(65_536).collect();
    let (stream, _) = Stream::open(&deaf, header("NPR", "HF")).await.unwrap();
    let sent = stuff(&stream, &numbers).await;
    assert!(sent > 4, "it filled what it may have under way: {sent}");

    // Its batches hold all places there are; they are given back while it still does not read.
    let served = async {
        loop {
            match ask(&other, header("NPR", "HF"), packed(&known)).await {
                Ok(_) => return,
                Err(status) => assert_eq!(reason(&status), "too_many_in_flight", "{status:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    bounded(served).await;
    let left = async {
        while server.status(&installation).await.open_deliveries > 0 {
            tokio::task::yield_now().await;
        }
    };
    bounded(left).await;
    drop(stream);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_places_are_all_served_and_none_is_refused() {
    const BATCHES: usize = 5;
    let installation = with_limits("in_flight_messages_max = 1");
    let server = InProcessServer::open(&installation).await;
    let known = people(1000);
    let mut sending = Vec::new();
    for _ in 0..6 {
        let channel = installation.connect(server.address, "sender").await;
        let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
        let known = known.clone();
        sending.push(tokio::spawn(async move {
            for _ in 0..BATCHES {
                stream.send(packed(&known)).await;
            }
            for _ in 0..BATCHES {
                assert_eq!(stream.result().await.unwrap().ids.len(), known.len());
            }
        }));
    }
    for stream in sending {
        bounded(stream).await.unwrap();
    }
    server.stop().await;
}

/// Connections on which nothing is said.
struct Silent(Vec<TcpStream>);

impl Silent {
    /// Lets go of those that the server has closed.
    fn open(&mut self) -> usize {
        self.0.retain_mut(|connection| {
            let read = connection.read(&mut [0]);
            read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
        self.0.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_silent_connections_are_bounded_and_do_not_stop_those_who_are_served() {
    const CONNECTIONS_MAX: usize = 64;
    let installation = with_limits("connections_max = 64");
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    let sender = installation.connect(server.address, "sender").await;
    let numbers = people(100);
    is_served(&sender, &numbers).await;
    let mut silent = Silent(Vec::new());
    for _ in 0..20 {
        for _ in 0..50 {
            let connection = TcpStream::connect_timeout(&server.address, BOUND).unwrap();
            connection.set_nonblocking(true).unwrap();
            silent.0.push(connection);
        }
        until("no more are open than may be", || silent.open() < CONNECTIONS_MAX).await;
        is_served(&sender, &numbers).await;
    }
    // They hold their places until their handshake is late; then others come in.
    let connected = async {
        loop {
            let Ok(channel) = installation.try_connect(server.address, Some("pipeline")).await
            else {
                tokio::task::yield_now().await;
                continue;
            };
            return channel;
        }
    };
    let pipeline = bounded(connected).await;
    is_served(&pipeline, &numbers).await;
    until("all of them are closed", || silent.open() == 0).await;
    drop((operator, sender, pipeline));
    server.stop();
}
