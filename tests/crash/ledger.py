"""Remembers what was promised: which batches the server acknowledged, and which it may or may not hold.

A batch is one atomic write of rows (batch, seq 0..n-1). Its life:

    sent  -> acknowledged            the server must hold it, every row once, for ever
          -> failed                  it was refused or rolled back: the server must never hold it
          -> unknown (killed)        the server may hold it whole or not at all; what the first look after
                                     the restart shows becomes the promise
"""

import threading


class Violation(AssertionError):
    """The server broke a promise."""


class Ledger:
    def __init__(self):
        self._lock = threading.Lock()
        self._next = 0
        self._rows = {}  # batch -> number of rows
        self._acknowledged = set()
        self._refused = set()
        self._unknown = set()

    def begin(self, rows):
        with self._lock:
            batch = self._next
            self._next += 1
            self._rows[batch] = rows
            self._unknown.add(batch)
            return batch

    def acknowledge(self, batch):
        with self._lock:
            self._unknown.discard(batch)
            self._acknowledged.add(batch)

    def refuse(self, batch):
        with self._lock:
            self._unknown.discard(batch)
            self._refused.add(batch)

    @property
    def acknowledged_batches(self):
        with self._lock:
            return len(self._acknowledged)

    @property
    def acknowledged_rows(self):
        with self._lock:
            return sum(self._rows[batch] for batch in self._acknowledged)

    def check(self, found):
        """`found`: batch -> (rows, distinct seqs, smallest seq, largest seq, damaged rows)."""
        with self._lock:
            for batch, (rows, distinct, low, high, damaged) in found.items():
                expected = self._rows.get(batch)
                if expected is None:
                    raise Violation(f"batch {batch} was never sent")
                if batch in self._refused:
                    raise Violation(f"batch {batch} was refused or rolled back and is there")
                if rows != distinct:
                    raise Violation(f"batch {batch}: {rows} rows, {distinct} distinct: doubled")
                if (rows, low, high) != (expected, 0, expected - 1):
                    raise Violation(f"batch {batch}: {rows} of {expected} rows: not whole")
                if damaged:
                    raise Violation(f"batch {batch}: {damaged} rows with other content than sent")
            missing = self._acknowledged - found.keys()
            if missing:
                raise Violation(f"{len(missing)} acknowledged batches are gone: {sorted(missing)[:10]}")
            for batch in list(self._unknown):
                self._unknown.discard(batch)
                (self._acknowledged if batch in found else self._refused).add(batch)
