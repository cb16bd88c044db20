"""Reads the server's own telemetry, and waits for what it shows."""

from tests.support import parts
from tests.support.http_client import HttpClient

WAIT_S = 60


def read(server):
    """Every series of /metrics by its name, labels included, as printed."""
    with HttpClient(server) as client:
        status, _, content = client.call("GET", "/metrics", headers={"Accept": "text/plain"})
    assert status == 200, content
    lines = content.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] not in ("#", ""))}


def wait_until(server, condition, what):
    """Until `condition(metrics)` holds; fails with the last values after WAIT_S."""
    seen = {}

    def holds():
        seen.clear()
        seen.update(read(server))
        return condition(seen)

    try:
        parts.wait_until(holds, what, WAIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen}") from error
    return seen
