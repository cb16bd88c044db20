"""Other people's readers read the tables that a running Varve wrote, and agree with it to the row.

Readers: delta-rs (`deltalake`), Polars' own Delta scan, DuckDB over the list of files in the log, and Spark.
"""

import datetime
import json
import shutil

import polars
import pytest

from tests.support.delta_tables import (
    BASE,
    PROJECTS,
    DeltaFolder,
    append_by_deltalake,
    assert_same,
    check_readers,
    create,
    fill,
    flush,
    folder_of,
    make_rows,
    read_all_along,
    read_deltalake,
    read_varve,
    readers_of,
)
from tests.support.varve_server import VarveServer


def check_all(connection, table, folder, rows, spark):
    assert_same(read_varve(connection, table), rows, "varve")
    check_readers(folder, rows, spark)


def test_every_type_and_partition_is_read_alike(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "readers_types")
        rows = make_rows(0, 210)
        fill(connection, "readers_types", rows)
        folder = folder_of(shared_quiet_server, "readers_types")
        check_all(connection, "readers_types", folder, rows, spark)
    table = folder.table()
    assert table.protocol().min_reader_version == 1
    assert table.protocol().min_writer_version == 2
    assert sum(table.get_add_actions(flatten=True).column("num_records").to_pylist()) == len(rows)
    assert table.metadata().partition_columns == ["project_id", "date"]
    # Nothing but tables and the store's own scratch folder is in the lake.
    assert not [name for name in folder.names() if name.endswith(".tmp")]


def test_many_commits_with_checkpoints_are_read_alike(shared_quiet_server, tmp_path, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "readers_commits")
        rows = []
        for commit in range(24):
            new = make_rows(1000 * commit, 9)
            fill(connection, "readers_commits", new)
            rows += new
        folder = folder_of(shared_quiet_server, "readers_commits")
        check_all(connection, "readers_commits", folder, rows, spark)
    assert folder.versions() == list(range(25))
    assert json.loads(folder.read("_delta_log/_last_checkpoint"))["version"] == 20

    # The checkpoint alone must hold what the commits before it said.
    shutil.copytree(folder.path, tmp_path / "copy")
    copy = DeltaFolder(tmp_path / "copy")
    for version in range(21):
        copy.delete(f"_delta_log/{version:020}.json")
    check_readers(copy, rows, spark, "from the checkpoint")
    from_checkpoint = copy.table()
    assert from_checkpoint.version() == 24
    assert from_checkpoint.schema() == folder.table().schema()
    assert from_checkpoint.metadata().configuration == folder.table().metadata().configuration
    (txn,) = folder.actions(24, "txn")
    assert from_checkpoint.transaction_version(txn["appId"]) == txn["version"]
    copy.delete("_delta_log/_last_checkpoint")
    assert_same(read_deltalake(copy), rows, "deltalake without _last_checkpoint")


def test_readers_prune_by_our_statistics_without_losing_rows(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "readers_prune")
        rows = []
        for commit in range(6):
            new = make_rows(500 * commit, 50)
            fill(connection, "readers_prune", new)
            rows += new
    folder = folder_of(shared_quiet_server, "readers_prune")
    scan = polars.scan_delta(folder.url)

    def count(condition):
        return scan.filter(condition).select(polars.len()).collect().item()

    # Bounds at the values themselves and a microsecond beside them: rounding to milliseconds must not show.
    limits = [
        probe["timestamp"] + datetime.timedelta(microseconds=shift)
        for probe in (rows[0], rows[49], rows[50], rows[299])
        for shift in (-1, 0, 1)
    ]
    for limit in limits:
        assert count(polars.col("timestamp") > limit) == sum(1 for row in rows if row["timestamp"] > limit)
        assert count(polars.col("timestamp") == limit) == sum(1 for row in rows if row["timestamp"] == limit)
    bodies = sorted({row["body"] for row in rows if row["body"] is not None})
    for body in bodies:
        assert count(polars.col("body") == body) == sum(1 for row in rows if row["body"] == body)
    for project in PROJECTS:
        table = folder.table().to_pyarrow_table(filters=[("project_id", "=", project)])
        assert table.num_rows == sum(1 for row in rows if row["project_id"] == project)
    check_spark_prunes(spark, folder, rows, limits, bodies)


