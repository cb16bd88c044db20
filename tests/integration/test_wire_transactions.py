"""What frameworks send around their statements: savepoints, modes, DISCARD, settings, several statements."""

import psycopg
import pytest
from psycopg import errors

from tests.support.raw_client import RawClient, fields_of
from tests.support.varve_server import VarveServer

ROW = "INSERT INTO {} (timestamp, n) VALUES ('2026-01-01', {})"


@pytest.fixture(scope="module")
def server(module_path):
    with VarveServer(module_path / "data") as running:
        yield running


@pytest.fixture
def connection(server):
    with server.connect() as open_connection:
        yield open_connection


@pytest.fixture
def raw(server):
    with RawClient(server.port) as client:
        yield client


@pytest.fixture
def table(connection, request):
    name = request.node.name.split("[")[0]
    connection.execute(f"CREATE TABLE {name} (timestamp timestamptz NOT NULL, n int)")
    return name


def numbers(connection, table):
    return [n for (n,) in connection.execute(f"SELECT n FROM {table} ORDER BY n")]


def kinds(messages):
    """Message types, with the command tag or the SQLSTATE where there is one."""
    shown = {"C": lambda body: body[:-1].decode(), "E": lambda body: fields_of(body)["C"], "Z": bytes.decode}
    return [kind + shown[kind](body) if kind in shown else kind for kind, body in messages]


def test_nested_transactions_of_psycopg(connection, table):
    with connection.transaction():
        connection.execute(ROW.format(table, 1))
        with pytest.raises(ZeroDivisionError), connection.transaction():
            connection.execute(ROW.format(table, 2))
            raise ZeroDivisionError
        with connection.transaction():
            connection.execute(ROW.format(table, 3))
            with pytest.raises(errors.UndefinedTable), connection.transaction():
                connection.execute(ROW.format(table, 4))
                connection.execute("SELECT * FROM nowhere")
            # The rows of the transaction itself are read, those of the failed part are not.
            assert numbers(connection, table) == [1, 3]
    assert numbers(connection, table) == [1, 3]


