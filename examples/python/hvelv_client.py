"""A client of Hvelv made from its protos alone: a column of identifiers in, register IDs out.

What a pipeline needs of the interface, in the order it meets it: certificates, a batch as packed
digits, a unary request, and a stream that keeps a bounded number of batches under way.

Identifiers are never printed, logged or put into an exception here; keep it so in what you make of
it.  An identifier and its register ID side by side are the most sensitive thing that a pipeline
holds: do not write both to one file.
"""

import importlib
import pathlib
import sys
import tempfile
import threading
import tomllib

import grpc
import polars as pl
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

FNR_DIGITS = 11

# The largest message that we take: the answer to the largest batch (65,536 rows, each with 8 bytes
# of ID and at most 8 of a note) is about a mebibyte.
MESSAGE_BYTES_MAX = 4 << 20


def load_interface(proto_directory):
    """Compiles the protos into a temporary directory and gives the modules (messages, services)."""
    proto_directory = pathlib.Path(proto_directory).resolve()
    with tempfile.TemporaryDirectory() as generated:
        code = protoc.main([
            "protoc",
            f"--proto_path={proto_directory}",
            f"--python_out={generated}",
            f"--grpc_python_out={generated}",
            str(proto_directory / "hvelv/v1/ingest.proto"),
        ])
        if code != 0:
            raise RuntimeError(f"the protos in {proto_directory} do not compile")
        sys.path.insert(0, generated)
        try:
            messages = importlib.import_module("hvelv.v1.ingest_pb2")
            services = importlib.import_module("hvelv.v1.ingest_pb2_grpc")
        finally:
            sys.path.remove(generated)
    return messages, services


def connect(connect_file, server=None):
    """A channel as a connection file has it: the one that `hvelv --connect` takes.

    `server` replaces the file's address, as `hvelv --server` does.
    """
    connect_file = pathlib.Path(connect_file)
    options = tomllib.loads(connect_file.read_text())

    def read(name):
        return (connect_file.parent / options[name]).read_bytes()

    credentials = grpc.ssl_channel_credentials(
        root_certificates=read("ca"),
        private_key=read("key"),
        certificate_chain=read("certificate"),
    )
    address = (server or options["server"]).removeprefix("https://")
    return grpc.secure_channel(
        address, credentials, options=[("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
    )


class Answers:
    """Register IDs in the order of the rows, and the rows that have none."""

    def __init__(self, messages):
        self._messages = messages
        self._ids = []
        self._rejects = []
        self._rows = 0

    def add(self, result):
        """Adds the answer to the next batch."""
        for note in result.notes:
            name = self._messages.RowCode.Name(note.code).removeprefix("ROW_CODE_").lower()
            # Notes count from 0 within their batch; we from 1 within the frame, as `hvelv` does.
            self._rejects.append((self._rows + note.row + 1, name))
        self._ids.extend(result.ids)
        self._rows += len(result.ids)

    def ids(self):
        """One ID a row, null where there is none."""
        ids = pl.Series("id", self._ids, dtype=pl.UInt64)
        return ids.to_frame().select(pl.when(pl.col("id") != 0).then(pl.col("id"))).to_series()

    def rejects(self):
        """Rows without an ID, counted from 1, and why; never the value."""
        return pl.DataFrame(
            self._rejects, schema={"row": pl.UInt64, "code": pl.String}, orient="row"
        )


class Client:
    """Deliveries from one source to one register."""

    def __init__(self, channel, messages, services, *, register, source, year):
        self._messages = messages
        self._stub = services.IngestServiceStub(channel)
        self._header = messages.DeliveryHeader(
            register=register,
            source=source,
            purpose=messages.INGEST_PURPOSE_REPORTING,
            mode=messages.MODE_RESOLVE_OR_ASSIGN,
            period=messages.ReportingPeriod(
                # `from` is a word of Python's, hence the dictionary.
                **{
                    "from": messages.CalendarDate(year=year, month=1, day=1),
                    "to": messages.CalendarDate(year=year, month=12, day=31),
                }
            ),
        )

    def batch(self, column):
        """A batch of a column of text.

        Packed digits are 11 bytes a row without separators, so every row must have exactly 11:
        one that is shorter would shift all rows behind it to other persons.  A batch with such a
        row therefore goes as text, and the server says which rows are wrong.
        """
        batch = self._messages.IdentifierBatch(type=self._messages.IDENTIFIER_TYPE_ANY)
        is_digits = column.str.contains(f"^[0-9]{{{FNR_DIGITS}}}$").fill_null(False)
        if is_digits.all():
            batch.packed_ascii = column.str.join("").item().encode("ascii")
            assert len(batch.packed_ascii) == FNR_DIGITS * len(column)
        else:
            batch.text.values.extend(column.fill_null("").to_list())
        return batch

    def pseudonymize(self, column, timeout_s=30):
        """One batch, which is a delivery of its own: for small ones."""
        request = self._messages.PseudonymizeRequest(
            delivery=self._header, batch=self.batch(column)
        )
        answers = Answers(self._messages)
        answers.add(self._stub.Pseudonymize(request, timeout=timeout_s).result)
        return answers

    def pseudonymize_stream(self, column, *, batch_rows=4096, in_flight=8):
        """A delivery of any size, and its summary.

        At most `in_flight` batches are sent and not yet answered.  So memory is bounded on both
        sides, and a server that is slow slows us down instead of refusing us.

        After an error send the whole delivery again: what was answered gets the same IDs.
        """
        slots = threading.BoundedSemaphore(in_flight)
        opened, ended = threading.Event(), threading.Event()
        rows_max = []

        def requests():
            message = self._messages.PseudonymizeStreamRequest
            yield message(open=self._header)
            # The answer says how large a batch may be.
            while not opened.wait(timeout=1):
                if ended.is_set():
                    return
            rows = min(batch_rows, rows_max[0])
            for start in range(0, len(column), rows):
                while not slots.acquire(timeout=1):
                    if ended.is_set():
                        return
                yield message(batch=self.batch(column.slice(start, rows)))

        answers, summary = Answers(self._messages), None
        try:
            for reply in self._stub.PseudonymizeStream(requests()):
                match reply.WhichOneof("message"):
                    case "opened":
                        rows_max.append(reply.opened.batch_identifiers_max)
                        opened.set()
                    case "result":
                        answers.add(reply.result)
                        slots.release()
                    case "summary":
                        summary = reply.summary
        finally:
            ended.set()
        # Without its summary a delivery is not complete, however much was answered.
        if summary is None or summary.rows != len(column):
            raise RuntimeError("the delivery was not stored whole; send it again")
        return answers, summary


def reason(error):
    """What a refusal says, for people: text, the server's own code, and every field that is wrong.

    The details are those of `google.rpc`; none of them holds a value that was sent.
    """
    lines = [f"{error.code().name}: {error.details()}"]
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            lines.append(f"code {info.reason}, request {info.metadata.get('request_id', '-')}")
        elif detail.Unpack(request):
            lines.extend(f"{one.field}: {one.description}" for one in request.field_violations)
    return "\n  ".join(lines)
