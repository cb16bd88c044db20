"""Kills the server while rings and dashboards are written, and checks every promise about them."""

import http.client
import os
import random
import time

import pytest

from tests.crash import ring_workload, rounds
from tests.crash.ledger import Violation
from tests.crash.ring_workload import COUNTER, GAUGE, Client, Holdings, Ring
from tests.support.http_client import HttpClient
from tests.support.varve_server import VarveServer

FAULT_POINTS = [
    "log.after_write",
    "log.after_sync",
    "ring.after_sync",
    "ring.before_checkpoint",
    "ring.after_checkpoint",
    "ring.mid_drop",
    "ring.mid_reshape",
    "dashboards.after_file",
]
KILLS = max(len(FAULT_POINTS), int(os.environ.get("VARVE_CRASH_KILLS", "26")) * 2 // 3)
SEED = int(os.environ.get("VARVE_CRASH_SEED", time.time_ns() % 1_000_000))
FAULT_TIMEOUT_S = 60
OPTIONS = {"log-max-mb": 16, "ring-checkpoint-secs": 1, "flush-interval-secs": 1, "shutdown-grace-secs": 5}


def check(server, clients):
    found = ring_workload.look(server)
    for client in clients:
        client.check(found.pop(client.number, ring_workload.nothing()))
    assert not found, f"metrics or dashboards of nobody: {found}"


def one_round(server, clients, dice, fault):
    """Starts, checks what the last kill left, writes, and dies at `fault` (None: at a random moment)."""
    fault = rounds.start(server, fault, dice)
    try:
        check(server, clients)
    except (OSError, http.client.HTTPException):  # Reached by the checkpoint that follows the start.
        rounds.wait_for_fault(server, fault, FAULT_TIMEOUT_S)
        server.kill()
        return clients
    clients = [client.restarted(server) for client in clients]
    rounds.run_until_killed(server, clients, fault, dice.uniform(0.02, 1.5), FAULT_TIMEOUT_S)
    return clients


@pytest.mark.timeout(120 + KILLS * 30)
def test_rings_keep_what_was_acknowledged(tmp_path):
    dice = random.Random(SEED)
    clients = [Client(number, dice.random()) for number in range(4)]
    server = VarveServer(tmp_path / "data", OPTIONS)
    plan = rounds.kill_plan(FAULT_POINTS, KILLS, dice)
    with rounds.explained(server, SEED):
        for number, fault in enumerate(plan):
            print(f"kill {number + 1}/{len(plan)}: {fault or 'random moment'}", flush=True)
            clients = one_round(server, clients, dice, fault)
        for _ in range(2):  # After the last kill, and after a clean stop.
            server.start()
            check(server, clients)
            server.stop()
    changes = {what: sum(client.changes[what] for client in clients) for what in clients[0].changes}
    print(f"{len(plan)} kills, {changes}")
    assert min(changes.values()) > len(plan), f"the clients hardly did anything: {changes}"


@pytest.mark.parametrize(("change", "fault"), [
    ("drop", "log.after_write"), ("drop", "log.after_sync"), ("drop", "ring.mid_drop"),
    ("reshape", "log.after_write"), ("reshape", "log.after_sync"), ("reshape", "ring.mid_reshape"),
])
def test_a_drop_or_reshape_happens_whole_or_not_at_all(tmp_path, change, fault):
    """What was killed while it was applied is made whole by the replay, and stays so."""
    with VarveServer(tmp_path / "data", {"flush-interval-secs": 3600}) as server:
        before, after = Holdings(), Holdings()
        before.rings["crash.0.0"] = ring = Ring(GAUGE, 1, 300)
        samples = [{"name": "crash.0.0", "ts": ts, "value": ts / 2, "slots": 300} for ts in range(1000, 1400)]
        for sample in samples:
            ring.put(sample["ts"], sample["value"])
        if change == "reshape":
            after.rings["crash.0.0"] = ring.reshaped(10, 40)
        with HttpClient(server) as calls:
            calls.ok("POST", "/ingest/batch", {"samples": samples})
            metric = calls.ok("GET", "/metrics")["metrics"][0]["metric_id"]
        server.stop()
        server.start({"VARVE_FAULT": fault})
        with HttpClient(server) as calls, pytest.raises((OSError, http.client.HTTPException)):
            if change == "drop":
                calls.ok("DELETE", f"/metrics/{metric}")
            else:
                calls.ok("POST", f"/metrics/{metric}/retention", {"step": 10, "slots": 40})
        rounds.wait_for_fault(server, fault, FAULT_TIMEOUT_S)
        server.kill()
        # A record that was written and not synced may count or not; one that was synced counts.
        allowed = [after.described()] + [before.described()] * (fault == "log.after_write")
        for _ in range(2):
            server.start()
            found = ring_workload.look(server).get(0, ring_workload.nothing())
            assert found in allowed, ring_workload.difference(allowed[0], found)
            allowed = [found]
            server.kill()
        server.start()


def test_the_model_sees_each_kind_of_broken_promise():
    """The checker itself: it must be able to fail."""
    ring = Ring(GAUGE, 10, 3)
    assert [ring.put(ts, value) for ts, value in ((100, 1), (109, 2), (130, 3), (100, 4))] == [True, True, True, False]
    assert ring.points() == [(130, 3)]
    assert ring.put(125, 5)
    assert ring.reshaped(1, 2).points() == [(130, 3)]
    assert ring.reshaped(100, 5).points() == [(100, 3)]

    board = ("crash-0-0", ["t", {"a": 1}])

    def found(shape=(GAUGE, 10, 3), points=((120, 5), (130, 3)), dashboards=(board,), **more):
        return {"rings": {"crash.0.0": (shape, list(points))} | more, "dashboards": dict(dashboards)}

    def client(dropping=False, saving=False):
        one = Client(0, 1)
        one.held.rings["crash.0.0"] = ring
        one.held.dashboards["crash-0-0"] = ["t", {"a": 1}]
        if dropping or saving:
            one.pending = Holdings()
            one.pending.rings = {} if dropping else dict(one.held.rings)
            one.pending.dashboards = {"crash-0-0": ["t", {"a": 2}]} if saving else dict(one.held.dashboards)
        return one

    client().check(found())
    for bad in (
        ring_workload.nothing(),
        found(points=[(130, 3)]),
        found(points=[(120, 5), (130, 4)]),
        found(points=[(110, 2), (120, 5), (130, 3)]),
        found(shape=(GAUGE, 10, 4)),
        found(shape=(COUNTER, 10, 3)),
        found(**{"crash.0.1": ((GAUGE, 1, 3), [])}),
        found(dashboards=[]),
        found(dashboards=[("crash-0-0", ["t", {"a": 2}])]),
        found(dashboards=[board, ("crash-0-1", ["t", 1])]),
    ):
        with pytest.raises(Violation):
            client().check(bad)
    # A change without an answer: there or not, but not half, and from then on one of them.
    gone = found()
    gone["rings"] = {}
    saved = found(dashboards=[("crash-0-0", ["t", {"a": 2}])])
    for change, other in (({"dropping": True}, gone), ({"saving": True}, saved)):
        for first, second in ((other, found()), (found(), other)):
            one = client(**change)
            one.check(first)
            with pytest.raises(Violation):
                one.check(second)
