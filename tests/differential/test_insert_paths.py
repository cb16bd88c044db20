"""The ways into a table give the same rows and errors.

An INSERT of literals is read by Varve itself; an alias of the table makes it DuckDB's. Bound text goes the same two
ways.
"""

import re

import psycopg
import pytest

from tests.differential.compare import same_value
from tests.differential.insert_values import COLUMNS, VALUES
from tests.support import metrics
from tests.support.varve_server import VarveServer

TIME = "'2026-01-02 03:04:05+00'"
PLAIN_STRING = re.compile(r"^'((?:[^']|'')*)'$", re.DOTALL)
# Where DuckDB's parser, which the engine's way begins with, does not tell what was written.
KNOWN = {
    ("r", "1e-400"): "an unquoted number that is too small is 0",
    ("d", "1e-400"): "an unquoted number that is too small is 0",
    ("t", r"E'\x41\u00e9\U0001F600'"): "no \\u in escapes: 0A000",
    ("v", r"E'\x41\u00e9\U0001F600'"): "no \\u in escapes: 0A000",
}


def create(name):
    columns = ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items())
    return f"CREATE TABLE {name} (timestamp timestamptz NOT NULL, id bigint, {columns})"


@pytest.fixture(scope="module")
def server(module_path):
    with VarveServer(module_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def varve(server):
    with server.connect() as connection:
        connection.execute(create("ways"))
        yield connection


class Inserting:
    """Inserts one value at a time and reads it back."""

    def __init__(self, connection):
        self.connection = connection
        self.id = 0

    def run(self, table, column, literal, parameter=None):
        """The value as it is read again, or the SQLSTATE."""
        self.id += 1
        value = "$1" if parameter is not None else literal
        statement = f"INSERT INTO {table} (timestamp, id, {column}) VALUES ({TIME}, {self.id}, {value})"
        try:
            self._send(statement, parameter)
        except psycopg.Error as error:
            return "error", error.sqlstate
        try:
            row = self.connection.execute(f"SELECT {column}, {column}::text FROM ways WHERE id = {self.id}").fetchall()
        except (psycopg.Error, ValueError, OverflowError):  # Python's dates end at the year 9999
            row = self.connection.execute(f"SELECT {column}::text FROM ways WHERE id = {self.id}").fetchall()
        return "rows", row

    def _send(self, statement, parameter):
        if parameter is None:
            self.connection.execute(statement)
            return
        # Without Python's conversions: text without a type, as drivers send strings.
        result = self.connection.pgconn.exec_params(statement.encode(), [parameter.encode()])
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)


def ways(varve, column, literal):
    """What each of the ways made of the value."""
    inserting = ways.of.setdefault(id(varve), Inserting(varve))
    outcomes = {"literals": inserting.run("ways", column, literal)}
    outcomes["engine"] = inserting.run("ways AS target", column, literal)
    plain = PLAIN_STRING.match(literal)
    if plain:
        text = plain[1].replace("''", "'")
        outcomes["parameters"] = inserting.run("ways", column, literal, text)
        outcomes["engine parameters"] = inserting.run("ways AS target", column, literal, text)
    return outcomes


ways.of = {}


def same_cell(left, right):
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_cell, left, right))
    if left != left and right != right:  # NaN
        return type(left) is type(right)
    try:
        return same_value(left, right)
    except OverflowError:  # too large for a float
        return left == right


def same(left, right):
    if left[0] != right[0] or left[0] == "error":
        return left == right
    return len(left[1]) == len(right[1]) and all(
        len(a) == len(b) and all(map(same_cell, a, b)) for a, b in zip(left[1], right[1])
    )


def cases():
    for column, values in VALUES.items():
        for value in [*values, "NULL", "DEFAULT"]:
            yield pytest.param(column, value, id=f"{COLUMNS[column]}: {value[:50]}")


@pytest.mark.parametrize("column, literal", list(cases()))
def test_value(varve, column, literal):
    outcomes = ways(varve, column, literal)
    first = outcomes["literals"]
    wrong = {way: outcome for way, outcome in outcomes.items() if not same(outcome, first)}
    if (column, literal) in KNOWN:
        assert set(wrong) == {"engine"}, f"no longer different: {KNOWN[column, literal]}"
    else:
        assert not wrong, f"literals {first}, but {wrong}"


