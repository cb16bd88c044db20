"""Tables of Varve in a bucket of a real S3 server, and those of others there: everyone reads the same rows."""

import threading

import pytest

from tests.support.delta_tables import (
    DeltaFolder,
    append_by_deltalake,
    assert_same,
    check_readers,
    create,
    fill,
    make_rows,
    read_all_along,
    read_deltalake,
    read_varve,
)
from tests.support.varve_server import BY_HAND, VarveServer


@pytest.fixture(scope="module")
def bucket(shared_versity_gw, spark):
    name = shared_versity_gw.new_bucket()
    spark.use_store(shared_versity_gw, name)
    return name


@pytest.fixture(scope="module")
def on_bucket(shared_versity_gw, bucket, module_path):
    """One server whose lake is the bucket."""
    options = {**BY_HAND, "s3-bucket": bucket}
    folder = module_path / "data"
    with VarveServer(folder, options, environment=shared_versity_gw.variables()) as running:
        yield running


@pytest.fixture
def table_in(shared_versity_gw, bucket):
    return lambda name: DeltaFolder(f"varve/{name}", shared_versity_gw, bucket)


def test_tables_in_a_bucket_are_read_alike(on_bucket, table_in, spark):
    with on_bucket.connect() as connection:
        create(connection, "stored")
        rows = []
        for commit in range(12):
            new = make_rows(1000 * commit, 14)
            fill(connection, "stored", new)
            rows += new
            if commit == 6:
                connection.execute("ALTER TABLE stored ADD COLUMN extra text")
        folder = table_in("stored")
        assert_same(read_varve(connection, "stored"), rows, "varve")
        check_readers(folder, rows, spark)
        assert folder.versions() == list(range(14))
        for version in range(10):
            folder.delete(f"_delta_log/{version:020}.json")
        check_readers(folder, rows, spark, "from the checkpoint")
        connection.execute("SELECT varve.compact('stored')")
        connection.execute("DELETE FROM stored WHERE id % 10 = 3")
        connection.execute("UPDATE stored SET body = 'changed' WHERE id = 1001")
        rows = [row for row in rows if row["id"] % 10 != 3]
        next(row for row in rows if row["id"] == 1001)["body"] = "changed"
        assert_same(read_varve(connection, "stored"), rows, "varve after changes")
        check_readers(folder, rows, spark, "after changes")


def test_delta_rs_appends_to_a_bucket_meanwhile(on_bucket, table_in, spark):
    with on_bucket.connect() as connection:
        create(connection, "stored_race")
        fill(connection, "stored_race", make_rows(0, 1))
        folder, failures = table_in("stored_race"), []

        def delta_rs():
            try:
                for number in range(8):
                    append_by_deltalake(folder, make_rows(2000 + 10 * number, 10))
            except BaseException as error:
                failures.append(error)

        other = threading.Thread(target=delta_rs)
        other.start()
        for number in range(8):
            fill(connection, "stored_race", make_rows(1000 + 10 * number, 10))
        other.join()
        assert not failures, failures
        connection.execute("SELECT varve.refresh('stored_race')")
        expected = make_rows(0, 1) + make_rows(1000, 80) + make_rows(2000, 80)
        assert_same(read_varve(connection, "stored_race"), expected, "varve")
    assert folder.versions() == list(range(18))
    check_readers(folder, expected, spark)


def test_every_read_from_a_bucket_during_ingest_is_one_version(on_bucket, table_in, spark):
    with on_bucket.connect() as connection:
        create(connection, "stored_midway")
        fill(connection, "stored_midway", make_rows(10, 14))
        folder = table_in("stored_midway")
        with read_all_along(folder, spark, first_id=10, commit_rows=14):
            for commit in range(1, 15):
                fill(connection, "stored_midway", make_rows(10 + 14 * commit, 14))
                if commit % 4 == 0:
                    connection.execute("SELECT varve.compact('stored_midway')")
    assert len(read_deltalake(folder)) == 15 * 14


def test_a_table_of_spark_in_a_bucket_is_read(on_bucket, table_in, spark):
    folder = table_in("stored_by_spark")
    # Letters beyond ASCII are in the names of Spark's objects as they are.
    parts = ["shop", "a b/c:d=e%41;", "été ☃ [x]{y}*?", "100%"]
    columns = "id bigint, timestamp timestamp, part string"
    spark.sql(f"CREATE TABLE {folder.spark} ({columns}) USING delta PARTITIONED BY (part)")
    values = ", ".join(f"({n}, timestamp'2025-03-09 10:00:00.00000{n}Z', '{part}')" for n, part in enumerate(parts))
    spark.sql(f"INSERT INTO {folder.spark} VALUES {values}")
    spark.checkpoint(f"s3a://{folder.path}")
    with on_bucket.connect() as connection:
        connection.execute("SELECT varve.refresh()")
        found = connection.execute("SELECT id, part FROM stored_by_spark ORDER BY id").fetchall()
        assert found == list(enumerate(parts))
        for number, part in enumerate(parts):
            found = connection.execute("SELECT id FROM stored_by_spark WHERE part = %s", [part]).fetchall()
            assert found == [(number,)]
