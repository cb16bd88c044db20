"""The store goes away: writers and readers go on, nothing is lost, and what waited is committed when it is back."""

import time

import psycopg
import pytest

from tests.support import metrics
from tests.support.http_client import HttpClient
from tests.support.object_stores import VersityGw
from tests.support.store_outage import BucketOutage, FolderOutage
from tests.support.varve_server import VarveServer

CREATE = """CREATE TABLE raw.outage (timestamp timestamptz NOT NULL, n bigint NOT NULL, body text)
  WITH (time_column = 'timestamp', partition_by = 'date')"""
MIB = 1 << 20
BUFFER_MB = 16
OPTIONS = {
    "buffer-max-memory-mb": BUFFER_MB,
    "flush-interval-secs": 1,
    "shutdown-grace-secs": 1,
    "lake-refresh-secs": 0,
}
ROWS_PER_COPY = 1000
BODY = "x" * 990
# How long a statement waits for the store before it fails; by default half a minute.
RETRY_S = 4
# From SIGTERM, as the guide promises.
END_WITHIN_S = OPTIONS["shutdown-grace-secs"] + 25


@pytest.fixture(params=["folder", "bucket"])
def outage(request, tmp_path):
    if request.param == "folder":
        yield FolderOutage(tmp_path / "data")
        return
    with VersityGw() as store:
        yield BucketOutage(store)


def options_for(outage):
    if isinstance(outage, FolderOutage):
        return OPTIONS
    store = outage.store
    return {
        **OPTIONS,
        "s3-bucket": store.new_bucket(),
        "s3-endpoint": store.endpoint,
        "s3-access-key": store.access_key,
        "s3-secret-key": store.secret_key,
        "s3-allow-http": "true",
        "s3-retry-secs": RETRY_S,
    }


@pytest.fixture
def server(tmp_path, outage):
    running = VarveServer(tmp_path / "data", options_for(outage)).start()
    with running.connect() as connection:
        connection.execute(CREATE)
    yield running
    if running.process is not None:
        running.kill()


def write(server, first, copies):
    """`copies` MiB; returns the number of the row after the last."""
    with server.connect() as connection:
        for _ in range(copies):
            with connection.cursor().copy("COPY raw.outage (timestamp, n, body) FROM STDIN") as copy:
                for n in range(first, first + ROWS_PER_COPY):
                    copy.write(f"2026-04-0{1 + n % 3} 12:00:00+00\t{n}\t{n}{BODY}\n")
            first += ROWS_PER_COPY
            used = metrics.read(server)["varve_buffer_bytes"]
            assert used <= BUFFER_MB * MIB, f"{used} bytes of memory"
    return first


def expect_rows(server, rows):
    with server.connect() as connection:
        counts = connection.execute("SELECT count(*), count(DISTINCT n), min(n), max(n) FROM raw.outage").fetchone()
    assert counts == (rows, rows, 0, rows - 1)


def wait_for_backlog(server):
    return metrics.wait_until(server, lambda m: m["varve_staged_parts"] > 0, "staging")


def wait_for_drain(server):
    metrics.wait_until(server, lambda m: m["varve_staged_parts"] == 0, "the end of the backlog")


def staged_files(server):
    return list((server.data_dir / "staged").iterdir())


def wait_for_no_files(server):
    """A statement that reads them, or an upload of a table that was dropped, may hold them for a moment."""
    deadline = time.monotonic() + 60
    while staged_files(server):
        assert time.monotonic() < deadline, f"{len(staged_files(server))} files without a reader are still there"
        time.sleep(0.05)


def test_writers_and_readers_go_on_and_the_backlog_drains(server, outage):
    outage.begin()
    rows = write(server, 0, 5 * BUFFER_MB)  # never an error
    shown = wait_for_backlog(server)
    assert shown["varve_staged_rows"] > ROWS_PER_COPY
    assert shown["varve_staged_bytes"] > 0
    expect_rows(server, rows)
    with server.connect() as connection:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT varve.flush('raw.outage')")
        error = connection.execute("SELECT last_error FROM varve.jobs WHERE name = 'flush'").fetchone()[0]
        assert "raw.outage" in error
        staged, size, since, buffered, version = connection.execute(
            "SELECT staged_rows, staged_bytes, staged_since, buffer_rows, lake_version FROM varve.tables"
            " WHERE table_name = 'outage'"
        ).fetchone()
    assert staged + buffered == rows and size > 0 and since is not None
    assert staged_files(server)
    log_bytes = metrics.read(server)["varve_log_disk_bytes"]

    outage.end()
    wait_for_drain(server)
    with server.connect() as connection:
        connection.execute("SELECT varve.flush('raw.outage')")
        after = connection.execute(
            "SELECT lake_version, file_rows, staged_since FROM varve.tables WHERE table_name = 'outage'"
        ).fetchone()
        assert after[1:] == (rows, None)
        assert after[0] <= version + 4, "many parts belong into one commit"
    assert not staged_files(server)
    expect_rows(server, rows)
    if log_bytes > 65 * MIB:
        metrics.wait_until(server, lambda m: m["varve_log_disk_bytes"] < log_bytes, "cutting the log")
    write(server, rows, 2)
    server.stop()


