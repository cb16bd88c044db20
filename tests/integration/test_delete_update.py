"""DELETE and UPDATE beside everything else that happens to a table: inserts, flushes, compaction, other writers."""

import json
import os
import pathlib
import random
import threading
import time

import deltalake
import psycopg
import pyarrow
import pyarrow.parquet
import pytest

RUN_S = 6
COLUMNS = "(timestamp timestamptz NOT NULL, id bigint NOT NULL, v integer NOT NULL, grp text NOT NULL)"
OPTIONS = "WITH (time_column = 'timestamp', partition_by = 'grp', sort_by = 'id')"


def path_of(server, table):
    name = table.split(".")[1]
    logs = pathlib.Path(server.data_dir).rglob("_delta_log")
    found = [path.parent for path in logs if path.parent.name.endswith(name)]
    assert len(found) == 1, f"tables named {name}: {found}"
    return found[0]


def delta(server, table):
    return deltalake.DeltaTable(str(path_of(server, table)))


def commits(server, table):
    """The actions of each version of the table's log."""
    return [
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted((path_of(server, table) / "_delta_log").glob("*.json"))
    ]


def data_files(server, table):
    return {path for path in path_of(server, table).rglob("*.parquet") if "_delta_log" not in path.parts}


class Expected:
    """What each row must be: id -> v. A client owns the ids that it made, so that nobody races for a row."""

    def __init__(self):
        self.rows = {}
        self.changes = 0


def change(server, expected, client, stop, errors):
    dice = random.Random(client)
    try:
        with server.connect() as connection:
            number = 0
            while not stop.is_set():
                ids = [id for id in expected.rows if id % 10 == client]
                step = dice.random()
                if step < 0.5 or len(ids) < 5:
                    new = [number * 10 + client + i * 10 for i in range(5)]
                    number += 5
                    values = ", ".join(f"('2026-01-01 00:00:00+00', {id}, 0, 'g{id % 3}')" for id in new)
                    connection.execute(f"INSERT INTO raw.ledger (timestamp, id, v, grp) VALUES {values}")
                    expected.rows.update(dict.fromkeys(new, 0))
                elif step < 0.75:
                    chosen = dice.sample(ids, 3)
                    done = connection.execute("DELETE FROM raw.ledger WHERE id = ANY(%s)", [chosen])
                    assert done.rowcount == 3
                    for id in chosen:
                        del expected.rows[id]
                else:
                    chosen = dice.sample(ids, 3)
                    done = connection.execute(
                        "UPDATE raw.ledger SET v = v + 1, grp = 'g' || (v %% 4) WHERE id = ANY(%s) RETURNING id, v",
                        [chosen])
                    for id, v in done.fetchall():
                        assert v == expected.rows[id] + 1
                        expected.rows[id] = v
                    assert done.rowcount == 3
                expected.changes += 1
                # Read-your-writes, from another session's point of view of the same rows too.
                mine = {id: v for id, v in expected.rows.items() if id % 10 == client}
                found = dict(connection.execute(
                    f"SELECT id, v FROM raw.ledger WHERE id % 10 = {client}").fetchall())
                assert found == mine
    except Exception as error:  # pylint: disable=broad-except
        errors.append(error)
        stop.set()


def repeat(server, statement, pause_s, stop, errors, done):
    try:
        with server.connect() as connection:
            while not stop.wait(pause_s):
                connection.execute(statement)
                done.append(1)
    except Exception as error:  # pylint: disable=broad-except
        errors.append(error)
        stop.set()


@pytest.mark.timeout(180)
def test_no_row_is_lost_doubled_or_brought_back_beside_flush_and_compaction(server):
    with server.connect() as connection:
        connection.execute(f"CREATE TABLE raw.ledger {COLUMNS} {OPTIONS}")
    expected = [Expected() for _ in range(3)]
    stop, errors, flushes, compactions = threading.Event(), [], [], []
    threads = [
        threading.Thread(target=change, args=(server, expected[client], client, stop, errors)) for client in range(3)
    ]
    threads.append(threading.Thread(
        target=repeat, args=(server, "SELECT varve.flush('raw.ledger')", 0.05, stop, errors, flushes)))
    threads.append(threading.Thread(
        target=repeat, args=(server, "SELECT varve.compact('raw.ledger')", 0.3, stop, errors, compactions)))
    for thread in threads:
        thread.start()
    stop.wait(RUN_S)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert len(flushes) > 10 and len(compactions) > 3
    assert all(one.changes > 10 for one in expected)
    wanted = {id: v for one in expected for id, v in one.rows.items()}

    def check():
        with server.connect() as connection:
            found = connection.execute("SELECT id, v FROM raw.ledger").fetchall()
            assert len(found) == len(wanted) and dict(found) == wanted
            connection.execute("SELECT varve.flush('raw.ledger')")

    check()
    server.stop()
    server.start()
    check()
    table = delta(server, "raw.ledger").to_pyarrow_table()
    read = list(zip(table.column("id").to_pylist(), table.column("v").to_pylist()))
    assert len(read) == len(wanted) and dict(read) == wanted
    operations = {action["commitInfo"]["operation"] for actions in commits(server, "raw.ledger")
                  for action in actions if "commitInfo" in action}
    assert {"DELETE", "UPDATE"} <= operations


