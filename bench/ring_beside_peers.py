#!/usr/bin/env python3
"""Writes the same samples into Varve's rings, Prometheus' remote-write receiver and RRDtool, one after the other.

Each gets the samples as they would come, second after second, over 8 connections (RRDtool: 8 processes
that read commands from a pipe), at most 1,000 samples a request; the requests are made beforehand. What
is read back is compared with what was written before anything is printed. Run it with build/venv/bin/python after
`make build parts` and `apt-get install rrdtool`; it says what is missing.
"""

import argparse
import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tests.support import parts, remote_write  # noqa: E402
from tests.support.prometheus import Prometheus  # noqa: E402
from tests.support.varve_server import VarveServer, binary  # noqa: E402

LANES = 8
REQUEST_SAMPLES = 1000
# kept: bytes that hold the samples for good; log: what is on the disk besides, until those are complete.
Result = collections.namedtuple("Result", "first_s rest_rate kept log")


class Load:
    """`series` metrics with a value each second for `points` seconds; whole numbers, so that sums are exact."""

    def __init__(self, series, points):
        self.series, self.points = series, points
        self.end = int(time.time()) - 5
        self.start = self.end - points + 1

    def value(self, series, second):
        return (series * 7919 + second * 31) % 1000

    def sum(self):
        return sum(self.value(s, t) for s in range(self.series) for t in range(self.points))

    def tags(self, series):
        return {"host": f"host-{series // 10:05}", "instance": f"10.0.{series // 250}.{series % 250}:9100",
                "job": "node", "mode": f"mode{series % 10}"}

    def requests(self, lane, seconds):
        """The samples of one lane, cut into requests: each a dict of series -> [(second, value)]."""
        request, size = {}, 0
        for second in seconds:
            for series in range(lane, self.series, LANES):
                request.setdefault(series, []).append((self.start + second, self.value(series, second)))
                size += 1
                if size == REQUEST_SAMPLES:
                    yield request
                    request, size = {}, 0
        if request:
            yield request


def disk_bytes(folder):
    """What the folder takes on the disk: holes count nothing."""
    return sum(os.lstat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(folder) for name in names)


def timed(lanes, send):
    """Seconds until every lane has sent all its requests."""
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        begin = time.perf_counter()
        list(pool.map(send, range(LANES), lanes))
        return time.perf_counter() - begin


class HttpPeer:
    """What is fed by POST. A subclass starts a server and gives body(), path, headers and check()."""

    def __init__(self, load):
        self.load = load
        self.labels = [remote_write.labels("bench_seconds", load.tags(s)) for s in range(load.series)]

    def encoded(self, seconds):
        return [[self.body(request) for request in self.load.requests(lane, seconds)] for lane in range(LANES)]

    def send(self, lane, bodies):
        connection = self.connections[lane]
        for body in bodies:
            connection.request("POST", self.path, body, self.headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in (200, 204), (answer.status, text[:500])

    def run(self):
        first, rest = self.encoded(range(1)), self.encoded(range(1, self.load.points))
        with self.server() as server:
            port = self.port(server)
            self.connections = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(LANES)]
            first_s = timed(first, self.send)
            rest_s = timed(rest, self.send)
            self.check(server)
            packed = self.packed(server)
            for connection in self.connections:
                connection.close()
            server.stop()
            kept, log = self.disk(server, packed)
            shutil.rmtree(self.folder(server))
        return Result(first_s, self.load.series * (self.load.points - 1) / rest_s, kept, log)

    def packed(self, server):
        """Bytes that only the running server can tell."""
        return None


class RemoteWritePeer(HttpPeer):
    headers = remote_write.HEADERS

    def body(self, request):
        return remote_write.body(*(remote_write.series(self.labels[s], samples) for s, samples in request.items()))


class Varve:
    """Mixed into a peer that starts Varve."""

    options = {}

    def server(self):
        self.scratch = tempfile.mkdtemp(prefix="varve-bench-")
        return VarveServer(pathlib.Path(self.scratch) / "data", self.options)

    def port(self, server):
        return server.http_port

    def folder(self, server):
        return self.scratch

    def disk(self, server, _):
        rings = disk_bytes(server.data_dir / "rings")
        return rings, disk_bytes(self.scratch) - rings

    def check(self, server):
        with server.connect() as connection:
            got = connection.execute("SELECT count(*), sum(value)::bigint FROM ring.samples s JOIN ring.metrics m "
                                     "USING (metric_id) WHERE m.name = 'bench_seconds'").fetchone()
        assert tuple(map(int, got)) == (self.load.series * self.load.points, self.load.sum()), got


class VarveRemoteWrite(Varve, RemoteWritePeer):
    name, synced = "Varve, `/api/v1/write`", "yes"

    @property
    def path(self):
        return f"/api/v1/write?step=1&slots={self.load.points}"


class VarveRemoteWriteUnsynced(VarveRemoteWrite):
    name, synced = "Varve, `/api/v1/write`, `--log-sync off`", "no"
    options = {"log-sync": "off"}


class VarveJson(Varve, HttpPeer):
    name, synced, path = "Varve, `/ingest/batch`", "yes", "/ingest/batch"
    headers = {"Content-Type": "application/json"}

    def body(self, request):
        shape = {"step": 1, "slots": self.load.points}
        samples = [{"name": "bench_seconds", "tags": self.load.tags(s), "ts": ts, "value": value, **shape}
                   for s, points in request.items() for ts, value in points]
        return json.dumps({"samples": samples}, separators=(",", ":")).encode()


