#!/usr/bin/env python3
"""Feeds a table in real time, one INSERT and one flush a second, and prints how it fares every five minutes.

The server keeps its own schedule of compaction and vacuum. With --bucket the lake is in a bucket of a
versitygw of its own, else in a folder. Run it with build/venv/bin/python after `make build parts`.
"""

import argparse
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tests.support.object_stores import VersityGw  # noqa: E402
from tests.support.varve_server import VarveServer  # noqa: E402

ROWS = 500
QUERIES = {
    "newest 50": "SELECT id, payload FROM t ORDER BY timestamp DESC LIMIT 50",
    "last minute": "SELECT count(*), max(payload) FROM t WHERE timestamp > now() - interval '1 minute'",
    "one id": "SELECT payload FROM t WHERE id = {id}",
    "count": "SELECT count(*) FROM t",
}


def options_of(arguments, store):
    options = {
        "flush-interval-secs": 1,
        "compact-interval-secs": 60,
        "vacuum-interval-secs": 300,
        "optimize-target-mb": f"{arguments.target_mb}MB",
    }
    if store is not None:
        options.update({
            "s3-bucket": store.new_bucket(),
            "s3-endpoint": store.endpoint,
            "s3-access-key": store.access_key,
            "s3-secret-key": store.secret_key,
            "s3-allow-http": "true",
        })
    return options


def median_ms(connection, sql):
    times = []
    for _ in range(9):
        began = time.monotonic()
        connection.execute(sql).fetchall()
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def rss_mb(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) >> 10


def report(server, connection, minute, rows):
    files = [row[0] for row in connection.execute("SELECT bytes FROM varve.files WHERE table_name = 't'")]
    version, file_rows = connection.execute(
        "SELECT lake_version, file_rows FROM varve.tables WHERE table_name = 't'").fetchone()
    answers = [median_ms(connection, sql.format(id=rows // 2)) for sql in QUERIES.values()]
    half = max(files, default=0) // 2
    print(f"{minute:>6} {file_rows:>9} {version:>8} {len(files):>6} {sum(files) >> 10:>9} "
          f"{sum(1 for size in files if size >= half):>10} {max(files, default=0) >> 10:>11} "
          + " ".join(f"{ms:>11.1f}" for ms in answers) + f" {rss_mb(server):>7}", flush=True)


def feed(server, arguments):
    with server.connect() as connection, server.connect() as reader:
        connection.execute("CREATE TABLE t (timestamp timestamptz, id bigint, payload text) WITH (bloom = 'id')")
        print(f"{'minute':>6} {'rows':>9} {'version':>8} {'files':>6} {'KB':>9} {'half large':>10} {'largest KB':>11} "
              + " ".join(f"{name + ' ms':>11}" for name in QUERIES) + f" {'RSS MB':>7}")
        began = time.monotonic()
        late_s = 0.0
        most_files = 0
        for second in range(arguments.minutes * 60):
            connection.execute(
                "INSERT INTO t (timestamp, id, payload) SELECT now() + i * interval '1 millisecond', "
                f"{second * ROWS} + i, md5(({second * ROWS} + i)::text) || md5((-i - {second})::text) "
                f"FROM range({ROWS}) r(i)")
            if second % 10 == 9:
                most_files = max(most_files, connection.execute(
                    "SELECT files FROM varve.tables WHERE table_name = 't'").fetchone()[0])
            if (second + 1) % 300 == 0:
                report(server, reader, (second + 1) // 60, (second + 1) * ROWS)
            wait_s = began + second + 1 - time.monotonic()
            late_s = max(late_s, -wait_s)
            time.sleep(max(0.0, wait_s))
        connection.execute("SELECT varve.flush('t')")
        said = connection.execute("SELECT varve.compact('t')").fetchone()[0]
        report(server, reader, arguments.minutes, arguments.minutes * 60 * ROWS)
        rows = arguments.minutes * 60 * ROWS
        assert connection.execute("SELECT count(*), sum(id) FROM t").fetchone() == (rows, rows * (rows - 1) // 2)
        sizes = [row[0] >> 10 for row in connection.execute(
            "SELECT bytes FROM varve.files WHERE table_name = 't' ORDER BY bytes DESC")]
        print(f"at the end: {said}; files of {sizes} KB; most at once {most_files}; latest by {late_s:.1f} s")
        print("jobs:", connection.execute("SELECT name, runs, last_error FROM varve.jobs").fetchall())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--target-mb", type=int, default=16)
    parser.add_argument("--bucket", action="store_true")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = stack.enter_context(VersityGw()) if arguments.bucket else None
        server = stack.enter_context(VarveServer(pathlib.Path(folder) / "data", options_of(arguments, store)))
        feed(server, arguments)


if __name__ == "__main__":
    main()
