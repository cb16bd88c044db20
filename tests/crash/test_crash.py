"""Kills the server with SIGKILL, at random and at named fault points, and checks every promise.

25 and more kills by default; VARVE_CRASH_KILLS=500 for the long run. VARVE_CRASH_SEED repeats a run's
choices (the moment of a kill is still the machine's).
"""

import os
import random
import time

import psycopg
import pytest

from tests.crash import rounds, workload
from tests.crash.ledger import Ledger, Violation
from tests.support.varve_server import VarveServer

FAULT_POINTS = [
    "log.after_write",
    "log.after_sync",
    "log.mid_truncate",
    "flush.mid_files",
    "flush.after_stage",
    "flush.mid_upload",
    "flush.after_files",
    "flush.after_commit",
    "lake.mid_checkpoint",
]
KILLS = int(os.environ.get("VARVE_CRASH_KILLS", "26"))
SEED = int(os.environ.get("VARVE_CRASH_SEED", time.time_ns() % 1_000_000))
FAULT_TIMEOUT_S = 180
# A small log makes segments of 4 MiB, so that rotation and truncation happen in every round.
OPTIONS = {"log-max-mb": 16, "flush-interval-secs": 3600, "buffer-max-memory-mb": 64}


def one_round(server, ledger, dice, fault):
    """Starts, checks what the last kill left, writes, and dies at `fault` (None: at a random moment)."""
    # The start itself flushes and truncates what the last kill left.
    fault = rounds.start(server, fault, dice)
    if server.alive():
        ledger.check(workload.look(server))
    # Truncation deletes whole segments: that fault needs some megabytes of rows.
    filler_bytes = 20_000 if fault == "log.mid_truncate" else dice.choice([10, 400])
    clients = [workload.Writer(server, ledger, dice.random(), filler_bytes) for _ in range(3)]
    clients.append(workload.Flusher(server))
    rounds.run_until_killed(server, clients, fault, dice.uniform(0.02, 0.8), FAULT_TIMEOUT_S)


@pytest.mark.timeout(120 + KILLS * 30)
def test_every_acknowledged_row_survives_once(tmp_path):
    dice = random.Random(SEED)
    ledger = Ledger()
    server = VarveServer(tmp_path / "data", OPTIONS)
    server.start()
    with server.connect() as connection:
        connection.execute(workload.CREATE)
    server.stop()
    plan = rounds.kill_plan(FAULT_POINTS, KILLS, dice)
    with rounds.explained(server, SEED):
        for number, fault in enumerate(plan):
            print(f"kill {number + 1}/{len(plan)}: {fault or 'random moment'}", flush=True)
            one_round(server, ledger, dice, fault)
        # Once more after a clean stop: the flush at SIGTERM neither loses nor doubles.
        for _ in range(2):
            server.start()
            ledger.check(workload.look(server))
            server.stop()
    print(f"{len(plan)} kills, {ledger.acknowledged_batches} batches, {ledger.acknowledged_rows} rows held")
    assert ledger.acknowledged_batches > len(plan), "the clients hardly wrote: nothing was proven"


