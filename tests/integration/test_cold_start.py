"""A server with an empty data folder serves what lies in the lake; servers on one lake see each other.

The lake is a local folder here: what is tested is who knows of which table when. The same through a
bucket is in test_two_servers.py.
"""

import datetime
import shutil
import time

import psycopg
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support.varve_server import VarveServer

UTC = datetime.timezone.utc
START = datetime.datetime(2025, 3, 9, 10, tzinfo=UTC)
NO_REFRESH = {"lake-refresh-secs": 0}


def lake_of(server):
    return server.data_dir / "lake" / "varve"


def on_lake_of(other, data_dir, options=None):
    """A server with definitions of its own, none yet, on the folder of another one's lake."""
    data_dir.mkdir()
    (data_dir / "lake").symlink_to(other.data_dir / "lake")
    return VarveServer(data_dir, options or NO_REFRESH)


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def delete_definitions(data_dir):
    for path in data_dir.glob("meta.duckdb*"):
        path.unlink()


def make_readings(connection):
    connection.execute(
        "CREATE TABLE raw.readings (timestamp timestamptz NOT NULL, device text, doc jsonb, "
        "price numeric(10,2), id uuid, tags text[], level int DEFAULT 7) "
        "WITH (partition_by = 'date', sort_by = 'device', bloom = 'device', retention = '30 days')"
    )
    connection.execute(
        "INSERT INTO raw.readings (timestamp, device, doc, price, id, tags) VALUES "
        "('2025-03-09 10:00:00+00', 'a', '{\"k\": 1}', 1.25, "
        "'0c9d6f0e-2b4c-4a34-9a55-0a8a3f7d6f11', ARRAY['x','y'])"
    )


def test_an_empty_data_folder_serves_the_lake(tmp_path):
    with VarveServer(tmp_path / "one") as one, one.connect() as connection:
        make_readings(connection)
        connection.execute("SELECT varve.flush('raw.readings')")
        before = rows(connection, "SELECT * FROM raw.readings")
        described = rows(connection, "SELECT column_name, data_type, is_nullable, column_default FROM "
                                     "information_schema.columns WHERE table_name = 'readings' ORDER BY 1")
        tables = rows(connection, "SELECT count(*) FROM varve.tables")
    (tmp_path / "two").mkdir()
    shutil.copytree(tmp_path / "one" / "lake", tmp_path / "two" / "lake")
    with VarveServer(tmp_path / "two") as two, two.connect() as connection:
        assert rows(connection, "SELECT * FROM raw.readings") == before
        assert rows(connection, "SELECT column_name, data_type, is_nullable, column_default FROM "
                                "information_schema.columns WHERE table_name = 'readings' ORDER BY 1") == described
        assert rows(connection, "SELECT count(*) FROM varve.tables") == tables
        assert rows(connection, "SELECT retention, partition_by FROM varve.tables WHERE table_name = 'readings'") == [
            (datetime.timedelta(days=30), "date")
        ]
        # The default, the derived date and the rows of the new server go to the same place.
        connection.execute("INSERT INTO raw.readings (timestamp, device) VALUES ('2025-03-10 01:00:00+00', 'b')")
        connection.execute("SELECT varve.flush('raw.readings')")
        assert rows(connection, "SELECT device, level, date::text FROM raw.readings ORDER BY 1") == [
            ("a", 7, "2025-03-09"),
            ("b", 7, "2025-03-10"),
        ]
        assert rows(connection, "SELECT * FROM varve.lake_errors") == []


