"""Compaction, retention and vacuum of tables in the lake, on the real server."""

import json
import os
import threading
import time

import psycopg
import pytest

from tests.integration.test_s3 import bucket_options
from tests.support import metrics
from tests.support.varve_server import BY_HAND, VarveServer

START = "2026-01-05 00:00:00+00"


@pytest.fixture
def by_hand(tmp_path):
    with VarveServer(tmp_path / "data", {**BY_HAND, "optimize-target-mb": "1MB"}) as running:
        yield running


@pytest.fixture(params=["folder", "bucket"])
def anywhere(request, tmp_path):
    """As by_hand, also on a bucket whose data files no cache keeps."""
    options = {**BY_HAND, "optimize-target-mb": "1MB"}
    if request.param == "bucket":
        store = request.getfixturevalue("shared_versity_gw")
        bucket = store.new_bucket()
        options.update(bucket_options(store, bucket, cache_memory_mb=0, cache_disk_gb=0))
    with VarveServer(tmp_path / "data", options) as running:
        if request.param == "bucket":
            running.lake_folder = store.folder / "objects" / bucket
        yield running


def one(connection, sql):
    return connection.execute(sql).fetchone()[0]


def make_table(connection, name="t"):
    connection.execute(
        f"CREATE TABLE {name} (timestamp timestamptz, id bigint, payload text) WITH (bloom = 'id')"
    )


def add_file(connection, first, rows=200, name="t", payload="'p' || i"):
    """One flushed file of `rows` rows, one a second, from `first` seconds after the start on."""
    connection.execute(
        f"INSERT INTO {name} (timestamp, id, payload) SELECT timestamptz '{START}' "
        f"+ i * interval '1 second', i, {payload} FROM range({first}, {first + rows}) r(i)"
    )
    connection.execute(f"SELECT varve.flush('{name}')")


def folder_of(server, connection, name="t"):
    location = one(connection, f"SELECT location FROM varve.tables WHERE table_name = '{name}'")
    lake = getattr(server, "lake_folder", server.data_dir / "lake")
    lakes = list(lake.glob(f"*/{location}"))
    assert len(lakes) == 1
    return lakes[0]


def last_commit(folder):
    log = sorted((folder / "_delta_log").glob("*.json"))[-1]
    return [json.loads(line) for line in log.read_text().splitlines()]


def data_files(folder):
    return set(path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts)


def age(paths, hours):
    then = time.time() - hours * 3600
    for path in paths:
        os.utime(path, (then, then))


def test_compaction_keeps_every_row(by_hand):
    with by_hand.connect() as connection:
        make_table(connection)
        for i in range(12):
            add_file(connection, i * 200)
        # Half of them before the column was there.
        connection.execute("ALTER TABLE t ADD COLUMN extra integer")
        connection.execute(f"INSERT INTO t (timestamp, id, extra) VALUES ('{START}', -1, 7)")
        connection.execute("SELECT varve.flush('t')")
        checksum = "SELECT count(*), sum(id), count(extra), max(payload), min(timestamp) FROM t"
        before = connection.execute(checksum).fetchall()
        assert one(connection, "SELECT files FROM varve.tables WHERE table_name = 't'") == 13

        said = one(connection, "SELECT varve.compact('t')")
        assert said.startswith("13 files of "), said
        assert one(connection, "SELECT files FROM varve.tables WHERE table_name = 't'") == 1
        assert connection.execute(checksum).fetchall() == before
        assert one(connection, "SELECT sum(rows) FROM varve.files WHERE table_name = 't'") == 2401
        assert one(connection, "SELECT count(*) FROM t WHERE id = 1234") == 1
        assert connection.execute("SELECT id FROM t ORDER BY timestamp DESC LIMIT 2").fetchall() == [
            (2399,),
            (2398,),
        ]
        # The same data is not written again.
        version = one(connection, "SELECT lake_version FROM varve.tables WHERE table_name = 't'")
        assert one(connection, "SELECT varve.compact('t')") == "nothing to merge"
        assert version == one(
            connection, "SELECT lake_version FROM varve.tables WHERE table_name = 't'"
        )
        actions = last_commit(folder_of(by_hand, connection))
        assert actions[0]["commitInfo"]["operation"] == "OPTIMIZE"
        changes = [a.get("add") or a.get("remove") for a in actions[1:]]
        assert len(changes) == 14 and not any(change["dataChange"] for change in changes)
        assert all(c["extendedFileMetadata"] and c["size"] > 0 for c in changes if "size" in c and "stats" not in c)
    by_hand.stop()
    by_hand.start()
    with by_hand.connect() as connection:
        assert connection.execute(checksum).fetchall() == before