@pytest.mark.parametrize(
    "fault, survives",
    [
        ("log.after_write", False),
        ("log.after_sync", False),
        ("commit.before_definitions", False),
        ("commit.after_definitions", True),
    ],
)
def test_definitions_and_rows_of_one_transaction_survive_together(tmp_path, fault, survives):
    """Also where the log has all rows already: whether they count is DuckDB's commit to say."""
    row = "('2026-01-02 03:04:05+00', 1)"
    with VarveServer(tmp_path / "data", OPTIONS) as server:
        with server.connect() as connection:
            connection.execute("CREATE SCHEMA s2; CREATE TABLE p (timestamp timestamptz NOT NULL, v integer)")
        server.stop()
        server.start({"VARVE_FAULT": fault})
        with server.connect() as connection, pytest.raises(psycopg.OperationalError):
            connection.execute(
                f"BEGIN; INSERT INTO p VALUES {row}; CREATE TABLE s2.n (timestamp timestamptz NOT NULL, v integer);"
                f"INSERT INTO s2.n VALUES {row}; COMMIT"
            )
        assert server.wait_for_death(FAULT_TIMEOUT_S)
        server.kill()
        expected = 1 if survives else 0
        for _ in range(2):  # Replayed twice: the decision must not be forgotten by the first start.
            server.start()
            with server.connect() as connection:
                assert connection.execute("SELECT count(*) FROM p").fetchone() == (expected,)
                tables = connection.execute("SELECT count(*) FROM varve.tables WHERE schema_name = 's2'").fetchone()
                assert tables == (expected,)
                if survives:
                    assert connection.execute("SELECT v FROM s2.n").fetchall() == [(1,)]
            server.kill()
        server.start()
        server.stop()  # Flushed, and replayed from nothing.
        server.start()
        with server.connect() as connection:
            assert connection.execute("SELECT count(*) FROM p").fetchone() == (expected,)


def test_the_ledger_sees_each_kind_of_broken_promise():
    """The checker itself: it must be able to fail."""

    def ledger_with_one():
        ledger = Ledger()
        ledger.acknowledge(ledger.begin(2))
        return ledger

    ledger_with_one().check({0: (2, 2, 0, 1, 0)})
    for found in (
        {},
        {0: (1, 1, 0, 0, 0)},
        {0: (4, 2, 0, 1, 0)},
        {0: (2, 2, 0, 1, 1)},
        {0: (2, 2, 0, 1, 0), 7: (1, 1, 0, 0, 0)},
    ):
        with pytest.raises(Violation):
            ledger_with_one().check(found)
    rolled_back = Ledger()
    rolled_back.refuse(rolled_back.begin(1))
    with pytest.raises(Violation):
        rolled_back.check({0: (1, 1, 0, 0, 0)})
    # An unknown batch that was there at the first look must stay there.
    unknown = Ledger()
    unknown.begin(1)
    unknown.check({0: (1, 1, 0, 0, 0)})
    with pytest.raises(Violation):
        unknown.check({})


@pytest.mark.parametrize("fault", ["dml.mid_files", "dml.after_files", "dml.after_commit"])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_delete_or_update_survives_whole_or_not_at_all(tmp_path, fault, transaction):
    """Two partitions are touched, by one statement or by several of one transaction."""
    with VarveServer(tmp_path / "data", OPTIONS) as server:
        with server.connect() as connection:
            connection.execute(
                "CREATE TABLE c (timestamp timestamptz NOT NULL, id integer, grp text) WITH (partition_by = 'grp')")
            connection.execute(
                "INSERT INTO c SELECT '2026-01-01'::timestamptz, i, 'g' || i % 2 FROM generate_series(1, 100) s(i)")
        server.stop()
        server.start({"VARVE_FAULT": fault})
        statement = "UPDATE c SET id = id + 1000 WHERE id <= 10"
        if transaction:
            statement = (f"BEGIN; INSERT INTO c VALUES ('2026-01-01', 7, 'g3'); {statement};"
                         "DELETE FROM c WHERE id = 1007; COMMIT")
        with server.connect() as connection, pytest.raises(psycopg.OperationalError):
            connection.execute(statement)
        assert server.wait_for_death(FAULT_TIMEOUT_S)
        server.kill()
        if fault != "dml.after_commit":
            expected = (100, 5050)
        elif transaction:
            expected = (99, 5050 + 10 * 1000 - 1007)
        else:
            expected = (100, 5050 + 10 * 1000)
        for _ in range(2):
            server.start()
            with server.connect() as connection:
                assert connection.execute("SELECT count(*), sum(id) FROM c").fetchone() == expected
                connection.execute("INSERT INTO c VALUES ('2026-01-01', 0, 'g1')")
                connection.execute("DELETE FROM c WHERE id = 0")
            server.kill()
        server.start()
        with server.connect() as connection:
            assert connection.execute("SELECT count(*), sum(id) FROM c").fetchone() == expected
