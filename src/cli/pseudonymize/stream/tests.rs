use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Request as Call, Response as Reply, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt};

use super::*;
use crate::cli::connect::runtime;
use crate::cli::pseudonymize::answers::{Judge, Tally};
use crate::cli::pseudonymize::columns::{Common, declare, parse_column};
use crate::cli::pseudonymize::engine::{self, Input, Output, Sending};
use crate::cli::pseudonymize::lists::{Lists, SideFile};
use crate::cli::pseudonymize::progress::{Progress, Size, Voice};
use crate::cli::pseudonymize::words::{IdentifierType, Rejected};
use crate::files::delimited::{Layout, RowReader, RowWriter, Table};
use crate::files::destination::Existing;
use crate::files::guard::Guard;
use crate::files::{LeadingZeros, Place, Writer};
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::ingest_service_server::{IngestService, IngestServiceServer};
use crate::rpc::proto::{DeliveryOpened, PseudonymizeRequest, PseudonymizeResponse};
use crate::rpc::whole_body;

/// How the server saw a delivery end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The client closed its side: the delivery is complete.
    Closed,
    /// The stream broke.
    Broken,
}

/// When the server refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    AtOpen,
    AfterBatches(usize),
    Never,
}

struct FakeServer {
    refusal: Refusal,
    ended: Sender<Ended>,
}

type Answers = mpsc::Sender<Result<PseudonymizeStreamResponse, Status>>;

