"""What one server makes of a lake that is not as it left it: names taken meanwhile, folders gone, names too long."""

import shutil

import psycopg
import pytest
from deltalake import DeltaTable

from tests.support.fault_proxy import FaultProxy
from tests.support.varve_server import VarveServer

COLUMNS = "(timestamp timestamptz NOT NULL, n {})"


def on_bucket(store, bucket, data_dir, endpoint=None, **more):
    options = {
        "s3-bucket": bucket,
        "s3-endpoint": endpoint or store.endpoint,
        "s3-access-key": store.access_key,
        "s3-secret-key": store.secret_key,
        "s3-allow-http": "true",
        "s3-retry-secs": 2,
        "lake-refresh-secs": 0,
        "flush-interval-secs": 3600,
    }
    return VarveServer(data_dir, {**options, **{name.replace("_", "-"): value for name, value in more.items()}})


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def flush(connection, table):
    return connection.execute("SELECT varve.flush(%s)", (table,)).fetchone()[0]


def refresh(connection):
    try:
        connection.execute("SELECT varve.refresh()")
    except psycopg.Error:
        pass  # a table's error, which is in varve.lake_errors


def test_rows_of_a_table_whose_name_was_taken_meanwhile_are_kept(tmp_path, shared_versity_gw):
    bucket = shared_versity_gw.new_bucket()
    with FaultProxy(shared_versity_gw.port) as proxy:
        with on_bucket(shared_versity_gw, bucket, tmp_path / "one") as one, one.connect() as winner:
            second = on_bucket(shared_versity_gw, bucket, tmp_path / "two", proxy.endpoint).start()
            loser = second.connect()
            # Its CREATE is durable and not in the lake yet.
            proxy.break_with("error_500", match=lambda line: line.startswith("PUT") and "/c/_delta_log/" in line)
            loser.execute(f"CREATE TABLE c {COLUMNS.format('bigint')}")
            loser.execute("INSERT INTO c VALUES (now(), 5)")
            with pytest.raises(psycopg.errors.IoError):
                flush(loser, "c")
            winner.execute(f"CREATE TABLE c {COLUMNS.format('text')}")
            winner.execute("INSERT INTO c VALUES (now(), 'theirs')")
            assert flush(winner, "c") == 1
            proxy.heal()
            refresh(loser)
            for _ in range(2):
                with pytest.raises(psycopg.errors.FeatureNotSupported, match="another type"):
                    loser.execute("INSERT INTO c VALUES (now(), 6)")
                with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="wait in the log"):
                    flush(loser, "c")
                assert rows(loser, "SELECT location FROM varve.lake_errors") == [("c",)]
                second.kill()
                second.start()
                loser = second.connect()
            loser.execute("ALTER TABLE c RENAME TO mine")
            assert rows(loser, "SELECT n FROM mine") == [(5,)]
            assert flush(loser, "mine") == 1
            loser.execute("SELECT varve.refresh()")
            assert rows(loser, "SELECT n FROM c") == [("theirs",)]
            assert rows(loser, "SELECT * FROM varve.lake_errors") == []
            loser.execute("DROP TABLE mine")
            second.kill()
            second.start()
            assert rows(second.connect(), "SELECT n FROM c") == [("theirs",)]
            second.stop()
            assert rows(winner, "SELECT n FROM c") == [("theirs",)]
    table = DeltaTable(f"s3://{bucket}/varve/c", storage_options=shared_versity_gw.delta_options())
    assert table.to_pyarrow_table()["n"].to_pylist() == ["theirs"]


@pytest.mark.parametrize("bytes_", [300, 1100])
def test_a_name_of_any_length_can_be_flushed(tmp_path, shared_versity_gw, bytes_):
    bucket = shared_versity_gw.new_bucket()
    name = "n" * bytes_
    with on_bucket(shared_versity_gw, bucket, tmp_path / "data") as server:
        with server.connect() as connection:
            parts = ", ".join(f"p{i} text" for i in range(6))
            keys = ", ".join(f"p{i}" for i in range(6))
            connection.execute(
                f'CREATE TABLE "{name}" (timestamp timestamptz NOT NULL, {parts}) WITH (partition_by = \'{keys}\')'
            )
            for value in ("v" * 300, "é/" * 500, "%", ".."):
                values = ", ".join(f"'{value}'" for _ in range(6))
                connection.execute(f'INSERT INTO "{name}" VALUES (now(), {values})')
            assert flush(connection, f'"{name}"') == 4
            (location,) = rows(connection, "SELECT location FROM varve.tables WHERE length(table_name) > 250")[0]
            assert len(location) < 128
        server.kill()
        server.start()
        with server.connect() as connection:
            assert rows(connection, f'SELECT count(DISTINCT p5), min(length(p5)) FROM "{name}"') == [(4, 1)]
            connection.execute(f'CREATE TABLE "{name}x" {COLUMNS.format("bigint")}')
            connection.execute(f"INSERT INTO \"{name}x\" VALUES (now(), 1)")
            assert flush(connection, f'"{name}x"') == 1
            assert rows(connection, f'SELECT count(*) FROM "{name}"') == [(4,)]


