"""Other people's readers read the tables that a running Varve wrote, and agree with it to the row.

Readers: delta-rs (`deltalake`), Polars' own Delta scan, and DuckDB over the list of files in the log.
"""

import datetime
import json
import shutil
import struct
import urllib.parse
import uuid
from decimal import Decimal

import deltalake
import duckdb
import polars
import pyarrow
import pytest

from tests.support.varve_server import VarveServer

UTC = datetime.timezone.utc
BASE = datetime.datetime(2025, 3, 9, 23, 59, 58, 123456, tzinfo=UTC)
# Partition values with everything that folders, URLs and globs treat otherwise.
PROJECTS = ["shop", "a b/c:d=e%41", "été ☃ [x]{y}*?", "100%", "q'uote\"s", "trailing.", "__HIVE"]
COLUMNS = {
    "id": "bigint NOT NULL",
    "project_id": "text NOT NULL",
    "timestamp": "timestamptz NOT NULL",
    "date": "date NOT NULL",
    "small": "smallint",
    "number": "integer",
    "ratio": "real",
    "measure": "double precision",
    "amount": "numeric(20,4)",
    "flag": "boolean",
    "body": "text",
    "context": "jsonb",
    "trace": "uuid",
    "payload": "bytea",
    "tags": "text[]",
    "counts": "bigint[]",
}
NAMES = list(COLUMNS)


def make_row(number):
    """Row `number`: every kind of value and NULL in turn, time steps that cross midnight and rounding."""
    time = BASE + datetime.timedelta(microseconds=number * 333_333)
    texts = ["", "plain", "line\nbreak\ttab", 'quote" and \\', "é漢字😀" * 20, "x" * 500, "\x7f" * 40, "😀" * 33]

    def some(value):
        return None if number % 5 == 4 else value

    return {
        "id": number,
        "project_id": PROJECTS[number % len(PROJECTS)],
        "timestamp": time,
        "date": time.date(),
        "small": some([-32768, 0, 32767][number % 3]),
        "number": some([-(2**31), 7, 2**31 - 1][number % 3]),
        "ratio": some([0.1, -1.5e30, float("nan")][number % 3] if number % 7 else 2.5),
        "measure": some([0.1, -1e300, float("inf"), 5e-324][number % 4]),
        "amount": some([Decimal("-0.0001"), Decimal("9999999999999999.9999"), Decimal("12.5000")][number % 3]),
        "flag": some(number % 2 == 0),
        "body": some(texts[number % len(texts)]),
        "context": some({"k": [number, None, "é"], "n": {"deep": True}}),
        "trace": some(uuid.UUID(int=number * 0x1111_2222_3333_4444_5555_6666)),
        "payload": some(bytes([0, 255, number % 256])),
        "tags": some([[], ["a", None, "é\""], ["only"]][number % 3]),
        "counts": some([[-(2**63), 2**63 - 1], [], [None]][number % 3]),
    }


def create(connection, table):
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE {table} ({columns}) WITH (partition_by = 'project_id, date')")


