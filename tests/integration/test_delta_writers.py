"""Others write to a table of a running Varve: rows, properties, columns, checkpoints, rewritten files.

Nobody's rows are lost or doubled, and what they wrote beside rows survives Varve's commits and checkpoints.
"""

import json
import threading
from functools import partial

import pytest

from tests.support.delta_tables import (
    BASE,
    append_by_deltalake,
    assert_same,
    check_readers,
    create,
    fill,
    flush,
    folder_of,
    insert,
    make_row,
    make_rows,
    read_varve,
)

def spark_append(spark, folder, begin, count):
    """Rows by Spark: those of make_row would be a statement of many kilobytes."""
    spark.sql(
        f"INSERT INTO {folder.spark} (id, project_id, timestamp, date, body, tags)"
        f" SELECT id, 'shop', timestamp'{BASE.isoformat()}', date'{BASE.date()}',"
        f" concat('spark ', id), array('x', null) FROM range({begin}, {begin + count})"
    )


def spark_row(number):
    empty = dict.fromkeys(make_row(0))
    return {**empty, "id": number, "project_id": "shop", "timestamp": BASE, "date": BASE.date(),
            "body": f"spark {number}", "tags": ["x", None]}


def spark_rows(begin, count):
    return [spark_row(number) for number in range(begin, begin + count)]


def cut_history(folder, checkpoint):
    """Leaves the checkpoint of that version as the only word on what came before it."""
    for version in range(checkpoint):
        folder.delete(f"_delta_log/{version:020}.json")


def run_all(*actions):
    """Each in a thread of its own; fails with what failed in any."""
    failures = []

    def guarded(action):
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_varve_and_delta_rs_append_at_once(quiet_server, spark):
    rounds = 15
    with quiet_server.connect() as connection:
        create(connection, "writers_race")
        fill(connection, "writers_race", make_rows(0, 1))
        folder = folder_of(quiet_server, "writers_race")

        def varve():
            with quiet_server.connect() as own:
                for number in range(rounds):
                    fill(own, "writers_race", make_rows(1000 + 10 * number, 10))

        def delta_rs():
            for number in range(rounds):
                append_by_deltalake(folder, make_rows(2000 + 10 * number, 10))

        run_all(varve, delta_rs)
        fill(connection, "writers_race", make_rows(5000, 1))
        expected = make_rows(0, 1) + make_rows(1000, 150) + make_rows(2000, 150) + make_rows(5000, 1)
        assert_same(read_varve(connection, "writers_race"), expected, "varve")
    assert folder.versions() == list(range(2 * rounds + 3))
    check_readers(folder, expected, spark)


def test_spark_appends_and_rewrites_while_rows_come_in(quiet_server, spark):
    """On a local folder Spark looks whether a version is taken and then renames its file over it, so Varve's
    commits wait for Spark's. Rows go into Varve all the time."""
    with quiet_server.connect() as connection:
        create(connection, "writers_turns")
        expected = make_rows(10, 14)
        fill(connection, "writers_turns", expected)
        folder = folder_of(quiet_server, "writers_turns")
        steps = [
            partial(spark_append, spark, folder, 3000, 10),
            partial(spark_append, spark, folder, 3010, 10),
            partial(spark.sql, f"OPTIMIZE {folder.spark}"),
            partial(spark.sql, f"DELETE FROM {folder.spark} WHERE id BETWEEN 3005 AND 3009"),
        ]
        for number, step in enumerate(steps):
            begin = 1000 * (number + 10)
            running = threading.Thread(target=step)
            running.start()
            new = []
            while running.is_alive() or not new:
                if len(new) < 100:
                    new += make_rows(begin + len(new), 1)
                    insert(connection, "writers_turns", new[-1:])
                running.join(timeout=0.01)
            flush(connection, "writers_turns")
            expected += new
        expected += spark_rows(3000, 5) + spark_rows(3010, 10)
        assert_same(read_varve(connection, "writers_turns"), expected, "varve")
        check_readers(folder, expected, spark)
        # What Spark removed from the log goes from the folder too, and nobody misses it.
        with spark.setting(spark_databricks_delta_retentionDurationCheck_enabled="false"):
            before = len(folder.names())
            spark.sql(f"VACUUM {folder.spark} RETAIN 0 HOURS")
            assert len(folder.names()) < before
        check_readers(folder, expected, spark, "after Spark's vacuum")
        assert_same(read_varve(connection, "writers_turns"), expected, "varve after Spark's vacuum")


