"""Every line of statements/*.sql gives what PostgreSQL gives, but for the known differences."""

import pathlib

import pytest

from tests.differential.compare import differences, run
from tests.differential.known_differences import KNOWN

FOLDER = pathlib.Path(__file__).with_name("statements")
SETUP = [
    "CREATE TEMP TABLE n (i int, b bigint, s smallint, f float8, d numeric(10,2), t text)",
    "INSERT INTO n VALUES (1, 10, 1, 1.5, 1.25, 'one'), (2, 20, 2, -2.5, 2.50, 'two'), "
    "(3, 30, 3, 3.5, -3.75, 'three'), (NULL, NULL, NULL, NULL, NULL, NULL), (2, 40, 4, 0.25, 0.01, 'Two')",
    "CREATE TEMP TABLE e (id int, name text, ts timestamptz, tags text[], day date)",
    "INSERT INTO e VALUES (1, 'a', '2024-01-01 00:00:30+00', '{x,y}', '2024-01-01'), "
    "(2, 'b', '2024-01-01 00:07:00+00', '{}', '2024-01-01'), (3, 'a', '2024-02-29 23:59:59.5+00', NULL, NULL), "
    "(4, NULL, '2023-12-31 23:59:59+00', '{y,NULL}', '2023-12-31')",
]


def lines():
    for path in sorted(FOLDER.glob("*.sql")):
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith("--"):
                yield pytest.param(line.rstrip(";"), id=f"{path.stem}: {line[:60]}")


@pytest.fixture(scope="module")
def prepared(both):
    for connection in both:
        for statement in SETUP:
            connection.execute(statement)
    return both


@pytest.mark.parametrize("statement", list(lines()))
def test_statement(prepared, statement):
    left, right = (run(connection, statement) for connection in prepared)
    expected, reason = KNOWN.get(statement, (set(), ""))
    found = differences(left, right)
    assert found == expected, f"{reason or 'not known'}\n  PostgreSQL {left}\n  Varve      {right}"


def test_every_known_difference_is_tried():
    tried = {param.values[0] for param in lines()}
    assert set(KNOWN) <= tried, set(KNOWN) - tried
