"""The wire's limits over a real socket: threads, connections, and what the telemetry says of them."""

import threading

import psycopg
import pytest

from tests.support import metrics
from tests.support.varve_server import VarveServer

ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a(i), generate_series(1, 1000) b(j) WHERE i + j = -1"
QUERY_THREADS = 8


class EndlessQuery(threading.Thread):
    """A query that holds a thread of the server until it is cancelled."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.connection = server.connect()
        self.error = None

    def run(self):
        try:
            self.connection.execute(ENDLESS)
        except psycopg.Error as error:
            self.error = error

    def end(self):
        while self.is_alive():
            # Again and again: one that still waits for a thread is not running, and is not cancelled.
            self.connection.cancel()
            self.join(0.05)
        assert isinstance(self.error, psycopg.errors.QueryCanceled), repr(self.error)
        self.connection.close()


@pytest.fixture(scope="module")
def server(module_path):
    with VarveServer(module_path / "data", {"statement-timeout-ms": 0}) as running:
        yield running


def test_clients_get_in_while_queries_hold_every_thread(server):
    queries = [EndlessQuery(server) for _ in range(QUERY_THREADS + 4)]
    for one in queries:
        one.start()
    metrics.wait_until(server, lambda seen: seen["varve_pg_statements_queued"] == 4, "queueing")
    with server.connect(connect_timeout=30) as connection:
        assert connection.info.backend_pid > 0
    for one in queries:
        one.end()


def test_telemetry_counts_what_went_over_the_wire(server):
    def grown(before, name):
        return metrics.read(server).get(name, 0) - before.get(name, 0)

    before = metrics.wait_until(server, lambda seen: seen["varve_pg_sessions"] == 0, "the end of other clients")
    with server.connect() as connection:
        assert metrics.read(server)["varve_pg_sessions"] == 1
        connection.execute("CREATE TABLE counted (timestamp timestamptz NOT NULL, n int)")
        connection.execute("INSERT INTO counted VALUES ('2026-01-01', 1), ('2026-01-01', 2)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO counted VALUES (%s, %s)", [("2026-01-01", n) for n in range(10)])
            with cursor.copy("COPY counted (timestamp, n) FROM STDIN") as copy:
                for n in range(100):
                    copy.write_row(("2026-01-01", n))
        for _ in range(2):
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute("SELECT * FROM nowhere")
        assert len(connection.execute("SELECT n FROM counted").fetchall()) == 112
    assert grown(before, "varve_pg_connections_total") == 1
    assert grown(before, "varve_pg_statements_total") == 1 + 1 + 10 + 1 + 1
    assert grown(before, "varve_pg_rows_received_total") == 2 + 10 + 100
    assert grown(before, "varve_pg_rows_sent_total") == 112
    assert grown(before, 'varve_pg_errors_total{sqlstate="42P01"}') == 2
    assert grown(before, "varve_pg_received_bytes_total") > 100 * len("2026-01-01\t1\n")
    assert grown(before, "varve_pg_sent_bytes_total") > 112 * len("D....1")


def test_connection_limit_can_be_switched_off(tmp_path):
    options = {"max-connections": 2, "connection-limit": "false"}
    with VarveServer(tmp_path / "data", options) as unlimited:
        held = [unlimited.connect() for _ in range(80)]
        assert held[-1].execute("SELECT 1").fetchone() == (1,)
        for connection in held:
            connection.close()
