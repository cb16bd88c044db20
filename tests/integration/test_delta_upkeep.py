"""After compaction, retention and vacuum by Varve, others read the same rows, and miss no file."""

import os
import pathlib
import time
import urllib.parse

import pytest

from tests.support.delta_tables import (
    assert_same,
    check_readers,
    create,
    fill,
    folder_of,
    make_rows,
    read_all_along,
    read_deltalake,
    read_varve,
)


def data_files(folder):
    return {name for name in folder.names() if not name.startswith("_delta_log/")}


def live_files(folder):
    """The files of the newest version, as delta-rs reads the log."""
    paths = folder.table().get_add_actions(flatten=True).column("path").to_pylist()
    return {urllib.parse.unquote(path) for path in paths}


def age(folder, names, hours):
    then = time.time() - hours * 3600
    for name in names:
        os.utime(pathlib.Path(folder.path) / name, (then, then))


def test_compacted_and_vacuumed_tables_are_read_alike(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "upkeep")
        rows = []
        for commit in range(6):
            new = make_rows(1000 * commit + 10, 28)
            fill(connection, "upkeep", new)
            rows += new
            if commit == 2:
                connection.execute("ALTER TABLE upkeep ADD COLUMN later text")
        folder = folder_of(shared_quiet_server, "upkeep")
        before, version = live_files(folder), folder.versions()[-1]
        connection.execute("SELECT varve.compact('upkeep')")
        merged = live_files(folder)
        assert len(merged) < len(before) / 3 and not merged & before
        assert_same(read_varve(connection, "upkeep"), rows, "varve after compaction")
        check_readers(folder, rows, spark, "after compaction")
        # What was merged is there for who reads an older version.
        assert folder.table(version).to_pyarrow_table().num_rows == len(rows)
        assert len(spark.rows(f"SELECT id FROM {folder.spark} VERSION AS OF {version}")) == len(rows)

        # A checkpoint with the removals: commits up to version 10 and beyond.
        for commit in range(6, 12):
            new = make_rows(1000 * commit + 10, 7)
            fill(connection, "upkeep", new)
            rows += new
        connection.execute("SELECT varve.compact('upkeep')")
        check_readers(folder, rows, spark, "after a checkpoint")
        assert data_files(folder) > live_files(folder)
        retention = "'delta.deletedFileRetentionDuration' = 'interval 0 hours'"
        spark.sql(f"ALTER TABLE {folder.spark} SET TBLPROPERTIES ({retention})")
        connection.execute("SELECT varve.refresh('upkeep')")
        age(folder, data_files(folder), hours=2)
        connection.execute("SELECT varve.vacuum('upkeep')")
        assert data_files(folder) == live_files(folder)
        assert_same(read_varve(connection, "upkeep"), rows, "varve after vacuum")
        check_readers(folder, rows, spark, "after vacuum")
        # Spark's vacuum agrees on what belongs to the table.
        with spark.setting(spark_databricks_delta_retentionDurationCheck_enabled="false"):
            spark.sql(f"VACUUM {folder.spark} RETAIN 0 HOURS")
        assert data_files(folder) == live_files(folder)
        check_readers(folder, rows, what="after Spark's vacuum")


def test_tables_past_their_retention_are_read_alike(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "upkeep_expired")
        fill(connection, "upkeep_expired", make_rows(0, 30))
        connection.execute(
            "INSERT INTO upkeep_expired (id, project_id, timestamp, date) SELECT 100, 'shop', now(), current_date"
        )
        connection.execute("SELECT varve.flush('upkeep_expired')")
        connection.execute("ALTER TABLE upkeep_expired SET (retention = '30 days')")
        connection.execute("SELECT varve.expire('upkeep_expired')")
        folder = folder_of(shared_quiet_server, "upkeep_expired")
        expected = read_varve(connection, "upkeep_expired")
    assert [row["id"] for row in expected] == [100]
    check_readers(folder, expected, spark)


def test_every_read_during_compaction_is_one_version(quiet_server, spark):
    with quiet_server.connect() as connection:
        create(connection, "upkeep_midway")
        fill(connection, "upkeep_midway", make_rows(10, 14))
        folder = folder_of(quiet_server, "upkeep_midway")
        with read_all_along(folder, spark, first_id=10, commit_rows=14):
            for commit in range(1, 24):
                fill(connection, "upkeep_midway", make_rows(10 + 14 * commit, 14))
                if commit % 3 == 0:
                    connection.execute("SELECT varve.compact('upkeep_midway')")
    assert len(read_deltalake(folder)) == 24 * 14


@pytest.mark.parametrize("first", ["delta-rs", "varve"])
def test_two_compactions_of_one_table_lose_no_row(quiet_server, spark, first):
    """Both merge the same files; who comes second finds them gone, and leaves it at that."""
    with quiet_server.connect() as connection:
        create(connection, "upkeep_both")
        rows = []
        for commit in range(4):
            rows += make_rows(100 * commit + 10, 14)
            fill(connection, "upkeep_both", make_rows(100 * commit + 10, 14))
        folder = folder_of(quiet_server, "upkeep_both")
        merges = [
            lambda: folder.table().optimize.compact(),
            lambda: connection.execute("SELECT varve.compact('upkeep_both')"),
        ]
        for merge in merges if first == "delta-rs" else reversed(merges):
            merge()
        assert_same(read_varve(connection, "upkeep_both"), rows, "varve")
        rows += make_rows(900, 14)
        fill(connection, "upkeep_both", make_rows(900, 14))
        assert_same(read_varve(connection, "upkeep_both"), rows, "varve later")
        check_readers(folder, rows, spark)
