"""Replaces the identifiers of a CSV file by register IDs.

    python ingest.py --connect pipeline.toml --register NPR --source HF --year 2026 \\
        --id-column fnr episodes.csv episodes-npr.csv

Rows without an ID are left out of the output and listed beside it, in OUTPUT.rejects.csv, by row
and code.
"""

import argparse
import pathlib
import sys
import tomllib

import grpc
import polars as pl

import hvelv_client

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "proto"


def options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connect", required=True, help="connection file of the pipeline")
    parser.add_argument("--server", help="https://HOST:PORT, instead of the file's")
    parser.add_argument("--register", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--year", required=True, type=int, help="the year reported about")
    parser.add_argument("--id-column", required=True)
    parser.add_argument("--separator", default=",", help="between columns; `;` in Excel's files")
    parser.add_argument("--unary", action="store_true", help="one request: at most 65536 rows")
    parser.add_argument("--batch-rows", type=int, default=4096)
    parser.add_argument("--in-flight", type=int, default=8, help="batches sent and not answered")
    parser.add_argument("--protos", default=PROTOS)
    parser.add_argument("input")
    parser.add_argument("output")
    return parser.parse_args()


def read(given):
    """The frame.  Errors here say nothing that stands in the file: that may be an identifier."""
    try:
        # Everything as text: as numbers, identifiers would lose their leading zeros.
        frame = pl.read_csv(given.input, separator=given.separator, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        sys.exit(
            f"{given.input} cannot be read ({type(error).__name__}): "
            "is it there, is it CSV in UTF-8, and is --separator right?"
        )
    if given.id_column not in frame.columns:
        sys.exit(
            f"{given.input} has no column {given.id_column} in its first row: "
            "is it spelt so, and is --separator right?"
        )
    return frame


def main():
    given = options()
    frame = read(given)
    column = frame[given.id_column]

    messages, services = hvelv_client.load_interface(given.protos)
    try:
        channel = hvelv_client.connect(given.connect, given.server)
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"{given.connect} cannot be used: {error}")
    with channel:
        client = hvelv_client.Client(
            channel,
            messages,
            services,
            register=given.register,
            source=given.source,
            year=given.year,
        )
        try:
            if given.unary:
                answers = client.pseudonymize(column)
            else:
                answers, _ = client.pseudonymize_stream(
                    column, batch_rows=given.batch_rows, in_flight=given.in_flight
                )
        except grpc.RpcError as error:
            sys.exit(f"refused: {hvelv_client.reason(error)}")

    id_name = f"{given.register.lower()}_id"
    ids = answers.ids().alias(id_name)
    rest = frame.drop(given.id_column)
    # Only once everything is answered is anything written, and never beside an identifier.
    rest.insert_column(0, ids).filter(pl.col(id_name).is_not_null()).write_csv(given.output)
    rejects = answers.rejects()
    rejects.write_csv(f"{given.output}.rejects.csv")
    print(f"{len(frame)} rows, {len(rejects)} rejected, written: {given.output}")


if __name__ == "__main__":
    main()
