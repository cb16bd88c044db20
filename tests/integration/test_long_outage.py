"""Rows go in steadily while the object store breaks in each of its ways and then is away for long.

VARVE_FULL=1 takes the store away for ten minutes, with the limits on requests that servers have by default; in CI for
some seconds, with short ones.
"""

import collections
import os
import pathlib
import secrets
import threading
import time

import deltalake
import pytest

from tests.integration.test_s3 import bucket_options
from tests.support import metrics
from tests.support.fault_proxy import FaultProxy
from tests.support.varve_server import VarveServer

FULL = os.environ.get("VARVE_FULL") == "1"
OUTAGE_S = 600 if FULL else 8
FAULT_S = 20 if FULL else 1
FAULTS = ["error_500", "slow_down", "cut", "cut_body", "silent", "lost_answer", "late_silent"]
ROWS_PER_COPY = 200
COPIES_PER_S = 10 if FULL else 25
BUFFER_MB = 32 if FULL else 16
DRAIN_S = 120
COMPACT_S = 180
SLOWEST_ACKNOWLEDGEMENT_S = 5.0
OPTIONS = {
    "buffer-max-memory-mb": BUFFER_MB,
    "memory-limit-mb": 256,
    "cache-memory-mb": 32,
    "compact-memory-mb": 256,
    "flush-interval-secs": 5 if FULL else 1,
    "compact-interval-secs": 60 if FULL else 5,
}
# What the options allow in all, and the process itself.
MEMORY_MB = sum(value for name, value in OPTIONS.items() if name.endswith("-mb")) + 80
IMPATIENT = {"s3-request-timeout-ms": 400, "s3-connect-timeout-ms": 400, "s3-retry-secs": 2}
MIB = 1 << 20
CREATE = "CREATE TABLE raw.outage (timestamp timestamptz NOT NULL, n bigint NOT NULL, body text)"


class Beside(threading.Thread):
    """Calls `once()` every `period_s` until the block ends, which fails if a call has failed."""

    def __init__(self, once, period_s):
        super().__init__(daemon=True)
        self._once, self._period_s = once, period_s
        self._over = threading.Event()
        self.error = None

    def run(self):
        due = time.monotonic()
        try:
            while not self._over.is_set():
                self._once()
                due = max(due + self._period_s, time.monotonic() - 1)
                self._over.wait(max(0.0, due - time.monotonic()))
        except BaseException as error:  # raised where the block ends
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self._over.set()
        self.join()
        if self.error is not None:
            raise self.error


class Feed:
    """COPY after COPY on one connection; `rows` is how many are acknowledged, numbered from 0."""

    def __init__(self, connection):
        self.connection = connection
        self.rows = 0
        self.slowest_s = 0.0
        self.filler = "x" * 870

    def once(self):
        began = time.monotonic()
        with self.connection.cursor().copy("COPY raw.outage (timestamp, n, body) FROM STDIN") as copy:
            for n in range(self.rows, self.rows + ROWS_PER_COPY):
                day = 1 + n * 3 // 1_000_000
                copy.write(f"2026-04-{day:02} 12:00:00+00\t{n}\t{secrets.token_hex(64)}{self.filler}\n")
        self.rows += ROWS_PER_COPY
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)


