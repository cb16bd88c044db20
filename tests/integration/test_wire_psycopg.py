"""The wire protocol as psycopg 3 uses it: types both ways, pipelines, cursors, COPY, errors, limits."""

import datetime
import decimal
import threading
import time
import uuid

import psycopg
import pytest
from psycopg import errors

from tests.support.varve_server import VarveServer

UTC = datetime.timezone.utc


@pytest.fixture(scope="module")
def server(module_path):
    running = VarveServer(module_path / "data").start()
    with running.connect() as connection:
        connection.execute("CREATE TABLE rows (timestamp timestamptz NOT NULL, name text, n integer, tags text[])")
    yield running
    running.stop()


@pytest.fixture
def connection(server):
    with server.connect() as open_connection:
        yield open_connection


def fresh_table(connection, name):
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} (timestamp timestamptz NOT NULL, name text, n integer, x float8)")
    return name


VALUES = [
    ("true", True),
    ("1::smallint", 1),
    ("-2::integer", -2),
    ("9223372036854775807::bigint", 9223372036854775807),
    ("1.5::real", 1.5),
    ("0.1::float8", 0.1),
    ("'NaN'::float8 = 'NaN'::float8", True),
    ("'é\"\\'::text", 'é"\\'),
    ("1.50::numeric(10,2)", decimal.Decimal("1.50")),
    ("-12345.678::numeric(20,3)", decimal.Decimal("-12345.678")),
    ("DATE '1999-12-31'", datetime.date(1999, 12, 31)),
    ("TIMESTAMP '1969-12-31 23:59:59.999999'", datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("TIMESTAMPTZ '2025-03-09 09:00:00+00'", datetime.datetime(2025, 3, 9, 9, tzinfo=UTC)),
    ("INTERVAL '3 days 04:00:00'", datetime.timedelta(days=3, hours=4)),
    ("'00000000-0000-0000-0000-0000000000ff'::uuid", uuid.UUID(int=255)),
    ("ARRAY[1, NULL, 3]::integer[]", [1, None, 3]),
    ("ARRAY['a b', '', 'NULL']", ["a b", "", "NULL"]),
    ("NULL::integer", None),
]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("sql,expected", VALUES)
def test_results_in_both_formats(connection, sql, expected, binary):
    with connection.cursor(binary=binary) as cursor:
        assert cursor.execute(f"SELECT {sql}").fetchone() == (expected,)


@pytest.mark.parametrize("placeholder", ["%t", "%b"])
def test_parameters_in_both_formats(connection, placeholder):
    values = [
        ("integer", 7), ("bigint", 1 << 40), ("float8", 0.25), ("text", "é"), ("boolean", False),
        ("timestamptz", datetime.datetime(2025, 1, 1, tzinfo=UTC)), ("date", datetime.date(1900, 1, 1)),
        ("uuid", uuid.UUID(int=7)), ("bytea", b"\x00\xff"), ("numeric(12,3)", decimal.Decimal("-1.500")),
    ]  # fmt: skip
    for kind, value in values:
        got = connection.execute(f"SELECT {placeholder}::{kind}", (value,)).fetchone()[0]
        assert got == value, kind


def test_parameter_of_a_filter(connection):
    table = fresh_table(connection, "filtered")
    connection.execute(f"INSERT INTO {table} (timestamp, n) VALUES ('2025-01-01', 1), ('2025-01-02', 2)")
    since = datetime.datetime(2025, 1, 2, tzinfo=UTC)
    assert connection.execute(f"SELECT n FROM {table} WHERE timestamp >= %s", (since,)).fetchall() == [(2,)]


def test_executemany_is_one_transaction(connection):
    table = fresh_table(connection, "many")
    rows = [(datetime.datetime(2025, 1, 1, tzinfo=UTC), f"n{i}", i, i / 4) for i in range(2000)]
    insert = f"INSERT INTO {table} (timestamp, name, n, x) VALUES (%s, %s, %s, %s)"
    with connection.cursor() as cursor:
        cursor.executemany(insert, rows)
        assert cursor.rowcount == 2000
        with pytest.raises(psycopg.Error):
            cursor.executemany(insert, rows[:10] + [(None, "x", 1, 1.0)])
    assert connection.execute(f"SELECT count(*), sum(n), max(x) FROM {table}").fetchone() == (2000, 1999000, 499.75)


def test_pipeline_mode(connection):
    table = fresh_table(connection, "piped")
    with connection.pipeline() as pipeline:
        connection.execute(f"INSERT INTO {table} (timestamp, n) VALUES (%s, %s)", ("2025-01-01", 1))
        seen = connection.execute("SELECT 41 + 1")
        pipeline.sync()
        assert seen.fetchone() == (42,)
        failing = connection.execute("SELECT nothing_like_this")
        with pytest.raises(errors.UndefinedColumn):
            pipeline.sync()
            failing.fetchone()
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


def test_server_cursor(connection):
    table = fresh_table(connection, "scrolled")
    with connection.cursor().copy(f"COPY {table} (timestamp, n) FROM STDIN") as copy:
        for i in range(5000):
            copy.write_row(("2025-01-01", i))
    with connection.transaction(), connection.cursor(name="c") as cursor:
        cursor.itersize = 700
        cursor.execute(f"SELECT n FROM {table} ORDER BY n")
        assert [row[0] for row in cursor] == list(range(5000))


def test_transactions(server, connection):
    table = fresh_table(connection, "tx")
    insert = f"INSERT INTO {table} (timestamp, n) VALUES ('2025-01-01', 1)"
    with server.connect() as other:
        with connection.transaction():
            connection.execute(insert)
            assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
        with pytest.raises(ZeroDivisionError), connection.transaction():
            connection.execute(insert)
            raise ZeroDivisionError
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
    connection.execute("BEGIN")
    with pytest.raises(errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.execute("ROLLBACK")


@pytest.mark.parametrize("options", ["", "(FORMAT csv)", "(FORMAT binary)"])
def test_copy_in(connection, options):
    table = fresh_table(connection, "copied")
    when = datetime.datetime(2025, 6, 1, 12, tzinfo=UTC)
    with connection.cursor().copy(f"COPY {table} (timestamp, name, n) FROM STDIN {options}") as copy:
        if "csv" in options:
            copy.write('2025-06-01 12:00:00+00,"a,""b""\n",7\n2025-06-01 12:00:00+00,,8\n')
        else:
            copy.set_types(["timestamptz", "text", "int4"])
            copy.write_row((when, 'a,"b"\n', 7))
            copy.write_row((when, None, 8))
    rows = connection.execute(f"SELECT timestamp, name, n FROM {table} ORDER BY n").fetchall()
    assert rows == [(when, 'a,"b"\n', 7), (when, None, 8)]


def test_copy_errors_leave_nothing(connection):
    table = fresh_table(connection, "badcopy")
    with pytest.raises(errors.InvalidTextRepresentation) as raised:
        with connection.cursor().copy(f"COPY {table} (timestamp, n) FROM STDIN") as copy:
            for i in range(10_000):
                copy.write(f"2025-01-01\t{i}\n")
            copy.write("2025-01-01\tseven\n")
    assert raised.value.diag.context == f'COPY {table}, line 10001, column n: "seven"'
    assert raised.value.diag.message_detail is None
    with pytest.raises(KeyError), connection.cursor().copy(f"COPY {table} (timestamp, n) FROM STDIN") as copy:
        copy.write_row(("2025-01-01", 1))
        raise KeyError("changed my mind")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_copy_out(connection):
    with connection.cursor().copy("COPY (SELECT 1, 'a,b', NULL) TO STDOUT (FORMAT csv)") as copy:
        assert b"".join(bytes(block) for block in copy) == b'1,"a,b",\n'
    with connection.cursor().copy("COPY (SELECT 1, E'a\\tb', NULL) TO STDOUT") as copy:
        assert b"".join(bytes(block) for block in copy) == b"1\ta\\tb\t\\N\n"


def test_errors_have_state_and_position(connection):
    with pytest.raises(errors.SyntaxError) as raised:
        connection.execute("SELECT 1 FRM t")
    assert raised.value.diag.severity == "ERROR"
    assert int(raised.value.diag.statement_position) > 0
    with pytest.raises(errors.UndefinedTable):
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(errors.FeatureNotSupported):
        connection.execute("LISTEN something")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_settings(connection):
    connection.execute("SET TimeZone = 'Asia/Kolkata'")
    assert connection.info.parameter_status("TimeZone") == "Asia/Kolkata"
    shown = psycopg.ClientCursor(connection).execute("SELECT TIMESTAMPTZ '2025-03-09 09:00:00+00'::text").fetchone()
    assert shown == ("2025-03-09 14:30:00+05:30",)
    connection.execute("RESET TimeZone")
    assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
    with pytest.raises(errors.UndefinedObject):
        connection.execute("SHOW nothing_like_this")


def test_cancel_and_timeout(server, connection):
    slow = "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range + b.range = -1"
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(errors.QueryCanceled):
        connection.execute(slow)
    assert time.monotonic() - started < 10
    timer.join()
    connection.execute("SET statement_timeout = '200ms'")
    with pytest.raises(errors.QueryCanceled, match="statement timeout"):
        connection.execute(slow)
    connection.execute("RESET statement_timeout")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_large_results_stream(connection):
    with connection.cursor() as cursor:
        count = total = 0
        for (value,) in cursor.stream("SELECT i::bigint FROM generate_series(1, 300000) AS g(i)", size=1):
            count, total = count + 1, total + value
            if count == 300_000:
                break
    assert total == 300_000 * 300_001 // 2


def test_connection_limit(tmp_path):
    with VarveServer(tmp_path / "data", {"max-connections": 3}) as small:
        held = [small.connect() for _ in range(3)]
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            small.connect()
        held.pop().close()
        deadline = time.monotonic() + 10
        while True:
            try:
                small.connect().close()
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
        for one in held:
            one.close()


def test_stop_tells_idle_clients(tmp_path):
    running = VarveServer(tmp_path / "data").start()
    connection = running.connect()
    running.stop()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