@pytest.mark.parametrize("by", ["deltalake", "spark"])
def test_rows_come_once_after_a_crash_when_others_keep_the_log(quiet_server, spark, by):
    """Which rows of Varve's own log are in the lake already is known from the checkpoint of another."""
    with quiet_server.connect() as connection:
        create(connection, "writers_crash")
        fill(connection, "writers_crash", make_rows(0, 20))
        insert(connection, "writers_crash", make_rows(100, 20))
        folder = folder_of(quiet_server, "writers_crash")
        append_by_deltalake(folder, make_rows(200, 20))
        if by == "spark":
            spark.checkpoint(folder.path)
        else:
            folder.table().create_checkpoint()
        quiet_server.kill()
        cut_history(folder, folder.versions()[-1])
    append_by_deltalake(folder, make_rows(300, 20))
    expected = [row for begin in (0, 100, 200, 300) for row in make_rows(begin, 20)]
    quiet_server.start()
    with quiet_server.connect() as connection:
        assert_same(read_varve(connection, "writers_crash"), expected, "varve")
        flush(connection, "writers_crash")
        check_readers(folder, expected, spark)


def test_what_others_wrote_survives_our_commits_and_checkpoints(quiet_server, spark):
    with quiet_server.connect() as connection:
        create(connection, "writers_keep")
        fill(connection, "writers_keep", make_rows(0, 10))
        folder = folder_of(quiet_server, "writers_keep")
        settings = {"spark_databricks_delta_write_txnAppId": "stream of theirs",
                    "spark_databricks_delta_write_txnVersion": "7"}
        with spark.setting(**settings):
            spark_append(spark, folder, 3000, 10)
        properties = "'their.key' = 'é', 'delta.logRetentionDuration' = 'interval 9 days'"
        spark.sql(f"ALTER TABLE {folder.spark} SET TBLPROPERTIES ({properties})")
        spark.sql(f"ALTER TABLE {folder.spark} ADD COLUMNS (theirs bigint COMMENT 'a column of Spark')")
        spark.sql(
            f"INSERT INTO {folder.spark} (id, project_id, timestamp, date, theirs)"
            f" VALUES (4000, 'shop', timestamp'{BASE.isoformat()}', date'{BASE.date()}', 123456)"
        )
        add = write_a_commit_of_the_future(folder)
        connection.execute("SELECT varve.flush('writers_keep')")
        for number in range(12):
            fill(connection, "writers_keep", make_rows(6000 + number, 1))
        connection.execute("ALTER TABLE writers_keep ADD COLUMN ours bigint")
        fill(connection, "writers_keep", make_rows(7000, 1))
        rows = make_rows(0, 10) + spark_rows(3000, 10) + make_rows(6000, 12) + make_rows(7000, 1)
        rows.append({**spark_row(4000), "body": None, "tags": None})
        assert_same(read_varve(connection, "writers_keep"), rows, "varve")
    last = json.loads(folder.read("_delta_log/_last_checkpoint"))
    cut_history(folder, last["version"])
    check_readers(folder, rows, spark, "from Varve's checkpoint")
    assert spark.rows(f"SELECT id FROM {folder.spark} WHERE theirs = 123456") == [{"id": 4000}]

    table = folder.table()
    assert table.transaction_version("stream of theirs") == 7
    assert table.metadata().configuration["their.key"] == "é"
    assert table.metadata().configuration["delta.logRetentionDuration"] == "interval 9 days"
    fields = {field.name: field for field in table.schema().fields}
    assert fields["theirs"].metadata["comment"] == "a column of Spark"
    assert "ours" in fields
    kept = next(entry for entry in checkpoint_adds(folder, last["version"]) if entry["path"] == add["path"])
    assert dict(kept["tags"]) == {"their.tag": "x"}
    assert json.loads(kept["stats"]) == json.loads(add["stats"])


def write_a_commit_of_the_future(folder):
    """Actions and fields that nobody knows yet, on a file that is there; returns the add action."""
    version = folder.versions()[-1]
    (old,) = folder.actions(version, "add")
    add = {**old, "tags": {"their.tag": "x"}, "dataChange": False, "fieldOfTheFuture": {"deep": [1, None]}}
    lines = [
        {"commitInfo": {"timestamp": 1, "operation": "FUTURE", "fieldOfTheFuture": 1}},
        {"actionOfTheFuture": {"path": "x", "number": 1}},
        {"add": add},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    with open(f"{folder.path}/_delta_log/{version + 1:020}.json", "x") as file:
        file.write(content)
    return add


def checkpoint_adds(folder, version):
    table = folder.parquet(f"_delta_log/{version:020}.checkpoint.parquet").read()
    return [entry for entry in table.column("add").to_pylist() if entry is not None]
