"""An object store that misbehaves costs time and no rows: none lost, none doubled, whatever breaks and when."""

import threading
import time
import zlib

import deltalake
import psycopg
import pytest

from tests.integration.test_s3 import bucket_options, insert, make_table, totals
from tests.support import metrics
from tests.support.fault_proxy import FaultProxy
from tests.support.varve_server import BY_HAND, VarveServer

ROWS_PER_ROUND = 200
ROUNDS = 12
# Short limits, so that a fault is met often in the time of a test.
IMPATIENT = {
    "s3-request-timeout-ms": 400,
    "s3-connect-timeout-ms": 400,
    "s3-retry-secs": 4,
    "flush-interval-secs": 1,
}


def lake_totals(store, bucket):
    """The same numbers as totals(), read from the bucket by somebody else."""
    table = deltalake.DeltaTable(f"s3://{bucket}/varve/readings", storage_options=store.delta_options())
    values = table.to_pyarrow_table(columns=["value"])["value"].to_pylist()
    return len(values), len(set(values)), sum(values)


def flush(server):
    with server.connect() as connection:
        connection.execute("SELECT varve.flush('public.readings')")


def settle(server):
    """Flushes until nothing waits any more; the store is whole again by now."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return flush(server)
        except psycopg.Error:
            assert time.monotonic() < deadline, server.stderr()[-4000:]
            time.sleep(0.2)


@pytest.mark.parametrize(
    "fault, chance",
    [
        ("error_500", 0.5),
        ("slow_down", 0.5),
        ("cut", 0.5),
        ("cut_body", 0.4),
        ("silent", 0.5),
        ("lost_answer", 0.5),
        ("late_silent", 0.3),
    ],
)
def test_no_row_is_lost_or_doubled(tmp_path, shared_versity_gw, fault, chance):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port, seed=zlib.crc32(fault.encode())) as proxy:
        options = {**bucket_options(store, bucket), **IMPATIENT, "s3-endpoint": proxy.endpoint}
        with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
            make_table(connection)
            proxy.break_with(fault, chance)
            flushes_failed = 0
            for i in range(ROUNDS):
                insert(connection, i * ROWS_PER_ROUND, ROWS_PER_ROUND)
                try:
                    flush(server)
                except psycopg.Error:
                    flushes_failed += 1
            assert proxy.faults_done >= 3, f"{proxy.faults_done} faults in {proxy.requests} requests"
            proxy.heal()
            settle(server)
            count = ROUNDS * ROWS_PER_ROUND
            expected = (count, count, sum(range(count)))
            assert totals(connection) == expected
            assert lake_totals(store, bucket) == expected
            retries = [n for name, n in metrics.read(server).items() if name.startswith("varve_s3_retries_total")]
            assert sum(retries) >= 3
            print(f"{fault}: {proxy.faults_done} faults in {proxy.requests} requests, {flushes_failed} failed flushes")


def test_killed_while_answers_are_lost(tmp_path, shared_versity_gw):
    """A commit whose answer was lost and whose writer was killed is found by the next start, not done again."""
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), **IMPATIENT, "s3-endpoint": proxy.endpoint}
        with VarveServer(tmp_path / "data", options) as server:
            for i in range(3):
                with server.connect() as connection:
                    if i == 0:
                        make_table(connection)
                    insert(connection, i * ROWS_PER_ROUND, ROWS_PER_ROUND)
                proxy.break_with("late_silent", match=lambda line: line.startswith("PUT") and ".json" in line)
                before = proxy.faults_done
                flusher = threading.Thread(target=flush_until_cut, args=(server,))
                flusher.start()
                while proxy.faults_done == before:
                    time.sleep(0.01)
                time.sleep(0.2)
                server.kill()
                flusher.join()
                proxy.heal()
                server.start()
            settle(server)
            count = 3 * ROWS_PER_ROUND
            with server.connect() as connection:
                assert totals(connection) == (count, count, sum(range(count)))
            assert lake_totals(store, bucket) == (count, count, sum(range(count)))


def test_a_delete_whose_answer_was_lost_tells_its_rows(tmp_path, shared_versity_gw):
    """Its commit has no file to be recognised by: taken for another writer's, it would find no rows any more."""
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), **BY_HAND, **IMPATIENT, "s3-retry-secs": 1}
        options.update({"s3-endpoint": proxy.endpoint, "flush-interval-secs": 86400})
        with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
            make_table(connection)
            insert(connection, 0, ROWS_PER_ROUND)
            flush(server)
            proxy.break_with("late_silent", match=lambda line: line.startswith("PUT") and ".json" in line)
            timer = threading.Timer(1.5, proxy.heal)
            timer.start()
            deleted = connection.execute("DELETE FROM public.readings").rowcount
            timer.join()
            assert proxy.faults_done >= 2, "the second commit should have met the fault too"
            assert deleted == ROWS_PER_ROUND
            assert totals(connection) == (0, 0, None)
            insert(connection, 0, 10)
            flush(server)
            assert lake_totals(store, bucket) == (10, 10, 45)


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE public.readings SET value = value + 1"],
        ["BEGIN", "DELETE FROM public.readings WHERE value = 7", "COMMIT"],
    ],
)
def test_a_commit_that_happened_keeps_its_files_when_its_retry_is_refused(tmp_path, shared_versity_gw, statements):
    """The refusal is not about the commit that happened; to delete what it names would lose the table's rows."""
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), **BY_HAND, **IMPATIENT, "s3-endpoint": proxy.endpoint}
        options["flush-interval-secs"] = 86400
        with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
            make_table(connection)
            insert(connection, 0, ROWS_PER_ROUND)
            flush(server)
            *before, last = statements
            for statement in before:
                connection.execute(statement)
            proxy.break_with(
                "lost_answer",
                match=lambda line: "_delta_log/0" in line and (line.startswith("PUT") or proxy.faults_done > 0),
                then="full",
            )
            with pytest.raises(psycopg.errors.IoError, match="it is not known whether"):
                connection.execute(last)
            assert proxy.faults_done >= 3, "the retry and the look were to be refused"
            proxy.heal()
            with server.connect() as other:
                other.execute("SELECT varve.refresh('public.readings')")
                seen = totals(other)
            assert seen != (ROWS_PER_ROUND, ROWS_PER_ROUND, sum(range(ROWS_PER_ROUND))), "the commit is there"
            assert lake_totals(store, bucket) == seen