def test_a_kill_during_the_outage_loses_nothing(server, outage):
    with outage:
        rows = write(server, 0, 3 * BUFFER_MB)
        wait_for_backlog(server)
        server.kill()
    assert staged_files(server)
    # The log holds three times what the memory does: replay stages too.
    server.start()
    expect_rows(server, rows)
    wait_for_drain(server)
    expect_rows(server, rows)
    server.kill()
    server.start()
    expect_rows(server, rows)
    server.stop()


def test_an_end_during_the_outage_is_in_time(server, outage):
    server.stop()
    server.options.pop("s3-retry-secs", None)  # An end must not wait for what is tried by default.
    server.start()
    with outage:
        rows = write(server, 0, 2 * BUFFER_MB)
        wait_for_backlog(server)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < END_WITHIN_S
    server.start()
    expect_rows(server, rows)
    server.stop()


def test_a_full_log_refuses_writes_until_the_store_is_back(tmp_path):
    server = VarveServer(tmp_path / "data", {**OPTIONS, "log-max-mb": 16})
    with server, FolderOutage(server.data_dir) as outage:
        with server.connect() as connection:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("CREATE TABLE raw.other (timestamp timestamptz)")
        outage.end()
        with server.connect() as connection:
            connection.execute(CREATE)
        outage.begin()
        rows = 0
        with pytest.raises(psycopg.errors.DiskFull, match="log"):
            while True:
                body = "".join(f"{chr(33 + (rows * i) % 90)}" for i in range(1, 2000)).replace("\\", "/")
                with server.connect() as connection:
                    connection.execute(
                        "INSERT INTO raw.outage SELECT '2026-04-01 00:00:00+00', i + %s, md5((i + %s)::text) || %s"
                        " FROM range(1000) t(i)",
                        (rows, rows, body),
                    )
                rows += 1000
                assert rows < 1_000_000, "the log is never full"
        expect_rows(server, rows)
        with HttpClient(server) as client:
            assert "log-max-mb" in client.refused(503, "GET", "/readyz")
            assert client.ok("GET", "/healthz")
        outage.end()
        metrics.wait_until(server, lambda m: m["varve_staged_parts"] == 0, "the end of the backlog")
        deadline = time.monotonic() + 60
        while True:
            try:
                write(server, rows, 1)
                break
            except psycopg.errors.DiskFull:
                assert time.monotonic() < deadline, "the log is still full"
                time.sleep(0.2)
        expect_rows(server, rows + ROWS_PER_COPY)
        with HttpClient(server) as client:
            assert client.ok("GET", "/readyz")
        outage.begin()


def test_a_reader_keeps_the_files_that_it_began_with(server, outage):
    with outage:
        rows = write(server, 0, 2 * BUFFER_MB)
        wait_for_backlog(server)
        reader = server.connect()
        stream = reader.cursor().stream("SELECT n, body FROM raw.outage")  # more than sockets hold
        seen = [next(stream)[0]]
    wait_for_drain(server)
    kept = len(staged_files(server))
    seen += [row[0] for row in stream]
    assert sorted(seen) == list(range(rows))
    reader.close()
    assert kept > 0, "the statement was over too early to prove anything"
    wait_for_no_files(server)
    server.stop()


def test_a_table_is_altered_and_dropped_while_rows_wait(server, outage):
    with outage:
        rows = write(server, 0, 2 * BUFFER_MB)
        wait_for_backlog(server)
        with server.connect() as connection:
            with pytest.raises(psycopg.Error):
                connection.execute("ALTER TABLE raw.outage ADD COLUMN extra text")
        expect_rows(server, rows)
    with server.connect() as connection:
        connection.execute("ALTER TABLE raw.outage ADD COLUMN extra text")
        connection.execute(f"INSERT INTO raw.outage (timestamp, n, extra) VALUES ('2026-04-01', {rows}, 'new')")
        expected = [(None, rows), ("new", 1)]
        query = "SELECT extra, count(*) FROM raw.outage GROUP BY extra ORDER BY 2 DESC"
        assert connection.execute(query).fetchall() == expected
        connection.execute("SELECT varve.flush('raw.outage')")
        assert connection.execute(query).fetchall() == expected
    with outage:
        write(server, rows + 1, 2 * BUFFER_MB)
        wait_for_backlog(server)
    with server.connect() as connection:
        connection.execute("DROP TABLE raw.outage")
    wait_for_no_files(server)
    server.stop()