def fill(connection, table, rows, groups=4):
    connection.execute(f"CREATE TABLE {table} {COLUMNS} {OPTIONS}")
    connection.execute(
        f"INSERT INTO {table} (timestamp, id, v, grp) "
        f"SELECT timestamptz '2026-01-01 00:00:00+00' + i * interval '1 second', i, i % 7, 'g' || (i % {groups}) "
        f"FROM generate_series(0, {rows - 1}) s(i)")


def test_a_whole_partition_goes_without_a_data_file_written(shared_server):
    with shared_server.connect() as connection:
        fill(connection, "raw.parts", 400)
        connection.execute("SELECT varve.flush('raw.parts')")
        before = data_files(shared_server, "raw.parts")
        assert connection.execute("DELETE FROM raw.parts WHERE grp = 'g1'").statusmessage == "DELETE 100"
        assert data_files(shared_server, "raw.parts") == before
        last = commits(shared_server, "raw.parts")[-1]
        assert [next(iter(action)) for action in last] == ["commitInfo", "remove"]
        assert last[0]["commitInfo"]["operation"] == "DELETE" and last[1]["remove"]["dataChange"] is True
        assert connection.execute("TRUNCATE raw.parts").statusmessage == "TRUNCATE TABLE"
        assert data_files(shared_server, "raw.parts") == before
        assert delta(shared_server, "raw.parts").to_pyarrow_table().num_rows == 0


def test_what_deltalake_reads_and_its_statistics_are_exact(shared_server):
    with shared_server.connect() as connection:
        fill(connection, "raw.exact", 5000)
        connection.execute("SELECT varve.flush('raw.exact')")
        connection.execute("DELETE FROM raw.exact WHERE id < 100 OR id > 4000 OR v = 3")
        connection.execute("UPDATE raw.exact SET v = -5 WHERE id = 2000")
        rows = connection.execute("SELECT id, v, grp FROM raw.exact ORDER BY id").fetchall()
    table = delta(shared_server, "raw.exact")
    read = table.to_pyarrow_table().sort_by("id").select(["id", "v", "grp"]).to_pylist()
    assert [tuple(row.values()) for row in read] == rows and len(rows) > 3000
    for action in pyarrow.table(table.get_add_actions(flatten=True)).to_pylist():
        file = path_of(shared_server, "raw.exact") / action["path"]
        values = pyarrow.parquet.ParquetFile(file).read().to_pydict()
        assert action["num_records"] == len(values["id"])
        assert (action["min.id"], action["max.id"]) == (min(values["id"]), max(values["id"]))
        assert (action["min.v"], action["max.v"]) == (min(values["v"]), max(values["v"]))
        # Newest first, as everywhere.
        assert values["timestamp"] == sorted(values["timestamp"], reverse=True)


def test_a_cancelled_statement_changes_nothing_and_leaves_no_file(shared_server):
    with shared_server.connect() as connection:
        fill(connection, "raw.cancelled", 200_000, groups=1)
        connection.execute("SELECT varve.flush('raw.cancelled')")
        before = data_files(shared_server, "raw.cancelled")
        versions = len(commits(shared_server, "raw.cancelled"))
        stopped = 0
        for wait_s in (0.0, 0.005, 0.02, 0.05, 0.1, 0.2):
            timer = threading.Timer(wait_s, connection.cancel)
            timer.start()
            connection.execute("BEGIN")
            try:
                connection.execute("UPDATE raw.cancelled SET v = v + 1 WHERE id % 2 = 0")
            except psycopg.errors.QueryCanceled:
                stopped += 1
            timer.join()
            try:
                connection.execute("ROLLBACK")
            except psycopg.errors.QueryCanceled:
                connection.execute("ROLLBACK")
        assert stopped > 0
        assert data_files(shared_server, "raw.cancelled") == before
        assert len(commits(shared_server, "raw.cancelled")) == versions
        total = connection.execute("SELECT sum(v) FROM raw.cancelled").fetchone()[0]
        assert total == sum(i % 7 for i in range(200_000))


