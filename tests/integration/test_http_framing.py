"""HTTP itself, on the calls of rings: framing, encodings, origins, bounds, overload, and clients that leave."""

import concurrent.futures
import gzip
import json
import signal
import socket
import struct
import time
import zlib

import pytest
import zstandard

from tests.support import metrics, parts
from tests.support.http_client import HttpClient, points
from tests.support.varve_server import VarveServer

T0 = 1_700_000_000
MB = 1 << 20
# Of the server's defaults: HttpOptions in src/server/http/http_server.h.
QUERY_THREADS = 4
QUERIES_QUEUED_MAX = 128
ENDLESS = "SELECT sum(a.range * b.range) AS x FROM range(10000000) a, range(10000000) b"


@pytest.fixture
def client(shared_server):
    with HttpClient(shared_server) as client:
        yield client


def gauge(client, name, ts=T0, value=1.0):
    return client.ok("POST", "/ingest/gauge", {"name": name, "ts": ts, "value": value})["metric_id"]



def exchange(server, request, limit=1 << 20):
    """Sends bytes and reads until the server closes."""
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while len(answer) < limit:
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
        return answer


def test_unknown_paths_and_methods(client):
    client.refused(404, "GET", "/nothing")
    client.refused(404, "GET", "/metrics/1/nothing")
    assert "percent escape" in client.refused(400, "GET", "/dashboards/%zz")
    for method, path, allow in (("GET", "/ingest/batch", {"POST", "OPTIONS"}),
                                ("PUT", "/metrics", {"GET", "HEAD", "OPTIONS"}),
                                ("POST", "/dashboards/x", {"GET", "HEAD", "DELETE", "OPTIONS"}),
                                ("BREW", "/query", {"POST", "OPTIONS"})):
        status, headers, content = client.call(method, path)
        assert status == 405 and "detail" in json.loads(content)
        assert set(headers["Allow"].split(", ")) == allow
    status, headers, content = client.call("OPTIONS", "/dashboards")
    assert (status, content) == (204, b"") and set(headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_head_has_the_length_and_no_body(shared_server, client):
    status, headers, content = client.call("HEAD", "/metrics/names")
    assert (status, content) == (200, b"") and int(headers["Content-Length"]) > 0
    assert client.ok("GET", "/metrics/names")
    # http.client does not look at what may come behind the head.
    raw = exchange(shared_server, b"HEAD /metrics/names HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200") and raw.endswith(b"\r\n\r\n")


def test_pipelined_requests_are_answered_in_order(shared_server, client):
    metric = gauge(client, "pipe")
    one = f"GET /metrics/{metric}/series?bucket=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    body = json.dumps({"metric_id": metric, "ts": T0 + 1, "value": 5}).encode()
    post = b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = exchange(shared_server, one + post + one + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    parts = [part.split(b"\r\n\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert [len(json.loads(parts[i])["rows"]) for i in (0, 2)] == [1, 2]
    assert json.loads(parts[3]) == {"status": "ok"}


def test_chunked_bodies_and_expect(shared_server, client):
    def pieces():
        yield b'{"name":"chunked","ts":%d,' % T0
        yield b'"value":3}'

    client.connection.request("POST", "/ingest/gauge", body=pieces(), encode_chunked=True,
                              headers={"Transfer-Encoding": "chunked"})
    answer = client.connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    with socket.create_connection(("127.0.0.1", shared_server.http_port), timeout=60) as connection:
        connection.sendall(b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           b"Expect: 100-continue\r\nContent-Length: 36\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"name":"expected","ts":7,"value":1}')
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 OK")
    refused = exchange(shared_server, b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                                      b"Content-Length: 99999999\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 413")


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(("encoding", "encode"), [
    ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate),
    ("zstd", zstandard.ZstdCompressor().compress), ("identity", bytes), ("GZIP", gzip.compress),
    ("gzip, zstd", lambda data: zstandard.ZstdCompressor().compress(gzip.compress(data))),
    ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
])
def test_encoded_bodies(client, encoding, encode):
    body = json.dumps({"name": "encoded", "ts": T0, "value": 1}).encode()
    headers = {"Content-Encoding": encoding}
    status, _, content = client.call("POST", "/ingest/gauge", encode(body), headers)
    assert status == 200, content
    if encoding != "identity":
        assert client.refused(400, "POST", "/ingest/gauge", encode(body)[:-3], headers)
        assert client.refused(400, "POST", "/ingest/gauge", b"not at all encoded", headers)


def test_unknown_encoding(client):
    for encoding in ("br", "gzip, gzip, gzip", "x"):
        status, headers, content = client.call("POST", "/ingest/gauge", b"{}", {"Content-Encoding": encoding})
        assert status == 415 and "detail" in json.loads(content) and "zstd" in headers["Accept-Encoding"]


def test_large_bodies_and_bombs(tmp_path):
    with VarveServer(tmp_path / "data", {"http-body-max-mb": 1}) as server:
        client = HttpClient(server)
        padding = " " * (MB - 100)
        body = json.dumps({"name": "large", "ts": T0, "value": 1})
        client.ok("POST", "/ingest/gauge", body + padding)
        assert exchange(server, b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                        % (MB + 1, b" " * MB)).startswith(b"HTTP/1.1 413")
        bomb = gzip.compress(b" " * (64 * MB))
        assert len(bomb) < MB
        for encoding, encoded in (("gzip", bomb), ("zstd", zstandard.ZstdCompressor().compress(b" " * (64 * MB))),
                                  ("gzip, gzip", gzip.compress(bomb))):
            client.refused(413, "POST", "/ingest/gauge", encoded, {"Content-Encoding": encoding})
        chunked = b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        assert exchange(server, chunked + chunk * 20).startswith(b"HTTP/1.1 413")
        assert client.ok("GET", "/healthz")


def test_large_answers_are_gzip_when_asked(client):
    samples = [{"name": "gz", "ts": T0 + i, "value": i} for i in range(1000)]
    client.ok("POST", "/ingest/batch", {"samples": samples})
    metric = client.ok("POST", "/metrics/lookup", {"name": "gz"})["metrics"][0]["metric_id"]
    path = f"/metrics/{metric}/series"
    status, headers, content = client.call("GET", path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert status == 200 and headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in headers["Vary"]
    plain = client.call("GET", path, headers={"Accept-Encoding": "gzip;q=0, *"})
    assert plain[1]["Content-Encoding"] is None and gzip.decompress(content) == plain[2]


def test_web_pages_of_others_are_refused(client):
    good = {"name": "origin", "ts": T0, "value": 1}
    own = f"http://127.0.0.1:{client.connection.port}"
    assert client.json("POST", "/ingest/gauge", good, {"Origin": own})[0] == 200
    for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example"):
        assert "http-cors-origins" in client.refused(403, "POST", "/ingest/gauge", good, {"Origin": origin})
    assert "http-hosts" in client.refused(403, "GET", "/metrics", headers={"Host": "evil.example"})
    for host in ("[::1].evil.example", "localhost:80@evil.example"):
        client.refused(400, "GET", "/metrics/names", headers={"Host": host})
    for host in ("localhost", "LOCALHOST:8000", "[::1]:8000", "127.0.0.1"):
        assert client.json("GET", "/metrics/names", headers={"Host": host})[0] == 200


def test_cors(tmp_path):
    options = {"http-cors-origins": "http://a.example, https://b.example:444", "http-hosts": "varve.example"}
    with VarveServer(tmp_path / "data", options) as server:
        client = HttpClient(server)
        origin = {"Origin": "https://b.example:444"}
        status, headers, _ = client.call("GET", "/metrics/names", headers=origin)
        assert status == 200 and "Origin" in headers["Vary"]
        assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
        status, headers, content = client.call("OPTIONS", "/ingest/batch", headers={
            **origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
        assert (status, content) == (204, b"")
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert headers["Access-Control-Allow-Headers"] == "content-type"
        assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert client.call("GET", "/metrics/names", headers={"Origin": "http://c.example"})[0] == 403
        assert client.call("GET", "/metrics/names", headers={"Host": "varve.example:80"})[0] == 200
        assert "Access-Control-Allow-Origin" not in client.call("GET", "/metrics/names")[1]


@pytest.mark.parametrize("request_bytes", [
    b"\x01\x02\x03 garbage\r\n\r\n",
    b"GET /metrics\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n\r\n",  # no Host
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nBad Field: x\r\n\r\n",
    b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"GET /%zz/series HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
])
def test_malformed_http_ends_the_connection(shared_server, request_bytes):
    answer = exchange(shared_server, request_bytes)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), answer
    assert b'{"detail":' in answer and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(("fields", "status"), [
    (b"Transfer-Encoding: xchunked\r\nContent-Length: 29", 400),
    (b"Transfer-Encoding: identity", 501),
    (b"Transfer-Encoding: gzip", 501),
    (b"Transfer-Encoding: gzip, chunked", 400),  # the body is no chunks either
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
])
def test_requests_whose_end_is_not_sure_are_refused(shared_server, fields, status):
    """What a proxy before the server might take for another request must be one here neither."""
    inner = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = exchange(shared_server, b"POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\n" + fields
                      + b"\r\n\r\n" + inner)
    assert answer.startswith(b"HTTP/1.1 %d" % status) and answer.count(b"HTTP/1.1") == 1, answer


def test_large_headers(shared_server):
    answer = exchange(shared_server, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")


def test_connections_are_bounded(tmp_path):
    with VarveServer(tmp_path / "data", {"http-connections-max": 4}) as server:
        held = [HttpClient(server) for _ in range(4)]
        for client in held:
            client.ok("GET", "/healthz")
        answer = exchange(server, b"")
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After" in answer
        held[0].connection.close()


def test_half_open_connections_keep_nobody_out(tmp_path):
    with VarveServer(tmp_path / "data", {"http-connections-max": 16}) as server:
        half = [socket.create_connection(("127.0.0.1", server.http_port), timeout=60) for _ in range(20)]
        for connection in half:
            connection.sendall(b"POST /ingest/gauge HTTP/1.1\r\n")

        def is_served():
            try:
                return exchange(server, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
            except ConnectionError:  # refused before it was read
                return False

        parts.wait_until(is_served, "a place", 20)
        for connection in half:
            connection.close()


def begin_query(server, metric, sql=ENDLESS):
    """A connection on which a statement was asked for, an endless one."""
    body = json.dumps({"metric_ids": [metric], "start_ts": 0, "end_ts": 1, "sql": sql}).encode()
    connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=60)
    connection.sendall(b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return connection


def reset(connection):
    """As the end of a client that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_for_calls(server, running, queued=0):
    metrics.wait_until(server, lambda seen: seen["varve_http_calls_running"] == running
                       and seen["varve_http_calls_queued"] == queued, f"{running} calls run and {queued} wait")


def test_overload_is_refused_and_nothing_acknowledged_is_lost(tmp_path):
    """Every thread of queries is held and their queue is full: 503 with Retry-After, and writers go on."""
    with VarveServer(tmp_path / "data", {"statement-timeout-ms": 0}) as server, HttpClient(server) as client:
        metric = gauge(client, "load", T0, 0)
        held = [begin_query(server, metric) for _ in range(QUERY_THREADS)]
        wait_for_calls(server, QUERY_THREADS)
        held += [begin_query(server, metric) for _ in range(QUERIES_QUEUED_MAX)]
        wait_for_calls(server, QUERY_THREADS, QUERIES_QUEUED_MAX)
        query = {"metric_ids": [metric], "start_ts": 0, "end_ts": 1, "sql": "SELECT 1"}
        status, headers, content = client.call("POST", "/query", query)
        assert (status, headers["Retry-After"]) == (503, "1") and "detail" in json.loads(content)
        # What does not run SQL waits for none of it: the page at /ui goes on.
        assert points(server, metric) == [(T0, 0)]
        for path in ("/metrics", "/metrics/names", f"/metrics/{metric}", "/dashboards"):
            assert client.ok("GET", path)
        assert client.ok("POST", "/metrics/lookup", {"name": "load"})["metrics"]

        def write(worker):
            with HttpClient(server) as writer:
                samples = [(ts, ts) for ts in range(T0 + 1 + worker * 50, T0 + 51 + worker * 50)]
                for ts, value in samples:
                    writer.ok("POST", "/ingest/gauge", {"metric_id": metric, "ts": ts, "value": value})
                return samples

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            acknowledged = [sample for samples in pool.map(write, range(8)) for sample in samples]
        assert client.ok("GET", "/healthz")
        for connection in held:
            reset(connection)
        wait_for_calls(server, 0)
        assert points(server, metric) == [(T0, 0)] + acknowledged
        server.kill()
        server.start()
        assert points(server, metric) == [(T0, 0)] + acknowledged


def test_a_client_that_leaves_stops_its_query(tmp_path):
    with VarveServer(tmp_path / "data", {"statement-timeout-ms": 0}) as server, HttpClient(server) as client:
        connection = begin_query(server, gauge(client, "leave"))
        wait_for_calls(server, 1)
        reset(connection)
        wait_for_calls(server, 0)


LARGE = 60_000_000


def large_query(metric, answer_bytes=LARGE):
    """The bytes of a request whose answer has exactly so many bytes: rows of a megabyte, and the last one shorter."""
    rows = answer_bytes // MB + 1
    between = len('{"x":""},')
    last = answer_bytes - (rows - 1) * MB - len('{"rows":[],"count":%d}' % rows) - (between - 1)
    sql = f"SELECT repeat('x', (CASE WHEN range + 1 < {rows} THEN {MB - between} ELSE {last} END)::int) AS x " \
          f"FROM range({rows})"
    body = json.dumps({"metric_ids": [metric], "start_ts": 0, "end_ts": 1, "sql": sql}).encode()
    return b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_a_client_that_does_not_read_holds_up_no_stop(tmp_path):
    server = VarveServer(tmp_path / "data", {"shutdown-grace-secs": 1}).start()
    metric = gauge(HttpClient(server), "slow")
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=60) as connection:
        connection.sendall(large_query(metric))
        assert connection.recv(12) == b"HTTP/1.1 200"
        server.stop()  # which wants exit code 0


def test_answers_that_nobody_reads_are_bounded(tmp_path):
    """When they fill 256 MiB the next large answer is 503; small ones are given, and the memory comes back."""
    with VarveServer(tmp_path / "data") as server:
        client = HttpClient(server)
        metric = gauge(client, "held")
        slow = [socket.create_connection(("127.0.0.1", server.http_port), timeout=60) for _ in range(6)]
        heads = []
        # All but a byte: less than any answer has.
        for connection, size in zip(slow, [LARGE] * 4 + [256 * MB - 1 - 4 * LARGE, LARGE]):
            connection.sendall(large_query(metric, size))
            heads.append(connection.recv(12))
        assert heads == [b"HTTP/1.1 200"] * 5 + [b"HTTP/1.1 503"]
        assert gauge(client, "held", T0 + 1) == metric
        assert client.json("POST", "/metrics/lookup")[0] == 200
        for connection in slow:
            connection.close()
        metrics.wait_until(server, lambda now: now["varve_http_answer_bytes"] == 0, "the end of answers to nobody")


def test_who_shuts_down_the_sending_side_is_answered_but_for_queries(tmp_path):
    """As the guide says: nc -N and the like count as gone, and only a statement is stopped for that."""
    with VarveServer(tmp_path / "data", {"statement-timeout-ms": 0}) as server:
        metric = gauge(HttpClient(server), "half")
        body = json.dumps({"metric_ids": [metric], "start_ts": 0, "end_ts": 1, "sql": ENDLESS}).encode()
        for request, status in (
                (b"GET /metrics HTTP/1.0\r\n\r\n", b"200"),
                (b"POST /query HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), b"503")):
            with socket.create_connection(("127.0.0.1", server.http_port), timeout=60) as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(12) == b"HTTP/1.1 " + status


def test_a_stop_ends_keep_alive_and_queries(tmp_path):
    """The server waits for what runs, within its grace, and stops the rest; the end is in order."""
    server = VarveServer(tmp_path / "data", {"shutdown-grace-secs": 1, "statement-timeout-ms": 0}).start()
    client = HttpClient(server)
    metric = gauge(client, "stop")
    body = {"metric_ids": [metric], "start_ts": 0, "end_ts": 1, "sql": ENDLESS}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(HttpClient(server).call, "POST", "/query", body)
        wait_for_calls(server, 1)
        server.stop()
        status, headers, _ = asked.result()
        assert status == 503 and headers["Connection"] == "close"


def test_a_stop_refuses_what_waits_at_once(tmp_path):
    """More queries than threads: those that wait are told, while those that run have their grace."""
    server = VarveServer(tmp_path / "data", {"shutdown-grace-secs": 600, "statement-timeout-ms": 0}).start()
    metric = gauge(HttpClient(server), "stop")
    held = [begin_query(server, metric) for _ in range(QUERY_THREADS)]
    wait_for_calls(server, QUERY_THREADS)
    waiting = [begin_query(server, metric) for _ in range(2 * QUERY_THREADS)]
    wait_for_calls(server, QUERY_THREADS, len(waiting))
    server.process.send_signal(signal.SIGTERM)
    for connection in waiting:
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503") and b"stopping" in answer
    assert server.alive()
    for connection in held:
        reset(connection)
    server.stop()  # which wants exit code 0


def test_a_stop_ends_more_queries_than_threads(tmp_path):
    server = VarveServer(tmp_path / "data", {"shutdown-grace-secs": 1, "statement-timeout-ms": 0}).start()
    metric = gauge(HttpClient(server), "stop")
    asked = [begin_query(server, metric) for _ in range(3 * QUERY_THREADS)]
    wait_for_calls(server, QUERY_THREADS, 2 * QUERY_THREADS)
    server.stop()
    assert [connection.recv(12) for connection in asked] == [b"HTTP/1.1 503"] * len(asked)


def test_a_stop_lets_answers_that_are_being_sent_finish(tmp_path):
    """Within the grace: a client that is slow to read has its whole answer."""
    server = VarveServer(tmp_path / "data", {"shutdown-grace-secs": 60, "statement-timeout-ms": 0}).start()
    metric = gauge(HttpClient(server), "stop")
    sql = "SELECT i, repeat('x', 1000) AS x FROM range(30000) t(i)"
    connection = begin_query(server, metric, sql)
    begun = connection.recv(1000)
    assert begun.startswith(b"HTTP/1.1 200")
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert server.alive()
    received = len(begun)
    while piece := connection.recv(1 << 20):
        received += len(piece)
    assert received > 30_000_000
    server.stop()  # which wants exit code 0
