"""DROP and CREATE of one name while others insert into it and flush it: counted, and no file is left."""

import threading
import time
from dataclasses import dataclass

import psycopg

RUN_S = 12
WRITERS = 3
TABLE = "raw.comes_and_goes"
CREATE = f"CREATE TABLE {TABLE} (timestamp timestamptz NOT NULL, number bigint, writer integer)"


@dataclass
class Insert:
    number: int
    began: float
    ended: float


class Running:
    """Threads that go on until told to stop; what they raise is raised again by join."""

    def __init__(self, server):
        self.server = server
        self.stopping = threading.Event()
        self.faults = []
        self.threads = []

    def start(self, body):
        thread = threading.Thread(target=self._run, args=(body,))
        self.threads.append(thread)
        thread.start()

    def _run(self, body):
        try:
            with self.server.connect() as connection:
                while not self.stopping.is_set():
                    body(connection)
        except Exception as error:  # noqa: BLE001 - told by join
            self.faults.append(error)
            self.stopping.set()

    def join(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults


def writing(writer, acknowledged):
    """Inserts of one row, in turns decoded by us, by DuckDB, by COPY and in a transaction."""
    state = {"next": 0}

    def body(connection):
        number = state["next"] * WRITERS + writer
        state["next"] += 1
        values = f"('2026-01-02 03:04:05+00', {number}, {writer})"
        began = time.monotonic()
        try:
            way = state["next"] % 4
            if way == 0:
                connection.execute(f"INSERT INTO {TABLE} (timestamp, number, writer) VALUES {values}")
            elif way == 1:
                connection.execute(
                    f"INSERT INTO {TABLE} (timestamp, number, writer) SELECT '2026-01-02'::timestamptz, {number}, 1"
                )
            elif way == 2:
                with connection.cursor() as cursor, cursor.copy(f"COPY {TABLE} (timestamp, number) FROM STDIN") as copy:
                    copy.write_row(("2026-01-02 03:04:05+00", number))
            else:
                with connection.transaction():
                    connection.execute(f"INSERT INTO {TABLE} (timestamp, number, writer) VALUES {values}")
        except psycopg.errors.UndefinedTable:
            return
        acknowledged.append(Insert(number, began, time.monotonic()))

    return body


def flushing(connection):
    try:
        connection.execute(f"SELECT varve.flush('{TABLE}')")
    except psycopg.errors.UndefinedTable:
        pass


def replacing(connection, lives):
    """One life of the table: what is in it shortly before its end, between the times that bound it."""
    in_one, issued = len(lives) % 2 == 0, time.monotonic()
    connection.execute(f"BEGIN; DROP TABLE {TABLE}; {CREATE}; COMMIT" if in_one else f"DROP TABLE {TABLE}")
    if not in_one:
        connection.execute(CREATE)
    created = time.monotonic()
    time.sleep(0.05)
    looked = time.monotonic()
    numbers = [row[0] for row in connection.execute(f"SELECT number FROM {TABLE}")]
    lives.append((issued, created, looked, numbers))


def wrong_rows(lives, acknowledged):
    wrong = []
    for issued, created, looked, numbers in lives:
        seen = set(numbers)
        if len(seen) != len(numbers):
            wrong.append(f"{len(numbers) - len(seen)} rows seen twice")
        for insert in acknowledged:
            if insert.began > created and insert.ended < looked and insert.number not in seen:
                wrong.append(f"row {insert.number} was acknowledged and is missing")
            if insert.ended < issued and insert.number in seen:
                wrong.append(f"row {insert.number} is of a table that was dropped")
    return wrong


def folders(server):
    lake = server.data_dir / "lake" / "varve"
    return {path.relative_to(lake).parts[0] for path in lake.rglob("*") if path.is_file()}


def test_rows_and_files_follow_the_table(server):
    acknowledged, lives = [], []
    running = Running(server)
    with server.connect() as connection:
        connection.execute(CREATE)
        for writer in range(WRITERS):
            running.start(writing(writer, acknowledged))
        for _ in range(2):
            running.start(flushing)
        end = time.monotonic() + RUN_S
        while time.monotonic() < end and not running.stopping.is_set():
            replacing(connection, lives)
        running.join()
        assert len(lives) > 20 and len(acknowledged) > 500, (len(lives), len(acknowledged))
        assert sum(len(life[3]) for life in lives) > 100
        assert wrong_rows(lives, acknowledged) == []
        # Without another DROP or a restart: the folders of the dropped ones go by themselves.
        locations = {row[0] for row in connection.execute("SELECT location FROM varve.tables")}
        deadline = time.monotonic() + 10
        while folders(server) - locations and time.monotonic() < deadline:
            time.sleep(0.1)
        assert folders(server) - locations == set()
        expected = sorted(connection.execute(f"SELECT number FROM {TABLE}").fetchall())
    server.kill()
    server.start()
    with server.connect() as connection:
        assert sorted(connection.execute(f"SELECT number FROM {TABLE}").fetchall()) == expected
    assert folders(server) - locations == set()