def check_spark_prunes(spark, folder, rows, limits, bodies):
    """The same bounds in one statement per kind of value, each its own scan with its own pruning."""

    def counts(conditions):
        found = spark.rows(" UNION ALL ".join(
            f"SELECT {number} AS n, count(*) AS c FROM {folder.spark} WHERE {condition}"
            for number, condition in enumerate(conditions)
        ))
        return [row["c"] for row in sorted(found, key=lambda row: row["n"])]

    instants = [f"timestamp'{limit.isoformat()}'" for limit in limits]
    assert counts(f"timestamp > {instant}" for instant in instants) == [
        sum(1 for row in rows if row["timestamp"] > limit) for limit in limits
    ]
    quoted = ["decode(unhex('" + body.encode().hex() + "'), 'UTF-8')" for body in bodies]
    assert counts(f"body = {text}" for text in quoted) == [
        sum(1 for row in rows if row["body"] == body) for body in bodies
    ]
    numbers = {
        "measure = 0.1D": sum(1 for row in rows if row["measure"] == 0.1),
        "measure = 0": sum(1 for row in rows if row["measure"] == 0),
        "ratio = float('0.5')": sum(1 for row in rows if row["ratio"] == 0.5),
        "amount = 9999999999999999.9999": sum(1 for row in rows if str(row["amount"]) == "9999999999999999.9999"),
        "small = -32768": sum(1 for row in rows if row["small"] == -32768),
        "day = date'9999-12-31'": sum(1 for row in rows if row["day"] == datetime.date(9999, 12, 31)),
        "small IS NULL": sum(1 for row in rows if row["small"] is None),
    }
    assert counts(numbers) == list(numbers.values())


def test_an_added_column_reads_as_null_in_older_files(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "readers_added")
        old, new = make_rows(0, 20), make_rows(100, 20)
        fill(connection, "readers_added", old)
        connection.execute("ALTER TABLE readers_added ADD COLUMN extra text")
        connection.execute("ALTER TABLE readers_added ADD COLUMN more bigint[]")
        fill(connection, "readers_added", new)
        connection.execute(
            "INSERT INTO readers_added (id, project_id, timestamp, date, extra, more)"
            " VALUES (999, 'shop', %s, %s, 'new', '{1,NULL}')",
            [BASE, BASE.date()],
        )
        flush(connection, "readers_added")
        expected = {row["id"]: (None, None) for row in old + new} | {999: ("new", [1, None])}
        found = connection.execute("SELECT id, extra, more FROM readers_added").fetchall()
        assert {row[0]: row[1:] for row in found} == expected
    folder = folder_of(shared_quiet_server, "readers_added")
    readers = readers_of(folder, spark)
    del readers["duckdb"]  # Here it reads file by file, and old files do not have the column.
    for name, read in readers.items():
        assert {row["id"]: (row["extra"], row["more"]) for row in read(folder)} == expected, name


def test_every_read_during_ingest_is_one_version(quiet_server, spark):
    """Each version holds whole transactions, and all that came before them."""
    batch_rows, batches = 20, 40
    with quiet_server.connect() as connection:
        create(connection, "readers_midway")
        fill(connection, "readers_midway", make_rows(0, batch_rows))
        folder = folder_of(quiet_server, "readers_midway")
        with read_all_along(folder, spark, first_id=0, commit_rows=batch_rows):
            for batch in range(1, batches):
                with connection.transaction():
                    connection.execute(
                        "INSERT INTO readers_midway (id, project_id, timestamp, date)"
                        " SELECT i, 'p' || i %% 3, %s, %s FROM generate_series(%s::bigint, %s) AS s(i)",
                        [BASE, BASE.date(), batch * batch_rows, (batch + 1) * batch_rows - 1],
                    )
                if batch % 2 == 0:
                    flush(connection, "readers_midway")
        flush(connection, "readers_midway")
        for name, read in readers_of(folder, spark).items():
            assert len(read(folder)) == batches * batch_rows, name


@pytest.mark.parametrize("kind", ["timestamp", "time", "interval"])
def test_types_that_delta_does_not_have_are_refused(shared_quiet_server, kind):
    with shared_quiet_server.connect() as connection:
        with pytest.raises(Exception) as refused:
            connection.execute(f'CREATE TABLE readers_{kind} ("timestamp" timestamptz NOT NULL, odd {kind})')
        assert refused.value.sqlstate == "0A000"
        assert "odd" in str(refused.value)


def test_rows_of_another_writer_are_read_after_a_restart(tmp_path, spark):
    server = VarveServer(tmp_path / "data")
    with server:
        with server.connect() as connection:
            create(connection, "readers_theirs")
            rows = make_rows(0, 30)
            fill(connection, "readers_theirs", rows)
        server.stop()
        # delta-rs appends rows, and compacts files that we wrote together with its own.
        folder = folder_of(server, "readers_theirs")
        rows += make_rows(1000, 30)
        append_by_deltalake(folder, make_rows(1000, 30))
        assert folder.table().optimize.compact()["numFilesRemoved"] > 0
        server.start()
        with server.connect() as connection:
            assert_same(read_varve(connection, "readers_theirs"), rows, "varve after delta-rs")
            rows += make_rows(2000, 10)
            fill(connection, "readers_theirs", make_rows(2000, 10))
            check_all(connection, "readers_theirs", folder, rows, spark)
