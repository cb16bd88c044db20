"""SIGTERM with every kind of client at work: the process ends in time, and nothing acknowledged is lost."""

import signal
import socket
import struct
import threading
import time

import psycopg
import pytest

from tests.support import raw_client
from tests.support.varve_server import VarveServer

GRACE_S = 1
# What the guide promises beyond shutdown-grace-secs; a hang is what this looks for, not a slow machine.
END_WITHIN_S = GRACE_S + 25
ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a(i), generate_series(1, 1000) b(j) WHERE i + j = -1"
CREATE = "CREATE TABLE kept (timestamp timestamptz NOT NULL, client int, n int, filler text)"


@pytest.fixture
def server(tmp_path):
    options = {"shutdown-grace-secs": GRACE_S, "statement-timeout-ms": 0, "max-connections": 200}
    running = VarveServer(tmp_path / "data", options).start()
    with running.connect() as connection:
        connection.execute(CREATE)
    yield running
    if running.process is not None:
        running.kill()


def end(server):
    """SIGTERM, and the exit code, which must come within the documented time."""
    server.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert server.wait_for_death(END_WITHIN_S), f"alive {END_WITHIN_S} s after SIGTERM:\n{server.stderr()}"
    print(f"ended after {time.monotonic() - started:.1f} s")
    code = server._reap()
    assert code == 0, f"exit code {code}:\n{server.stderr()}"


class Client(threading.Thread):
    """Runs `work(self)` until the server ends it; every other surprise is kept."""

    def __init__(self, server, number, work):
        super().__init__(daemon=True)
        self.server, self.number, self.work = server, number, work
        self.acknowledged = 0
        self.busy = threading.Event()
        self.surprise = None

    def run(self):
        try:
            with self.server.connect() as connection:
                self.work(self, connection)
        except psycopg.Error as error:
            # 57P01 or a broken connection; anything that SQL said otherwise is a surprise.
            if error.sqlstate not in (None, "57P01", "57P03", "57014"):
                self.surprise = error
        except Exception as error:  # pylint: disable=broad-except
            self.surprise = error


def query(client, connection):
    client.busy.set()
    connection.execute(ENDLESS)


def insert(client, connection):
    while True:
        first = client.acknowledged
        rows = ", ".join(f"('2026-01-0{n % 7 + 1}', {client.number}, {first + n}, 'x')" for n in range(50))
        connection.execute(f"INSERT INTO kept VALUES {rows}")
        client.acknowledged += 50
        client.busy.set()


def copy(client, connection):
    while True:
        with connection.cursor().copy("COPY kept (timestamp, client, n, filler) FROM STDIN") as sink:
            for n in range(200):
                sink.write_row(("2026-01-01", client.number, client.acknowledged + n, "y" * 100))
            client.busy.set()
        client.acknowledged += 200


def flush(client, connection):
    while True:
        connection.execute("SELECT varve.flush('kept')")
        client.busy.set()


def test_a_loaded_server_ends_and_keeps_what_it_acknowledged(server):
    # More endless queries than threads: some run, the others wait for a thread when the signal comes.
    works = [insert] * 10 + [copy] * 10 + [flush] + [query] * 40
    clients = [Client(server, number, work) for number, work in enumerate(works)]
    idle = [server.connect() for _ in range(10)]
    waiting = [server.connect(autocommit=False) for _ in range(10)]
    for connection in waiting:
        connection.execute("INSERT INTO kept VALUES ('2026-01-01', -1, 1, 'never committed')")
    half_copies = [raw_client.RawClient(server.port) for _ in range(5)]
    for half in half_copies:
        half.query("COPY kept (timestamp, client, n) FROM STDIN")
        half.message("d", b"2026-01-01\t-1\t2\n")
    half_insert = raw_client.RawClient(server.port)
    half_insert.send(b"Q" + struct.pack("!I", 1 << 20) + b"INSERT INTO kept VALUES")
    silent = socket.create_connection(("127.0.0.1", server.port))
    deaf = [raw_client.RawClient(server.port, receive_buffer=4096) for _ in range(3)]
    for one in deaf:
        one.query("SELECT repeat('x', 1000) FROM generate_series(1, 10000000)")
    for client in clients:
        client.start()
        assert client.busy.wait(60), f"client {client.number} never got to work: {client.surprise!r}"
    end(server)
    for client in clients:
        client.join(30)
        assert client.surprise is None, client.surprise
    for one in [*idle, *waiting, *half_copies, half_insert, *deaf]:
        one.close()
    silent.close()
    server.start()
    with server.connect() as connection:
        found = dict(connection.execute("SELECT client, count(*) FROM kept GROUP BY client").fetchall())
        doubled = connection.execute("SELECT count(*) FROM (SELECT DISTINCT client, n FROM kept) AS d").fetchone()[0]
    assert doubled == sum(found.values())
    assert -1 not in found, "rows that were never committed"
    for client in clients:
        batch = {insert: 50, copy: 200}.get(client.work)
        if batch is None:
            continue
        # The last write may have been committed and its answer lost on the way.
        assert found.get(client.number, 0) in (client.acknowledged, client.acknowledged + batch)
    server.stop()
