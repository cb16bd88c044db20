"""The server on a bucket of a real S3 server: rows come back after a restart, and a start that cannot work says why."""

import subprocess

import deltalake
import pytest

from tests.support.object_stores import S3Mock
from tests.support.parts import free_port
from tests.support.varve_server import VarveServer, binary

ROWS = 2000


def bucket_options(store, bucket, **more):
    options = {
        "s3-bucket": bucket,
        "s3-endpoint": store.endpoint,
        "s3-access-key": store.access_key,
        "s3-secret-key": store.secret_key,
        "s3-allow-http": "true",
    }
    return {**options, **{name.replace("_", "-"): value for name, value in more.items()}}


def make_table(connection, name="public.readings"):
    connection.execute(f"CREATE TABLE {name} (timestamp timestamptz NOT NULL, device text, value bigint)")


def insert(connection, begin, count, name="public.readings"):
    connection.execute(
        f"INSERT INTO {name} (timestamp, device, value) "
        "SELECT timestamptz '2024-05-01 00:00:00+00' + to_seconds(i), 'd' || (i % 7), i "
        f"FROM range({begin}, {begin + count}) t(i)"
    )


def totals(connection, name="public.readings"):
    return connection.execute(f"SELECT count(*), count(DISTINCT value), sum(value) FROM {name}").fetchone()


def test_rows_live_in_the_bucket(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with VarveServer(tmp_path / "data", bucket_options(store, bucket)) as server, server.connect() as connection:
        make_table(connection)
        insert(connection, 0, ROWS)
        connection.execute("SELECT varve.flush('public.readings')")
        insert(connection, ROWS, 10)
        expected = totals(connection)
        assert expected == (ROWS + 10, ROWS + 10, sum(range(ROWS + 10)))
        window = "timestamp BETWEEN '2024-05-01 00:00:10+00' AND '2024-05-01 00:00:19+00'"
        assert connection.execute(f"SELECT count(*) FROM public.readings WHERE {window}").fetchone() == (10,)
        server.kill()
        server.start()
        with server.connect() as again:
            assert totals(again) == expected
    names = store.names(bucket)
    assert all(name.startswith("varve/") for name in names)
    assert any(name.endswith(".parquet") for name in names)
    assert not any(".varve-probe" in name for name in names), "the start-up probe cleans up"
    table = deltalake.DeltaTable(f"s3://{bucket}/varve/readings", storage_options=store.delta_options())
    assert table.to_pyarrow_table().num_rows == ROWS + 10
    assert not list((tmp_path / "data" / "lake").rglob("*.parquet")), "nothing of the lake is local"


def test_a_dropped_table_leaves_the_bucket(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    bucket = store.new_bucket()
    with VarveServer(tmp_path / "data", bucket_options(store, bucket)) as server, server.connect() as connection:
        make_table(connection, "public.gone")
        insert(connection, 0, 10, "public.gone")
        connection.execute("SELECT varve.flush('public.gone')")
        assert store.names(bucket, "varve/gone")
        connection.execute("DROP TABLE public.gone")
    left = store.names(bucket, "varve/gone")
    # The log, whose end tells other servers of the DROP, stays for a day.
    assert left and all("/_delta_log/" in name for name in left), left


def test_keys_and_region_come_from_a_profile(tmp_path, shared_versity_gw):
    store = shared_versity_gw
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[work]\naws_access_key_id = {store.access_key}\naws_secret_access_key = {store.secret_key}\n"
    )
    environment = {
        "AWS_S3_BUCKET": store.new_bucket(),
        "AWS_S3_ENDPOINT": store.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_PROFILE": "work",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }
    with VarveServer(tmp_path / "data", environment=environment) as server, server.connect() as connection:
        make_table(connection)
        insert(connection, 0, 5)
        connection.execute("SELECT varve.flush('public.readings')")
        assert totals(connection)[0] == 5
        shown = dict(connection.execute("SELECT name, value FROM varve.options WHERE name LIKE 's3-%'").fetchall())
        assert shown["s3-profile"] == "work"
        assert store.secret_key not in str(shown)


def refused_start(tmp_path, options):
    """Exit code and messages of a server that does not get ready."""
    command = [str(binary()), "serve", "--data-dir", str(tmp_path / "data"), "--pg-port", "0", "--http-port", "0"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return answer.returncode, answer.stderr


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"s3-bucket": "no-such-bucket"}, 's3-bucket: there is no bucket "no-such-bucket" at http://127.0.0.1'),
        ({"s3-access-key": "somebody"}, "s3-access-key: "),
        ({"s3-secret-key": "hunter2-hunter2"}, "s3-secret-key: "),
        ({"s3-endpoint": "http://127.0.0.1:PORT", "s3-retry-secs": "1"}, "s3-endpoint: http://127.0.0.1:PORT cannot"),
        ({"s3-allow-http": "false"}, "s3-allow-http=true"),
        ({"s3-endpoint": "127.0.0.1:9000"}, "does not begin with https://"),
    ],
)
def test_a_start_that_cannot_work_says_why(tmp_path, shared_versity_gw, change, sentence):
    port = str(free_port())
    options = bucket_options(shared_versity_gw, shared_versity_gw.new_bucket())
    options.update({name: value.replace("PORT", port) for name, value in change.items()})
    code, messages = refused_start(tmp_path, options)
    assert code == 1
    last = messages.strip().splitlines()[-1]
    assert sentence.replace("PORT", port) in last
    assert "hunter2" not in messages


def test_a_store_that_loses_commits_is_refused(tmp_path):
    with S3Mock() as store:
        bucket = store.new_bucket()
        code, messages = refused_start(tmp_path, bucket_options(store, bucket))
        assert code == 1
        last = messages.strip().splitlines()[-1]
        assert "conditional PUT is not atomic" in last
        assert "lock-provider=dynamodb" in last and "lock-provider=single" in last
        # Told that it is alone, the server works on such a store.
        options = bucket_options(store, bucket, lock_provider="single")
        with VarveServer(tmp_path / "data", options) as server, server.connect() as connection:
            make_table(connection)
            insert(connection, 0, 100)
            connection.execute("SELECT varve.flush('public.readings')")
            assert totals(connection)[0] == 100
