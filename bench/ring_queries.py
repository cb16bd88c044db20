#!/usr/bin/env python3
"""Measures SQL over rings: one ring among very many, and all of the full ones.

Feeds a server of its own over HTTP: --full rings of 3,600 samples, and as many small ones of one sample as make
--metrics metrics in all. Checks counts and sums before a figure counts. Run it with build/venv/bin/python.
"""

import argparse
import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tests.support.varve_server import VarveServer  # noqa: E402

SLOTS = 3600
BEGIN = 1_700_000_000 // SLOTS * SLOTS
BATCH = 10_000

ONE = "FROM ring.samples WHERE metric_id = %s"
QUERIES = {
    "3,600 samples of one ring": f"SELECT ts, value {ONE}",
    "their mean": f"SELECT avg(value) {ONE}",
    "a minute of it": f"SELECT ts, value {ONE} AND ts BETWEEN {BEGIN + 600} AND {BEGIN + 659}",
    "mean per minute": f"SELECT ts_bucket(ts, 60), avg(value) {ONE} GROUP BY 1 ORDER BY 1",
    "differences": f"SELECT ts, diff(value, 1) OVER (ORDER BY ts) {ONE}",
    "mean, by the metric's name": "SELECT avg(value) FROM ring.samples JOIN ring.metrics m USING (metric_id) "
                                  "WHERE m.name = 'full_' || %s",
    "mean of all samples": "SELECT avg(value) FROM ring.samples WHERE %s > 0",
    "mean of all samples, by metric": "SELECT count(*) FROM (SELECT metric_id, avg(value) FROM ring.samples WHERE "
                                      "%s > 0 GROUP BY 1)",
    "number of metrics": "SELECT count(*) FROM ring.metrics WHERE %s > 0",
}
SLOW = ("mean of all samples", "mean of all samples, by metric", "number of metrics")


def post(connection, samples):
    body = ('{"samples":[' + ",".join(samples) + "]}").encode()
    connection.request("POST", "/ingest/batch", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text[:500]
    assert json.loads(text)["accepted"] == len(samples), text[:500]


def feed(server, full, metrics):
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
    names = [f"full_{i + 1}" for i in range(full)] + [f"small_{i + 1}" for i in range(metrics - full)]
    for begin in range(0, metrics, BATCH):
        post(connection, [
            f'{{"name":"{name}","tags":{{"host":"h{i % 1000}"}},"ts":{BEGIN},"value":1,"step":1,'
            f'"slots":{SLOTS if i < full else 16}}}'
            for i, name in enumerate(names[begin:begin + BATCH], begin)])
    began = time.monotonic()
    for metric in range(1, full + 1):
        post(connection, [f'{{"metric_id":{metric},"ts":{BEGIN + i},"value":{metric + i}}}' for i in range(SLOTS)])
    print(f"fed {full * SLOTS} samples in {time.monotonic() - began:.1f} s", file=sys.stderr)


def milliseconds(connection, sql, prepare, runs, metric):
    times = []
    for _ in range(runs):
        began = time.monotonic()
        connection.execute(sql, [metric], prepare=prepare).fetchall()
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def check(connection, full, metrics):
    total = full * SLOTS
    mean = (full + 1) / 2 + (SLOTS - 1) / 2
    rows, found = connection.execute(
        "SELECT count(*), avg(value) FROM ring.samples WHERE metric_id <= %s", [full]).fetchone()
    assert rows == total and abs(found - mean) < 1e-6, (rows, found, mean)
    assert connection.execute("SELECT count(*) FROM ring.samples").fetchone() == (total + metrics - full,)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", type=int, default=2000)
    parser.add_argument("--metrics", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=201)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, VarveServer(pathlib.Path(folder) / "data") as server:
        feed(server, arguments.full, arguments.metrics)
        with server.connect() as connection:
            check(connection, arguments.full, arguments.metrics)
            print("| query | simple | prepared |\n|---|---|---|")
            for name, sql in QUERIES.items():
                runs = 9 if name in SLOW else arguments.runs
                simple, prepared = (
                    milliseconds(connection, sql, prepare, runs, arguments.full // 2) for prepare in (False, True))
                print(f"| {name} | {simple:.2f} | {prepared:.2f} |")


if __name__ == "__main__":
    main()
