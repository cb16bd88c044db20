"""Clients that go away, stall, do not read, lie about lengths or ask for too much: the server stays whole."""

import os
import socket
import struct
import threading
import time

import psycopg
import pytest

from tests.support import metrics
from tests.support.raw_client import RawClient, fields_of, message, startup_packet
from tests.support.varve_server import VarveServer

ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a(i), generate_series(1, 1000) b(j) WHERE i + j = -1"
SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)
CANCEL_CODE = 80877102


@pytest.fixture(scope="module")
def server(module_path):
    with VarveServer(module_path / "data", {"statement-timeout-ms": 0}) as running:
        yield running


def wait_for_idle(server):
    return metrics.wait_until(
        server,
        lambda seen: seen["varve_pg_statements_running"] == 0 and seen["varve_pg_sessions"] == 0,
        "the end of the session",
    )


def memory_kb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def error_of(messages):
    return next(fields_of(body) for kind, body in messages if kind == "E")


def cancel(server, pid, secret):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as other:
        other.sendall(struct.pack("!IIii", 16, CANCEL_CODE, pid, secret))
        assert other.recv(1) == b""


def running(server, count=1):
    return metrics.wait_until(server, lambda seen: seen["varve_pg_statements_running"] == count, "running")


def test_a_client_that_goes_away_takes_its_query_with_it(server):
    wait_for_idle(server)
    for how in ("close", "reset"):
        client = RawClient(server.port)
        client.query(ENDLESS)
        running(server)
        if how == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_for_idle(server)


def test_a_client_that_goes_away_leaves_no_rows(server):
    with server.connect() as connection:
        connection.execute("CREATE TABLE gone (timestamp timestamptz NOT NULL, n int)")
    copy = RawClient(server.port)
    copy.query("COPY gone FROM STDIN")
    copy.message("d", b"2026-01-01\t1\n" * 10_000)
    transaction = RawClient(server.port)
    transaction.ask("BEGIN; INSERT INTO gone VALUES ('2026-01-01', 2)")
    half = RawClient(server.port)
    half.send(message("Q", b"INSERT INTO gone VALUES ('2026-01-01', 3)\0")[:-10])
    for client in (copy, transaction, half):
        client.close()
    wait_for_idle(server)
    with server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM gone").fetchone() == (0,)


def test_a_client_that_reads_nothing_costs_no_memory(server):
    wait_for_idle(server)
    before = memory_kb(server)
    deaf = [RawClient(server.port, receive_buffer=4096) for _ in range(4)]
    for client in deaf:
        client.query("SELECT repeat('x', 1000), i FROM generate_series(1, 3000000) AS g(i)")  # 3 GB each
    sent = -1
    while (now := metrics.read(server)["varve_pg_sent_bytes_total"]) != sent:
        sent = now
        time.sleep(0.3)  # Until the sockets are full and nothing moves any more.
    running(server, 0)
    grown = (memory_kb(server) - before) // 1024
    print(f"{len(deaf)} deaf clients: {grown} MiB more, {sent / 1e6:.1f} MB sent")
    assert grown < 300, f"{grown} MiB for results that nobody reads"
    with server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for client in deaf:
        client.close()
    wait_for_idle(server)


def test_cancel_needs_the_right_key(server):
    wait_for_idle(server)
    with RawClient(server.port) as client:
        client.query(ENDLESS)
        running(server)
        cancel(server, client.pid, client.secret ^ 1)
        cancel(server, client.pid + 1, client.secret)
        client.socket.settimeout(0.7)
        with pytest.raises(TimeoutError):
            client.receive()
        client.socket.settimeout(60)
        cancel(server, client.pid, client.secret)
        assert error_of(client.until("Z"))["C"] == "57014"
        # A cancel between statements changes nothing.
        cancel(server, client.pid, client.secret)
        assert [kind for kind, _ in client.ask("SELECT 1")] == ["T", "D", "C", "Z"]


