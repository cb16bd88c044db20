"""Projects with buckets and keys of their own: their rows are nowhere else, and nobody reads the keys back."""

import pathlib
import stat
import threading

import deltalake
import psycopg
import pytest

from tests.integration.test_s3 import bucket_options
from tests.support.fault_proxy import FaultProxy
from tests.support.object_stores import VersityGw
from tests.support.parts import wait_until
from tests.support.varve_server import BY_HAND, VarveServer

OWN_SECRET = "the-project-has-a-secret-of-its-own"
TABLE = (
    "CREATE TABLE events (timestamp timestamptz NOT NULL, project_id text NOT NULL, date date NOT NULL, n bigint) "
    "WITH (partition_by = 'project_id, date')"
)
# A store that does not answer is given up soon.
SOON = {"s3-retry-secs": 2, "s3-connect-timeout-ms": 500, "s3-request-timeout-ms": 2000}


class ProjectGw(VersityGw):
    """The S3 server of somebody else: other keys than the server's own."""

    access_key = "projectownkey"
    secret_key = OWN_SECRET


@pytest.fixture
def own_gw():
    with ProjectGw() as running:
        yield running


@pytest.fixture(scope="module")
def shared_own_gw():
    with ProjectGw() as running:
        yield running


def server_options(store, bucket, **more):
    return {**bucket_options(store, bucket), **SOON, **BY_HAND, **more}


def create_project(connection, store, bucket, project="acme", prefix="own", endpoint=None, secret=None, key=None):
    connection.execute(
        "SELECT varve.create_project(%s, %s, prefix := %s, access_key := %s, secret_key := %s, endpoint := %s)",
        [project, bucket, prefix, key or store.access_key, secret or store.secret_key, endpoint or store.endpoint],
    )


def insert(connection, project, begin, count=10):
    connection.execute(
        "INSERT INTO events (timestamp, project_id, n) SELECT timestamptz '2025-03-09 10:00:00+00' + to_seconds(i), "
        f"'{project}', i FROM range({begin}, {begin + count}) t(i)"
    )


def flush(connection):
    connection.execute("SELECT varve.flush('events')")


def numbers(connection, where="true"):
    return [row[0] for row in connection.execute(f"SELECT n FROM events WHERE {where} ORDER BY n").fetchall()]


def of(project):
    return f"project_id = '{project}'"


def own_table(store, bucket, prefix="own"):
    return deltalake.DeltaTable(f"s3://{bucket}/{prefix}/events", storage_options=store.delta_options())


def parquet(store, bucket, part=""):
    names = [name for name in store.names(bucket) if name.endswith(".parquet") and part in name]
    return [name for name in names if "/_delta_log/" not in name]


class Setup:
    """A server on a bucket, and project acme on another one, with a proxy before each that counts requests."""

    def __init__(self, path, main, own):
        self.main, self.own = main, own
        self.bucket, self.own_bucket = main.new_bucket("main"), own.new_bucket("own")
        self.main_proxy, self.own_proxy = FaultProxy(main.port), FaultProxy(own.port)
        self.path = path

    def __enter__(self):
        self.main_proxy.__enter__()
        self.own_proxy.__enter__()
        options = server_options(self.main, self.bucket, **{"s3-endpoint": self.main_proxy.endpoint})
        self.server = VarveServer(self.path, options).start()
        self.connection = self.server.connect()
        return self

    def __exit__(self, *exc):
        self.connection.close()
        if self.server.process is not None:
            self.server.kill() if exc[0] else self.server.stop()
        self.own_proxy.__exit__()
        self.main_proxy.__exit__()

    def declare(self, **more):
        create_project(self.connection, self.own, self.own_bucket, endpoint=self.own_proxy.endpoint, **more)

    def restart(self):
        self.connection.close()
        self.server.kill()
        self.server.start()
        self.connection = self.server.connect()

    def requests(self):
        return self.main_proxy.requests, self.own_proxy.requests


@pytest.fixture
def setup(tmp_path, shared_versity_gw, shared_own_gw):
    with Setup(tmp_path / "data", shared_versity_gw, shared_own_gw) as running:
        yield running


