"""No row is seen twice or missed while flushes and compactions run: readers count, thousands of times."""

import threading

import pytest

READS = 2_000
ROWS_PER_INSERT = 7
FLUSH_PAUSE_S = 0.2
FLUSHES_PER_COMPACTION = 10
COLUMNS = "(timestamp timestamptz NOT NULL, writer integer NOT NULL, n bigint NOT NULL)"


class Counters:
    """How many inserts of each writer were begun and how many acknowledged."""

    def __init__(self, writers):
        self.begun = [0] * writers
        self.acknowledged = [0] * writers


def write(server, counters, writer, stop):
    with server.connect() as connection:
        while not stop.is_set():
            n = counters.begun[writer]
            counters.begun[writer] = n + 1
            rows = ", ".join(
                f"('2026-05-0{1 + (n + i) % 3} 10:00:00+00', {writer}, {n * ROWS_PER_INSERT + i})"
                for i in range(ROWS_PER_INSERT)
            )
            connection.execute(f"INSERT INTO raw.counted (timestamp, writer, n) VALUES {rows}")
            counters.acknowledged[writer] = n + 1


def flush(server, flushes, stop):
    with server.connect() as connection:
        # Paced: each flush adds files, and a reader opens every one of them.
        while not stop.wait(FLUSH_PAUSE_S):
            connection.execute("SELECT varve.flush('raw.counted')")
            flushes.append(1)
            if len(flushes) % FLUSHES_PER_COMPACTION == 0:
                connection.execute("SELECT varve.compact('raw.counted')")


def read(server, counters, reads):
    """One statement must hold a whole number of inserts, at least all that were acknowledged before it."""
    with server.connect() as connection:
        for _ in range(reads):
            before = list(counters.acknowledged)
            found = dict.fromkeys(range(len(before)), (0, 0, -1))
            for writer, *numbers in connection.execute(
                "SELECT writer, count(*), count(DISTINCT n), max(n) FROM raw.counted GROUP BY writer"
            ).fetchall():
                found[writer] = tuple(numbers)
            after = list(counters.begun)
            for writer, (rows, distinct, highest) in found.items():
                assert rows == distinct, f"writer {writer}: {rows} rows, {distinct} distinct"
                assert rows % ROWS_PER_INSERT == 0, f"writer {writer}: {rows} rows, a part of an INSERT"
                assert highest == rows - 1, f"writer {writer}: a gap below {highest} in {rows} rows"
                assert before[writer] <= rows // ROWS_PER_INSERT <= after[writer]


@pytest.mark.timeout(300)
def test_counts_are_exact_while_rows_move_to_files(server):
    with server.connect() as connection:
        connection.execute(f"CREATE TABLE raw.counted {COLUMNS}")
    counters, flushes, stop, errors = Counters(2), [], threading.Event(), []

    def guarded(function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as error:  # pylint: disable=broad-except
                errors.append(error)
                stop.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    movers = [guarded(write, server, counters, writer, stop) for writer in range(2)]
    movers.append(guarded(flush, server, flushes, stop))
    readers = [guarded(read, server, counters, READS // 2) for _ in range(2)]
    for thread in readers:
        thread.join()
    stop.set()
    for thread in movers:
        thread.join()
    if errors:
        raise errors[0]
    assert len(flushes) > 20, "the flusher hardly ran: nothing was proven"
    print(f"{READS} reads over {sum(counters.acknowledged)} inserts and {len(flushes)} flushes")
