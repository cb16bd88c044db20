"""Merging a large partition stays within its memory, however its files overlap in time.

In CI 100 MB; VARVE_FULL=1 takes a partition of 2 GB, which must be merged within 512 MB.
"""

import os
import pathlib

import pytest

from tests.support.varve_server import VarveServer

pytestmark = pytest.mark.alone

FULL = os.environ.get("VARVE_FULL") == "1"
FILES = 40 if FULL else 10
ROWS_PER_FILE = 100_000 if FULL else 10_000
LIMIT_MB = 512
OPTIONS = {
    "compact-interval-secs": 0,
    "vacuum-interval-secs": 0,
    "flush-interval-secs": 3600,
    "optimize-target-mb": "512MB" if FULL else "64MB",
    "statement-timeout-ms": 0,
}


def memory_mb(server, what):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) >> 10


def feed(connection, step, first_of):
    # A kilobyte of text to a row that compresses to its half.
    payload = " || ".join(f"md5((i * 37 + {n} + file * 7919)::text)" for n in range(32))
    for file in range(FILES):
        connection.execute(
            "INSERT INTO t (timestamp, id, payload) SELECT timestamptz '2026-01-05 00:00:00+00' + "
            f"({first_of(file)} + i * {step}) * interval '1 millisecond', "
            f"{file * ROWS_PER_FILE} + i, {payload} FROM (SELECT i, {file} AS file FROM "
            f"range({ROWS_PER_FILE}) r(i))"
        )
        connection.execute("SELECT varve.flush('t')")


@pytest.mark.parametrize("overlap", ["one after the other", "all at once"])
def test_a_large_partition_within_the_memory_limit(tmp_path, overlap):
    with VarveServer(tmp_path / "data", OPTIONS) as server:
        with server.connect() as connection:
            connection.execute(
                "CREATE TABLE t (timestamp timestamptz, id bigint, payload text) WITH (bloom = 'id')"
            )
            if overlap == "all at once":
                feed(connection, FILES, lambda file: file)
            else:
                feed(connection, 1, lambda file: file * ROWS_PER_FILE)
            bytes_before = connection.execute(
                "SELECT sum(bytes) FROM varve.files WHERE table_name = 't'"
            ).fetchone()[0]
        server.stop()
        server.start()  # What loading took must not count.
        with server.connect() as connection:
            connection.execute("SELECT count(*) FROM t").fetchall()
            before = memory_mb(server, "VmRSS")
            pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
            said = connection.execute("SELECT varve.compact('t')").fetchone()[0]
            taken = memory_mb(server, "VmHWM") - before
            print(f"\n{overlap}: {int(bytes_before) >> 20} MB, {said}, {taken} MB taken")
            assert int(said.split()[0]) >= FILES, "merged at least once each"
            assert taken <= LIMIT_MB
            rows = FILES * ROWS_PER_FILE
            assert connection.execute("SELECT count(*), sum(id) FROM t").fetchone() == (
                rows,
                rows * (rows - 1) // 2,
            )