@pytest.mark.parametrize("first", ["table", "project"])
def test_rows_are_in_the_bucket_of_their_project_only(setup, first):
    connection = setup.connection
    if first == "table":
        connection.execute(TABLE)
    setup.declare()
    if first == "project":
        connection.execute(TABLE)
    insert(connection, "acme", 0)
    insert(connection, "shop", 100)
    with connection.cursor() as cursor, cursor.copy("COPY events (timestamp, project_id, n) FROM STDIN") as copy:
        for n, project in ((10, "acme"), (110, "shop"), (11, "acme")):
            copy.write_row(["2025-03-09 11:00:00+00", project, n])
    # One statement through the engine, one through the fast path, with rows of both.
    connection.execute("INSERT INTO events (timestamp, project_id, n) VALUES (now(), 'acme', 12), (now(), 'shop', 111)")
    connection.execute(
        "INSERT INTO events (timestamp, project_id, n) VALUES ('2025-03-09', 'acme', 13), ('2025-03-09', 'shop', 112)"
    )
    acme, shop = list(range(14)), list(range(100, 113))
    assert numbers(connection) == acme + shop, "in the buffer"
    flush(connection)
    insert(connection, "acme", 14, 1)
    for _ in range(2):
        connection = setup.connection
        assert numbers(connection) == acme + [14] + shop
        assert numbers(connection, of("acme")) == acme + [14]
        assert numbers(connection, of("shop")) == shop
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (28,)
        setup.restart()
    assert parquet(setup.own, setup.own_bucket) and not parquet(setup.own, setup.own_bucket, "shop")
    assert parquet(setup.main, setup.bucket) and not parquet(setup.main, setup.bucket, "acme")
    assert all(name.startswith("own/") for name in setup.own.names(setup.own_bucket))
    flush(setup.connection)
    theirs = own_table(setup.own, setup.own_bucket).to_pyarrow_table()
    assert sorted(theirs["n"].to_pylist()) == acme + [14] and set(theirs["project_id"].to_pylist()) == {"acme"}
    shared = deltalake.DeltaTable(f"s3://{setup.bucket}/varve/events", storage_options=setup.main.delta_options())
    assert set(shared.to_pyarrow_table()["project_id"].to_pylist()) == {"shop"}
    assert not list((setup.path / "lake").rglob("*.parquet"))


def test_a_query_touches_the_bucket_of_its_project_only(setup):
    setup.connection.execute(TABLE)
    setup.declare()
    for begin, project in ((0, "acme"), (100, "shop")):
        insert(setup.connection, project, begin)
    flush(setup.connection)
    for where, touched in ((of("acme"), "own"), (of("shop"), "main"), ("project_id IN ('shop', 'else')", "main")):
        # Without what the flush has put into the cache.
        setup.connection.close()
        setup.server.kill()
        for block in (setup.path / "cache").rglob("*"):
            if block.is_file():
                block.unlink()
        setup.server.start()
        setup.connection = setup.server.connect()
        before = setup.requests()
        assert len(numbers(setup.connection, where)) == 10
        main, own = (after - old for after, old in zip(setup.requests(), before))
        assert (main > 0, own > 0) == (touched == "main", touched == "own"), f"{where}: {main} and {own} requests"


def test_one_bucket_down_is_nobody_elses_trouble(setup):
    setup.connection.execute(TABLE)
    setup.declare()
    insert(setup.connection, "acme", 0)
    insert(setup.connection, "shop", 100)
    flush(setup.connection)
    setup.own_proxy.break_with("outage")
    insert(setup.connection, "acme", 10)
    insert(setup.connection, "shop", 110)
    with pytest.raises(psycopg.Error):
        flush(setup.connection)
    in_files = "SELECT project, file_rows FROM varve.tables WHERE table_name = 'events' ORDER BY 1"
    shown = setup.connection.execute(in_files).fetchall()
    assert shown == [("acme", 10), (None, 20)], "the others' rows are in the lake"
    # As if the cache were empty: started again while the bucket is away.
    setup.restart()
    connection = setup.connection
    assert numbers(connection, of("shop")) == list(range(100, 120))
    with pytest.raises(psycopg.Error, match='project "acme"'):
        numbers(connection)
    with pytest.raises(psycopg.Error, match='project "acme"'):
        numbers(connection, of("acme"))
    with pytest.raises(psycopg.Error, match='project "acme"'):
        insert(connection, "acme", 20)
    insert(connection, "shop", 120)
    connection.execute("CREATE TABLE later (timestamp timestamptz NOT NULL, project_id text, n bigint)"
                       " WITH (partition_by = 'project_id')")
    setup.own_proxy.heal()
    connection.execute("SELECT varve.refresh()")
    assert numbers(connection, of("acme")) == list(range(20))
    insert(connection, "acme", 20)
    connection.execute("INSERT INTO later VALUES (now(), 'acme', 1)")
    flush(connection)
    assert numbers(connection) == list(range(30)) + list(range(100, 130))
    assert sorted(own_table(setup.own, setup.own_bucket).to_pyarrow_table()["n"].to_pylist()) == list(range(30))


