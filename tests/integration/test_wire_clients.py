"""Other clients of the wire protocol: psql, psycopg2, asyncpg, and bytes that are no client's."""

import asyncio
import datetime
import shutil
import socket
import struct
import subprocess

import asyncpg
import psycopg2
import pytest

from tests.support.varve_server import VarveServer


@pytest.fixture(scope="module")
def server(module_path):
    running = VarveServer(module_path / "data").start()
    with running.connect() as connection:
        connection.execute("CREATE TABLE rows (timestamp timestamptz NOT NULL, name text, n integer)")
    yield running
    running.stop()


def psql(server, *arguments, stdin=None):
    command = ["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", "varve", "-At"]
    return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_psql(server):
    done = psql(server, "-c", "SELECT 1, 'a', NULL, TIMESTAMPTZ '2025-03-09 09:00:00+00'")
    assert (done.returncode, done.stdout) == (0, "1|a||2025-03-09 09:00:00+00\n")
    script = [
        "CREATE TABLE p (timestamp timestamptz NOT NULL, n int);",
        "COPY p (timestamp, n) FROM STDIN;",
        "2025-01-01\t1",
        "2025-01-02\t2",
        "\\.",
        "SELECT sum(n) FROM p;",
    ]
    done = psql(server, stdin="\n".join(script) + "\n")
    assert done.stdout.splitlines() == ["CREATE TABLE", "COPY 2", "3"], done.stderr
    done = psql(server, "-c", "SELECT * FROM nowhere")
    assert done.returncode == 1
    assert 'relation "nowhere" does not exist' in done.stderr
    assert "LINE 1: SELECT * FROM nowhere" in done.stderr


def test_psycopg2(server):
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="varve")
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO rows VALUES (%s, %s, %s)", ("2025-01-01", "o'x\\", 1))
        cursor.execute("SELECT name, n FROM rows WHERE n = %s", (1,))
        assert cursor.fetchall() == [("o'x\\", 1)]
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.UndefinedColumn):
        cursor.execute("SELECT nope FROM rows")
    connection.rollback()
    connection.close()


def test_asyncpg(server):
    async def run():
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, user="postgres", database="varve")
        when = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
        assert await connection.fetchval("SELECT $1::bigint + 1", 41) == 42
        await connection.execute("CREATE TABLE a (timestamp timestamptz NOT NULL, n integer, tags text[])")
        await connection.executemany("INSERT INTO a VALUES ($1, $2, $3)", [(when, i, ["x", None]) for i in range(500)])
        row = await connection.fetchrow("SELECT count(*), min(timestamp), max(n) FROM a")
        assert tuple(row) == (500, when, 499)
        assert (await connection.fetchrow("SELECT tags FROM a WHERE n = $1", 3))["tags"] == ["x", None]
        async with connection.transaction():
            seen = [record["n"] async for record in connection.cursor("SELECT n FROM a ORDER BY n", prefetch=90)]
        assert seen == list(range(500))
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nowhere")
        await connection.close()

    asyncio.run(run())


def startup_packet():
    body = struct.pack("!I", 3 << 16) + b"user\0postgres\0database\0varve\0\0"
    return struct.pack("!I", len(body) + 4) + body


def read_until_closed(client):
    received = b""
    while block := client.recv(65536):
        received += block
    return received


@pytest.mark.parametrize("hostile", [
    b"GET / HTTP/1.1\r\n\r\n",
    struct.pack("!I", 2**31 - 1) + b"x" * 100,
    struct.pack("!II", 8, 2 << 16),
    startup_packet() + b"Q" + struct.pack("!i", -5),
    startup_packet() + b"\x00" * 50,
    startup_packet() + b"Q" + struct.pack("!I", 3),
])  # fmt: skip
def test_hostile_bytes_end_their_own_connection_only(server, hostile):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(hostile)
        received = read_until_closed(client)
    assert b"FATAL" in received
    assert server.alive()
    with server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_encryption_is_declined(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(struct.pack("!II", 8, 80877103))
        assert client.recv(1) == b"N"
        client.sendall(startup_packet())
        assert client.recv(1) == b"R"
