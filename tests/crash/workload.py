"""Clients that write against a ledger until the server dies: INSERT, COPY, transactions, rollbacks."""

import datetime
import hashlib
import random
import threading

import psycopg

TABLE = "raw.crash"
CREATE = f"""CREATE TABLE IF NOT EXISTS {TABLE} (timestamp timestamptz NOT NULL, batch bigint NOT NULL,
  seq bigint NOT NULL, digest text NOT NULL, filler text, tags text[])
  WITH (time_column = 'timestamp', partition_by = 'date', sort_by = 'batch')"""
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
# md5 over both keys, so that a row that was mixed from two is seen.
DAMAGED = "digest IS DISTINCT FROM md5(batch::text || ':' || seq::text)"
CHECK = f"""SELECT batch, count(*), count(DISTINCT seq), min(seq), max(seq), count(*) FILTER (WHERE {DAMAGED})
  FROM {TABLE} GROUP BY batch"""


def digest(batch, seq):
    return hashlib.md5(f"{batch}:{seq}".encode()).hexdigest()


class Writer(threading.Thread):
    """One client; ends when its connection breaks or when told to stop."""

    def __init__(self, server, ledger, seed, filler_bytes):
        super().__init__(daemon=True)
        self.server, self.ledger = server, ledger
        self.random = random.Random(seed)
        self.filler_bytes = filler_bytes
        self.stopping = threading.Event()
        self.batch = None
        self.surprise = None  # an error that is not the death of the server

    def run(self):
        try:
            with self.server.connect() as connection:
                while not self.stopping.is_set():
                    self.write_once(connection)
        except psycopg.OperationalError:
            pass  # The server was killed: what is not acknowledged stays unknown in the ledger.
        except Exception as error:  # pylint: disable=broad-except
            self.surprise = error

    def write_once(self, connection):
        try:
            self.random.choice([self.insert, self.insert, self.copy, self.transaction, self.rollback])(connection)
        except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
            # The log or the buffer is full until the next flush: refused whole, and said so.
            connection.execute("ROLLBACK")
            self.ledger.refuse(self.batch)
            self.stopping.wait(0.01)

    def begin(self, count):
        self.batch = self.ledger.begin(count)
        return self.batch

    def rows(self, batch, count):
        for seq in range(count):
            moment = START + datetime.timedelta(seconds=self.random.randrange(3 * 86400))
            filler = self.random.randbytes(self.random.randrange(self.filler_bytes // 2 + 1)).hex()
            yield moment, batch, seq, digest(batch, seq), filler, ["a", f"b{seq}"]

    def insert(self, connection):
        count = self.random.choice([1, 1, 7, 200])
        batch = self.begin(count)
        self.insert_rows(connection, self.rows(batch, count))
        self.ledger.acknowledge(batch)

    @staticmethod
    def insert_rows(connection, rows):
        values = ", ".join(
            f"('{moment.isoformat()}', {batch}, {seq}, '{text}', '{filler}', ARRAY['{tags[0]}','{tags[1]}'])"
            for moment, batch, seq, text, filler, tags in rows
        )
        connection.execute(f"INSERT INTO {TABLE} (timestamp, batch, seq, digest, filler, tags) VALUES {values}")

    def copy(self, connection):
        count = self.random.choice([1, 50, 500])
        batch = self.begin(count)
        statement = f"COPY {TABLE} (timestamp, batch, seq, digest, filler, tags) FROM STDIN"
        with connection.cursor().copy(statement) as copy:
            for row in self.rows(batch, count):
                copy.write_row(row)
        self.ledger.acknowledge(batch)

    def transaction(self, connection):
        """Two statements and COMMIT: whole or not at all."""
        count = self.random.choice([2, 20, 300])
        batch = self.begin(count)
        rows = list(self.rows(batch, count))
        connection.execute("BEGIN")
        self.insert_rows(connection, rows[: count // 2])
        self.insert_rows(connection, rows[count // 2 :])
        connection.execute("COMMIT")
        self.ledger.acknowledge(batch)

    def rollback(self, connection):
        batch = self.begin(3)
        connection.execute("BEGIN")
        self.insert_rows(connection, self.rows(batch, 3))
        # From here on it can never be there, whether the server sees the ROLLBACK or dies.
        self.ledger.refuse(batch)
        connection.execute("ROLLBACK")


class Flusher(threading.Thread):
    """Commits to the lake as fast as it can, so that every step of a flush is hit by a kill."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.stopping = threading.Event()
        self.surprise = None

    def run(self):
        try:
            with self.server.connect() as connection:
                while not self.stopping.wait(0.02):
                    connection.execute(f"SELECT varve.flush('{TABLE}')")
        except psycopg.OperationalError:
            pass  # The server was killed.
        except Exception as error:  # pylint: disable=broad-except
            self.surprise = error


def look(server):
    """What the table holds: batch -> (rows, distinct, low, high, damaged)."""
    with server.connect() as connection:
        return {row[0]: row[1:] for row in connection.execute(CHECK).fetchall()}