def test_other_engines_read_a_compacted_table(by_hand):
    deltalake = pytest.importorskip("deltalake")
    with by_hand.connect() as connection:
        make_table(connection)
        for i in range(6):
            add_file(connection, i * 200)
        connection.execute("SELECT varve.compact('t')")
        table = deltalake.DeltaTable(str(folder_of(by_hand, connection)))
        assert len(table.file_uris()) == 1
        rows = table.to_pyarrow_table()
        assert rows.num_rows == 1200
        assert sorted(rows.column("id").to_pylist()) == list(range(1200))
        # What it optimizes in turn, Varve reads.
        add_file(connection, 5000)
        table.update_incremental()
        table.optimize.compact()
        connection.execute("SELECT varve.refresh('t')")
        assert one(connection, "SELECT files FROM varve.tables WHERE table_name = 't'") == 1
        assert one(connection, "SELECT count(*) FROM t") == 1400


def test_retention_takes_whole_files_out(by_hand):
    with by_hand.connect() as connection:
        make_table(connection)
        add_file(connection, 0)
        connection.execute("INSERT INTO t (timestamp, id) VALUES (now(), 1)")
        connection.execute("SELECT varve.flush('t')")
        assert one(connection, "SELECT varve.expire('t')") == "nothing is past the retention"
        connection.execute("ALTER TABLE t SET (retention = '30 days')")
        assert one(connection, "SELECT varve.expire('t')") == "1 files of 200 rows taken out"
        assert one(connection, "SELECT count(*) FROM t") == 1
        folder = folder_of(by_hand, connection)
        actions = last_commit(folder)
        assert actions[0]["commitInfo"]["operation"] == "DELETE"
        assert actions[1]["remove"]["dataChange"] is True
        # Older versions can still be read.
        assert len(data_files(folder)) == 2
        connection.execute("ALTER TABLE t RESET (retention)")
        assert one(connection, "SELECT varve.expire('t')") == "nothing is past the retention"


def test_vacuum_deletes_what_nobody_needs(by_hand):
    with by_hand.connect() as connection:
        make_table(connection)
        for i in range(4):
            add_file(connection, i * 200)
        folder = folder_of(by_hand, connection)
        originals = data_files(folder)
        some = next(iter(originals))
        connection.execute("SELECT varve.compact('t')")
        ours = some.with_name("part-01234567-89ab-cdef-0123-456789abcdef.zstd.parquet")
        young = some.with_name("part-11234567-89ab-cdef-0123-456789abcdef.zstd.parquet")
        foreign = some.with_name("part-00000-1234.snappy.parquet")
        old_foreign = some.with_name("part-00001-1234.snappy.parquet")
        hidden = folder / "_mine" / "x.parquet"
        changes = folder / "_change_data" / "cdc-1.parquet"
        text = folder / "notes.txt"
        hidden.parent.mkdir()
        changes.parent.mkdir()
        for path in (ours, young, foreign, old_foreign, hidden, changes, text):
            path.write_bytes(b"x" * 10)
        age([ours, foreign] + list(originals), 2)
        age([old_foreign, hidden, changes, text], 8 * 24)
        assert one(connection, "SELECT varve.vacuum('t')") == "3 files of 30 bytes deleted"
        assert not ours.exists() and not old_foreign.exists() and not changes.exists()
        assert all(path.exists() for path in [young, foreign, hidden, text, *originals])
        assert one(connection, "SELECT count(*) FROM t") == 800
        assert one(connection, "SELECT varve.vacuum('t')") == "nothing to delete"


