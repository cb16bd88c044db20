"""Starts a PostgreSQL 15 for the tests: a data folder of its own, a free port on loopback, ended by pid."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")
START_TIMEOUT_S = 60

TIME_SERIES = """
CREATE FUNCTION time_bucket(width interval, ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS $$ SELECT date_bin(width, ts, timestamptz '2000-01-03 00:00:00+00') $$;
CREATE FUNCTION first_step(state text[], value text, ts timestamptz) RETURNS text[] LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN ts IS NULL THEN state
                    WHEN state IS NULL OR ts < state[2]::timestamptz THEN ARRAY[value, ts::text]
                    ELSE state END $$;
CREATE FUNCTION last_step(state text[], value text, ts timestamptz) RETURNS text[] LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN ts IS NULL THEN state
                    WHEN state IS NULL OR ts > state[2]::timestamptz THEN ARRAY[value, ts::text]
                    ELSE state END $$;
CREATE FUNCTION step_value(state text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT state[1] $$;
CREATE AGGREGATE first(text, timestamptz) (SFUNC = first_step, STYPE = text[], FINALFUNC = step_value);
CREATE AGGREGATE last(text, timestamptz) (SFUNC = last_step, STYPE = text[], FINALFUNC = step_value);
CREATE FUNCTION date_of_timestamp() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN NEW.date := COALESCE(NEW.date, (NEW.timestamp AT TIME ZONE 'UTC')::date); RETURN NEW; END $$;
"""

COLUMN = re.compile(r'\{name: (\w+), type: "?([a-z ]+(?:\[\])?)"?(, nullable: (false|true))?')


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def table_of(schema_file):
    """CREATE TABLE for PostgreSQL from one of schemas/*.yaml."""
    text = schema_file.read_text()
    table = re.search(r"^table: (\w+)$", text, re.MULTILINE)[1]
    columns = [
        f'"{name}" {kind}{" NOT NULL" if nullable == "false" else ""}'
        for name, kind, _, nullable in COLUMN.findall(text)
    ]
    assert len(columns) > 20, f"{schema_file}: its form has changed"
    return (
        f"CREATE TABLE {table} ({', '.join(columns)});"
        f"CREATE TRIGGER derive BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION date_of_timestamp();"
    )


class Postgres:
    def __init__(self):
        self.process = None
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="varve-postgres-"))

    def command(self, program, *arguments):
        assert (BINARIES / program).exists(), "PostgreSQL 15 is missing: apt-get install postgresql-15"
        command = [str(BINARIES / program), *arguments]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        return command

    def __enter__(self):
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        data = str(self.folder / "data")
        subprocess.run(
            self.command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"),
            check=True, capture_output=True, cwd=self.folder,
        )
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                   "-c", "fsync=off", "-c", "timezone=UTC"]
        self.process = subprocess.Popen(
            self.command("postgres", "-D", data, "-p", str(self.port), *options),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )
        self._wait_until_ready()
        with self.connect() as connection:
            connection.execute(TIME_SERIES)
            for schema_file in sorted((ROOT / "schemas").glob("*.yaml")):
                connection.execute(table_of(schema_file))
        return self

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, "PostgreSQL ended at once"
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.05)

    def connect(self):
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        )

    def __exit__(self, kind, value, trace):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder)
