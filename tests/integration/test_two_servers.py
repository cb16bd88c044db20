"""Two servers and delta-rs on one bucket of a real S3 server: cold start, each other's commits, a long history."""

import os
import shutil
import time

import psycopg
import pytest
from deltalake import DeltaTable

from tests.support import long_delta_log
from tests.support.varve_server import VarveServer

OPEN_SECONDS_MAX = 2.0


def on_bucket(store, bucket, data_dir, **more):
    options = {
        "s3-bucket": bucket,
        "s3-endpoint": store.endpoint,
        "s3-access-key": store.access_key,
        "s3-secret-key": store.secret_key,
        "s3-allow-http": "true",
        "lake-refresh-secs": 0,
    }
    return VarveServer(data_dir, {**options, **{name.replace("_", "-"): value for name, value in more.items()}})


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def make_table(connection):
    connection.execute(
        "CREATE TABLE raw.readings (timestamp timestamptz NOT NULL, device text, level int DEFAULT 7) "
        "WITH (partition_by = 'date', sort_by = 'device', retention = '30 days')"
    )


def test_an_empty_data_folder_serves_the_bucket(tmp_path, shared_versity_gw):
    bucket = shared_versity_gw.new_bucket()
    with on_bucket(shared_versity_gw, bucket, tmp_path / "one") as one, one.connect() as connection:
        make_table(connection)
        connection.execute("INSERT INTO raw.readings (timestamp, device) VALUES ('2025-03-09 10:00:00+00', 'a')")
        connection.execute("SELECT varve.flush('raw.readings')")
        before = rows(connection, "SELECT * FROM raw.readings")
    with on_bucket(shared_versity_gw, bucket, tmp_path / "two") as two, two.connect() as connection:
        assert rows(connection, "SELECT * FROM raw.readings") == before
        assert rows(connection, "SELECT * FROM varve.lake_errors") == []
        connection.execute("INSERT INTO raw.readings (timestamp, device) VALUES ('2025-03-10 10:00:00+00', 'b')")
        connection.execute("SELECT varve.flush('raw.readings')")
    table = DeltaTable(f"s3://{bucket}/varve/raw.readings", storage_options=shared_versity_gw.delta_options())
    assert sorted(table.to_pyarrow_table()["device"].to_pylist()) == ["a", "b"]


def test_commits_and_drops_of_the_other_server_are_followed(tmp_path, shared_versity_gw):
    bucket = shared_versity_gw.new_bucket()
    with (
        on_bucket(shared_versity_gw, bucket, tmp_path / "one") as one,
        one.connect() as first,
        on_bucket(shared_versity_gw, bucket, tmp_path / "two", lake_refresh_secs=1) as two,
        two.connect() as second,
    ):
        make_table(first)
        first.execute("INSERT INTO raw.readings (timestamp, device) VALUES (now(), 'theirs')")
        first.execute("SELECT varve.flush('raw.readings')")
        wait_for(second, "SELECT count(*) FROM varve.tables WHERE table_name = 'readings'", [(1,)])
        second.execute("INSERT INTO raw.readings (timestamp, device) VALUES (now(), 'mine')")
        wait_for(second, "SELECT device FROM raw.readings ORDER BY 1", [("mine",), ("theirs",)])
        first.execute("ALTER TABLE raw.readings ADD COLUMN extra int")
        wait_for(second, "SELECT count(*) FROM information_schema.columns WHERE column_name = 'extra'", [(1,)])
        first.execute("DROP TABLE raw.readings")
        wait_for(second, "SELECT count(*) FROM varve.tables WHERE table_name = 'readings'", [(0,)])
        with pytest.raises(psycopg.errors.UndefinedTable):
            second.execute("INSERT INTO raw.readings (timestamp, device) VALUES (now(), 'late')")
        deadline = time.monotonic() + 20
        while data_files(shared_versity_gw, bucket) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not data_files(shared_versity_gw, bucket)
        assert shared_versity_gw.names(bucket, "varve/raw.readings/_delta_log/"), "the commit that says so"
    with on_bucket(shared_versity_gw, bucket, tmp_path / "three") as three, three.connect() as connection:
        assert rows(connection, "SELECT * FROM varve.tables WHERE table_name = 'readings'") == []
        assert rows(connection, "SELECT * FROM varve.lake_errors") == []


