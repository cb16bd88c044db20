"""A table that is fed all the time: its files reach the target size, its answers stay as fast.

In CI a short feed with a small target; VARVE_FULL=1 plays an hour, one flush a second and a
compaction a minute as the schedule has it, as fast as the server takes it.
"""

import os
import statistics
import time

import pytest

from tests.support.varve_server import VarveServer

pytestmark = pytest.mark.alone

FULL = os.environ.get("VARVE_FULL") == "1"
FLUSHES = 3600 if FULL else 120
FLUSHES_PER_COMPACTION = 60 if FULL else 10
ROWS = 500 if FULL else 1000
TARGET = 4 << 20 if FULL else 1 << 20
START = "2026-01-05 00:00:00+00"
OPTIONS = {
    "compact-interval-secs": 0,
    "vacuum-interval-secs": 0,
    "flush-interval-secs": 3600,
    "optimize-target-mb": f"{TARGET >> 20}MB",
}


def answer_ms(connection, second):
    """The median time of the newest rows and of a count over the last minute."""
    times = []
    for _ in range(7):
        began = time.monotonic()
        connection.execute("SELECT id, payload FROM t ORDER BY timestamp DESC LIMIT 50").fetchall()
        connection.execute(
            f"SELECT count(*) FROM t WHERE timestamp > timestamptz '{START}' + {second - 60} * "
            "interval '1 second'"
        ).fetchall()
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def files_of(connection):
    return [
        row[0]
        for row in connection.execute(
            "SELECT bytes FROM varve.files WHERE table_name = 't' ORDER BY bytes DESC"
        )
    ]


def test_a_table_fed_every_second(tmp_path):
    with VarveServer(tmp_path / "data", OPTIONS) as server, server.connect() as connection:
        connection.execute("CREATE TABLE t (timestamp timestamptz, id bigint, payload text)")
        answers = []
        files_max = 0
        for second in range(FLUSHES):
            # Text that does not compress, so that few rows make large files.
            connection.execute(
                f"INSERT INTO t (timestamp, id, payload) SELECT timestamptz '{START}' + {second} * "
                f"interval '1 second' + i * interval '1 millisecond', {second * ROWS} + i, "
                f"md5(({second * ROWS} + i)::text) || md5((-i)::text) FROM range({ROWS}) r(i)"
            )
            connection.execute("SELECT varve.flush('t')")
            if (second + 1) % FLUSHES_PER_COMPACTION == 0:
                files_max = max(files_max, len(files_of(connection)))
                connection.execute("SELECT varve.compact('t')")
            # Always half way between two compactions.
            if (second + 1) % (FLUSHES // 10) == FLUSHES_PER_COMPACTION // 2:
                answers.append(answer_ms(connection, second))
        connection.execute("SELECT varve.compact('t')")
        files = files_of(connection)
        written = connection.execute("SELECT count(*), sum(id) FROM t").fetchone()
        print(
            f"\n{FLUSHES} flushes: {len(files)} files (most at once {files_max}), "
            f"{sum(files) >> 10} KB, largest {files[0] >> 10} KB, "
            f"settled {sum(1 for size in files if size >= TARGET // 2)}, "
            f"answers ms {[round(ms, 1) for ms in answers]}"
        )
        rows = FLUSHES * ROWS
        assert written == (rows, rows * (rows - 1) // 2)
        settled = [size for size in files if size >= TARGET // 2]
        assert sum(settled) >= sum(files) * 0.6
        assert max(files) <= TARGET * 1.25
        assert len(files) - len(settled) <= 20
        # Twice the beginning, and a little for a busy machine.
        assert statistics.median(answers[-3:]) <= 2 * statistics.median(answers[:3]) + 20