def test_a_prefix_that_leaves_no_room_is_refused(tmp_path, shared_versity_gw):
    server = on_bucket(shared_versity_gw, shared_versity_gw.new_bucket(), tmp_path / "data", table_prefix="p" * 201)
    with pytest.raises(RuntimeError, match="longer than 200 bytes"):
        server.start()


def test_one_table_that_cannot_be_read_does_not_stop_the_start(tmp_path, shared_versity_gw):
    bucket = shared_versity_gw.new_bucket()
    with FaultProxy(shared_versity_gw.port) as proxy:
        server = on_bucket(shared_versity_gw, bucket, tmp_path / "data", proxy.endpoint).start()
        with server.connect() as connection:
            for name in ("good", "bad"):
                connection.execute(f"CREATE TABLE {name} {COLUMNS.format('bigint')}")
                connection.execute(f"INSERT INTO {name} VALUES (now(), 1)")
                assert flush(connection, name) == 1
            connection.execute("INSERT INTO bad VALUES (now(), 2)")
        server.kill()
        proxy.break_with("error_500", match=lambda line: "varve/bad/" in line or "varve%2Fbad%2F" in line)
        server.start()
        with server.connect() as connection:
            assert rows(connection, "SELECT n FROM good") == [(1,)]
            assert rows(connection, "SELECT location FROM varve.lake_errors") == [("bad",)]
            with pytest.raises(psycopg.Error, match="cannot be served"):
                connection.execute("INSERT INTO bad VALUES (now(), 3)")
            refresh(connection)
            connection.execute("INSERT INTO good VALUES (now(), 4)")
            assert flush(connection, "good") == 1
            proxy.heal()
            connection.execute("SELECT varve.refresh()")
            assert rows(connection, "SELECT n FROM bad ORDER BY n") == [(1,), (2,)]
            flush(connection, "bad")  # unless the job that tries again was quicker
            assert flush(connection, "bad") == 0
            table = DeltaTable(f"s3://{bucket}/varve/bad", storage_options=shared_versity_gw.delta_options())
            assert table.to_pyarrow_table().num_rows == 2
            assert rows(connection, "SELECT n FROM bad ORDER BY n") == [(1,), (2,)]
        server.stop()


def test_a_bucket_that_was_emptied_takes_no_commit(tmp_path, versity_gw):
    bucket = versity_gw.new_bucket()
    lake = versity_gw.folder / "objects" / bucket / "varve"
    with on_bucket(versity_gw, bucket, tmp_path / "data") as server:
        with server.connect() as connection:
            connection.execute(f"CREATE TABLE t {COLUMNS.format('bigint')}")
            for n in range(3):
                connection.execute("INSERT INTO t VALUES (now(), %s)", (n,))
                assert flush(connection, "t") == 1
            connection.execute("INSERT INTO t VALUES (now(), 3)")
            shutil.move(lake, tmp_path / "kept")
            refresh(connection)
            errors = dict(rows(connection, "SELECT location, message FROM varve.lake_errors"))
            assert "is gone" in errors["t"]
            for _ in range(2):
                with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="does not reach version 3"):
                    flush(connection, "t")
            assert not list(lake.glob("t/_delta_log/*"))
            connection.execute("INSERT INTO t VALUES (now(), 4)")
            # One way out: what was there comes back.
            shutil.rmtree(lake, ignore_errors=True)
            shutil.move(tmp_path / "kept", lake)
            assert flush(connection, "t") == 2
            connection.execute("SELECT varve.refresh()")
            assert rows(connection, "SELECT * FROM varve.lake_errors") == []
            assert rows(connection, "SELECT n FROM t ORDER BY n") == [(n,) for n in range(5)]
            # The other: the server makes its tables again.
            connection.execute("INSERT INTO t VALUES (now(), 5)")
            shutil.rmtree(lake)
        server.kill()
        server.start()
        with server.connect() as connection:
            assert (5,) in rows(connection, "SELECT n FROM t")
            assert flush(connection, "t") >= 1
    table = DeltaTable(f"s3://{bucket}/varve/t", storage_options=versity_gw.delta_options())
    assert 5 in table.to_pyarrow_table()["n"].to_pylist()