def test_a_copy_that_waits_for_its_client_can_be_cancelled(server):
    with RawClient(server.port) as client:
        client.query("COPY otel_metrics (timestamp) FROM STDIN")
        assert client.receive()[0] == "G"
        cancel(server, client.pid, client.secret)
        assert error_of(client.until("Z"))["C"] == "57014"
        client.query("SET statement_timeout = '100ms'")
        client.until("Z")
        client.query("COPY otel_metrics (timestamp) FROM STDIN")
        fields = error_of(client.until("Z"))
        assert (fields["C"], fields["M"]) == ("57014", "canceling statement due to statement timeout")


def test_idle_limits(server):
    with RawClient(server.port) as client:
        client.ask("SET idle_in_transaction_session_timeout = '200ms'")
        client.ask("BEGIN")
        assert error_of(client.until("Z"))["C"] == "25P03"
        assert client.at_end()
    with RawClient(server.port) as client:
        client.ask("SET idle_session_timeout = '200ms'")
        assert error_of(client.until("Z"))["C"] == "57P05"
        assert client.at_end()


def test_encryption_is_declined_as_often_as_a_client_may_ask(server):
    with RawClient(server.port, start=False) as client:
        for request in (SSL_REQUEST, GSS_REQUEST):
            client.send(request)
            assert client.socket.recv(1) == b"N"
        client.send(startup_packet())
        assert client.until("Z")[-1] == ("Z", b"I")
    with RawClient(server.port, start=False) as client:
        client.send(SSL_REQUEST * 50)
        while client.socket.recv(100):
            pass


def test_protocol_versions(server):
    for version, kind in ((2 << 16, "E"), (4 << 16, "E"), (3 << 16 | 2, "v"), (3 << 16 | 99, "v")):
        with RawClient(server.port, start=False) as client:
            client.send(startup_packet(version))
            first, body = client.receive()
            assert first == kind, hex(version)
            if kind == "E":
                assert fields_of(body)["S"] == "FATAL"
                assert client.at_end()
            else:
                assert struct.unpack("!i", body[:4])[0] in (0, 3 << 16)
                assert client.until("Z")[-1] == ("Z", b"I")


@pytest.mark.parametrize("part", [b"", b"\0", b"\0\0\0", startup_packet()[:9], startup_packet()[:-1], SSL_REQUEST[:6]])
def test_half_a_start_up_holds_nobody_up(server, part):
    with RawClient(server.port, start=False) as silent:
        silent.send(part)
        with server.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        silent.socket.shutdown(socket.SHUT_WR)
        assert silent.socket.recv(1000) == b""