class Watch:
    """The most memory and the largest backlog that were ever seen, and the most memory of each phase."""

    def __init__(self, server):
        self.server = server
        self.most = collections.defaultdict(float)
        self.phase = "start"

    def once(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        self._see("resident_mib", int(resident.split()[1]) / 1024)
        self._see(f"resident_mib {self.phase}", int(resident.split()[1]) / 1024)
        now = metrics.read(self.server)
        self._see("buffer_mib", now["varve_buffer_bytes"] / MIB)
        for name in ("parts", "rows", "bytes"):
            self._see(f"staged_{name}", now[f"varve_staged_{name}"])
        self._see("log_mib", now["varve_log_disk_bytes"] / MIB)

    def _see(self, name, value):
        self.most[name] = max(self.most[name], value)


class Reader:
    """Every row that was acknowledged before a statement is in its answer, once."""

    def __init__(self, connection, feed):
        self.connection, self.feed = connection, feed
        self.answers = 0
        self.last_s = 0.0

    def once(self):
        acknowledged = self.feed.rows
        began = time.monotonic()
        row = self.connection.execute("SELECT count(*), min(n), max(n), sum(n) FROM raw.outage").fetchone()
        self.last_s = time.monotonic() - began
        assert row[0] >= acknowledged
        assert row == (row[0], 0, row[0] - 1, row[0] * (row[0] - 1) // 2) or row == (0, None, None, None)
        self.answers += 1


def lake_ids(store, bucket):
    table = deltalake.DeltaTable(f"s3://{bucket}/varve/raw.outage", storage_options=store.delta_options())
    return table.to_pyarrow_table(columns=["n"])["n"].to_pylist(), len(table.file_uris())


def each_fault(proxy, feed):
    for fault in FAULTS:
        before, rows = proxy.faults_done, feed.rows
        proxy.break_with(fault, chance=0.5)
        time.sleep(FAULT_S)
        proxy.heal()
        assert feed.rows > rows, f"{fault}: no acknowledgement in {FAULT_S} s"
        print(f"{fault}: {proxy.faults_done - before} faults, {feed.rows - rows} rows acknowledged")


def away(proxy, feed):
    proxy.break_with("outage")
    began = time.monotonic()
    while time.monotonic() < began + OUTAGE_S:
        rows = feed.rows
        time.sleep(min(SLOWEST_ACKNOWLEDGEMENT_S, OUTAGE_S))
        assert feed.rows > rows, f"no acknowledgement {time.monotonic() - began:.0f} s into the outage"


def lake_files(server):
    with server.connect() as connection:
        rows = connection.execute("SELECT path FROM varve.files WHERE table_name = 'outage'").fetchall()
    return {path for (path,) in rows}


def compacted(server, files):
    """Seconds until compaction has merged nine tenths of these files, while others are added."""
    began = time.monotonic()
    while len(lake_files(server) & files) > len(files) / 10:
        assert time.monotonic() < began + COMPACT_S, f"{len(lake_files(server) & files)} of {len(files)} files are left"
        time.sleep(0.5)
    return time.monotonic() - began


def drain(server):
    """Seconds until all that is staged at one moment is in the lake, while rows go on coming in."""
    began = time.monotonic()
    waiting = metrics.read(server)["varve_staged_rows"]
    while metrics.read(server)["varve_staged_rows"] > waiting / 20:
        assert time.monotonic() < began + DRAIN_S, f"the backlog is still there; {server.stderr()[-4000:]}"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.timeout(0)
def test_every_row_outlives_an_outage(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port, seed=7) as proxy:
        options = {**bucket_options(store, bucket), **OPTIONS, **({} if FULL else IMPATIENT)}
        options["s3-endpoint"] = proxy.endpoint
        with VarveServer(tmp_path / "data", options) as server:
            with server.connect() as connection:
                connection.execute(CREATE)
            feed, watch = Feed(server.connect()), Watch(server)
            reader = Reader(server.connect(), feed)
            with (
                Beside(watch.once, 0.2),
                Beside(reader.once, 10 if FULL else 0.5),
                Beside(feed.once, 1 / COPIES_PER_S),
            ):
                watch.phase = "faults before"
                each_fault(proxy, feed)
                watch.phase = "outage"
                rows_before = feed.rows
                away(proxy, feed)
                rows_meanwhile = feed.rows - rows_before
                read_before_s = reader.last_s
                watch.phase = "drain"
                proxy.heal()
                drained_s = drain(server)
                watch.phase = "compaction"
                small_files = lake_files(server)
                print(f"drained in {drained_s:.1f} s to {len(small_files)} files; most: {dict(watch.most)}", flush=True)
                compacted_s = compacted(server, small_files)
                watch.phase = "faults after"
                each_fault(proxy, feed)
                drain(server)
            feed.connection.close()
            reader.once()
            with server.connect() as connection:
                connection.execute("SELECT varve.flush('raw.outage')")
            reader.once()
            reader.connection.close()
            ids, files = lake_ids(store, bucket)
    assert len(ids) == feed.rows
    assert set(ids) == set(range(feed.rows))
    most = dict(watch.most)
    print(
        f"{OUTAGE_S} s away: {rows_meanwhile} of {feed.rows} rows, slowest acknowledgement {feed.slowest_s:.2f} s, "
        f"drained in {drained_s:.1f} s to {len(small_files)} files, compacted {compacted_s:.1f} s later, "
        f"{reader.answers} reads, the last in the outage took {read_before_s:.2f} s, {files} files at the end; "
        f"most: {most}"
    )
    assert feed.slowest_s < SLOWEST_ACKNOWLEDGEMENT_S
    assert most["buffer_mib"] <= BUFFER_MB
    assert most["resident_mib"] <= MEMORY_MB
    assert rows_meanwhile * 1000 > 2 * BUFFER_MB * MIB, "the outage was too short to prove anything about memory"
