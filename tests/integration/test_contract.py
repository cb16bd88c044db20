"""The command line, exit codes, the ready line, LOCK, signals and HTTP, as the contract promises them."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import psycopg
import pytest

from tests.support.varve_server import VarveServer, binary


def varve(*arguments, environment=None):
    return subprocess.run(
        [str(binary()), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def get(server, path, accept="*/*"):
    request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_version_and_help():
    assert varve("version").stdout.startswith("varve ")
    answer = varve("serve", "--help")
    assert answer.returncode == 0 and "--pg-port" in answer.stdout


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["serve", "--pg-port", "70000"], "pg-port"),
        (["serve", "--no-such-option", "1"], "no-such-option"),
        (["serve", "--log-sync", "sometimes"], "log-sync"),
        (["serve", "--listen", "0.0.0.0"], "loopback"),
        (["serve", "--listen", "nowhere"], "listen"),
        (["serve", "--s3-region", "eu-west-1"], "s3-bucket"),
        (["serve", "--config", "/no/such/file.yaml"], "file"),
        (["serve", "--table-prefix", "../log"], "table-prefix"),
        (["serve", "--table-prefix", "/tables"], "table-prefix"),
        (["frobnicate"], "frobnicate"),
        ([], ""),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments, word):
    answer = varve(*arguments)
    assert answer.returncode == 2
    assert word in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_options_come_from_command_line_then_environment_then_file(tmp_path):
    file = tmp_path / "varve.yaml"
    file.write_text("pg-port: 7000\nhttp-port: 7001\nlog-max-mb: 512\n")
    environment = {"PGWIRE_PORT": "6000", "PORT": "6001"}
    answer = varve("config", "--config", str(file), "--pg-port", "5000", environment=environment)
    assert answer.returncode == 0
    assert "pg-port = 5000  (command line)" in answer.stdout
    assert "http-port = 6001  (environment)" in answer.stdout
    assert "log-max-mb = 512  (config file)" in answer.stdout
    assert varve("config", "--check", environment={"PGWIRE_PORT": "x"}).returncode == 2
    assert "| pg-port | PGWIRE_PORT | 5432 |" in varve("config", "--docs").stdout


def test_second_server_on_the_folder_fails_at_once(server):
    answer = varve("serve", "--data-dir", str(server.data_dir), "--pg-port", "0", "--http-port", "0")
    assert answer.returncode == 1
    assert f"(pid {server.process.pid})" in answer.stderr and "another server" in answer.stderr


def test_taken_port_is_a_sentence(server, tmp_path):
    answer = varve(
        "serve", "--data-dir", str(tmp_path / "other"), "--pg-port", str(server.port), "--http-port", "0"
    )
    assert answer.returncode == 1
    assert str(server.port) in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_with_the_rows_in_the_lake(tmp_path, number):
    server = VarveServer(tmp_path / "data").start()
    with server.connect() as connection:
        connection.execute("CREATE TABLE raw.t (timestamp timestamptz NOT NULL, x bigint)")
        connection.execute("INSERT INTO raw.t (timestamp, x) VALUES ('2026-01-02 03:04:05+00', 7)")
    process = server.process
    process.send_signal(number)
    assert process.wait(60) == 0
    server.stop() if server.process.poll() is None else server.kill()
    assert list((tmp_path / "data" / "lake").rglob("*.parquet")), "SIGTERM flushes what is buffered"
    with server:
        with server.connect() as connection:
            assert connection.execute("SELECT x FROM raw.t").fetchall() == [(7,)]


def test_health_readiness_and_telemetry(server):
    assert get(server, "/healthz")[0] == 200
    assert get(server, "/readyz")[0] == 200
    status, text = get(server, "/metrics", "text/plain")
    assert status == 200
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert {"varve_buffer_bytes", "varve_log_syncs_total", "varve_log_disk_bytes"} <= names
    status, text = get(server, "/nothing")
    assert status == 404 and "detail" in json.loads(text)


def test_views_tell_of_log_and_cache(server):
    with server.connect() as connection:
        connection.execute("CREATE TABLE raw.t (timestamp timestamptz NOT NULL, x bigint)")
        before = dict(connection.execute("SELECT property, value FROM varve.log").fetchall())
        for x in range(3):
            connection.execute(f"INSERT INTO raw.t (timestamp, x) VALUES ('2026-01-02', {x})")
        after = dict(connection.execute("SELECT property, value FROM varve.log").fetchall())
        assert int(after["acknowledged_lsn"]) == int(before["acknowledged_lsn"]) + 3
        assert after["synced_lsn"] == after["acknowledged_lsn"] and after["sync"] == "always"
        assert int(after["transactions"]) == 3 and int(after["syncs"]) >= 3
        assert 0 < int(after["disk_bytes"]) <= int(after["max_bytes"]) == 8192 << 20
        cache = connection.execute("SELECT tier, entries, bytes, bytes_max, hits, misses, evictions FROM varve.cache")
        # Tables in a local folder do not go through the cache: its tiers are there and empty.
        tiers = cache.fetchall()
        assert {"memory", "disk"} <= {tier[0] for tier in tiers}
        assert all(tier[1] == tier[2] == 0 for tier in tiers)
    server.kill()
    server.start(environment={"VARVE_LOG_SYNC": "interval:20"})
    with server.connect() as connection:
        replayed = dict(connection.execute("SELECT property, value FROM varve.log").fetchall())
        assert (replayed["replayed_transactions"], replayed["sync"]) == ("3", "interval:20")


def test_a_transaction_may_not_outgrow_the_buffer(tmp_path):
    with VarveServer(tmp_path / "data", {"buffer-max-memory-mb": 16}) as server, server.connect() as connection:
        connection.execute("CREATE TABLE raw.t (timestamp timestamptz NOT NULL, x text)")
        fill = (
            "INSERT INTO raw.t (timestamp, x) "
            "SELECT '2026-01-02'::timestamptz, repeat('x', 1000) FROM generate_series(1, 2000)"
        )
        connection.execute("BEGIN")
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="more than 16777216 bytes"):
            for _ in range(20):  # refused by the statement that goes too far, not only by COMMIT
                connection.execute(fill)
        connection.execute("ROLLBACK")
        connection.execute(fill)
        assert connection.execute("SELECT count(*) FROM raw.t").fetchone() == (2000,)


def test_log_commands(server):
    with server.connect() as connection:
        connection.execute("CREATE TABLE raw.t (timestamp timestamptz NOT NULL, x bigint)")
        connection.execute("INSERT INTO raw.t (timestamp, x) VALUES ('2026-01-02', 1), ('2026-01-03', 2)")
    server.kill()
    log = server.data_dir / "log"
    assert varve("log", "verify", str(log)).returncode == 0
    not_a_log = varve("log", "verify", str(log.parent))
    assert not_a_log.returncode == 1 and "no log segments" in not_a_log.stderr
    inspected = varve("log", "inspect", str(log))
    assert inspected.returncode == 0 and "lsn" in inspected.stdout.lower()
    segment = sorted(log.glob("*.log"))[0]
    content = bytearray(segment.read_bytes())
    second = VarveServer(server.data_dir).start()
    with second.connect() as connection:
        for x in range(3):
            connection.execute(f"INSERT INTO raw.t (timestamp, x) VALUES ('2026-01-04', {x})")
    second.kill()
    # Damage inside the first record, with whole records after it: no torn tail, and never dropped.
    content = bytearray(segment.read_bytes())
    content[60] ^= 0xFF
    segment.write_bytes(content)
    damaged = varve("log", "verify", str(log))
    assert damaged.returncode == 1 and segment.name in damaged.stderr
    with pytest.raises(RuntimeError, match=segment.name):
        VarveServer(server.data_dir).start()
    content[60] ^= 0xFF
    segment.write_bytes(content)
    server.start()
    with server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM raw.t").fetchone() == (5,)


def test_connection_limit_is_53300(tmp_path):
    with VarveServer(tmp_path / "data", {"max-connections": 2}) as server:
        held = [server.connect(), server.connect()]
        with pytest.raises(psycopg.OperationalError, match="too many|connections"):
            server.connect()
        held.pop().close()
        # The slot is free as soon as the server has seen the end of the connection.
        for _ in range(100):
            try:
                held.append(server.connect())
                break
            except psycopg.OperationalError:
                continue
        assert len(held) == 2
        for connection in held:
            connection.close()


def test_listens_on_loopback_only(server):
    with pytest.raises(OSError):
        socket.create_connection((socket.gethostbyname(socket.gethostname()), server.port), timeout=2).close()
        if socket.gethostbyname(socket.gethostname()).startswith("127."):
            raise OSError("the host's name is a loopback address: nothing to see from outside")
