"""Varve reads the tables of other writers, or refuses them with the name of the feature that it does not know."""

import contextlib
import datetime
import re

import deltalake
import psycopg
import pyarrow
import pytest

from tests.support.delta_tables import PROJECTS, UTC, DeltaFolder, folder_of

COLUMNS = {
    "id": ("bigint", "bigint"),
    "timestamp": ("timestamptz NOT NULL", "timestamp"),
    "part": ("text", "string"),
    "value": ("double precision", "double"),
    "amount": ("numeric(9,2)", "decimal(9,2)"),
    "name": ("text", "string"),
    "tags": ("text[]", "array<string>"),
    "day": ("date", "date"),
}
NAMES = list(COLUMNS)
PARTS = [*PROJECTS[:5], None]
TIME = datetime.datetime(2025, 3, 9, 12, 30, 0, 123456, tzinfo=UTC)


def make_row(number):
    return {
        "id": number,
        "timestamp": TIME + datetime.timedelta(seconds=number, microseconds=number),
        "part": PARTS[number % len(PARTS)],
        "value": None if number % 4 == 3 else number / 8,
        "amount": None if number % 4 == 2 else number,
        "name": [None, "", "é'\"\\", "plain"][number % 4],
        "tags": [None, [], ["a", None]][number % 3],
        "day": datetime.date(1, 1, 1) if number % 5 == 0 else datetime.date(2025, 3, 9),
    }


def make_rows(begin, count):
    return [make_row(number) for number in range(begin, begin + count)]


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, datetime.datetime):
        return f"timestamp'{value.isoformat()}'"
    if isinstance(value, datetime.date):
        return f"date'{value.isoformat()}'"
    if isinstance(value, list):
        return f"array({', '.join(map(literal, value))})"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f"double('{value}')" if isinstance(value, float) else str(value)


def spark_create(spark, folder, properties="", columns="", partition="PARTITIONED BY (part)"):
    names = columns or ", ".join(f"{name} {kind}" for name, (_, kind) in COLUMNS.items())
    tail = f"TBLPROPERTIES ({properties})" if properties else ""
    spark.sql(f"CREATE TABLE {folder.spark} ({names}) USING delta {partition} {tail}")


def spark_insert(spark, folder, rows):
    names = list(rows[0])
    values = ", ".join("(" + ", ".join(literal(row[name]) for name in names) + ")" for row in rows)
    spark.sql(f"INSERT INTO {folder.spark} ({', '.join(names)}) VALUES {values}")


ARROW_SCHEMA = pyarrow.schema([
    ("id", pyarrow.int64()),
    ("timestamp", pyarrow.timestamp("us", "UTC")),
    ("part", pyarrow.string()),
    ("value", pyarrow.float64()),
    ("amount", pyarrow.decimal128(9, 2)),
    ("name", pyarrow.string()),
    ("tags", pyarrow.list_(pyarrow.string())),
    ("day", pyarrow.date32()),
])


def write_rust(folder, rows, **options):
    table = pyarrow.Table.from_pylist(rows, schema=ARROW_SCHEMA)
    deltalake.write_deltalake(folder.url, table, mode="append", partition_by=["part"], **options)


class Foreign:
    """Another writer's table in the lake of a running server, which learns of it by varve.refresh()."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.folder = DeltaFolder(server.data_dir / "lake" / "varve" / name)

    def refresh(self, connection):
        connection.execute("SELECT varve.refresh()")

    def select(self, connection):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(NAMES)} FROM {self.name} ORDER BY id")
            return [dict(zip(NAMES, row)) for row in cursor.fetchall()]

    def read(self):
        with self.server.connect() as connection:
            self.refresh(connection)
            return self.select(connection)

    def refusal(self):
        """What varve.lake_errors says of a table that is not served."""
        with self.server.connect() as connection:
            self.refresh(connection)
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute(f"SELECT * FROM {self.name}")
            state, message = connection.execute(
                "SELECT sqlstate, message FROM varve.lake_errors WHERE location = %s", [self.name]
            ).fetchone()
        assert state == "0A000", message
        return message


@pytest.fixture
def foreign(shared_quiet_server, request):
    """A name that no other test uses; the table is the test's to make."""
    name = re.sub(r"\W", "_", request.node.name).lower()
    yield Foreign(shared_quiet_server, name)


