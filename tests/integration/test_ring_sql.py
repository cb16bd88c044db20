"""Rings over the wire: what PostgreSQL's clients see of them, and that statements read what they need."""

import threading

import psycopg
import pytest

from tests.support.http_client import ask
from tests.support.parts import wait_until

BEGIN = 1_700_000_000


def post(server, samples):
    return ask(server, "POST", "/ingest/batch", {"samples": samples})


def samples_of(name, count, slots=3600, **more):
    return [{"name": name, "ts": BEGIN + i, "value": i, "step": 1, "slots": slots, **more} for i in range(count)]


def ids_of(connection, pattern):
    rows = connection.execute("SELECT metric_id FROM ring.metrics WHERE name LIKE %s ORDER BY 1", [pattern])
    return [row[0] for row in rows]


def plan_of(connection, sql, parameters=None):
    return "\n".join(row[0] for row in connection.execute("EXPLAIN ANALYZE " + sql, parameters))


def test_prepared_statements_read_one_ring(shared_server):
    for i in range(4):
        post(shared_server, samples_of(f"prepared_{i}", 50))
    with shared_server.connect() as connection:
        ids = ids_of(connection, "prepared_%")
        assert len(ids) == 4
        for metric in ids:
            sql = "SELECT ts, value FROM ring.samples WHERE metric_id = %s AND ts >= %s ORDER BY ts"
            rows = connection.execute(sql, [metric, BEGIN + 48], prepare=True).fetchall()
            assert rows == [(BEGIN + 48, 48.0), (BEGIN + 49, 49.0)]
            plan = plan_of(connection, sql, [metric, BEGIN + 48])
            assert "Rings Read: 1" in plan and "Samples Read: 2" in plan, plan


def test_a_join_reads_the_rings_of_its_name(shared_server):
    for host in range(60):
        post(shared_server, samples_of("joined", 3, tags={"host": f"h{host}"}))
        post(shared_server, samples_of("not_joined", 3, tags={"host": f"h{host}"}))
    with shared_server.connect() as connection:
        sql = "SELECT count(*) FROM ring.samples JOIN ring.metrics m USING (metric_id) WHERE m.name = 'joined'"
        assert connection.execute(sql).fetchone() == (180,)
        plan = plan_of(connection, sql)
        read = int(plan.split("Rings Read:")[1].split()[0])
        assert 60 <= read < 120, plan


def test_types_and_names(shared_server):
    post(shared_server, samples_of("typed", 1, type="counter"))
    with shared_server.connect() as connection:
        cursor = connection.execute(
            "SELECT s.*, to_timestamp(s.ts), diff(s.value, 1) OVER (ORDER BY s.ts), ts_bucket(s.ts, 60) FROM "
            "ring.samples s JOIN ring.metrics m USING (metric_id) WHERE m.name = 'typed'")
        types = [connection.adapters.types[column.type_code].name for column in cursor.description]
        assert [column.name for column in cursor.description] == [
            "metric_id", "ts", "value", "type", "to_timestamp", "diff", "ts_bucket"]
        assert types == ["int8", "int8", "float8", "int2", "timestamptz", "float8", "int8"]
        row = cursor.fetchone()
        assert row[1:4] == (BEGIN, 0.0, 1) and row[4].timestamp() == BEGIN and row[5] is None


@pytest.mark.parametrize("sql", [
    "INSERT INTO ring.samples VALUES (1, 1, 1, 0)",
    "INSERT INTO ring.metrics SELECT 1, 'a', 0, 1, 1",
    "UPDATE ring.samples SET value = 1",
    "DELETE FROM ring.metric_tags",
    "TRUNCATE ring.samples",
])
@pytest.mark.parametrize("prepare", [False, True])
def test_sql_does_not_write(shared_server, sql, prepare):
    with shared_server.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="over HTTP only"):
            connection.execute(sql, prepare=prepare)


def test_copy_in_is_refused(shared_server):
    with shared_server.connect() as connection:
        with pytest.raises(psycopg.Error), connection.cursor().copy("COPY ring.samples FROM STDIN") as copy:
            copy.write("1\t1\t1\t0\n")


def test_samples_can_be_copied_out(shared_server):
    post(shared_server, samples_of("copied", 3))
    with shared_server.connect() as connection:
        metric = ids_of(connection, "copied")[0]
        sql = f"COPY (SELECT ts, value FROM ring.samples WHERE metric_id = {metric}) TO STDOUT"
        with connection.cursor().copy(sql) as copy:
            text = b"".join(copy).decode()
        assert text == "".join(f"{BEGIN + i}\t{i}\n" for i in range(3))


def test_samples_show_up_while_a_transaction_is_open(shared_server):
    """Rings are no part of a transaction: what is acknowledged is seen by the next statement."""
    post(shared_server, samples_of("seen", 1))
    with shared_server.connect(autocommit=False) as connection:
        metric = ids_of(connection, "seen")[0]
        count = "SELECT count(*) FROM ring.samples WHERE metric_id = %s"
        assert connection.execute(count, [metric]).fetchone() == (1,)
        post(shared_server, samples_of("seen", 5))
        assert connection.execute(count, [metric]).fetchone() == (5,)


def cancel_when_it_runs(server, connection):
    def runs():
        found = watcher.execute("SELECT count(*) FROM varve.sessions WHERE statement LIKE 'SELECT sum(a.value%'")
        return found.fetchone()[0] == 1

    with server.connect() as watcher:
        wait_until(runs, "the long statement")
    connection.cancel()


def test_a_long_statement_is_cancelled(shared_server):
    for i in range(30):
        post(shared_server, samples_of(f"long_{i}", 3000))
    with shared_server.connect() as connection:
        canceller = threading.Thread(target=cancel_when_it_runs, args=(shared_server, connection))
        canceller.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(
                "SELECT sum(a.value * b.value) FROM ring.samples a JOIN ring.samples b ON a.value <> b.value + 0.5 "
                "JOIN ring.samples c ON c.ts <> a.ts + b.ts")
        canceller.join()