class PrometheusReceiver(RemoteWritePeer):
    name, synced, path = "Prometheus 2.42, `/api/v1/write`", "no", "/api/v1/write"

    def server(self):
        return Prometheus("", receiver=True, more=["--web.enable-admin-api"])

    def port(self, server):
        return server.port

    def folder(self, server):
        return server.folder / "data"

    def check(self, server):
        window = f'{{__name__="bench_seconds"}}[{self.load.points + 60}s]'
        got = [int(server.query(f"sum({function}({window}))", self.load.end)[0]["value"][1])
               for function in ("count_over_time", "sum_over_time")]
        assert got == [self.load.series * self.load.points, self.load.sum()], got

    def packed(self, server):
        """Its own packed form, which it writes after two hours: a snapshot is the same."""
        request = urllib.request.Request(server.url("/api/v1/admin/tsdb/snapshot"), method="POST")
        with urllib.request.urlopen(request) as answer:
            snapshot = server.folder / "data" / "snapshots" / json.load(answer)["data"]["name"]
        block = disk_bytes(snapshot)
        shutil.rmtree(snapshot.parent)
        return block

    def disk(self, server, packed):
        return packed, disk_bytes(self.folder(server))


class RrdTool:
    """One file a metric; commands through a pipe to a process that stays."""

    synced = "no"

    def __init__(self, load):
        self.load = load

    def start(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="varve-bench-rrd-"))
        self.lanes = [subprocess.Popen(["rrdtool", "-"], cwd=self.folder, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True) for _ in range(LANES)]

    def send(self, lane, commands):
        for command in commands:
            self.answer(lane, command)

    def answer(self, lane, command):
        process = self.lanes[lane]
        process.stdin.write(command + "\n")
        process.stdin.flush()
        lines = []
        while not (line := process.stdout.readline()).startswith("OK "):
            assert line and not line.startswith("ERROR"), (command[:200], line)
            lines.append(line)
        return lines

    def updates(self, request):
        for series, samples in request.items():
            yield f"update {series}.rrd " + " ".join(f"{ts}:{value}" for ts, value in samples)

    def create(self, series):
        return (f"create {series}.rrd --start {self.load.start - 1} --step 1 DS:v:GAUGE:10:U:U "
                f"RRA:AVERAGE:0.5:1:{self.load.points}")

    def check(self):
        count = total = 0
        for series in range(self.load.series):
            fetch = f"fetch {series}.rrd AVERAGE --start {self.load.start - 1} --end {self.load.end - 1}"
            for line in self.answer(series % LANES, fetch):
                value = line.partition(": ")[2].strip()
                if value and value not in ("nan", "-nan"):
                    count, total = count + 1, total + float(value)
        assert (count, round(total)) == (self.load.series * self.load.points, self.load.sum()), (count, total)

    def run(self):
        self.start()
        first = [[self.create(s) for s in range(lane, self.load.series, LANES)] for lane in range(LANES)]
        rest = [[command for request in self.requests(lane) for command in self.updates(request)]
                for lane in range(LANES)]
        first_s = timed(first, self.send)
        rest_s = timed(rest, self.send)
        self.check()
        for process in self.lanes:
            process.communicate()
        kept = disk_bytes(self.folder)
        shutil.rmtree(self.folder)
        return Result(first_s, self.load.series * self.load.points / rest_s, kept, 0)


class RrdToolAsItComes(RrdTool):
    name = "RRDtool 1.7.2, `rrdtool -`, as the samples come"

    def requests(self, lane):
        return self.load.requests(lane, range(self.load.points))


class RrdToolByMinute(RrdTool):
    name = "RRDtool 1.7.2, `rrdtool -`, a minute of a metric at once"

    def requests(self, lane):
        for begin in range(0, self.load.points, 60):
            seconds = range(begin, min(begin + 60, self.load.points))
            for series in range(lane, self.load.series, LANES):
                yield {series: [(self.load.start + s, self.load.value(series, s)) for s in seconds]}


PEERS = [VarveRemoteWrite, VarveRemoteWriteUnsynced, VarveJson, PrometheusReceiver, RrdToolAsItComes, RrdToolByMinute]


def check_peers():
    """Ends the program with a sentence when a peer is not there."""
    binary()
    try:
        parts.part("prometheus", "usr", "bin", "prometheus")
    except AssertionError as error:
        sys.exit(f"{error}; or `make parts`")
    if shutil.which("rrdtool") is None:
        sys.exit("rrdtool is not installed: apt-get install rrdtool")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", action="append", help="SERIESxPOINTS; may be repeated (1000x600 and 10000x60)")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    check_peers()
    for text in arguments.load or ["1000x600", "10000x60"]:
        series, points = map(int, text.split("x"))
        results = collections.defaultdict(list)
        for _ in range(arguments.rounds):
            for peer in PEERS:
                results[peer].append(peer(Load(series, points)).run())
                print(".", end="", file=sys.stderr, flush=True)
        print(f"\n{series:,} metrics x {points} seconds, median of {arguments.rounds} rounds\n")
        print("| | synced before the answer | samples/s | first sample of each metric | bytes/sample kept "
              "| log besides |")
        print("|---|---|---|---|---|---|")
        for peer, runs in results.items():
            rate = statistics.median(run.rest_rate for run in runs)
            first = statistics.median(run.first_s for run in runs)
            kept = statistics.median(run.kept for run in runs) / (series * points)
            log = statistics.median(run.log for run in runs) / 1e6
            print(f"| {peer.name} | {peer.synced} | {rate:,.0f} | {first:.2f} s | {kept:.1f} | {log:.1f} MB |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