def cut_history(folder, through):
    """Leaves the checkpoint as the only word on what came before."""
    for version in range(through + 1):
        folder.delete(f"_delta_log/{version:020}.json")
        with contextlib.suppress(FileNotFoundError):
            folder.delete(f"_delta_log/.{version:020}.json.crc")


@pytest.mark.parametrize("instants", ["INT96", "TIMESTAMP_MICROS"])
def test_a_table_of_spark_is_read(foreign, spark, instants):
    with spark.setting(spark_sql_parquet_outputTimestampType=instants):
        spark_create(spark, foreign.folder)
        spark_insert(spark, foreign.folder, make_rows(0, 30))
        spark_insert(spark, foreign.folder, make_rows(30, 30))
        spark.sql(f"DELETE FROM {foreign.folder.spark} WHERE id % 10 = 7")
        spark.sql(f"UPDATE {foreign.folder.spark} SET name = 'changed' WHERE id = 42")
        spark.sql(f"OPTIMIZE {foreign.folder.spark} ZORDER BY (id)")
    expected = [row for row in make_rows(0, 60) if row["id"] % 10 != 7]
    next(row for row in expected if row["id"] == 42)["name"] = "changed"
    assert foreign.read() == expected


# Statistics as JSON, as columns, or both; in one file, or in as many as there are actions.
@pytest.mark.parametrize("as_json, as_struct, part_size", [
    ("true", "false", None), ("false", "true", None), ("true", "true", 3),
])
def test_checkpoints_of_spark_are_read(foreign, spark, as_json, as_struct, part_size):
    spark_create(
        spark, foreign.folder,
        f"'delta.checkpoint.writeStatsAsJson' = '{as_json}', 'delta.checkpoint.writeStatsAsStruct' = '{as_struct}'",
    )
    for begin in range(0, 24, 12):
        spark_insert(spark, foreign.folder, make_rows(begin, 12))
    spark.sql(f"DELETE FROM {foreign.folder.spark} WHERE part = 'shop'")
    if part_size:
        spark.set("spark.databricks.delta.checkpoint.partSize", str(part_size))
    spark.checkpoint(foreign.folder.path)
    if part_size:
        spark.unset("spark.databricks.delta.checkpoint.partSize")
    checkpoints = [name for name in foreign.folder.names("_delta_log") if name.endswith(".parquet")]
    assert (len(checkpoints) > 1) == bool(part_size), checkpoints
    spark_insert(spark, foreign.folder, make_rows(24, 12))
    cut_history(foreign.folder, through=3)
    expected = [row for row in make_rows(0, 36) if row["part"] != "shop" or row["id"] >= 24]
    assert foreign.read() == expected
    with foreign.server.connect() as connection:
        found = connection.execute(f"SELECT count(*), min(id), max(id) FROM {foreign.name}").fetchone()
        assert found == (len(expected), 1, 35)
        late = TIME + datetime.timedelta(seconds=30)
        found = connection.execute(f"SELECT count(*) FROM {foreign.name} WHERE timestamp > %s", [late]).fetchone()
        assert found == (6,)


def test_a_changed_schema_of_spark_is_read(foreign, spark):
    """Columns that came later, in another order than ours, and one that we do not know."""
    folder = foreign.folder
    first = {"id": "bigint", "part": "string", "timestamp": "timestamp", "value": "double", "amount": "decimal(9,2)"}
    spark_create(spark, folder, columns=", ".join(f"{name} {kind}" for name, kind in first.items()))
    old = make_rows(0, 10)
    spark_insert(spark, folder, [{name: row[name] for name in first} for row in old])
    added = "tags array<string> FIRST, extra string AFTER id, name string, day date"
    spark.sql(f"ALTER TABLE {folder.spark} ADD COLUMNS ({added})")
    spark.sql(f"ALTER TABLE {folder.spark} ALTER COLUMN id AFTER value")
    spark_insert(spark, folder, make_rows(10, 10))
    expected = [{**row, "tags": None, "name": None, "day": None} for row in old] + make_rows(10, 10)
    assert foreign.read() == expected


def test_a_table_of_delta_rs_is_read(foreign):
    folder = foreign.folder
    for commit in range(6):
        write_rust(folder, make_rows(10 * commit, 10))
    table = folder.table()
    table.delete("id % 10 = 7")
    table.update(updates={"name": "'changed'"}, predicate="id = 42")
    table.optimize.compact()
    table.create_checkpoint()
    write_rust(folder, make_rows(60, 5))
    cut_history(folder, through=table.version())
    expected = [row for row in make_rows(0, 65) if row["id"] % 10 != 7 or row["id"] >= 60]
    next(row for row in expected if row["id"] == 42)["name"] = "changed"
    assert foreign.read() == expected