def test_a_commit_whose_files_are_gone_is_refused(shared_server):
    """Another server's vacuum has deleted them: no version names them yet, and an hour has passed."""
    with shared_server.connect() as connection:
        fill(connection, "raw.late", 100)
        connection.execute("SELECT varve.flush('raw.late')")
        total = connection.execute("SELECT count(*), sum(v) FROM raw.late").fetchone()
        before = data_files(shared_server, "raw.late")
        connection.execute("BEGIN")
        connection.execute("UPDATE raw.late SET v = v + 1 WHERE id < 10")
        added = data_files(shared_server, "raw.late") - before
        assert added
        for file in added:
            file.unlink()
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            connection.execute("COMMIT")
        assert data_files(shared_server, "raw.late") == before
        assert connection.execute("SELECT count(*), sum(v) FROM raw.late").fetchone() == total


def test_vacuum_leaves_the_files_of_an_open_transaction(shared_server):
    with shared_server.connect() as connection, shared_server.connect() as other:
        fill(connection, "raw.open", 100)
        connection.execute("SELECT varve.flush('raw.open')")
        before = data_files(shared_server, "raw.open")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO raw.open SELECT timestamp, id + 1000, v, grp FROM raw.open WHERE id < 5")
        connection.execute("UPDATE raw.open SET v = v + 1 WHERE id < 10")
        connection.execute("DELETE FROM raw.open WHERE id = 99")
        added = data_files(shared_server, "raw.open") - before
        orphan = next(iter(added)).with_name("part-01234567-89ab-cdef-0123-456789abcdef.zstd.parquet")
        orphan.write_bytes(b"nobody's")
        hours_ago = time.time() - 7200
        for file in [*added, orphan]:
            os.utime(file, (hours_ago, hours_ago))
        other.execute("SELECT varve.vacuum('raw.open')")
        assert not orphan.exists()
        assert added <= data_files(shared_server, "raw.open")
        for file in added:
            os.utime(file)
        connection.execute("COMMIT")
        assert other.execute("SELECT count(*), sum(v) FROM raw.open").fetchone() == connection.execute(
            "SELECT count(*), sum(v) FROM raw.open"
        ).fetchone()
        assert other.execute("SELECT count(*) FROM raw.open").fetchone() == (104,)


def test_a_second_writer_of_the_table_waits_for_the_first_ones_transaction(shared_server):
    with shared_server.connect() as connection:
        fill(connection, "raw.waiting", 100)
    results = []

    def second():
        with shared_server.connect() as connection:
            done = connection.execute("UPDATE raw.waiting SET v = v + 100 WHERE id = 5 RETURNING v")
            results.append(done.fetchall())

    with shared_server.connect(autocommit=False) as first:
        first.execute("UPDATE raw.waiting SET v = 1 WHERE id = 5")
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)  # Long enough that it would be through if nothing held it.
        assert not results
        # Inserts, reads and flushes are not held up.
        with shared_server.connect() as third:
            third.execute("INSERT INTO raw.waiting VALUES ('2026-01-02 00:00:00+00', 1000, 0, 'g0')")
            third.execute("SELECT varve.flush('raw.waiting')")
            assert third.execute("SELECT v FROM raw.waiting WHERE id = 5").fetchone() == (5,)
        first.commit()
        thread.join()
    assert results == [[(101,)]]


def test_a_file_that_somebody_else_has_taken_ends_the_transaction_with_40001(shared_server):
    with shared_server.connect() as connection:
        fill(connection, "raw.raced", 100, groups=1)
        connection.execute("SELECT varve.flush('raw.raced')")
    with shared_server.connect(autocommit=False) as first:
        first.execute("DELETE FROM raw.raced WHERE id = 1")
        delta(shared_server, "raw.raced").delete("id = 2")
        with pytest.raises(psycopg.errors.SerializationFailure):
            first.commit()
    with shared_server.connect() as connection:
        # Alone, the statement is done again on what the other one left.
        delta(shared_server, "raw.raced").delete("id = 3")
        assert connection.execute("DELETE FROM raw.raced WHERE id IN (1, 2, 3, 4)").rowcount == 2
        assert connection.execute("SELECT count(*), min(id) FROM raw.raced").fetchone() == (96, 0)
