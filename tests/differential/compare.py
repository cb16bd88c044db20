"""Runs a statement on both servers and says in which respects the answers differ."""

import decimal
import math
from dataclasses import dataclass

import psycopg

# Kinds of text that PostgreSQL tells apart and a client does not care about.
TEXT_OIDS = {18, 19, 25, 705, 1042, 1043}
TEXT = 25


@dataclass
class Answer:
    state: str | None
    message: str | None
    names: list | None
    types: list | None
    rows: list | None


def run(connection, statement):
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.description is None:
                return Answer(None, None, None, None, None)
            types = [TEXT if c.type_code in TEXT_OIDS else c.type_code for c in cursor.description]
            return Answer(None, None, [c.name for c in cursor.description], types, cursor.fetchall())
    except psycopg.Error as error:
        return Answer(error.sqlstate, str(error), None, None, None)


def same_value(left, right):
    """Numbers are compared as numbers: PostgreSQL's numeric has a scale per value, ours per column."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    numbers = (int, float, decimal.Decimal)
    is_number = isinstance(left, numbers) and isinstance(right, numbers)
    if not is_number or isinstance(left, bool) or isinstance(right, bool):
        return left == right and type(left) is type(right)
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return False
    # 16 digits after the point are what an average or a quotient keeps.
    return math.isclose(float(left), float(right), rel_tol=1e-13, abs_tol=1e-15)


def differences(postgres, varve):
    """The respects in which two answers differ, as a set of words."""
    if postgres.state or varve.state:
        return set() if postgres.state == varve.state else {"state"}
    found = set()
    if postgres.names != varve.names:
        found.add("names")
    if postgres.types != varve.types:
        found.add("types")
    if (postgres.rows is None) != (varve.rows is None):
        found.add("rows")
    elif postgres.rows is not None:
        same = len(postgres.rows) == len(varve.rows) and all(
            len(left) == len(right) and all(map(same_value, left, right))
            for left, right in zip(postgres.rows, varve.rows)
        )
        if not same:
            found.add("rows")
    return found