def test_varve_goes_on_where_another_writer_stopped(foreign, spark):
    """Varve's first commits, and its checkpoint, on a table whose history is all of others."""
    folder = foreign.folder
    spark_create(spark, folder)
    spark_insert(spark, folder, make_rows(0, 10))
    write_rust(folder, make_rows(10, 10))
    insert = f"INSERT INTO {foreign.name} ({', '.join(NAMES)}) VALUES ({', '.join(['%s'] * len(NAMES))})"
    with foreign.server.connect() as connection:
        foreign.refresh(connection)
        for commit in range(2, 12):
            for row in make_rows(10 * commit, 10):
                connection.execute(insert, [row[name] for name in NAMES])
            connection.execute("SELECT varve.flush(%s)", [foreign.name])
        assert foreign.select(connection) == make_rows(0, 120)
    assert folder.versions() == list(range(folder.versions()[-1] + 1))
    cut_history(folder, through=10)
    found = spark.rows(f"SELECT {', '.join(NAMES)} FROM {folder.spark} ORDER BY id")
    assert found == make_rows(0, 120)


SOME = "id bigint, timestamp timestamp, part string, value double"
FEATURES = {
    "deletionVectors": dict(properties="'delta.enableDeletionVectors' = 'true'"),
    "columnMapping": dict(properties="'delta.columnMapping.mode' = 'name'"),
    "timestampNtz": dict(columns=f"{SOME}, plain timestamp_ntz"),
    "v2Checkpoint": dict(properties="'delta.checkpointPolicy' = 'v2'"),
    "changeDataFeed": dict(properties="'delta.enableChangeDataFeed' = 'true'"),
    "rowTracking": dict(properties="'delta.enableRowTracking' = 'true'"),
    "inCommitTimestamp": dict(properties="'delta.enableInCommitTimestamps' = 'true'"),
    "typeWidening": dict(properties="'delta.enableTypeWidening' = 'true'"),
    "clustering": dict(columns=SOME, partition="CLUSTER BY (id)"),
    "generatedColumns": dict(properties="'delta.feature.generatedColumns' = 'supported'"),
    "identityColumns": dict(properties="'delta.feature.identityColumns' = 'supported'"),
    "variantType": dict(properties="'delta.feature.variantType' = 'supported'"),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_table_that_needs_more_is_refused_by_name(foreign, spark, feature):
    spark_create(spark, foreign.folder, **FEATURES[feature])
    assert feature in foreign.refusal()


def test_constraints_are_refused_by_name(foreign, spark):
    spark_create(spark, foreign.folder)
    spark.sql(f"ALTER TABLE {foreign.folder.spark} ADD CONSTRAINT positive CHECK (id >= 0)")
    assert "checkConstraints" in foreign.refusal()


def test_types_that_varve_lacks_are_refused_by_column(foreign, spark):
    spark_create(spark, foreign.folder, columns="timestamp timestamp, part string, nested struct<a: int>")
    assert "nested" in foreign.refusal()


def test_a_table_that_comes_to_need_more_is_refused(quiet_server, spark):
    """Spark switches deletion vectors on under a table that Varve serves: nothing is committed to it any more, and
    rows that were acknowledged stay in the log."""
    with quiet_server.connect() as connection:
        connection.execute("CREATE TABLE grown (timestamp timestamptz NOT NULL, id bigint)")
        connection.execute("INSERT INTO grown SELECT now(), i FROM generate_series(1, 10) AS s(i)")
        connection.execute("SELECT varve.flush('grown')")
        connection.execute("INSERT INTO grown VALUES (now(), 11)")
        folder = folder_of(quiet_server, "grown")
        spark.sql(f"ALTER TABLE {folder.spark} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
        spark.sql(f"DELETE FROM {folder.spark} WHERE id = 3")
        for statement in ("SELECT varve.refresh('grown')", "SELECT varve.flush('grown')"):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="deletionVectors"):
                connection.execute(statement)
        # What it held before is wrong, and what it took now would stay in the log for good.
        for statement in ("SELECT count(*) FROM grown", "INSERT INTO grown VALUES (now(), 12)"):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="cannot be served: .*deletionVectors"):
                connection.execute(statement)
    quiet_server.kill()
    quiet_server.start()
    with quiet_server.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="deletionVectors"):
            connection.execute("SELECT count(*) FROM grown")
    quiet_server.kill()  # An orderly stop would want to flush.
    assert folder.versions() == list(range(4))
    replayed = re.search(r"log replayed: (\d+) rows", quiet_server.stderr())
    assert int(replayed[1]) >= 1, "the row that never came into the lake"


