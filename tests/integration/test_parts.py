"""The real servers of the tests behave as the tests built on them assume."""

import concurrent.futures
import datetime
import math

import deltalake
import pyarrow
import pytest

from tests.support.dynamodb_local import DynamoDbError
from tests.support.object_stores import S3Mock
from tests.support.spark_session import SparkError, delta


def test_object_store_keeps_objects_over_a_kill(versity_gw):
    bucket = versity_gw.new_bucket()
    with versity_gw.files().open_output_stream(f"{bucket}/a/b c") as stream:
        stream.write(b"content")
    versity_gw.kill()
    versity_gw.start()
    assert versity_gw.names(bucket) == ["a/b c"]
    with versity_gw.files().open_input_stream(f"{bucket}/a/b c") as stream:
        assert stream.read() == b"content"


def test_object_store_lets_one_of_many_appenders_win_each_version(versity_gw):
    bucket = versity_gw.new_bucket()
    options = versity_gw.delta_options()
    path = f"s3://{bucket}/table"
    rows = pyarrow.table({"n": [0]})
    deltalake.write_deltalake(path, rows, storage_options=options)

    def append(number):
        deltalake.write_deltalake(path, pyarrow.table({"n": [number]}), mode="append", storage_options=options)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(1, 17)))
    table = deltalake.DeltaTable(path, storage_options=options)
    assert table.version() == 16
    assert sorted(table.to_pyarrow_table()["n"].to_pylist()) == list(range(17))


@pytest.mark.parametrize("keys", [("key",), ("tablePath", "fileName")])
def test_dynamodb_puts_an_item_once(dynamodb_local, keys):
    table = "locks-" + "-".join(keys)
    dynamodb_local.create_table(table, *keys)
    item = {key: {"S": "x"} for key in keys}
    # `key` is a reserved word of the expressions, so the name goes beside them.
    put = {
        "TableName": table,
        "Item": item,
        "ConditionExpression": "attribute_not_exists(#k)",
        "ExpressionAttributeNames": {"#k": keys[0]},
    }
    dynamodb_local.call("PutItem", put)
    with pytest.raises(DynamoDbError, match="ConditionalCheckFailed"):
        dynamodb_local.call("PutItem", put)
    assert dynamodb_local.items(table) == [{key: "x" for key in keys}]


def test_spark_hands_out_values_exactly(spark, tmp_path):
    table = delta(tmp_path / "table")
    spark.sql(f"CREATE TABLE {table} (f double, t timestamp, a array<string>) USING delta")
    spark.sql(f"INSERT INTO {table} VALUES (double('NaN'), timestamp'0001-01-01 00:00:00.000001Z', array('', null))")
    (row,) = spark.rows(f"SELECT * FROM {table}")
    assert math.isnan(row["f"])
    assert row["t"] == datetime.datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=datetime.timezone.utc)
    assert row["a"] == ["", None]
    with pytest.raises(SparkError, match="PARSE_SYNTAX_ERROR"):
        spark.sql("SELEC 1")


def test_spark_shares_a_table_on_the_object_store(spark, shared_versity_gw):
    bucket = shared_versity_gw.new_bucket()
    spark.use_store(shared_versity_gw, bucket)
    table = delta(f"s3a://{bucket}/folder/table")
    spark.sql(f"CREATE TABLE {table} (n int) USING delta")
    spark.sql(f"INSERT INTO {table} VALUES (1)")
    options = shared_versity_gw.delta_options()
    path = f"s3://{bucket}/folder/table"
    rows = pyarrow.table({"n": pyarrow.array([2], "int32")})
    deltalake.write_deltalake(path, rows, mode="append", storage_options=options)
    assert sorted(row["n"] for row in spark.rows(f"SELECT * FROM {table}")) == [1, 2]


def test_a_store_whose_conditional_put_is_not_atomic_starts(tmp_path):
    with S3Mock() as store:
        bucket = store.new_bucket()
        with store.files().open_output_stream(f"{bucket}/name") as stream:
            stream.write(b"content")
        assert store.names(bucket) == ["name"]