@pytest.mark.parametrize("mistake,state", [
    ("SELECT 1/0::numeric(5,2)", "22012"),
    ("INSERT INTO {} (timestamp, n) VALUES ('2026-01-01', 'x')", "22P02"),
    ("INSERT INTO {} (timestamp, n) SELECT NULL, 1", "23502"),
    ("SELEC", "42601"),
])  # fmt: skip
def test_rolling_back_to_a_savepoint_lifts_any_error(connection, mistake, state):
    connection.execute("CREATE TABLE IF NOT EXISTS lifted (timestamp timestamptz NOT NULL, n int)")
    before = numbers(connection, "lifted")
    connection.execute("BEGIN")
    connection.execute(ROW.format("lifted", 1))
    assert len(numbers(connection, "lifted")) == len(before) + 1
    connection.execute("SAVEPOINT s")
    with connection.cursor().copy("COPY lifted (timestamp, n) FROM STDIN") as copy:
        for n in range(100):
            copy.write_row(("2026-01-01", n))
    with pytest.raises(psycopg.Error) as raised:
        connection.execute(mistake.format("lifted"))
    assert raised.value.sqlstate == state
    with pytest.raises(errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.execute("ROLLBACK TO s")
    connection.execute("RELEASE s")
    connection.execute("INSERT INTO lifted (timestamp, n) SELECT '2026-01-01'::timestamptz, 2")
    connection.execute("COMMIT")
    assert numbers(connection, "lifted") == sorted([*before, 1, 2])


def test_definitions_cannot_be_undone_in_part(connection):
    connection.execute("BEGIN")
    connection.execute("SAVEPOINT s")
    connection.execute("CREATE TABLE half_done (timestamp timestamptz NOT NULL)")
    with pytest.raises(errors.FeatureNotSupported):
        connection.execute("ROLLBACK TO s")
    connection.execute("ROLLBACK")
    with pytest.raises(errors.UndefinedTable):
        connection.execute("SELECT * FROM half_done")


def test_savepoints_outside_a_transaction(connection):
    for statement in ("SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"):
        with pytest.raises(errors.NoActiveSqlTransaction):
            connection.execute(statement)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_nothing_is_a_statement_too(raw):
    for nothing in ("", ";", " ; ;; ", "-- only a comment", "/* a */ ; /* b */"):
        assert kinds(raw.ask(nothing)) == ["I", "ZI"], nothing
    raw.message("P", b"\0;\0\0\0")
    raw.message("B", b"\0\0\0\0\0\0\0\0")
    raw.message("D", b"P\0")
    raw.message("E", b"\0\0\0\0\0")
    raw.message("S")
    assert kinds(raw.until("Z")) == ["1", "2", "n", "I", "ZI"]


def test_several_statements_are_one_transaction(connection, raw, table):
    rows = [ROW.format(table, n) for n in range(3)]
    assert kinds(raw.ask("; ".join(rows))) == ["CINSERT 0 1"] * 3 + ["ZI"]
    assert numbers(connection, table) == [0, 1, 2]
    failing = f"{ROW.format(table, 3)}; SELECT 1/0; {ROW.format(table, 4)}"
    assert kinds(raw.ask(failing)) == ["CINSERT 0 1", "E22012", "ZI"]
    assert kinds(raw.ask(f"{ROW.format(table, 3)}; SELECT * FROM nowhere")) == ["CINSERT 0 1", "E42P01", "ZI"]
    assert numbers(connection, table) == [0, 1, 2]
    # PostgreSQL reads all of the string before it runs any of it.
    assert kinds(raw.ask(f"SELECT 1; {ROW.format(table, 3)}; SELEC"))[-2:] == ["E42601", "ZI"]
    assert numbers(connection, table) == [0, 1, 2]
    # A COMMIT in the middle keeps what came before it.
    middle = f"BEGIN; {ROW.format(table, 5)}; COMMIT; {ROW.format(table, 6)}; SELECT 1/0"
    assert kinds(raw.ask(middle)) == ["CBEGIN", "CINSERT 0 1", "CCOMMIT", "CINSERT 0 1", "E22012", "ZI"]
    assert numbers(connection, table) == [0, 1, 2, 5]


def test_a_pipeline_passes_over_what_follows_an_error(connection, raw, table):
    def step(sql):
        raw.message("P", b"\0" + sql.encode() + b"\0\0\0")
        raw.message("B", b"\0\0\0\0\0\0\0\0")
        raw.message("E", b"\0\0\0\0\0")

    for sql in (ROW.format(table, 1), "SELECT 1/0", ROW.format(table, 2)):
        step(sql)
    raw.message("S")
    step(ROW.format(table, 3))
    raw.message("S")
    assert kinds(raw.until("Z")) == ["1", "2", "CINSERT 0 1", "1", "2", "E22012", "ZI"]
    assert kinds(raw.until("Z")) == ["1", "2", "CINSERT 0 1", "ZI"]
    assert numbers(connection, table) == [3]


def test_modes_of_transactions(connection):
    for begin in (
        "BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN TRANSACTION READ WRITE", "START TRANSACTION READ ONLY",
        "BEGIN ISOLATION LEVEL READ UNCOMMITTED, READ ONLY", "BEGIN WORK", "BEGIN NOT DEFERRABLE",
    ):  # fmt: skip
        connection.execute(begin)
        read_only = "READ ONLY" in begin
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on" if read_only else "off",)
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
        connection.execute("END")
    # A promise that cannot be kept is refused, and leaves no transaction behind.
    with pytest.raises(errors.FeatureNotSupported):
        connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    connection.execute("BEGIN")
    connection.execute("SET TRANSACTION READ ONLY")
    with pytest.raises(errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TABLE refused (timestamp timestamptz NOT NULL)")
    connection.execute("ROLLBACK")
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    with pytest.raises(errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TABLE refused (timestamp timestamptz NOT NULL)")
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")


def test_discard_all_forgets_everything(connection):
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    connection.execute("SET application_name = 'x'")
    connection.execute("PREPARE p AS SELECT 1")
    connection.execute("CREATE TEMPORARY TABLE passing (n int)")
    assert connection.execute("DISCARD ALL").statusmessage == "DISCARD ALL"
    assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
    assert connection.info.parameter_status("application_name") == ""
    with pytest.raises(errors.InvalidSqlStatementName):
        connection.execute("EXECUTE p")
    with pytest.raises(errors.UndefinedTable):
        connection.execute("SELECT * FROM passing")
    connection.execute("BEGIN")
    with pytest.raises(errors.ActiveSqlTransaction):
        connection.execute("DISCARD ALL")
    connection.execute("ROLLBACK")


def test_deallocate_forgets_both_kinds(connection):
    connection.execute("PREPARE p AS SELECT 1")
    connection.execute("DEALLOCATE ALL")
    with pytest.raises(errors.InvalidSqlStatementName):
        connection.execute("EXECUTE p")
    connection.execute("PREPARE p AS SELECT 2")
    assert connection.execute("EXECUTE p").fetchone() == (2,)
    connection.execute("DEALLOCATE p")
    with pytest.raises(errors.InvalidSqlStatementName):
        connection.execute("DEALLOCATE p")


@pytest.mark.parametrize("name,value,shown", [
    ("application_name", "'me'", "me"),
    ("client_encoding", "'UTF8'", "UTF8"),
    ("client_min_messages", "warning", "warning"),
    ("DateStyle", "'ISO'", "ISO, MDY"),
    ("extra_float_digits", "3", "3"),
    ("idle_in_transaction_session_timeout", "'5min'", "5min"),
    ("lock_timeout", "0", "0"),
    ("search_path", "raw, public", "raw, public"),
    ("standard_conforming_strings", "on", "on"),
    ("statement_timeout", "1500", "1500ms"),
    ("synchronous_commit", "on", "on"),
    ("timezone", "'Europe/Berlin'", "Europe/Berlin"),
    ("my.own", "'thing'", "thing"),
])  # fmt: skip
def test_settings_of_clients(connection, name, value, shown):
    for setting in (f"SET {name} TO {value}", f"SET SESSION {name} = {value}"):
        assert connection.execute(setting).statusmessage == "SET"
        assert connection.execute(f"SHOW {name}").fetchone() == (shown,)
        assert connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == (shown,)
        connection.execute("RESET ALL")
    connection.execute("BEGIN")
    connection.execute(f"SET LOCAL {name} = {value}")
    assert connection.execute(f"SHOW {name}").fetchone() == (shown,)
    connection.execute("COMMIT")


def test_settings_with_forms_of_their_own(connection):
    connection.execute("SET TIME ZONE 'Asia/Tokyo'")
    assert connection.execute("SHOW TIME ZONE").fetchone() == ("Asia/Tokyo",)
    connection.execute("SET TIME ZONE DEFAULT")
    connection.execute("SET NAMES 'UTF8'")
    connection.execute("SET SESSION TIME ZONE LOCAL")
    for name in ("server_version", "server_encoding", "integer_datetimes", "max_identifier_length"):
        assert connection.execute(f"SHOW {name}").fetchone()[0]
    assert len(connection.execute("SHOW ALL").fetchall()) > 30
    for bad, state in (("SET nothing_like_this = 1", "42704"), ("SET statement_timeout = 'soon'", "22023"),
                       ("SET server_version = '9'", "55P02"), ("SET client_encoding = 'LATIN1'", "0A000")):  # fmt: skip
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(bad)
        assert raised.value.sqlstate == state, bad