def arrow_rows(ids, **columns):
    times = pyarrow.array([TIME] * len(ids), pyarrow.timestamp("us", "UTC"))
    return pyarrow.table({"timestamp": times, "id": pyarrow.array(ids, pyarrow.int64()), **columns,
                          "date": pyarrow.array([TIME.date()] * len(ids))})


def test_a_table_whose_types_another_changes_is_refused_until_they_fit(quiet_server):
    with quiet_server.connect() as connection:
        connection.execute("CREATE TABLE typed (timestamp timestamptz NOT NULL, id bigint, v bigint)")
        connection.execute("INSERT INTO typed VALUES (now(), 1, 1)")
        connection.execute("SELECT varve.flush('typed')")
        connection.execute("INSERT INTO typed VALUES (now(), 2, 2)")
        url = folder_of(quiet_server, "typed").url
        text, number = pyarrow.array(["a"]), pyarrow.array([7], pyarrow.int64())
        deltalake.write_deltalake(url, arrow_rows([3], v=text), mode="overwrite", schema_mode="overwrite")
        for statement in ("SELECT varve.refresh('typed')", "SELECT * FROM typed", "INSERT INTO typed VALUES (now())",
                          "DELETE FROM typed", "SELECT varve.flush('typed')"):
            with pytest.raises(psycopg.Error, match='column "v" has another type in the Delta table: string'):
                connection.execute(statement)
        connection.execute("CREATE TABLE other (timestamp timestamptz NOT NULL)")
        deltalake.write_deltalake(url, arrow_rows([4], v=number), mode="overwrite", schema_mode="overwrite")
        connection.execute("SELECT varve.refresh('typed')")
        connection.execute("INSERT INTO typed VALUES (now(), 5, 5)")
        for _ in range(2):
            assert connection.execute("SELECT id, v FROM typed ORDER BY id").fetchall() == [(2, 2), (4, 7), (5, 5)]
            connection.execute("SELECT varve.flush('typed')")
        assert sorted(deltalake.DeltaTable(url).to_pyarrow_table()["id"].to_pylist()) == [2, 4, 5]


def test_a_column_of_bytes_is_one_of_smallints(quiet_server):
    """delta-rs adds columns of types that Varve reads as wider ones: rows go on into the lake."""
    with quiet_server.connect() as connection:
        connection.execute("CREATE TABLE small (timestamp timestamptz NOT NULL, id bigint)")
        connection.execute("INSERT INTO small VALUES (now(), 1)")
        connection.execute("SELECT varve.flush('small')")
        url = folder_of(quiet_server, "small").url
        lists = pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.field("element", pyarrow.int64(), nullable=False)))
        added = arrow_rows([2], b=pyarrow.array([-7], pyarrow.int8()), l=lists)
        deltalake.write_deltalake(url, added, mode="append", schema_mode="merge")
        connection.execute("SELECT varve.refresh('small')")
        connection.execute("INSERT INTO small (timestamp, id, b, l) VALUES (now(), 3, 9, '{3}')")
        connection.execute("SELECT varve.flush('small')")
        connection.execute("ALTER TABLE small ADD COLUMN more int")
        connection.execute("INSERT INTO small (timestamp, id, b, more) VALUES (now(), 4, 100, 4)")
        connection.execute("SELECT varve.flush('small')")
        expected = [(1, None, None, None), (2, -7, [1, 2], None), (3, 9, [3], None), (4, 100, None, 4)]
        assert connection.execute("SELECT id, b, l, more FROM small ORDER BY id").fetchall() == expected
    theirs = deltalake.DeltaTable(url)
    assert "byte" in str(theirs.schema().to_json())
    rows = theirs.to_pyarrow_table().sort_by("id").to_pylist()
    assert [(row["id"], row["b"], row["l"], row["more"]) for row in rows] == expected
