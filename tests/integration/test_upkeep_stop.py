"""Compaction that is cancelled, stopped with the server or killed with it ends soon and loses nothing."""

import threading
import time

import psycopg
import pytest

from tests.support.varve_server import BY_HAND, VarveServer

# It takes times, which other tests beside it would change.
pytestmark = pytest.mark.alone

FILES = 6
ROWS_PER_FILE = 30_000
# The longest that a step of a merge takes: compressing one row group.
END_SECONDS_MAX = 8
TOTALS = "SELECT count(*), sum(id), max(length(payload)) FROM t"
EXPECTED = (FILES * ROWS_PER_FILE, sum(range(FILES * ROWS_PER_FILE)), 1024)


def feed(connection):
    """Files whose merge takes many times longer than what it may take to end it."""
    connection.execute("CREATE TABLE t (timestamp timestamptz, id bigint, payload text)")
    payload = " || ".join(f"md5((i * 37 + {n})::text)" for n in range(32))
    for file in range(FILES):
        first = file * ROWS_PER_FILE
        connection.execute(
            "INSERT INTO t (timestamp, id, payload) SELECT timestamptz '2026-01-05 00:00:00+00' + "
            f"i * interval '1 millisecond', i, {payload} FROM range({first}, {first + ROWS_PER_FILE}) r(i)"
        )
        connection.execute("SELECT varve.flush('t')")


def doing(connection):
    return connection.execute("SELECT doing FROM varve.jobs WHERE name = 'compact'").fetchone()[0]


def wait_for_merge(connection):
    deadline = time.monotonic() + 30
    while not doing(connection):
        assert time.monotonic() < deadline, "no merge is shown in varve.jobs"
        time.sleep(0.01)
    assert doing(connection).startswith(f"public.t: merging {FILES} files of ")
    time.sleep(0.5)  # Into the middle of it.


def scratch_folders(server):
    return [path for path in server.data_dir.rglob("compact-*") if path.is_dir()]


def check_and_merge(server, connection):
    assert connection.execute(TOTALS).fetchone() == EXPECTED
    assert connection.execute("SELECT files FROM varve.tables WHERE table_name = 't'").fetchone() == (FILES,)
    connection.execute("SET statement_timeout = 0")
    assert connection.execute("SELECT varve.compact('t')").fetchone()[0].startswith(f"{FILES} files of ")
    assert connection.execute(TOTALS).fetchone() == EXPECTED
    assert not scratch_folders(server)


def test_a_cancelled_compaction_ends_soon(tmp_path):
    with VarveServer(tmp_path / "data", BY_HAND) as server:
        with server.connect() as connection, server.connect() as merging:
            feed(connection)
            errors = []

            def merge():
                try:
                    merging.execute("SELECT varve.compact('t')")
                except psycopg.Error as error:
                    errors.append(error)

            thread = threading.Thread(target=merge)
            thread.start()
            wait_for_merge(connection)
            assert scratch_folders(server)
            began = time.monotonic()
            merging.cancel()
            thread.join()
            took = time.monotonic() - began
            print(f"a cancelled merge ended within {took:.2f} s")
            assert [type(error) for error in errors] == [psycopg.errors.QueryCanceled]
            assert took < END_SECONDS_MAX
            assert not doing(connection) and not scratch_folders(server)
            check_and_merge(server, connection)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_server_ends_during_a_compaction(tmp_path, how):
    server = VarveServer(tmp_path / "data", BY_HAND)
    with server, server.connect() as connection:
        feed(connection)
        server.stop()
        # On its schedule now, as nobody waits for its end then.
        server.options["compact-interval-secs"] = 1
        server.start()
        with server.connect() as again:
            wait_for_merge(again)
            assert scratch_folders(server)
            began = time.monotonic()
            getattr(server, how)()
            took = time.monotonic() - began
        print(f"{how} during a merge took {took:.2f} s")
        assert took < END_SECONDS_MAX
        server.options["compact-interval-secs"] = 0
        server.start()
        with server.connect() as again:
            assert not scratch_folders(server)
            check_and_merge(server, again)
