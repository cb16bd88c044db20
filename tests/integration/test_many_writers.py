"""Several servers, and delta-rs, commit to one table of one bucket at once while servers are killed.

Every acknowledged row is there once, no other row is there, and the versions have no gap: on conditional PUT and with
DynamoDB as judge, in both layouts of the lock table.
"""

import collections
import datetime
import json
import os
import random
import subprocess
import threading

import deltalake
import psycopg
import pyarrow
import pytest

from tests.support.parts import ROOT, free_port, part, wait_until
from tests.support.varve_server import VarveServer

SERVERS = 3
FULL = os.environ.get("VARVE_FULL") == "1"
FLUSHES = 200 if FULL else 15
KILLS = 30 if FULL else 4
APPENDS = 40 if FULL else 5
ROWS = 3  # of one INSERT
TABLE = "raw.events"
FOLDER = f"varve/{TABLE}"  # of the table, in the bucket
TIME = datetime.datetime(2025, 3, 9, 10, tzinfo=datetime.timezone.utc)
# Each try finds that one of the servers was faster; delta-rs gives up after 15 of them.
PATIENT = deltalake.CommitProperties(max_commit_retries=10_000)
LOCKINGS = ["conditional-put", "dynamodb-key", "dynamodb-delta"]


class Lake:
    """One bucket, its lock table if it has one, and how servers and others are pointed at them."""

    def __init__(self, locking, store, dynamodb):
        self.store, self.dynamodb = store, dynamodb
        self.bucket = store.new_bucket("many")
        self.table = None if locking == "conditional-put" else self.bucket
        self.shared_locking = locking == "dynamodb-delta"
        if locking == "dynamodb-key":
            dynamodb.create_table(self.table, "key")
        if self.shared_locking:
            dynamodb.create_table(self.table, "tablePath", "fileName")

    def options(self):
        options = {
            "s3-bucket": self.bucket,
            "s3-endpoint": self.store.endpoint,
            "s3-access-key": self.store.access_key,
            "s3-secret-key": self.store.secret_key,
            "s3-allow-http": "true",
            "flush-interval-secs": 3600,
        }
        if self.table:
            options |= {
                "lock-provider": "dynamodb",
                "dynamodb-table": self.table,
                "dynamodb-endpoint": self.dynamodb.endpoint,
            }
        return options

    def read_delta_rs(self):
        url = f"s3://{self.bucket}/{FOLDER}"
        return deltalake.DeltaTable(url, storage_options=self.store.delta_options())

    def append(self, writer, batches):
        """By delta-rs: its newest with conditional PUT, the last one that locks with DynamoDB."""
        if self.shared_locking:
            self.append_locking(writer, batches)
            return
        for ids in batches:
            rows = pyarrow.table({
                "timestamp": pyarrow.array([TIME] * len(ids), pyarrow.timestamp("us", "UTC")),
                "id": pyarrow.array(ids, pyarrow.int64()),
                "writer": [writer] * len(ids),
                "date": [TIME.date()] * len(ids),
            })
            deltalake.write_deltalake(self.read_delta_rs(), rows, mode="append", commit_properties=PATIENT)

    def append_locking(self, writer, batches):
        task = {
            "url": f"s3a://{self.bucket}/{FOLDER}",
            "time": TIME.isoformat(),
            "writer": writer,
            "batches": batches,
            "options": {
                **self.store.variables(),
                "AWS_S3_LOCKING_PROVIDER": "dynamodb",
                "DELTA_DYNAMO_TABLE_NAME": self.table,
                "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.endpoint,
            },
        }
        command = [part("delta-rs-1.4", "bin", "python"), ROOT / "tests" / "support" / "delta_rs_locking.py"]
        done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.split()) == len(batches)

    def items(self):
        """What the lock table has of our table; those that every server has are there too."""
        mark = "tablePath" if self.shared_locking else "key"
        return [item for item in self.dynamodb.items(self.table) if f"/{FOLDER}" in item[mark]]

    def check_log(self):
        """No version is missing, and the lock table calls all that it has complete."""
        folder = f"{FOLDER}/_delta_log/"
        names = [name.removeprefix(folder) for name in self.store.names(self.bucket, folder)]
        versions = sorted(int(name[:20]) for name in names if name.endswith(".json") and name[:20].isdigit())
        assert versions == list(range(len(versions)))
        if not self.table:
            return versions[-1]
        items = self.items()
        assert {item["complete"] for item in items} == {"true"}
        assert len(items) == len(versions)
        if self.shared_locking:
            assert {item["tablePath"] for item in items} == {f"s3a://{self.bucket}/{FOLDER}"}
            assert sorted(item["fileName"] for item in items) == [f"{version:020}.json" for version in versions]
        else:
            path = f"s3://{self.bucket}/{FOLDER}"
            assert {item["key"] for item in items} == {f"{path}/{version}" for version in versions}
        return versions[-1]