def insert(connection, table, rows):
    marks = ", ".join(["%s"] * len(NAMES))
    values = [
        [json.dumps(row[name]) if name == "context" and row[name] is not None else row[name] for name in NAMES]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({', '.join(NAMES)}) VALUES ({marks})", values)


def flush(connection, table):
    connection.execute("SELECT varve.flush(%s)", [table])


def folder_of(server, name):
    logs = [path.parent for path in server.data_dir.rglob("_delta_log") if path.parent.name.startswith(name)]
    assert len(logs) == 1, f"tables named {name}: {logs}"
    return logs[0]


def comparable(name, value):
    """One form for the values of all readers; floats by their bits, so that NaN equals itself."""
    if value is None:
        return None
    if name == "ratio":
        return struct.pack("<f", value)
    if name == "measure":
        return struct.pack("<d", value)
    if name == "context":
        return json.loads(value) if isinstance(value, str) else value
    if name == "trace":
        return str(value)
    if name == "timestamp":
        return value.astimezone(UTC)
    if name == "payload":
        return bytes(value)
    if name in ("tags", "counts"):
        return list(value)
    return value


def normal(rows):
    return sorted(
        ({name: comparable(name, row.get(name)) for name in NAMES} for row in rows), key=lambda row: row["id"]
    )


def assert_same(got, expected, reader):
    got, expected = normal(got), normal(expected)
    assert len(got) == len(expected), f"{reader}: {len(got)} rows, not {len(expected)}"
    for ours, theirs in zip(expected, got):
        assert theirs == ours, reader


def read_varve(connection, table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(NAMES)} FROM {table}")
        return [dict(zip(NAMES, row)) for row in cursor.fetchall()]


def read_deltalake(folder):
    return deltalake.DeltaTable(str(folder)).to_pyarrow_table().to_pylist()


def read_polars(folder):
    return polars.scan_delta(str(folder)).collect().to_dicts()


def read_duckdb(folder):
    """DuckDB given the files' names; partition columns come from the log, not from the folders' names."""
    table = deltalake.DeltaTable(str(folder))
    actions = table.get_add_actions(flatten=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    rows = []
    paths = actions.column("path").to_pylist()
    projects = actions.column("partition.project_id").to_pylist()
    dates = actions.column("partition.date").to_pylist()
    for path, project, date in zip(paths, projects, dates):
        name = str(folder / urllib.parse.unquote(path))
        assert (folder / urllib.parse.unquote(path)).is_file(), name
        # As Arrow: instants as Python values would need one more package.
        found = connection.execute("SELECT * FROM read_parquet($1, hive_partitioning = false)", [[escape_glob(name)]])
        rows += [{**row, "project_id": project, "date": date} for row in found.to_arrow_table().to_pylist()]
    return rows


def escape_glob(path):
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


READERS = {"deltalake": read_deltalake, "polars": read_polars, "duckdb": read_duckdb}


def check_all_readers(server, connection, table, name, rows):
    assert_same(read_varve(connection, table), rows, "varve")
    folder = folder_of(server, name)
    for reader, read in READERS.items():
        assert_same(read(folder), rows, reader)


def test_every_type_and_partition_is_read_alike(shared_server):
    with shared_server.connect() as connection:
        create(connection, "readers_types")
        rows = [make_row(number) for number in range(210)]
        insert(connection, "readers_types", rows)
        flush(connection, "readers_types")
        check_all_readers(shared_server, connection, "readers_types", "readers_types", rows)
        folder = folder_of(shared_server, "readers_types")
    table = deltalake.DeltaTable(str(folder))
    assert table.protocol().min_reader_version == 1
    assert table.protocol().min_writer_version == 2
    assert sum(table.get_add_actions(flatten=True).column("num_records").to_pylist()) == len(rows)
    assert table.metadata().partition_columns == ["project_id", "date"]
    # Nothing but tables and the store's own scratch folder is in the lake.
    assert not list(folder.rglob("*.tmp"))


def test_many_commits_with_checkpoints_are_read_alike(shared_server, tmp_path):
    with shared_server.connect() as connection:
        create(connection, "readers_commits")
        rows = []
        for commit in range(24):
            new = [make_row(1000 * commit + number) for number in range(9)]
            insert(connection, "readers_commits", new)
            flush(connection, "readers_commits")
            rows += new
        check_all_readers(shared_server, connection, "readers_commits", "readers_commits", rows)
    folder = folder_of(shared_server, "readers_commits")
    log = folder / "_delta_log"
    versions = sorted(int(path.name[:20]) for path in log.glob("*.json"))
    assert versions == list(range(25))
    last = json.loads((log / "_last_checkpoint").read_text())
    assert last["version"] == 20

    # The checkpoint alone must hold what the commits before it said.
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for version in range(21):
        (copy / "_delta_log" / f"{version:020}.json").unlink()
    for reader, read in READERS.items():
        assert_same(read(copy), rows, f"{reader} from the checkpoint")
    from_checkpoint = deltalake.DeltaTable(str(copy))
    assert from_checkpoint.version() == 24
    assert from_checkpoint.schema() == deltalake.DeltaTable(str(folder)).schema()
    app_id = next(
        json.loads(line)["txn"]["appId"]
        for line in (log / f"{24:020}.json").read_text().splitlines()
        if line.startswith('{"txn"')
    )
    assert from_checkpoint.transaction_version(app_id) is not None
    (copy / "_delta_log" / "_last_checkpoint").unlink()
    assert_same(read_deltalake(copy), rows, "deltalake without _last_checkpoint")


def test_readers_prune_by_our_statistics_without_losing_rows(shared_server):
    with shared_server.connect() as connection:
        create(connection, "readers_prune")
        rows = []
        for commit in range(6):
            new = [make_row(500 * commit + number) for number in range(50)]
            insert(connection, "readers_prune", new)
            flush(connection, "readers_prune")
            rows += new
    folder = str(folder_of(shared_server, "readers_prune"))
    scan = polars.scan_delta(folder)
    # Bounds at the values themselves and a microsecond beside them: rounding to milliseconds must not show.
    for probe in (rows[0], rows[49], rows[50], rows[299]):
        for shift in (-1, 0, 1):
            limit = probe["timestamp"] + datetime.timedelta(microseconds=shift)
            expected = sum(1 for row in rows if row["timestamp"] > limit)
            assert scan.filter(polars.col("timestamp") > limit).select(polars.len()).collect().item() == expected
            expected = sum(1 for row in rows if row["timestamp"] == limit)
            assert scan.filter(polars.col("timestamp") == limit).select(polars.len()).collect().item() == expected
    for body in {row["body"] for row in rows if row["body"] is not None}:
        expected = sum(1 for row in rows if row["body"] == body)
        assert scan.filter(polars.col("body") == body).select(polars.len()).collect().item() == expected
    for project in PROJECTS:
        table = deltalake.DeltaTable(folder).to_pyarrow_table(filters=[("project_id", "=", project)])
        assert table.num_rows == sum(1 for row in rows if row["project_id"] == project)


def test_an_added_column_reads_as_null_in_older_files(shared_server):
    with shared_server.connect() as connection:
        create(connection, "readers_added")
        old = [make_row(number) for number in range(20)]
        insert(connection, "readers_added", old)
        flush(connection, "readers_added")
        connection.execute("ALTER TABLE readers_added ADD COLUMN extra text")
        new = [make_row(100 + number) for number in range(20)]
        insert(connection, "readers_added", new)
        connection.execute(
            "INSERT INTO readers_added (id, project_id, timestamp, date, extra) VALUES (999, 'shop', %s, %s, 'new')",
            [BASE, BASE.date()],
        )
        flush(connection, "readers_added")
        expected = {row["id"]: None for row in old + new} | {999: "new"}
        assert dict(connection.execute("SELECT id, extra FROM readers_added").fetchall()) == expected
    folder = folder_of(shared_server, "readers_added")
    for reader in ("deltalake", "polars"):
        assert {row["id"]: row["extra"] for row in READERS[reader](folder)} == expected, reader


@pytest.mark.parametrize("kind", ["timestamp", "time", "interval"])
def test_types_that_delta_does_not_have_are_refused(shared_server, kind):
    with shared_server.connect() as connection:
        with pytest.raises(Exception) as refused:
            connection.execute(f'CREATE TABLE readers_{kind} ("timestamp" timestamptz NOT NULL, odd {kind})')
        assert refused.value.sqlstate == "0A000"
        assert "odd" in str(refused.value)


def test_rows_of_another_writer_are_read_after_a_restart(tmp_path):
    server = VarveServer(tmp_path / "data")
    with server:
        with server.connect() as connection:
            create(connection, "readers_theirs")
            ours = [make_row(number) for number in range(30)]
            insert(connection, "readers_theirs", ours)
            flush(connection, "readers_theirs")
        server.stop()
        # delta-rs appends rows, and compacts files that we wrote together with its own.
        folder = str(folder_of(server, "readers_theirs"))
        table = deltalake.DeltaTable(folder)
        theirs = [make_row(1000 + number) for number in range(30)]
        deltalake.write_deltalake(table, as_arrow(table, theirs), mode="append")
        table = deltalake.DeltaTable(folder)
        assert table.optimize.compact()["numFilesRemoved"] > 0
        server.start()
        with server.connect() as connection:
            assert_same(read_varve(connection, "readers_theirs"), ours + theirs, "varve after delta-rs")
            more = [make_row(2000 + number) for number in range(10)]
            insert(connection, "readers_theirs", more)
            flush(connection, "readers_theirs")
            check_all_readers(server, connection, "readers_theirs", "readers_theirs", ours + theirs + more)


def as_arrow(table, rows):
    """The rows in the table's own schema, for delta-rs to write."""
    schema = pyarrow.schema(table.schema().to_arrow())
    values = [
        {
            **row,
            "context": None if row["context"] is None else json.dumps(row["context"]),
            "trace": None if row["trace"] is None else str(row["trace"]),
        }
        for row in rows
    ]
    return pyarrow.Table.from_pylist(values, schema=schema)
