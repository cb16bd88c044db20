"""DELETE, UPDATE and TRUNCATE: command tag, returned rows, SQLSTATE and what is left agree with PostgreSQL's."""

import psycopg
import pytest

CREATE = """CREATE TABLE changed (timestamp timestamptz NOT NULL, id integer NOT NULL, grp text, n numeric(10,2),
  f double precision, b boolean, tags text[], day date)"""
FILL = """INSERT INTO changed SELECT timestamptz '2026-01-01 00:00:00+00' + i * interval '7 hours', i,
  'g' || i % 5, i * 1.25, i / 8.0, i % 2 = 0, ARRAY['a', 'b' || i], date '2026-01-01' + i::integer
  FROM generate_series({0}, {1}) s(i)"""
OTHER = "CREATE TABLE other (timestamp timestamptz NOT NULL, id integer, name text)"

# In this order; each sees what the ones before it have left.
STATEMENTS = [
    "DELETE FROM changed WHERE id = 3",
    "DELETE FROM changed WHERE id = 3",
    "DELETE FROM changed WHERE id IN (5, 105) RETURNING *",
    "UPDATE changed SET n = n * 2, f = f / 3 WHERE id BETWEEN 10 AND 20",
    "UPDATE changed SET id = 7 / 2 WHERE id = 21 RETURNING id, grp AS g, n + 1",
    "UPDATE changed SET id = 21 WHERE id = 3",
    "UPDATE changed SET (grp, b) = ('two', NULL) WHERE id = 22 RETURNING grp, b",
    "UPDATE changed SET grp = DEFAULT, tags = ARRAY['x', NULL] WHERE id = 24 RETURNING grp, tags",
    "UPDATE changed c SET grp = o.name FROM other o WHERE o.id = c.id RETURNING c.id, c.grp",
    "UPDATE changed SET grp = 'none' WHERE false",
    "UPDATE changed SET n = 123456789.5 WHERE id = 30",
    "UPDATE changed SET id = NULL WHERE id = 30",
    "UPDATE changed SET id = 'x' WHERE id = 30",
    "UPDATE changed SET id = 5000000000 WHERE id = 30",
    "UPDATE changed SET nothing = 1",
    "UPDATE changed SET grp = 'a', grp = 'b'",
    "UPDATE nowhere SET a = 1",
    "DELETE FROM nowhere",
    "DELETE FROM changed WHERE nothing = 1",
    "DELETE FROM changed WHERE count(*) > 1",
    "UPDATE changed SET id = id / (id - 30)",
    "DELETE FROM changed USING other WHERE other.id = changed.id AND other.name = 'two' RETURNING changed.id",
    "DELETE FROM changed c WHERE EXISTS (SELECT 1 FROM changed d WHERE d.id = c.id + 1 AND d.b) AND c.id < 40",
    "DELETE FROM changed WHERE id = (SELECT max(id) FROM changed) RETURNING id",
    "DELETE FROM changed WHERE grp = ANY (ARRAY['g1', 'g2']) AND id > 100",
    "WITH w AS (SELECT id FROM other WHERE name = 'four') DELETE FROM changed USING w WHERE changed.id = w.id",
    "UPDATE changed SET timestamp = timestamp + interval '1 day', day = day + 1 WHERE id % 10 = 0 "
    "RETURNING timestamp, day",
    "UPDATE changed SET n = (SELECT sum(d.n) FROM changed d WHERE d.grp = changed.grp) WHERE id < 60 AND id > 50 "
    "RETURNING id, n",
    "UPDATE changed SET b = NOT b, tags = tags || ARRAY['more'] WHERE b RETURNING id, b, tags",
    "DELETE FROM changed WHERE grp IS NULL OR b IS NULL",
    "DELETE FROM changed WHERE timestamp < '2026-01-05 00:00:00+00' RETURNING count(*)",
    "DELETE FROM changed WHERE timestamp < '2026-01-05 00:00:00+00'",
    "BEGIN",
    "DELETE FROM changed WHERE id > 90",
    "UPDATE changed SET grp = 'within'",
    "SAVEPOINT s",
    "DELETE FROM changed",
    "ROLLBACK TO SAVEPOINT s",
    "INSERT INTO changed (timestamp, id) VALUES ('2027-01-01 00:00:00+00', 1000), ('2027-01-01 00:00:00+00', 1001)",
    "UPDATE changed SET grp = 'own' WHERE id >= 1000 RETURNING id, grp",
    "DELETE FROM changed WHERE id = 1001",
    "COMMIT",
    "BEGIN",
    "DELETE FROM changed",
    "ROLLBACK",
    "DELETE FROM changed WHERE id < 70",
    "DELETE FROM changed",
    "INSERT INTO changed (timestamp, id) VALUES ('2027-01-01 00:00:00+00', 1)",
    "TRUNCATE TABLE changed",
]


def outcome(connection, statement):
    try:
        done = connection.execute(statement)
        rows = sorted(map(repr, done.fetchall())) if done.description else None
        names = [column.name for column in done.description] if done.description else None
        return done.statusmessage, names, rows
    except psycopg.Error as error:
        return error.sqlstate


@pytest.fixture
def fresh(both):
    """Sessions without the temporary tables of other tests, which savepoints cannot undo on Varve."""
    with psycopg.connect(both[0].info.dsn, autocommit=True) as left:
        with psycopg.connect(both[1].info.dsn, autocommit=True) as right:
            for connection in (left, right):
                connection.execute("SET timezone = 'UTC'")
            yield left, right


@pytest.mark.parametrize("flushed", [False, True], ids=["half in memory", "all in files"])
def test_changes_of_rows(fresh, flushed):
    left, right = fresh
    for connection in fresh:
        connection.execute("DROP TABLE IF EXISTS changed; DROP TABLE IF EXISTS other")
        connection.execute(OTHER)
        connection.execute("INSERT INTO other (timestamp, id, name) VALUES ('2026-01-01', 2, 'two'), "
                           "('2026-01-01', 4, 'four'), ('2026-01-01', 31, 'two'), ('2026-01-01', 104, 'x')")
    left.execute(CREATE)
    right.execute(CREATE + " WITH (time_column = 'timestamp', partition_by = 'grp', sort_by = 'id')")
    for part in ((1, 60), (61, 120)):
        for connection in fresh:
            connection.execute(FILL.format(*part))
        if flushed or part[0] == 1:
            right.execute("SELECT varve.flush('changed')")
    wrong = []
    for statement in STATEMENTS:
        expected, found = outcome(left, statement), outcome(right, statement)
        if expected != found:
            wrong.append(f"{statement}\n  PostgreSQL {expected}\n  Varve      {found}")
        table = "SELECT * FROM changed ORDER BY id, timestamp"
        expected, found = outcome(left, table), outcome(right, table)
        assert expected == found, f"after {statement}"
    assert not wrong, "\n".join(wrong)