def test_a_transaction_counts_in_all_buckets_or_in_none(setup):
    connection = setup.connection
    connection.execute(TABLE)
    setup.declare()
    with connection.transaction():
        insert(connection, "acme", 0)
        insert(connection, "shop", 100)
        assert numbers(connection) == list(range(10)) + list(range(100, 110))
        assert numbers(connection, of("acme")) == list(range(10))
    with pytest.raises(ZeroDivisionError), connection.transaction():
        insert(connection, "acme", 10)
        insert(connection, "shop", 110)
        raise ZeroDivisionError
    with connection.transaction():
        connection.execute("CREATE TABLE made (timestamp timestamptz NOT NULL, project_id text, n int)"
                           " WITH (partition_by = 'project_id')")
        connection.execute("INSERT INTO made VALUES (now(), 'acme', 1), (now(), 'shop', 2)")
    setup.restart()
    assert numbers(setup.connection) == list(range(10)) + list(range(100, 110))
    setup.connection.execute("SELECT varve.flush('made')")
    assert setup.connection.execute("SELECT n FROM made ORDER BY n").fetchall() == [(1,), (2,)]
    assert parquet(setup.own, setup.own_bucket, "made/project_id=acme")
    assert not parquet(setup.main, setup.bucket, "made/project_id=acme")


def test_a_transaction_that_is_older_than_its_project_writes_to_its_bucket(setup):
    setup.connection.execute(TABLE)
    with setup.server.connect() as older:
        older.execute("BEGIN")
        insert(older, "acme", 0)
        insert(older, "shop", 100)
        setup.declare()
        older.execute("COMMIT")
        flush(setup.connection)
        assert numbers(setup.connection, of("acme")) == list(range(10))
        assert not parquet(setup.main, setup.bucket, "acme")
        assert sorted(own_table(setup.own, setup.own_bucket).to_pyarrow_table()["n"].to_pylist()) == list(range(10))
        older.execute("BEGIN")
        insert(older, "acme", 10)
        setup.connection.execute("SELECT varve.drop_project('acme')")
        with pytest.raises(psycopg.errors.SerializationFailure, match="lost its storage"):
            older.execute("COMMIT")
    assert numbers(setup.connection) == list(range(100, 110))


def test_no_table_takes_rows_that_it_cannot_send_away(setup):
    connection = setup.connection
    connection.execute("CREATE TABLE flat (timestamp timestamptz NOT NULL, project_id text, n int)")
    connection.execute('CREATE TABLE upper (timestamp timestamptz NOT NULL, "PROJECT_ID" text, n int)'
                       " WITH (partition_by = 'PROJECT_ID')")
    setup.declare()
    for table in ("flat", "upper"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match='cannot hold rows of project "acme"'):
            connection.execute(f"INSERT INTO {table} (timestamp, project_id, n) VALUES (now(), 'acme', 1)")
        connection.execute(f"INSERT INTO {table} (timestamp, project_id, n) VALUES (now(), 'shop', 1)")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match='UPDATE of "project_id"'):
            connection.execute(f"UPDATE {table} SET project_id = 'acme'")
        assert connection.execute(f"UPDATE {table} SET n = 2").rowcount == 1
        assert connection.execute(f"SELECT project_id FROM {table}").fetchall() == [("shop",)]