class Writer:
    """One server, and a client that inserts and flushes through all its deaths."""

    def __init__(self, number, data_dir, options):
        self.name = f"server {number}"
        self.first_id = number * 1_000_000
        self.server = VarveServer(data_dir, options)
        self.acknowledged, self.in_doubt = [], []
        self.flushes = 0
        self._lock = threading.Lock()  # Of the process: killed and started by another thread.

    def start(self):
        with self._lock:
            self.server.start()

    def kill_and_start(self):
        with self._lock:
            self.server.kill()
            self.server.start()

    def stop(self):
        with self._lock:
            if self.server.process is not None:
                self.server.stop()

    def kill(self):
        if self.server.process is not None:
            self.server.kill()

    def connect(self):
        with self._lock:
            return self.server.connect()

    def run(self, flushes):
        number = 0
        connection = self.connect()
        while self.flushes < flushes:
            ids = [self.first_id + number * ROWS + row for row in range(ROWS)]
            number += 1
            values = ", ".join(f"('{TIME.isoformat()}', {row_id}, '{self.name}')" for row_id in ids)
            try:
                connection.execute(f"INSERT INTO {TABLE} (timestamp, id, writer) VALUES {values}")
                self.acknowledged += ids
                ids = []
                connection.execute("SELECT varve.flush(%s)", [TABLE])
                self.flushes += 1
            except psycopg.OperationalError as error:
                # The connection broke: the server was killed. Anything that it says itself is a failure.
                assert error.sqlstate is None or error.sqlstate.startswith("57P"), error
                self.in_doubt += ids
                connection.close()
                connection = self.connect()
        connection.close()

    def ids(self):
        with self.connect() as connection:
            connection.execute("SELECT varve.refresh()")
            return [row[0] for row in connection.execute(f"SELECT id FROM {TABLE}").fetchall()]


def run_all(actions):
    """Each in a thread of its own; fails with what failed in any."""
    failures = []

    def guarded(action):
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def kill_now_and_then(writers, done):
    """KILLS times, each when the servers have flushed a further share, so that all of them fall into the load."""
    choice = random.Random(11)
    total = SERVERS * FLUSHES
    for number in range(1, KILLS + 1):
        share = total * number // (KILLS + 1)
        wait_until(lambda share=share: done.is_set() or sum(writer.flushes for writer in writers) >= share,
                   f"{share} flushes", 1800)
        # Anywhere within a flush, not only at its end.
        done.wait(choice.random() * 0.2)
        choice.choice(writers).kill_and_start()


def check_rows(found, acknowledged, in_doubt):
    counts = collections.Counter(found)
    assert [row_id for row_id, count in counts.items() if count > 1] == [], "rows that are there twice"
    assert set(acknowledged) - counts.keys() == set(), "acknowledged rows that are gone"
    assert counts.keys() - set(acknowledged) - set(in_doubt) == set(), "rows that nobody wrote"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("locking", LOCKINGS)
def test_every_acknowledged_row_is_there_once(tmp_path, shared_versity_gw, dynamodb_local, locking):
    lake = Lake(locking, shared_versity_gw, dynamodb_local)
    writers = [Writer(number, tmp_path / f"server-{number}", lake.options()) for number in range(SERVERS)]
    try:
        writers[0].start()
        with writers[0].connect() as connection:
            connection.execute(f"CREATE TABLE {TABLE} (timestamp timestamptz NOT NULL, id bigint, writer text)")
        for writer in writers[1:]:
            writer.start()

        # Those who know nothing of the lock table must stay away from tables that are locked by it.
        others = ["delta-rs"] if locking != "dynamodb-key" else []
        batches = [[9_000_000 + number * 2, 9_000_001 + number * 2] for number in range(APPENDS)]
        done = threading.Event()

        def write():
            try:
                run_all([lambda writer=writer: writer.run(FLUSHES) for writer in writers])
            finally:
                done.set()

        run_all([write, lambda: kill_now_and_then(writers, done)]
                + [lambda other=other: lake.append(other, batches) for other in others])

        acknowledged = sum((writer.acknowledged for writer in writers), [])
        in_doubt = sum((writer.in_doubt for writer in writers), [])
        for _ in others:
            acknowledged += sum(batches, [])
        # What a killed server had in its log is in the lake after this; in any order, and once more.
        for writer in writers:
            with writer.connect() as connection:
                connection.execute("SELECT varve.flush(%s)", [TABLE])
        for writer in writers:
            check_rows(writer.ids(), acknowledged, in_doubt)
        table = lake.read_delta_rs()
        check_rows(table.to_pyarrow_table(columns=["id"])["id"].to_pylist(), acknowledged, in_doubt)
        assert lake.check_log() == table.version()
        for writer in writers:
            writer.stop()
    finally:
        for writer in writers:
            writer.kill()


def insert_one(connection, row_id):
    connection.execute(f"INSERT INTO {TABLE} (timestamp, id, writer) VALUES ('{TIME.isoformat()}', {row_id}, 'one')")