def forget_at_once(connection, folder):
    """Lets vacuum delete files as soon as no version has them."""
    deltalake = pytest.importorskip("deltalake")
    table = deltalake.DeltaTable(str(folder))
    table.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 0 seconds"})
    connection.execute("SELECT varve.refresh('t')")


def test_readers_do_not_notice(anywhere):
    """Readers count while files are flushed, merged and deleted under them."""
    errors = []
    ended = threading.Event()

    def read():
        try:
            with anywhere.connect() as connection:
                last = 0
                while not ended.is_set():
                    rows, total, highest = connection.execute(
                        "SELECT count(*), sum(id), max(id) FROM t"
                    ).fetchone()
                    assert rows == highest + 1 and total == highest * (highest + 1) // 2, rows
                    assert rows >= last
                    last = rows
        except (psycopg.Error, AssertionError) as error:
            errors.append(error)

    with anywhere.connect() as connection:
        make_table(connection)
        add_file(connection, 0)
        folder = folder_of(anywhere, connection)
        forget_at_once(connection, folder)
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        deleted = 0
        for i in range(1, 25):
            add_file(connection, i * 200)
            if i % 4 == 0:
                connection.execute("SELECT varve.compact('t')")
                age(data_files(folder), 2)
                said = one(connection, "SELECT varve.vacuum('t')")
                deleted += 0 if said == "nothing to delete" else int(said.split()[0])
        ended.set()
        for reader in readers:
            reader.join()
        assert not errors, errors
        assert deleted >= 16
        assert one(connection, "SELECT count(*) FROM t") == 5000


def test_an_open_cursor_keeps_its_files(anywhere):
    with anywhere.connect() as connection, anywhere.connect(autocommit=False) as reader:
        make_table(connection)
        # More than sockets hold, so that the statement has files left to open.
        payload = "repeat('x', 2000) || i"
        for i in range(8):
            add_file(connection, i * 2500, rows=2500, payload=payload)
        folder = folder_of(anywhere, connection)
        forget_at_once(connection, folder)
        with reader.cursor() as cursor:
            rows = cursor.stream("SELECT id, payload FROM t", size=1)
            seen = {next(rows)[0]}
            connection.execute("SELECT varve.compact('t')")
            age(data_files(folder), 2)
            connection.execute("SELECT varve.vacuum('t')")
            assert len(data_files(folder)) == 9, "those of the statement, and what became of them"
            seen.update(row[0] for row in rows)
        assert len(seen) == 20000
        reader.commit()
        connection.execute("SELECT varve.vacuum('t')")
        assert len(data_files(folder)) == 1


def test_compaction_runs_by_itself_and_is_shown(tmp_path):
    options = {**BY_HAND, "compact-interval-secs": 1}
    with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
        make_table(connection)
        for i in range(8):
            add_file(connection, i * 200)
        deadline = time.monotonic() + 30
        while one(connection, "SELECT files FROM varve.tables WHERE table_name = 't'") > 4:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        job = "SELECT runs > 0, last_error IS NULL FROM varve.jobs WHERE name = 'compact'"
        assert connection.execute(job).fetchone() == (True, True)
        assert one(connection, "SELECT count(*) FROM t") == 1600


def test_a_job_that_fails_is_counted(tmp_path):
    options = {**BY_HAND, "vacuum-interval-secs": 1}
    with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
        make_table(connection)
        add_file(connection, 0)
        assert metrics.read(server)["varve_jobs_failing"] == 0
        (data_file,) = data_files(folder_of(server, connection))
        data_file.rename(tmp_path / "gone")
        metrics.wait_until(server, lambda now: now["varve_jobs_failing"] == 1, "a failing vacuum")
        assert "does not list a file" in one(connection, "SELECT last_error FROM varve.jobs WHERE name = 'vacuum'")