def data_files(store, bucket):
    return [name for name in store.names(bucket, "varve/raw.readings") if "/_delta_log/" not in name]


def wait_for(connection, sql, expected):
    deadline = time.monotonic() + 20
    while rows(connection, sql) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert rows(connection, sql) == expected


@pytest.mark.alone
def test_a_vacuum_of_the_other_server_leaves_a_long_reader_its_files(tmp_path, shared_versity_gw):
    """Only the retention tells the second server that the first one still reads what was taken out."""
    store, bucket, files_made, rows_each = shared_versity_gw, shared_versity_gw.new_bucket(), 16, 5000
    with (
        on_bucket(store, bucket, tmp_path / "one", cache_memory_mb=0, cache_disk_gb=0) as one,
        one.connect() as first,
        one.connect(autocommit=False) as reader,
    ):
        make_table(first)
        # More than sockets and buffers hold, and not to be compressed: the statement has files left to open.
        text = " || ".join(f"md5(i || '{part}')" for part in range(20))
        for i in range(files_made):
            first.execute(
                f"INSERT INTO raw.readings (timestamp, device) SELECT '2025-03-09 10:00:00+00'::timestamptz, {text} "
                f"FROM generate_series({i * rows_each}, {(i + 1) * rows_each - 1}) g(i)"
            )
            first.execute("SELECT varve.flush('raw.readings')")
        with (
            on_bucket(store, bucket, tmp_path / "two") as two,
            two.connect() as second,
            reader.cursor() as cursor,
        ):
            streamed = cursor.stream("SELECT device FROM raw.readings", size=1)
            seen = [next(streamed)[0]]
            folder = store.folder / "objects" / bucket / "varve" / "raw.readings"
            files = [path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts]
            second.execute("DELETE FROM raw.readings")
            orphan = files[0].with_name("part-01234567-89ab-cdef-0123-456789abcdef.zstd.parquet")
            shutil.copy(files[0], orphan)
            hours_ago = time.time() - 7200
            for path in [*files, orphan]:
                os.utime(path, (hours_ago, hours_ago))
            assert rows(second, "SELECT varve.vacuum('raw.readings')")[0][0].startswith("1 files")
            assert not orphan.exists() and all(path.exists() for path in files)
            seen.extend(row[0] for row in streamed)
        assert len(set(seen)) == files_made * rows_each
        reader.commit()
        first.execute("SELECT varve.refresh('raw.readings')")
        assert rows(first, "SELECT count(*) FROM raw.readings") == [(0,)]


def test_ten_thousand_versions_open_within_two_seconds(tmp_path, versity_gw):
    """The log is written below versitygw's folder: ten thousand PUTs are not what is tested."""
    bucket = versity_gw.new_bucket()
    newest = long_delta_log.write_table(versity_gw.folder / "objects" / bucket / "varve" / "long", 10_000, 10_000)
    with on_bucket(versity_gw, bucket, tmp_path / "data") as server, server.connect() as connection:
        assert rows(connection, "SELECT lake_version, files FROM varve.tables WHERE table_name = 'long'") == [
            (10_000, 10_005)
        ]
        last = long_delta_log.START + long_delta_log.datetime.timedelta(minutes=newest)
        found = connection.execute("SELECT n FROM long WHERE timestamp >= %s", (last,)).fetchall()
        assert found == [(newest,)]
    began = time.monotonic()
    with on_bucket(versity_gw, bucket, tmp_path / "again") as server:
        elapsed = time.monotonic() - began
        print(f"empty data folder to ready, 10,000 versions among them: {elapsed:.3f} s")
        assert elapsed < OPEN_SECONDS_MAX