def test_definitions_that_were_deleted_come_back_with_their_log(tmp_path):
    """meta.duckdb is gone, node id and log are not: the rows in the log belong to the same tables."""
    server = VarveServer(tmp_path / "data", {"flush-interval-secs": 86400})
    with server.start().connect() as connection:
        connection.execute("CREATE TABLE first (timestamp timestamptz)")
        connection.execute("CREATE TABLE second (timestamp timestamptz, n int)")
        for table in ("first", "second"):
            connection.execute(f"INSERT INTO {table} (timestamp) VALUES ('2025-03-09 10:00:00+00')")
            connection.execute(f"SELECT varve.flush('{table}')")
        connection.execute("INSERT INTO second VALUES ('2025-03-09 11:00:00+00', 2)")
    server.kill()
    delete_definitions(tmp_path / "data")
    with server.start(), server.connect() as connection:
        assert rows(connection, "SELECT n FROM second ORDER BY timestamp") == [(None,), (2,)]
        assert rows(connection, "SELECT count(*) FROM first") == [(1,)]


def test_rows_of_a_table_that_nobody_knows_any_more_are_not_let_go(tmp_path):
    """The lake cannot say whose rows these are: it has never had one of them."""
    server = VarveServer(tmp_path / "data", {"flush-interval-secs": 86400})
    with server.start().connect() as connection:
        connection.execute("CREATE TABLE t (timestamp timestamptz)")
        connection.execute("INSERT INTO t VALUES (now())")
    server.kill()
    shutil.move(tmp_path / "data" / "meta.duckdb", tmp_path / "kept")
    shutil.move(tmp_path / "data" / "meta.duckdb.wal", tmp_path / "kept.wal")
    with pytest.raises(RuntimeError, match="the log and meta.duckdb do not belong together"):
        server.start()
    delete_definitions(tmp_path / "data")
    shutil.move(tmp_path / "kept", tmp_path / "data" / "meta.duckdb")
    shutil.move(tmp_path / "kept.wal", tmp_path / "data" / "meta.duckdb.wal")
    with server.start(), server.connect() as connection:
        assert rows(connection, "SELECT count(*) FROM t") == [(1,)]


def test_a_table_of_delta_rs_is_served_and_what_cannot_be_is_listed(tmp_path):
    lake = tmp_path / "data" / "lake" / "varve"
    lake.mkdir(parents=True)
    times = pa.array([START, START + datetime.timedelta(hours=1)], pa.timestamp("us", tz="UTC"))
    write_deltalake(
        str(lake / "raw.weather"),
        pa.table({"seen": times, "place": ["b", "a"], "degrees": [1.5, None], "part": ["x/y", None]}),
        partition_by=["part"],
    )
    write_deltalake(str(lake / "nested"), pa.table({"timestamp": times, "who": [{"a": 1}, {"a": 2}]}))
    write_deltalake(str(lake / "timeless"), pa.table({"n": [1, 2]}))
    (lake / "not-a-table").mkdir()
    (lake / "not-a-table" / "file.txt").write_text("x")
    with VarveServer(tmp_path / "data") as server, server.connect() as connection:
        assert rows(connection, "SELECT seen, place, degrees, part FROM raw.weather ORDER BY seen") == [
            (START, "b", 1.5, "x/y"),
            (START + datetime.timedelta(hours=1), "a", None, None),
        ]
        assert rows(connection, "SELECT place FROM raw.weather WHERE part = 'x/y'") == [("b",)]
        assert rows(connection, "SELECT place FROM raw.weather WHERE seen > '2025-03-09 10:30:00+00'") == [("a",)]
        refused = rows(connection, "SELECT location, sqlstate, message FROM varve.lake_errors ORDER BY 1")
        assert [(location, state) for location, state, _ in refused] == [("nested", "0A000"), ("timeless", "42P16")]
        assert '"who"' in refused[0][2]
        connection.execute("INSERT INTO raw.weather (seen, place, part) VALUES ('2025-03-10 00:00:00+00', 'c', 'z')")
        connection.execute("SELECT varve.flush('raw.weather')")
    table = DeltaTable(str(lake / "raw.weather"))
    assert sorted(table.to_pyarrow_table()["place"].to_pylist()) == ["a", "b", "c"]


