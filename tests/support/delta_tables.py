"""A Delta table that Varve and others share: rows with every kind of value, and each reader's view of them."""

import collections
import contextlib
import datetime
import functools
import json
import pathlib
import struct
import threading
import urllib.parse
import uuid
from decimal import Decimal

import deltalake
import duckdb
import polars
import pyarrow
import pyarrow.fs
import pyarrow.parquet

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
    "seen": "timestamptz",
    "day": "date",
}
NAMES = list(COLUMNS)
TEXTS = ["", "plain", "line\nbreak\ttab", 'quote" and \\', "é漢字😀" * 20, "x" * 500, "\x7f" * 40, "😀" * 33]
INSTANTS = [
    datetime.datetime(1, 1, 1, tzinfo=UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    # Where the calendars changed, before Unix time, and where 64-bit nanoseconds end.
    datetime.datetime(1582, 10, 10, 1, 2, 3, 4, tzinfo=UTC),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime.datetime(2262, 4, 11, 23, 47, 16, 854776, tzinfo=UTC),
]
NAN, INFINITY = float("nan"), float("inf")


def make_row(number):
    """Row `number`: every kind of value and NULL in turn, time steps that cross midnight and rounding."""
    time = BASE + datetime.timedelta(microseconds=number * 333_333)

    def some(values):
        return None if number % 5 == 4 else values[number % len(values)]

    return {
        "id": number,
        "project_id": PROJECTS[number % len(PROJECTS)],
        "timestamp": time,
        "date": time.date(),
        "small": some([-32768, 0, 32767]),
        "number": some([-(2**31), 7, 2**31 - 1]),
        # Zeros of one sign for each column: in a dictionary of Parquet they are one value.
        "ratio": some([0.5, -1.5e30, NAN, -0.0, 2.0**-149]),
        "measure": some([0.1, -1e300, INFINITY, 5e-324, 0.0, NAN, -INFINITY]),
        "amount": some([Decimal("-0.0001"), Decimal("9999999999999999.9999"), Decimal("12.5000")]),
        "flag": some([True, False, True]),
        "body": some(TEXTS),
        "context": some([{"k": [number, None, "é"], "n": {"deep": True}}]),
        "trace": some([uuid.UUID(int=number * 0x1111_2222_3333_4444_5555_6666)]),
        "payload": some([bytes([0, 255, number % 256]), b""]),
        "tags": some([[], ["a", None, "é\""], ["only", ""]]),
        "counts": some([[-(2**63), 2**63 - 1], [], [None]]),
        "seen": some(INSTANTS),
        "day": some([instant.date() for instant in INSTANTS]),
    }


def make_rows(begin, count):
    return [make_row(number) for number in range(begin, begin + count)]


def create(connection, table, partition_by="project_id, date"):
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE {table} ({columns}) WITH (partition_by = '{partition_by}')")


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


def fill(connection, table, rows):
    """Rows that are in the lake when this returns, as one version of the table."""
    insert(connection, table, rows)
    flush(connection, table)


def read_varve(connection, table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(NAMES)} FROM {table}")
        return [dict(zip(NAMES, row)) for row in cursor.fetchall()]


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
    if name in ("timestamp", "seen"):
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
    assert [row["id"] for row in got] == [row["id"] for row in expected], f"{reader}: other rows"
    for theirs, ours in zip(got, expected):
        other = {name: (theirs[name], ours[name]) for name in NAMES if theirs[name] != ours[name]}
        assert not other, f"{reader}: row {ours['id']} differs (read, expected): {other}"


class DeltaFolder:
    """Where a table lies, in the words of each client: a local folder, or a prefix of a test's object store."""

    def __init__(self, path, store=None, bucket=None):
        self.store = store
        self.path = str(path) if bucket is None else f"{bucket}/{path}"
        self.url = self.path if store is None else f"s3://{self.path}"
        self.spark = f"delta.`{self.path if store is None else 's3a://' + self.path}`"
        self.options = None if store is None else store.delta_options()

    def files(self):
        return pyarrow.fs.LocalFileSystem() if self.store is None else self.store.files()

    def table(self, version=None):
        return deltalake.DeltaTable(self.url, version=version, storage_options=self.options)

    def names(self, folder=""):
        """Names of all files below, relative to the table."""
        base = f"{self.path}/{folder}".rstrip("/")
        found = self.files().get_file_info(pyarrow.fs.FileSelector(base, recursive=True, allow_not_found=True))
        return sorted(info.path[len(self.path) + 1 :] for info in found if info.is_file)

    def read(self, name):
        with self.files().open_input_stream(f"{self.path}/{name}") as stream:
            return stream.read()

    def parquet(self, name):
        return pyarrow.parquet.ParquetFile(self.files().open_input_file(f"{self.path}/{name}"))

    def delete(self, name):
        self.files().delete_file(f"{self.path}/{name}")

    def versions(self):
        """The versions whose commits are there."""
        numbers = [name[-25:-5] for name in self.names("_delta_log") if name.endswith(".json")]
        return [int(number) for number in numbers if number.isdigit()]

    def actions(self, version, kind):
        """The actions of one kind in a commit."""
        lines = self.read(f"_delta_log/{version:020}.json").decode().splitlines()
        return [action[kind] for action in map(json.loads, lines) if kind in action]


def folder_of(server, name):
    """The folder of the table public.<name> of a server whose lake is a local folder."""
    logs = [path.parent for path in pathlib.Path(server.data_dir).rglob("_delta_log") if path.parent.name == name]
    assert len(logs) == 1, f"tables named {name}: {logs}"
    return DeltaFolder(logs[0])


def read_deltalake(folder):
    return folder.table().to_pyarrow_table().to_pylist()


def read_polars(folder):
    return polars.scan_delta(folder.url, storage_options=folder.options).collect().to_dicts()


def read_duckdb(folder):
    """DuckDB given each file; which there are and their partition values come from the log, not from folders."""
    actions = folder.table().get_add_actions(flatten=True)
    rows = []
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    columns = [actions.column(name).to_pylist() for name in ("path", "partition.project_id", "partition.date")]
    for path, project, date in zip(*columns):
        name = str(pathlib.Path(folder.path) / urllib.parse.unquote(path))
        # As Arrow: instants as Python values would need one more package.
        found = connection.execute("SELECT * FROM read_parquet($1, hive_partitioning = false)", [[escape_glob(name)]])
        rows += [{**row, "project_id": project, "date": date} for row in found.to_arrow_table().to_pylist()]
    return rows


def escape_glob(path):
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def read_spark(spark, folder):
    return spark.rows(f"SELECT * FROM {folder.spark}")


def readers_of(folder, spark=None):
    """Every reader that can read there, by name. DuckDB would need an extension of its own for S3."""
    readers = {"deltalake": read_deltalake, "polars": read_polars}
    if folder.store is None:
        readers["duckdb"] = read_duckdb
    if spark is not None:
        readers["spark"] = functools.partial(read_spark, spark)
    return readers


def check_readers(folder, rows, spark=None, what=""):
    """All others read exactly these rows."""
    for name, read in readers_of(folder, spark).items():
        assert_same(read(folder), rows, f"{name} {what}".strip())


@contextlib.contextmanager
def read_all_along(folder, spark, first_id, commit_rows):
    """Every reader reads on until the block ends, once at least. The block commits rows with ids from `first_id` on,
    `commit_rows` at a time: a version holds whole commits, and all that came before them."""
    failures, reads, done = [], collections.Counter(), threading.Event()

    def read_on(name, read):
        try:
            while not done.is_set() or not reads[name]:
                ids = sorted(row["id"] for row in read(folder))
                assert ids == list(range(first_id, first_id + len(ids))), f"{name}: rows are missing or twice"
                assert len(ids) % commit_rows == 0, f"{name}: {len(ids)} rows, half a commit"
                reads[name] += 1
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read_on, args=item) for item in readers_of(folder, spark).items()]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not failures, failures


def as_arrow(folder, rows):
    """The rows in the table's own schema, for delta-rs to write."""
    schema = pyarrow.schema(folder.table().schema().to_arrow())
    values = [
        {
            **row,
            "context": None if row["context"] is None else json.dumps(row["context"]),
            "trace": None if row["trace"] is None else str(row["trace"]),
        }
        for row in rows
    ]
    return pyarrow.Table.from_pylist(values, schema=schema)


def append_by_deltalake(folder, rows):
    deltalake.write_deltalake(folder.url, as_arrow(folder, rows), mode="append", storage_options=folder.options)