@pytest.mark.parametrize("length", [0, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [b"Q", b"P", b"d", b"\xff"])
def test_lengths_that_lie(server, kind, length):
    before = memory_kb(server)
    with RawClient(server.port) as client:
        client.send(kind + struct.pack("!I", length) + b"x" * 1000)
        client.socket.shutdown(socket.SHUT_WR)
        told = client.until("Z")
    assert all(name == "E" for name, _ in told), told
    assert memory_kb(server) - before < 50 * 1024
    assert server.alive()


def test_random_bytes(server):
    for seed in range(50):
        noise = os.urandom(2000)
        with RawClient(server.port, start=seed % 2 == 0) as client:
            try:
                client.send(noise)
                client.socket.shutdown(socket.SHUT_WR)
                while client.socket.recv(65536):
                    pass
            except ConnectionError:
                pass  # The server has closed first.
    assert server.alive()
    wait_for_idle(server)


class Writer(threading.Thread):
    """INSERTs as fast as it can; remembers what was acknowledged and what was refused, with which state."""

    def __init__(self, server, number, stop):
        super().__init__(daemon=True)
        self.server, self.number, self.stop = server, number, stop
        self.acknowledged, self.states, self.surprise = 0, set(), None

    def run(self):
        filler = "z" * 4000
        try:
            with self.server.connect() as connection:
                while not self.stop.is_set():
                    first = self.acknowledged
                    rows = ",".join(f"('2026-01-01',{self.number},{first + n},'{filler}')" for n in range(200))
                    try:
                        connection.execute(f"INSERT INTO flood VALUES {rows}")
                        self.acknowledged += 200
                    except psycopg.Error as error:
                        self.states.add(error.sqlstate)
        except Exception as error:  # pylint: disable=broad-except
            self.surprise = error


@pytest.mark.timeout(300)
def test_overload_is_refused_as_documented_and_nothing_is_lost(tmp_path):
    """More than the buffer holds, with flushes that cannot keep up: 53200, bounded memory, recovery."""
    options = {"buffer-max-memory-mb": 64, "batch-interval-ms": 1, "memory-limit-mb": 512, "log-max-mb": 1024}
    with VarveServer(tmp_path / "data", options) as small:
        with small.connect() as connection:
            connection.execute("CREATE TABLE flood (timestamp timestamptz NOT NULL, w int, n int, filler text)")
        before = memory_kb(small)
        stop = threading.Event()
        writers = [Writer(small, number, stop) for number in range(12)]
        for writer in writers:
            writer.start()
        peak, deadline = 0, time.monotonic() + 90
        while time.monotonic() < deadline and not any("53200" in writer.states for writer in writers):
            peak = max(peak, memory_kb(small))
            time.sleep(0.05)
        stop.set()
        for writer in writers:
            writer.join(60)
            assert writer.surprise is None, repr(writer.surprise)
        states = set().union(*(writer.states for writer in writers))
        rows = sum(writer.acknowledged for writer in writers)
        print(f"{rows} rows of 4 KB acknowledged, refused with {states}, peak {(peak - before) // 1024} MiB more")
        assert states == {"53200"}
        assert peak - before < 512 * 1024
        with small.connect() as connection:
            # It recovers by itself when the load ends.
            deadline = time.monotonic() + 60
            while True:
                try:
                    connection.execute("INSERT INTO flood VALUES ('2026-01-01', -1, 0, 'after')")
                    break
                except psycopg.errors.OutOfMemory:
                    assert time.monotonic() < deadline, "no room again a minute after the load"
            distinct = "SELECT w, count(DISTINCT n) FROM flood WHERE w >= 0 GROUP BY w"
            found = dict(connection.execute(distinct).fetchall())
            total = connection.execute("SELECT count(*) FROM flood WHERE w >= 0").fetchone()[0]
        assert found == {writer.number: writer.acknowledged for writer in writers if writer.acknowledged}
        assert total == rows


def test_more_statements_than_can_wait_get_53400(tmp_path):
    options = {"statement-timeout-ms": 0, "max-connections": 400, "shutdown-grace-secs": 0}
    running_at_once, waiting = 8, 256
    with VarveServer(tmp_path / "data", options) as full:
        clients = [RawClient(full.port) for _ in range(running_at_once + waiting + 20)]
        for client in clients[:running_at_once]:
            client.query(ENDLESS)
        running(full, running_at_once)
        for client in clients[running_at_once : running_at_once + waiting]:
            client.query(ENDLESS)
        metrics.wait_until(full, lambda seen: seen["varve_pg_statements_queued"] == waiting, "a full queue")
        for client in clients[running_at_once + waiting :]:
            assert error_of(client.ask("SELECT 1"))["C"] == "53400"
        # What waits goes when its client does; then there is room again.
        for client in clients[: running_at_once + waiting]:
            client.close()
        metrics.wait_until(full, lambda seen: seen["varve_pg_statements_queued"] == 0, "an empty queue")
        assert [kind for kind, _ in clients[-1].ask("SELECT 1")] == ["T", "D", "C", "Z"]
        for client in clients[running_at_once + waiting :]:
            client.close()