async fn serve(
    mut requests: Streaming<PseudonymizeStreamRequest>,
    answers: Answers,
    refusal: Refusal,
) -> Ended {
    let send = |message| answers.send(Ok(PseudonymizeStreamResponse { message: Some(message) }));
    let (mut batches, mut rows) = (0, 0);
    loop {
        let message = match requests.message().await {
            Ok(Some(request)) => request.message.unwrap(),
            Ok(None) => break,
            Err(_) => return Ended::Broken,
        };
        let Request::Batch(batch) = message else {
            let opened = DeliveryOpened { delivery_id: String::new(), batch_identifiers_max: 100 };
            send(Response::Opened(opened)).await.unwrap();
            continue;
        };
        if refusal == Refusal::AfterBatches(batches) {
            let status = Status::resource_exhausted("the stream is too long");
            answers.send(Err(status)).await.unwrap();
            return Ended::Broken;
        }
        let Some(Column::PackedAscii(bytes)) = batch.column else { panic!("not packed") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let id = |at: usize| text[at * 11..at * 11 + 11].parse::<u64>().unwrap();
        let ids = (0..text.len() / 11).map(|at| 100_000_000_000_000 + id(at)).collect::<Vec<_>>();
        assert!(ids.len() <= 100, "more than the server takes");
        (batches, rows) = (batches + 1, rows + ids.len() as u64);
        let answer = RegisterIds { ids, ..RegisterIds::default() };
        if send(Response::Result(answer)).await.is_err() {
            return Ended::Broken;
        }
    }
    let summary = DeliverySummary { rows, answered: rows, ..DeliverySummary::default() };
    send(Response::Summary(summary)).await.unwrap();
    Ended::Closed
}

#[async_trait]
impl IngestService for FakeServer {
    type PseudonymizeStreamStream = ReceiverStream<Result<PseudonymizeStreamResponse, Status>>;

    async fn pseudonymize(
        &self,
        _: Call<PseudonymizeRequest>,
    ) -> Result<Reply<PseudonymizeResponse>, Status> {
        Err(Status::unimplemented("not used by this program"))
    }

    async fn pseudonymize_stream(
        &self,
        request: Call<Streaming<PseudonymizeStreamRequest>>,
    ) -> Result<Reply<Self::PseudonymizeStreamStream>, Status> {
        if self.refusal == Refusal::AtOpen {
            let details = ErrorDetails::with_error_info("server_sealed", "hvelv", []);
            let code = tonic::Code::FailedPrecondition;
            return Err(Status::with_error_details(code, "the server is sealed", details));
        }
        let (answers, replies) = mpsc::channel(1);
        let (ended, refusal) = (self.ended.clone(), self.refusal);
        tokio::spawn(async move {
            ended.send(serve(request.into_inner(), answers, refusal).await).unwrap();
        });
        Ok(Reply::new(ReceiverStream::new(replies)))
    }
}

/// A server on a port that the system picks, in a runtime of its own.
fn start(refusal: Refusal) -> (Runtime, String, Receiver<Ended>) {
    let runtime = runtime().unwrap();
    let (ended, seen) = channel();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = IngestServiceServer::new(FakeServer { refusal, ended });
    let server = Server::builder().layer(whole_body::layer()).add_service(service);
    runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (runtime, address, seen)
}

/// Sends a file in a runtime that has ended when this returns, as the process would have.
fn send(address: &str, input: &[u8], out: &Path) -> Result<Tally, Error> {
    let runtime = runtime().unwrap();
    let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect_lazy_in(&runtime);
    let delivery = runtime.block_on(Delivery::open(channel, DeliveryHeader::default()))?;
    let common =
        Common { kind: IdentifierType::Any, output: "npr_id", leading_zeros: LeadingZeros::Kept };
    let columns = declare(&[parse_column("fnr").unwrap()], &[], common)?;
    let mut guard = Guard::new(jiff::civil::date(2026, 11, 22), Vec::new())?;
    let table = Table::open(input, &["fnr"], Layout::default())?;
    let ids = columns.iter().map(|declared| declared.column.clone()).collect();
    let reader = RowReader::new(table, (ids, Vec::new()), delivery.batch_rows_max(), &mut guard)?;
    let writer = RowWriter::create(out, Existing::Keep, b"npr_id\n")?;
    let list = |what| SideFile::create(None, what, Existing::Keep);
    let lists = Lists { rejects: list("code")?, leaf_ids: list("leaf_id")? };
    let judge = Judge::new(&columns, Rejected::LeaveOut, lists, Default::default());
    let progress = Progress::new(Voice::Quiet, out, Size::Bytes(0));
    let input = Input { reader, guard, begin: Place::default() };
    let output = Output { writer, judge, checkpoints: None, progress };
    let sending = Sending { columns, assigner: String::new() };
    let finished = engine::run(&runtime, input, output, &sending, delivery)?;
    let tally = *finished.output.judge.tally();
    finished.output.writer.publish()?;
    Ok(tally)
}

/// `connect_lazy` wants to be called within a runtime.
trait ConnectLazyIn {
    fn connect_lazy_in(&self, runtime: &Runtime) -> Channel;
}

impl ConnectLazyIn for Endpoint {
    fn connect_lazy_in(&self, runtime: &Runtime) -> Channel {
        let _inside = runtime.enter();
        self.connect_lazy()
    }
}

fn rows(count: usize) -> String {
    (0..count).map(|row| format!("{row:011}\n")).collect()
}

const A_MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_whole_file_is_answered_in_order_and_the_delivery_is_closed() {
    let (_server, address, seen) = start(Refusal::Never);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let input = format!("fnr\n{}", rows(5_000));
    assert_eq!(send(&address, input.as_bytes(), &out).unwrap().rows, 5_000);
    assert_eq!(seen.recv_timeout(A_MINUTE), Ok(Ended::Closed));
    let expected: String = (0..5_000).map(|row| format!("1000{row:011}\n")).collect();
    assert!(std::fs::read_to_string(out).unwrap() == format!("npr_id\n{expected}"));
}

/// Goal: the server must not take half a file for a delivery.
#[test]
fn a_file_that_turns_out_damaged_never_closes_the_delivery() {
    let (_server, address, seen) = start(Refusal::Never);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let input = format!("fnr\n{}1,2\n", rows(5_000));
    let error = send(&address, input.as_bytes(), &out).unwrap_err();
    assert!(error.to_string().starts_with("row 5001 (line 5002) has 2 fields"), "{error}");
    assert_eq!(seen.recv_timeout(A_MINUTE), Ok(Ended::Broken));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_sealed_server_says_so_at_once() {
    let (_server, address, _seen) = start(Refusal::AtOpen);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let error = send(&address, b"fnr\n00000000001\n", &out).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition);
    assert_eq!(error.advice(), ["Open it first: hvelv unseal."]);
}

#[test]
fn a_refusal_half_way_is_the_error_and_nothing_is_written() {
    let (_server, address, _seen) = start(Refusal::AfterBatches(7));
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let input = format!("fnr\n{}", rows(5_000));
    let error = send(&address, input.as_bytes(), &out).unwrap_err();
    assert_eq!(error.exit(), Exit::Unavailable);
    assert_eq!(error.to_string(), "the stream is too long");
    let said = error.advice().last().unwrap();
    assert!(said.contains("rows had been answered; nothing was written"), "{said}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let (server, address, _seen) = start(Refusal::Never);
    drop(server);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let error = send(&address, b"fnr\n00000000001\n", &out).unwrap_err();
    assert_eq!(error.exit(), Exit::Unavailable);
}
