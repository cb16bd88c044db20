"""Reads the server's own telemetry, and waits for what it shows."""

import time
import urllib.request

WAIT_S = 60


def read(server):
    """Every series of /metrics by its name, labels included, as printed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] not in ("#", ""))}


def wait_until(server, condition, what):
    """Until `condition(metrics)` holds; fails with the last values after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while True:
        metrics = read(server)
        if condition(metrics):
            return metrics
        assert time.monotonic() < deadline, f"{what} did not happen in {WAIT_S} s: {metrics}"
        time.sleep(0.02)