def test_a_commit_that_comes_to_the_store_after_the_restart(tmp_path, shared_versity_gw):
    """Its maker was killed while it was on its way. The rows are replayed; it must not bring them once more."""
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), **BY_HAND, "s3-endpoint": proxy.endpoint}
        with VarveServer(tmp_path / "data", options) as server:
            with server.connect() as connection:
                make_table(connection)
                insert(connection, 0, ROWS_PER_ROUND)
            flush(server)
            with server.connect() as connection:
                insert(connection, ROWS_PER_ROUND, ROWS_PER_ROUND)
            proxy.break_with("held", match=lambda line: line.startswith("PUT") and ".json" in line)
            flusher = threading.Thread(target=flush_until_cut, args=(server,))
            flusher.start()
            while proxy.faults_done == 0:
                time.sleep(0.01)
            time.sleep(0.2)
            server.kill()
            flusher.join()
            proxy.break_with("held", match=lambda line: False)
            server.start()
            proxy.release()
            while proxy.released == 0:
                time.sleep(0.01)
            with server.connect() as connection:
                insert(connection, 2 * ROWS_PER_ROUND, ROWS_PER_ROUND)
                flush(server)
                count = 3 * ROWS_PER_ROUND
                assert totals(connection) == (count, count, sum(range(count)))
                errors = connection.execute("SELECT last_error FROM varve.jobs WHERE last_error <> ''").fetchall()
                assert errors == []
            assert lake_totals(store, bucket) == (count, count, sum(range(count)))


def flush_until_cut(server):
    try:
        flush(server)
    except psycopg.Error:
        pass


def test_writes_go_on_during_an_outage(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), **IMPATIENT, "s3-retry-secs": 1, "s3-endpoint": proxy.endpoint}
        with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
            make_table(connection)
            insert(connection, 0, ROWS_PER_ROUND)
            flush(server)
            proxy.break_with("outage")
            slowest = 0.0
            for i in range(1, 40):
                began = time.monotonic()
                insert(connection, i * ROWS_PER_ROUND, ROWS_PER_ROUND)
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.1)
            assert slowest < 2.0, "an acknowledgement waits for the log, not for the store"
            assert totals(connection)[0] == 40 * ROWS_PER_ROUND, "what was flushed is read from the cache"
            with pytest.raises(psycopg.Error) as error:
                flush(server)
            assert "s3://" in str(error.value)
            proxy.heal()
            settle(server)
            count = 40 * ROWS_PER_ROUND
            assert totals(connection) == (count, count, sum(range(count)))
            assert lake_totals(store, bucket) == (count, count, sum(range(count)))


def test_a_stop_does_not_wait_for_a_store_that_is_away(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with FaultProxy(store.port) as proxy:
        options = {**bucket_options(store, bucket), "s3-endpoint": proxy.endpoint, "s3-retry-secs": 600}
        with VarveServer(tmp_path / "data", options) as server:
            with server.connect() as connection:
                make_table(connection)
                insert(connection, 0, ROWS_PER_ROUND)
            proxy.break_with("outage")
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 25
            proxy.heal()
            server.start()
            with server.connect() as connection:
                assert totals(connection)[0] == ROWS_PER_ROUND
