"""What Varve says about its files in the log is true, and its checkpoints are those of the protocol.

Pyarrow and Spark are the judges: one reads the files, the other makes a checkpoint of the same table.
"""

import datetime
import json
import math
import urllib.parse
from decimal import Decimal

import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pytest

from tests.support.delta_tables import COLUMNS, UTC, create, fill, folder_of, make_rows

# The protocol leaves these without bounds, or Varve does: docs/formats/delta.md.
UNBOUNDED = {"flag", "context", "payload"}
UNCOUNTED = {"tags", "counts", "project_id", "date"}


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def check_bounds(name, values, lower, upper):
    """The bounds hold for all values, and are as near as their form allows."""
    if name in ("timestamp", "seen"):
        lower, upper = instant(lower), instant(upper)
        slack = datetime.timedelta(milliseconds=1)
        assert lower <= min(values) and min(values) - lower < slack, name
        assert max(values) <= upper and upper - max(values) < slack, name
    elif name == "day":
        assert [lower, upper] == [min(values).isoformat(), max(values).isoformat()], name
    elif name == "body":
        # Compared as their bytes, as Delta's readers do. 32 characters are kept.
        smallest, largest = (pick(value.encode() for value in values) for pick in (min, max))
        assert lower.encode() == smallest.decode()[:32].encode(), name
        assert largest <= upper.encode(), name
        kept = largest.decode()[:32]
        if len(largest.decode()) <= 32:
            assert upper == kept, name
        else:
            assert len(upper) <= 32 and kept.encode() < upper.encode(), name
            assert upper.startswith(kept[: len(upper) - 1]), name
    else:
        assert [lower, upper] == [min(values), max(values)], name


def check_file(folder, add):
    stats = json.loads(add["stats"], parse_float=Decimal, parse_int=Decimal)
    name = urllib.parse.unquote(add["path"])
    table = folder.parquet(name).read()
    assert add["size"] == len(folder.read(name))
    assert stats["numRecords"] == table.num_rows > 0
    for column in table.column_names:
        values = [value for value in table.column(column).to_pylist() if value is not None]
        if column in UNCOUNTED:
            assert column not in stats["nullCount"] and column not in stats["minValues"], column
            continue
        assert stats["nullCount"][column] == table.num_rows - len(values), column
        has_bounds = column in stats["minValues"]
        assert has_bounds == (column in stats["maxValues"]), column
        if column in UNBOUNDED or not values:
            assert not has_bounds, column
        elif any(isinstance(value, float) and not math.isfinite(value) for value in values):
            assert not has_bounds, f"{column}: a bound beside NaN or infinity"
        elif column in ("seen", "day") and not has_bounds:
            # No text for a bound past the year 9999.
            assert max(values).year == 9999, column
        else:
            assert has_bounds, column
            lower, upper = stats["minValues"][column], stats["maxValues"][column]
            if column in ("ratio", "measure"):
                lower, upper = float(lower), float(upper)
            check_bounds(column, values, lower, upper)
    return {column for column in stats["minValues"]}


@pytest.fixture(scope="module")
def folder(shared_quiet_server):
    """A table of Varve with several versions and a checkpoint at version 10."""
    with shared_quiet_server.connect() as connection:
        create(connection, "statistics", partition_by="project_id, date")
        # Files of one row, of one value, of many, with NULL only, and with text of every length.
        fill(connection, "statistics", make_rows(4, 1))
        for begin in range(0, 450, 50):
            fill(connection, "statistics", make_rows(begin + 1000, 3 + begin // 4))
        connection.execute("ALTER TABLE statistics ADD COLUMN later bigint")
        # Merged files have statistics of their own making.
        connection.execute("SELECT varve.compact('statistics')")
        fill(connection, "statistics", make_rows(5000, 3))
    return folder_of(shared_quiet_server, "statistics")


def test_statistics_are_true_of_each_file(folder):
    bounded, files = set(), 0
    for version in folder.versions():
        for add in folder.actions(version, "add"):
            bounded |= check_file(folder, add)
            files += 1
    assert files > 50
    operations = [folder.actions(version, "commitInfo")[0]["operation"] for version in folder.versions()]
    assert "OPTIMIZE" in operations
    expected = set(COLUMNS) - UNBOUNDED - UNCOUNTED
    assert bounded == expected, "columns that should have had bounds somewhere"


def leaves(schema, prefix=""):
    """Every leaf of an Arrow schema by its path, with its type."""
    found = {}
    for field in schema:
        path = f"{prefix}{field.name}"
        if pyarrow.types.is_struct(field.type):
            found.update(leaves(field.type, f"{path}."))
        else:
            found[path] = str(field.type)
    return found


# What Spark's checkpoint has for features that the table does not use.
ONLY_SPARK = ("add.deletionVector", "remove.deletionVector", "add.baseRowId", "remove.baseRowId",
              "add.defaultRowCommitVersion", "remove.defaultRowCommitVersion", "add.clusteringProvider",
              "remove.clusteringProvider", "add.tags", "remove.tags", "remove.stats", "sidecar.", "checkpointMetadata.",
              "domainMetadata.", "add.stats_parsed", "add.partitionValues_parsed")


def test_a_checkpoint_has_the_columns_that_spark_gives_it(folder, spark):
    (ours,) = [name for name in folder.names("_delta_log") if name.endswith(".checkpoint.parquet")]
    ours_file = folder.parquet(ours)
    spark.checkpoint(folder.path)
    (theirs,) = [name for name in folder.names("_delta_log") if name.endswith(".checkpoint.parquet") and name != ours]
    theirs_file = folder.parquet(theirs)
    our_leaves, their_leaves = leaves(ours_file.schema_arrow), leaves(theirs_file.schema_arrow)
    for path, kind in our_leaves.items():
        assert their_leaves.get(path, kind) == kind, f"{path} has another type"
    missing = {path for path in their_leaves.keys() - our_leaves.keys() if not path.startswith(ONLY_SPARK)}
    assert not missing, "columns that Spark's checkpoint has and ours lacks"
    unknown = {path for path in our_leaves.keys() - their_leaves.keys() if not path.startswith("domainMetadata.")}
    assert not unknown, "columns that ours has and Spark's does not know"