def test_the_secret_is_in_one_file_only(setup):
    connection = setup.connection
    connection.execute(TABLE)
    # As text of the statement, which is worse than parameters; twice wrong first.
    call = (f"SELECT varve.create_project('acme', '{setup.own_bucket}', prefix := 'own', endpoint := "
            f"'{setup.own.endpoint}', access_key := '{setup.own.access_key}', secret_key := '{OWN_SECRET}'%s)")
    for wrong in (", nonsense := 1", " nonsense", ", region := 1 + interval '1 day'", ", prefix := (SELECT x)"):
        with pytest.raises(psycopg.Error) as failed:
            connection.execute((call % wrong).encode())
        # Of the statement the server sends the place only; psycopg's own text shows what is there.
        diag = failed.value.diag
        for field in (diag.message_primary, diag.message_detail, diag.message_hint, diag.internal_query, diag.context):
            assert OWN_SECRET not in (field or "")
    with setup.server.connect() as other:
        connection.execute((call % "").encode())
        assert_nowhere_to_see(other)
        connection.execute("PREPARE p AS SELECT varve.create_project('x', '', secret_key := $1)")
        with pytest.raises(psycopg.Error, match="no bucket is given"):
            connection.execute(f"EXECUTE p('{OWN_SECRET}')")
        assert_nowhere_to_see(other)
        insert(connection, "acme", 0)
        flush(connection)
        shown = other.execute("SELECT project_id, bucket, prefix, endpoint, access_key FROM varve.projects").fetchall()
    assert shown == [("acme", setup.own_bucket, "own", setup.own.endpoint, "****nkey")]
    setup.restart()
    holding = [path for path in pathlib.Path(setup.path).rglob("*") if path.is_file()
               and OWN_SECRET.encode() in path.read_bytes()]
    assert [path.name for path in holding] == ["projects.json"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    assert OWN_SECRET not in setup.server.stderr()
    assert not any(OWN_SECRET.encode() in read for read in objects(setup.own, setup.own_bucket))
    assert numbers(setup.connection, of("acme")) == list(range(10))


def assert_nowhere_to_see(connection):
    views = [name for (name,) in connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'varve'").fetchall()]
    assert {"projects", "sessions", "jobs", "options"} <= set(views)
    for view in [*(f"varve.{name}" for name in views), "pg_catalog.pg_settings", "duckdb_logs()"]:
        try:
            shown = connection.execute(f"SELECT * FROM {view}").fetchall()
        except psycopg.Error as error:
            shown = str(error)
        assert OWN_SECRET not in str(shown), view


def objects(store, bucket):
    files = store.files()
    for name in store.names(bucket):
        with files.open_input_stream(f"{bucket}/{name}") as stream:
            yield stream.read()


def test_what_cannot_be_used_is_refused_with_its_name(setup):
    connection = setup.connection
    connection.execute(TABLE)
    own, bucket = setup.own, setup.own_bucket
    wrong = [
        (dict(bucket="no-such-bucket"), "s3-bucket: there is no bucket"),
        (dict(bucket=bucket, key="nobody"), "s3-access-key"),
        (dict(bucket=bucket, secret="not the secret"), "s3-secret-key"),
        (dict(bucket=bucket, endpoint="http://127.0.0.1:9"), "s3-endpoint: .* cannot be reached"),
        (dict(bucket=bucket, project="a/b"), "cannot be called"),
        (dict(bucket=""), "no bucket is given"),
        # A store may take these for another folder, also for one of another project.
        *[(dict(bucket=bucket, prefix=odd), "no part of the prefix") for odd in ("a/../own", "a//b", "./c", "..")],
    ]
    for arguments, sentence in wrong:
        with pytest.raises(psycopg.Error, match=sentence):
            create_project(connection, own, **arguments)
    setup.declare()
    for arguments in (dict(project="other", prefix="own/below"), dict(project="other", prefix="")):
        with pytest.raises(psycopg.Error, match='within the storage of project "acme"'):
            create_project(connection, own, bucket, **arguments)
    with pytest.raises(psycopg.Error, match="already"):
        setup.declare()
    assert connection.execute("SELECT project_id FROM varve.projects").fetchall() == [("acme",)]
    connection.execute("CREATE TABLE flat (timestamp timestamptz NOT NULL, project_id text, n int)")
    connection.execute("INSERT INTO flat (timestamp, project_id, n) VALUES (now(), 'shop', 1)")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match='cannot hold rows of project "acme"'):
        connection.execute("INSERT INTO flat (timestamp, project_id, n) VALUES (now(), 'acme', 1)")


def test_changes_and_definitions_reach_the_own_bucket(setup):
    connection = setup.connection
    connection.execute(TABLE)
    setup.declare()
    insert(connection, "acme", 0)
    insert(connection, "shop", 100)
    flush(connection)
    insert(connection, "acme", 10, 5)
    for changed in ("DELETE FROM events WHERE n = 3", "UPDATE events SET n = 0", "TRUNCATE events"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="several projects"):
            connection.execute(changed)
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("UPDATE events SET project_id = 'shop' WHERE project_id = 'acme'")
    assert connection.execute("DELETE FROM events WHERE project_id = 'acme' AND n >= 12").rowcount == 3
    update = "UPDATE events SET n = n + 1000 WHERE n = %s AND project_id = %s"
    assert connection.execute(update, (5, "acme")).rowcount == 1
    assert connection.execute("DELETE FROM events e WHERE e.project_id = 'shop' AND n > 104").rowcount == 5
    acme, shop = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 1005], list(range(100, 105))
    assert numbers(connection) == sorted(acme + shop)
    assert sorted(own_table(setup.own, setup.own_bucket).to_pyarrow_table()["n"].to_pylist()) == acme
    connection.execute("ALTER TABLE events ADD COLUMN note text")
    connection.execute("INSERT INTO events (timestamp, project_id, n, note) VALUES (now(), 'acme', 1, 'new')")
    connection.execute("ALTER TABLE events SET (retention = '100000 days')")
    flush(connection)
    for n in range(12):
        insert(connection, "acme", 2000 + n, 1)
        flush(connection)
    small = len(parquet(setup.own, setup.own_bucket))
    for sql in ("compact", "expire", "vacuum"):
        assert "project acme" in connection.execute(f"SELECT varve.{sql}('events')").fetchone()[0]
    setup.restart()
    connection = setup.connection
    assert connection.execute("SELECT n FROM events WHERE note = 'new'").fetchall() == [(1,)]
    table = own_table(setup.own, setup.own_bucket)
    assert sorted(table.to_pyarrow_table()["n"].to_pylist()) == sorted([*acme, 1, *range(2000, 2012)])
    assert len(table.file_uris()) < small / 2
    connection.execute("DROP TABLE events")
    connection.execute(TABLE.replace("events", "next"))
    assert not parquet(setup.own, setup.own_bucket, "events") and not parquet(setup.main, setup.bucket, "events")