def test_servers_on_one_lake_see_each_others_rows_columns_and_tables(tmp_path):
    with VarveServer(tmp_path / "one", NO_REFRESH) as one, one.connect() as first:
        make_readings(first)
        first.execute("SELECT varve.flush('raw.readings')")
        with on_lake_of(one, tmp_path / "two") as two, two.connect() as second:
            assert rows(second, "SELECT device FROM raw.readings") == [("a",)]
            # Rows, while rows of its own wait in the buffer: none lost, none twice.
            second.execute("INSERT INTO raw.readings (timestamp, device) VALUES (now(), 'mine')")
            first.execute("INSERT INTO raw.readings (timestamp, device) VALUES (now(), 'theirs')")
            first.execute("SELECT varve.flush('raw.readings')")
            assert rows(second, "SELECT device FROM raw.readings ORDER BY 1") == [("a",), ("mine",)]
            second.execute("SELECT varve.refresh('raw.readings')")
            assert rows(second, "SELECT device FROM raw.readings ORDER BY 1") == [("a",), ("mine",), ("theirs",)]
            second.execute("SELECT varve.flush('raw.readings')")
            assert rows(second, "SELECT device FROM raw.readings ORDER BY 1") == [("a",), ("mine",), ("theirs",)]
            # A column and an option.
            first.execute("SELECT varve.refresh('raw.readings')")
            first.execute("ALTER TABLE raw.readings ADD COLUMN extra int")
            first.execute("ALTER TABLE raw.readings SET (retention = '2 days')")
            first.execute("INSERT INTO raw.readings (timestamp, device, extra) VALUES (now(), 'wide', 5)")
            first.execute("SELECT varve.flush('raw.readings')")
            second.execute("SELECT varve.refresh('raw.readings')")
            assert rows(second, "SELECT device FROM raw.readings WHERE extra = 5") == [("wide",)]
            second.execute("INSERT INTO raw.readings (timestamp, device, extra) VALUES (now(), 'wide2', 6)")
            assert rows(second, "SELECT retention FROM varve.tables WHERE table_name = 'readings'") == [
                (datetime.timedelta(days=2),)
            ]
            second.execute("SELECT varve.flush('raw.readings')")
            # A new table; and one that both make.
            first.execute("CREATE TABLE gold.new (timestamp timestamptz, n int)")
            with pytest.raises(psycopg.errors.UndefinedTable):
                second.execute("SELECT * FROM gold.new")
            second.execute("SELECT varve.refresh()")
            second.execute("INSERT INTO gold.new VALUES (now(), 1)")
            first.execute("CREATE TABLE common (timestamp timestamptz, n int)")
            second.execute("CREATE TABLE common (timestamp timestamptz, n int)")
            for connection, n in ((first, 1), (second, 2)):
                connection.execute("INSERT INTO common VALUES (now(), %s)", (n,))
                connection.execute("SELECT varve.flush('common')")
            for connection in (first, second):
                connection.execute("SELECT varve.refresh('common')")
                assert rows(connection, "SELECT n FROM common ORDER BY 1") == [(1,), (2,)]
            assert rows(first, "SELECT extra FROM raw.readings WHERE device = 'wide2'") == []
            first.execute("SELECT varve.refresh('raw.readings')")
            assert rows(first, "SELECT extra FROM raw.readings WHERE device = 'wide2'") == [(6,)]


def test_a_definition_that_another_server_changed_is_not_overwritten(tmp_path):
    with VarveServer(tmp_path / "one", NO_REFRESH) as one, one.connect() as first:
        make_readings(first)
        with on_lake_of(one, tmp_path / "two") as two, two.connect() as second:
            first.execute("ALTER TABLE raw.readings SET (retention = '2 days')")
            with pytest.raises(psycopg.errors.SerializationFailure):
                second.execute("ALTER TABLE raw.readings SET (bloom = 'level')")
            second.execute("SELECT varve.refresh('raw.readings')")
            second.execute("ALTER TABLE raw.readings SET (bloom = 'level')")
            first.execute("SELECT varve.refresh('raw.readings')")
            assert rows(first, "SELECT retention FROM varve.tables WHERE table_name = 'readings'") == [
                (datetime.timedelta(days=2),)
            ]