STATEMENTS = [
    "(timestamp, id) VALUES ('2026-01-02', 1), ('2026-01-03', 2)",
    "(timestamp, id) VALUES ('2026-01-02', 1), ('2026-01-03', 'x')",
    "(timestamp, id) VALUES ('2026-01-02', 1), ('2026-01-03')",
    "(timestamp, id) VALUES ('2026-01-02')",
    "(timestamp, id) VALUES ('2026-01-02', 1, 2)",
    "(timestamp, id, nope) VALUES ('2026-01-02', 1, 2)",
    "(timestamp, id, id) VALUES ('2026-01-02', 1, 2)",
    "(id) VALUES (1)",
    "(timestamp, id) VALUES (NULL, 1)",
    "(timestamp, id, label) VALUES ('2026-01-02', 1, NULL)",
    "(timestamp, id, label) VALUES ('2026-01-02', 1, DEFAULT)",
    "(timestamp, id, date) VALUES ('2026-01-02', 1, '2026-01-02')",
    "(timestamp, id, date) VALUES ('2026-01-02', 1, '2026-01-03')",
    "(timestamp, id, date) VALUES ('2026-01-02', 1, NULL)",
    "(timestamp, id, date) VALUES ('2026-01-02', 1, DEFAULT)",
    "VALUES ('2026-01-02', 1)",
    "VALUES ('2026-01-02', 1, 'x', 9, 'y', '2026-01-02')",
    "VALUES ('2026-01-02', 1, 'x', 9, 'y', '2026-01-02', 'too many')",
    "VALUES ('2026-01-02')",
    "VALUES ('2026-01-02', 1, 'x'), ('2026-01-02', 2)",
    "(\"timestamp\", \"id\") VALUES ('2026-01-02', 1);",
    "(TIMESTAMP, ID) VALUES ('2026-01-02', 1) -- a comment",
    "(timestamp, id) VALUES ('2026-01-02', 1) /* one /* in */ another */",
    "(timestamp, id, label) VALUES ('2026-01-02', 1, 'a;b'); ;",
    "(timestamp, id) VALUES",
    "(timestamp, id) VALUES ()",
    "(timestamp, id) VALUES ('2026-01-02', 1),",
    "(timestamp, id, label) VALUES ('2026-01-02', 1, 'open)",
    "(timestamp, id, small) VALUES ('2026-01-02', 1, 40000), ('2026-01-02', 2, 1)",
]
TARGET = (
    "(timestamp timestamptz NOT NULL, id bigint, label text NOT NULL DEFAULT 'it''s', small smallint DEFAULT 7, "
    "day date DEFAULT '2025-01-01')"
)


def run_statement(connection, table, alias, statement):
    connection.execute(f"CREATE TABLE {table} {TARGET}")
    try:
        tag = connection.execute(f"INSERT INTO {table} {alias} {statement}").statusmessage
        error = None
    except psycopg.Error as failed:
        tag, error = None, failed.sqlstate
    columns = "timestamp, id, label, small, day, date"
    rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY timestamp, id").fetchall()
    connection.execute(f"DROP TABLE {table}")
    return tag, error, rows


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement(varve, statement):
    literals = run_statement(varve, "shapes", "", statement)
    engine = run_statement(varve, "shapes", "AS target", statement)
    assert literals == engine


def inserts_by(server):
    prefix = 'varve_insert_statements_total{values="'
    return {name[len(prefix):-2]: int(count) for name, count in metrics.read(server).items() if name.startswith(prefix)}


def test_every_way_was_taken(server, varve):
    """The comparisons above compare nothing if all statements go one way: counted by the server."""
    counts = [inserts_by(server)]
    for literal in ("'a'", "E'\\n'", "NULL", "DEFAULT", "'x'::text"):
        ways(varve, "t", literal)
        counts.append(inserts_by(server))
    steps = [{way: now.get(way, 0) - before.get(way, 0) for way in now} for before, now in zip(counts, counts[1:])]
    assert steps[0] == {"literals": 1, "parameters": 1, "engine": 2}
    assert all(step == {"literals": 1, "parameters": 0, "engine": 1} for step in steps[1:]), steps
    sample = [case.values for case in list(cases())[::7]]
    for column, literal in sample:
        ways(varve, column, literal)
    taken = {way: count - counts[-1][way] for way, count in inserts_by(server).items()}
    assert taken["literals"] > 0.7 * len(sample) and taken["engine"] > 0.7 * len(sample), (taken, len(sample))
    assert taken["parameters"] > 0.4 * len(sample)