def test_rows_from_before_the_project_are_told_of_when_they_stand_in_the_way(setup):
    connection = setup.connection
    connection.execute(TABLE)
    insert(connection, "acme", 0)
    flush(connection)
    setup.declare()
    insert(connection, "acme", 100)
    flush(connection)
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="several projects") as refused:
        connection.execute("DELETE FROM events WHERE project_id = 'acme'")
    assert refused.value.diag.message_hint == "Rows of this project are in the server's own storage too."
    assert numbers(connection) == [*range(10), *range(100, 110)]


def test_an_empty_data_folder_finds_what_a_project_has(setup, tmp_path):
    setup.connection.execute(TABLE)
    setup.declare()
    insert(setup.connection, "acme", 0)
    insert(setup.connection, "shop", 100)
    flush(setup.connection)
    setup.connection.close()
    setup.server.stop()
    with VarveServer(tmp_path / "other", setup.server.options) as other, other.connect() as connection:
        assert numbers(connection) == list(range(100, 110))
        create_project(connection, setup.own, setup.own_bucket)
        assert numbers(connection) == list(range(10)) + list(range(100, 110))
        insert(connection, "acme", 10)
        flush(connection)
        assert numbers(connection, of("acme")) == list(range(20))
    setup.server.start()
    setup.connection = setup.server.connect()
    setup.connection.execute("SELECT varve.refresh('events')")
    assert numbers(setup.connection, of("acme")) == list(range(20))


