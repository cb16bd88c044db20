"""Rings that are written all around take metrics x slots x 16 bytes and a constant, and then nothing more.

In CI two rounds of the longest ring; VARVE_FULL=1 writes for an hour. Times run faster than the clock, so that
every ring goes round many times. The constant is that of docs/formats/ring.md, "Room".
"""

import os
import time

import pytest

from tests.support import metrics
from tests.support.http_client import HttpClient
from tests.support.varve_server import BY_HAND, VarveServer

FULL = os.environ.get("VARVE_FULL") == "1"
SECONDS = 3600 if FULL else 0
ROUNDS = 2
# (metrics, step, slots), a slab each: rings that share a page, that fill whole ones, and that end within one.
SHAPES = [(60, 1, 100), (60, 10, 256), (20, 1, 3600)]
SPAN = max(step * slots for _, step, slots in SHAPES)
SLOT = 16
PAGE = 4096
BEGIN = 1_700_000_000
BATCH = 10_000
OPTIONS = {**BY_HAND, "ring-checkpoint-secs": 1, "log-max-mb": 64}


class Writer:
    """Writes each metric's next samples, in turns; the last value of every slot can be computed."""

    def __init__(self, server):
        self.client = HttpClient(server)
        self.written = 0
        self.now = BEGIN
        self.ids = {}
        for number, (count, step, slots) in enumerate(SHAPES):
            for i in range(count):
                sample = {"name": f"disk.{number}", "tags": {"i": str(i)}, "ts": BEGIN, "value": 0,
                          "step": step, "slots": slots}
                metric = self.client.ok("POST", "/ingest/gauge", sample)["metric_id"]
                self.ids[metric] = (step, slots)

    @staticmethod
    def value(metric, ts):
        return (metric * 31 + ts * 7) % 1009

    def advance(self, seconds):
        """The samples of so many seconds more, of every metric."""
        batch = []
        for ts in range(self.now + 1, self.now + seconds + 1):
            for metric, (step, _) in self.ids.items():
                if ts % step == 0:
                    batch.append({"metric_id": metric, "ts": ts, "value": self.value(metric, ts)})
            if len(batch) >= BATCH:
                self.send(batch)
                batch = []
        if batch:
            self.send(batch)
        self.now += seconds

    def repeat(self):
        """A newest sample once more, so that there is something to checkpoint."""
        self.send([{"metric_id": metric, "ts": self.now, "value": self.value(metric, self.now)}
                   for metric, (step, _) in self.ids.items() if self.now % step == 0][:1])

    def send(self, batch):
        answer = self.client.ok("POST", "/ingest/batch", {"samples": batch})
        assert answer == {"status": "ok", "accepted": len(batch), "stale": 0}
        self.written += len(batch)

    def expected(self, metric):
        step, slots = self.ids[metric]
        last = self.now // step
        return [(window * step, self.value(metric, window * step)) for window in range(last - slots + 1, last + 1)]


def taken(server, pattern):
    """Bytes on the disk of the files of rings/ with such names; holes count nothing."""
    return sum(path.stat().st_blocks * 512 for path in (server.data_dir / "rings").glob(pattern))


def sizes_at_rest(server, writer):
    """Bytes of the slabs, and of all of rings/, when no checkpoint is under way."""
    # The second one begins after the first has cleaned up, and finds the registry as it was.
    for _ in range(2):
        done = metrics.read(server)["varve_ring_checkpoints_total"]
        writer.repeat()
        metrics.wait_until(server, lambda seen, done=done: seen["varve_ring_checkpoints_total"] > done, "a checkpoint")
    return taken(server, "*.slab"), taken(server, "*")


@pytest.mark.timeout(900 + SECONDS)
def test_disk_use_is_the_slots_and_a_constant_and_does_not_move(tmp_path):
    with VarveServer(tmp_path / "data", OPTIONS) as server:
        writer = Writer(server)
        writer.advance(SPAN)
        every_slot = sum(count * slots * SLOT for count, _, slots in SHAPES)
        assert metrics.read(server)["varve_ring_bytes"] == every_slot

        slabs, everything = sizes_at_rest(server, writer)
        files = len(list((server.data_dir / "rings").glob("*.slab")))
        assert len(SHAPES) <= files <= 2 * len(SHAPES)  # the first slab of a size has 1 MiB
        # A page for the head of a slab and one for its end, and what the file system notes: 16 bytes a page, a block.
        constant = files * 3 * PAGE + every_slot // PAGE * 16
        assert every_slot <= slabs <= every_slot + constant, (every_slot, slabs)
        # Besides them: the registry, with 26 bytes, name and tag for each metric, the checkpoint, and their spares.
        assert everything - slabs <= len(writer.ids) * 64 * 17 // 8 + 4 * PAGE, (slabs, everything)

        begun, rounds, seen = time.monotonic(), 0, set()
        while rounds < ROUNDS * 10 or time.monotonic() - begun < SECONDS:
            writer.advance(SPAN // 10)
            rounds += 1
            seen.add(taken(server, "*.slab"))
        print(f"\n{writer.written:,} samples into {len(writer.ids)} rings of {every_slot:,} bytes together: "
              f"{slabs:,} bytes of slabs, {everything:,} in rings/, after {rounds // 10} rounds {sorted(seen)}")
        assert seen == {slabs} and sizes_at_rest(server, writer) == (slabs, everything)

        for metric in writer.ids:
            rows = writer.client.ok("GET", f"/metrics/{metric}/series?bucket=1")["rows"]
            assert [(row["bucket"], row["value"]) for row in rows] == writer.expected(metric)