@pytest.mark.parametrize("finisher", ["varve", "delta-rs"])
@pytest.mark.parametrize("fault", ["lake.commit_recorded", "lake.commit_placed"])
@pytest.mark.parametrize("locking", LOCKINGS[1:])
def test_the_next_one_finishes_the_commit_of_a_killed_server(
    tmp_path, shared_versity_gw, dynamodb_local, locking, fault, finisher
):
    lake = Lake(locking, shared_versity_gw, dynamodb_local)
    if finisher == "delta-rs" and not lake.shared_locking:
        finisher = "start"  # delta-rs does not know these keys: let the killed server itself do it
    killed = VarveServer(tmp_path / "killed", lake.options())
    with VarveServer(tmp_path / "other", lake.options()) as other, other.connect() as connection:
        connection.execute(f"CREATE TABLE {TABLE} (timestamp timestamptz NOT NULL, id bigint, writer text)")
        with killed.start({"VARVE_FAULT": f"{fault}:1"}):
            with killed.connect() as doomed, pytest.raises(psycopg.OperationalError):
                insert_one(doomed, 1)
                doomed.execute("SELECT varve.flush(%s)", [TABLE])
            assert killed.wait_for_death(20)
            killed.kill()
            assert [item["complete"] for item in lake.items()].count("false") == 1
            expected = [1]
            if finisher == "varve":
                connection.execute("SELECT varve.refresh()")
            elif finisher == "delta-rs":
                lake.append("delta-rs", [[2]])
                expected.append(2)
            killed.start()
            for server in (killed, other):
                with server.connect() as reader:
                    reader.execute("SELECT varve.flush(%s)", [TABLE])
                    reader.execute("SELECT varve.refresh()")
                    assert reader.execute(f"SELECT id FROM {TABLE} ORDER BY id").fetchall() == [(i,) for i in expected]
            insert_one(connection, 3)
            connection.execute("SELECT varve.flush(%s)", [TABLE])
            lake.check_log()
        check_rows(lake.read_delta_rs().to_pyarrow_table()["id"].to_pylist(), [*expected, 3], [])


def refusal(tmp_path, options):
    """What a server says that does not start."""
    with pytest.raises(RuntimeError) as refused:
        VarveServer(tmp_path / "data", options).start()
    assert "exit 1" in str(refused.value)
    return str(refused.value)


def test_a_lock_table_that_cannot_be_used_stops_the_start(tmp_path, shared_versity_gw, dynamodb_local):
    lake = Lake("dynamodb-delta", shared_versity_gw, dynamodb_local)
    options = lake.options()
    said = refusal(tmp_path, {**options, "dynamodb-table": "not-there"})
    assert 'DynamoDB has no table "not-there" (dynamodb-table): create it with partition key "key" (S), or' in said
    dynamodb_local.create_table("other-keys", "id", "part")
    said = refusal(tmp_path, {**options, "dynamodb-table": "other-keys"})
    assert 'has partition key "id" (S) and sort key "part" (S); accepted is partition key "key" (S), or' in said
    said = refusal(tmp_path, {**options, "dynamodb-endpoint": f"http://127.0.0.1:{free_port()}", "s3-retry-secs": 1})
    assert "dynamodb-endpoint: the lock table cannot be read" in said
    said = refusal(tmp_path, {**options, "dynamodb-endpoint": lake.store.endpoint})
    assert f"dynamodb-endpoint: {lake.store.endpoint} does not answer as DynamoDB does" in said


def test_two_names_for_one_table_are_refused(tmp_path, shared_versity_gw, dynamodb_local):
    lake = Lake("dynamodb-delta", shared_versity_gw, dynamodb_local)
    with VarveServer(tmp_path / "one", lake.options()) as server, server.connect() as connection:
        connection.execute(f"CREATE TABLE {TABLE} (timestamp timestamptz NOT NULL, id bigint, writer text)")
    options = {**lake.options(), "dynamodb-path-scheme": "s3"}
    with VarveServer(tmp_path / "two", options) as server, server.connect() as connection:
        errors = connection.execute("SELECT message FROM varve.lake_errors WHERE location = 'raw.events'").fetchall()
        assert len(errors) == 1 and "set dynamodb-path-scheme=s3a" in errors[0][0]


@pytest.mark.parametrize("locking", LOCKINGS[1:])
def test_a_dropped_table_can_be_made_again(tmp_path, shared_versity_gw, dynamodb_local, locking):
    lake = Lake(locking, shared_versity_gw, dynamodb_local)

    def names():
        return lake.store.names(lake.bucket, FOLDER)

    with VarveServer(tmp_path / "data", lake.options()) as server, server.connect() as connection:
        for round_number in range(2):
            connection.execute(f"CREATE TABLE {TABLE} (timestamp timestamptz NOT NULL, id bigint, writer text)")
            for row_id in range(3):
                insert_one(connection, row_id + 10 * round_number)
                connection.execute("SELECT varve.flush(%s)", [TABLE])
            assert connection.execute(f"SELECT count(*), min(id) FROM {TABLE}").fetchone() == (3, 10 * round_number)
            connection.execute(f"DROP TABLE {TABLE}")
            # The log, which says so, stays for servers that have not looked yet; the next table has its own folder.
            wait_until(lambda: all("/_delta_log/" in name for name in names()), "the files are deleted", 60)