def test_others_rows_in_a_projects_bucket_are_not_shown(setup):
    setup.connection.execute(TABLE)
    setup.declare()
    insert(setup.connection, "acme", 0)
    flush(setup.connection)
    table = own_table(setup.own, setup.own_bucket)
    rows = table.to_pyarrow_table()
    forged = rows.set_column(rows.schema.get_field_index("project_id"), "project_id", [["shop"] * rows.num_rows])
    deltalake.write_deltalake(table, forged.cast(rows.schema), mode="append")
    setup.connection.execute("SELECT varve.refresh('events')")
    assert numbers(setup.connection, of("shop")) == []
    assert numbers(setup.connection) == list(range(10))


def moving_script():
    """The Python of the guide's page on moving a project, as it is written there."""
    guide = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text()
    names = {}
    exec(guide.split("### Move a project")[1].split("```python\n")[1].split("```")[0], names)
    return names["copy_project"]


def test_a_project_moves_as_the_guide_says(setup):
    connection, copy_project = setup.connection, moving_script()
    shared = (f"s3://{setup.bucket}/varve/events", setup.main.delta_options())
    theirs = (f"s3://{setup.own_bucket}/own/events", setup.own.delta_options())
    connection.execute(TABLE)
    insert(connection, "acme", 0)
    insert(connection, "shop", 100)
    flush(connection)
    copy_project("acme", *shared, *theirs)
    assert connection.execute("DELETE FROM events WHERE project_id = 'acme'").rowcount == 10
    setup.declare()
    insert(connection, "acme", 10)
    everything = list(range(20)) + list(range(100, 110))
    assert numbers(connection) == everything
    flush(connection)
    assert set(deltalake.DeltaTable(shared[0], storage_options=shared[1]).to_pyarrow_table()["n"].to_pylist()) == set(
        range(100, 110)
    )
    setup.restart()
    connection = setup.connection
    assert numbers(connection) == everything
    insert(connection, "acme", 20, 5)
    connection.execute("SELECT varve.drop_project('acme')")
    assert connection.execute("SELECT * FROM varve.projects").fetchall() == []
    assert numbers(connection) == list(range(100, 110))
    copy_project("acme", *theirs, *shared)
    connection.execute("SELECT varve.refresh('events')")
    insert(connection, "acme", 25, 5)
    flush(connection)
    setup.restart()
    assert numbers(setup.connection) == list(range(30)) + list(range(100, 110))
    assert parquet(setup.main, setup.bucket, "project_id=acme")


def test_dropping_a_project_loses_no_row_of_its_writers(setup):
    setup.connection.execute(TABLE)
    setup.declare()
    done, stop = [], threading.Event()

    def write():
        with setup.server.connect() as connection:
            n = 0
            while not stop.is_set():
                try:
                    connection.execute("INSERT INTO events (timestamp, project_id, n) VALUES (now(), 'acme', %s)", [n])
                except psycopg.errors.SerializationFailure:
                    continue
                done.append(n)
                n += 1

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(3):
        wait_until(lambda seen=len(done): len(done) > seen + 20, "further inserts")
        setup.connection.execute("SELECT varve.drop_project('acme')")
        wait_until(lambda seen=len(done): len(done) > seen + 20, "further inserts")
        setup.declare()
    stop.set()
    writer.join()
    assert numbers(setup.connection) == done, "what was written in between is in the shared table"
    setup.restart()
    assert numbers(setup.connection) == done


def test_one_bucket_down_keeps_a_project_from_being_dropped(setup):
    setup.connection.execute(TABLE)
    setup.declare()
    insert(setup.connection, "acme", 0)
    setup.own_proxy.break_with("outage")
    with pytest.raises(psycopg.Error, match="not in its storage yet"):
        setup.connection.execute("SELECT varve.drop_project('acme')")
    insert(setup.connection, "acme", 10)
    setup.own_proxy.heal()
    wait_until(lambda: setup.connection.execute("SELECT varve.flush('events')"), "a flush")
    assert sorted(own_table(setup.own, setup.own_bucket).to_pyarrow_table()["n"].to_pylist()) == list(range(20))