def test_the_refresh_job_finds_what_delta_rs_appends(tmp_path):
    with VarveServer(tmp_path / "data", {"lake-refresh-secs": 1}) as server, server.connect() as connection:
        connection.execute("CREATE TABLE t (timestamp timestamptz, n bigint) WITH (partition_by = '')")
        connection.execute("INSERT INTO t VALUES (now(), 1)")
        connection.execute("SELECT varve.flush('t')")
        time_type = pa.timestamp("us", tz="UTC")
        more = pa.table({"timestamp": pa.array([START], time_type), "n": pa.array([2], pa.int64())})
        write_deltalake(str(lake_of(server) / "t"), more, mode="append")
        write_deltalake(str(lake_of(server) / "fresh"), more)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if rows(connection, "SELECT n FROM t ORDER BY n") == [(1,), (2,)] and rows(
                connection, "SELECT count(*) FROM varve.tables WHERE table_name = 'fresh'"
            ) == [(1,)]:
                break
            time.sleep(0.2)
        assert rows(connection, "SELECT n FROM t ORDER BY n") == [(1,), (2,)]
        assert rows(connection, "SELECT n FROM fresh") == [(2,)]
        assert rows(connection, "SELECT last_error FROM varve.jobs WHERE name = 'lake-refresh'") == [(None,)]


def wait_for_rounds(connection, count):
    runs = "SELECT runs FROM varve.jobs WHERE name = 'lake-refresh'"
    enough = rows(connection, runs)[0][0] + count
    deadline = time.monotonic() + 60
    while rows(connection, runs)[0][0] < enough:
        assert time.monotonic() < deadline, "no round of lake-refresh ends"
        time.sleep(0.05)


def test_a_dropped_table_does_not_come_back(tmp_path):
    server = VarveServer(tmp_path / "data", {"lake-refresh-secs": 1})
    with server.start().connect() as connection:
        connection.execute("CREATE TABLE t (timestamp timestamptz)")
        connection.execute("INSERT INTO t VALUES (now())")
        connection.execute("SELECT varve.flush('t')")
        connection.execute("DROP TABLE t")
        wait_for_rounds(connection, 2)
        assert rows(connection, "SELECT * FROM varve.tables WHERE table_name = 't'") == []
    server.stop()
    with server.start(), server.connect() as connection:
        assert rows(connection, "SELECT * FROM varve.tables WHERE table_name = 't'") == []
        assert rows(connection, "SELECT * FROM varve.lake_errors") == []


def test_a_known_table_that_cannot_be_read_any_more_does_not_stop_the_start(tmp_path):
    server = VarveServer(tmp_path / "data", NO_REFRESH)
    with server.start().connect() as connection:
        connection.execute("CREATE TABLE t (timestamp timestamptz, n int)")
        connection.execute("INSERT INTO t VALUES (now(), 1)")
    server.stop()
    log = lake_of(server) / "t" / "_delta_log"
    version = len(list(log.glob("*.json")))
    feature = '{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}\n'
    (log / f"{version:020}.json").write_text(feature)
    with server.start().connect() as connection:
        for statement in ("SELECT * FROM t", "SELECT count(*) FROM t", "INSERT INTO t VALUES (now(), 2)"):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="columnMapping"):
                connection.execute(statement)
        assert rows(connection, "SELECT table_name, sqlstate FROM varve.lake_errors") == [("public.t", "0A000")]
        (log / f"{version:020}.json").unlink()
        connection.execute("SELECT varve.refresh('t')")
        assert rows(connection, "SELECT n FROM t") == [(1,)]
        connection.execute("INSERT INTO t VALUES (now(), 2)")
        assert rows(connection, "SELECT n FROM t ORDER BY 1") == [(1,), (2,)]
    server.stop()
