"""Rings of a real server: restart, checkpoint, log, options, and the collector of the machine's metrics."""

import pathlib
import shutil
import subprocess
import time

import pytest

from tests.support import metrics
from tests.support.http_client import HttpClient, ask, points
from tests.support.parts import wait_until
from tests.support.varve_server import StartFailed, VarveServer, binary


def job_runs(server, name):
    with server.connect() as connection:
        return connection.execute("SELECT runs FROM varve.jobs WHERE name = %s", (name,)).fetchone()[0]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_rings_are_there_after_a_restart(tmp_path, end):
    server = VarveServer(tmp_path / "data", {"ring-default-step": 2, "ring-default-slots": 5})
    with server:
        metric = ask(server, "POST", "/ingest/gauge", {"name": "t", "ts": 100, "value": 1.5})["metric_id"]
        for ts in range(101, 121):
            ask(server, "POST", "/ingest/gauge", {"metric_id": metric, "ts": ts, "value": ts / 4})
        gone = ask(server, "POST", "/ingest/counter", {"name": "gone", "ts": 100, "raw_value": 1})["metric_id"]
        ask(server, "DELETE", f"/metrics/{gone}")
        expected = [(ts, (ts + 1) / 4) for ts in range(112, 120, 2)] + [(120, 30)]
        assert points(server, metric) == expected
        for _ in range(2):
            getattr(server, end)()
            server.start()
            assert points(server, metric) == expected
            found = ask(server, "GET", "/metrics")["metrics"]
            assert [(m["metric_id"], m["step"], m["slots"]) for m in found] == [(metric, 2, 5)]
            with HttpClient(server) as client:
                client.refused(404, "DELETE", f"/metrics/{gone}")
        again = ask(server, "POST", "/ingest/gauge", {"name": "gone", "ts": 100, "value": 1})["metric_id"]
        assert again > gone


def test_a_clean_stop_leaves_nothing_to_replay_and_the_log_names_changes_of_rings(tmp_path):
    with VarveServer(tmp_path / "data") as server:
        for i in range(20):
            ask(server, "POST", "/ingest/gauge", {"name": f"m{i}", "ts": 100, "value": i})
        server.kill()
        shown = subprocess.run([binary(), "log", "inspect", tmp_path / "data" / "log"], capture_output=True, text=True)
        assert shown.returncode == 0
        assert shown.stdout.count("type=ring_samples") == 20
        server.start()
        wait_until(lambda: "log replayed: 0 rows and 20 samples" in server.stderr(), "20 samples replayed")
        server.stop()
        server.start()
        wait_until(lambda: "log replayed: 0 rows and 0 samples" in server.stderr(), "nothing replayed")


def test_checkpoints_by_interval_let_the_log_go(tmp_path):
    options = {"ring-checkpoint-secs": 1, "log-max-mb": 16, "flush-interval-secs": 3600}
    with VarveServer(tmp_path / "data", options) as server:
        # More than the log may hold, with nothing else that would cut it.
        batch = [{"name": f"m{i}", "ts": 0, "value": 0, "slots": 60} for i in range(2000)]
        written = 0
        for ts in range(1, 1200):
            for sample in batch:
                sample["ts"], sample["value"] = ts, written * 1.000001
                written += 1
            ask(server, "POST", "/ingest/batch", {"samples": batch})
            if written * 16 > 2.2 * 16 * 2**20:
                break
        assert written * 16 > 2 * 16 * 2**20
        assert job_runs(server, "ring-checkpoint") > 1
        with server.connect() as connection:
            rows = dict(connection.execute("SELECT property, value FROM varve.log").fetchall())
            assert int(rows["disk_bytes"]) <= 16 * 2**20
            errors = connection.execute("SELECT last_error FROM varve.jobs WHERE last_error <> ''").fetchall()
            assert errors == []
        telemetry = metrics.read(server)
        assert telemetry["varve_ring_metrics"] == 2000
        assert telemetry["varve_ring_samples_total"] == written
        assert telemetry["varve_ring_checkpoints_total"] >= 1
        assert telemetry["varve_ring_bytes"] == 2000 * 60 * 16


def refused_start(server):
    """What it says about it."""
    with pytest.raises(StartFailed) as failed:
        server.start()
    return str(failed.value)


@pytest.mark.parametrize("loss", ["missing", "emptied"])
def test_rings_that_are_lost_are_missed(tmp_path, loss):
    data = tmp_path / "data"
    with VarveServer(data) as server:
        first = ask(server, "POST", "/ingest/gauge", {"name": "a", "ts": 100, "value": 1})["metric_id"]
        server.stop()
        server.start()
        server.stop()  # The log is cut: only the rings have the metric.
        shown = subprocess.run([binary(), "log", "inspect", data / "log"], capture_output=True, text=True)
        assert "ring_samples" not in shown.stdout
        (data / "rings").rename(data / "kept")
        if loss == "emptied":
            (data / "rings").mkdir()
        said = refused_start(server)
        assert f"{data}/rings/checkpoint is missing" in said and "is their volume mounted?" in said, said
        if loss == "emptied":
            assert list((data / "rings").iterdir()) == []  # nothing was made in a folder to be mounted
            (data / "rings").rmdir()
        (data / "kept").rename(data / "rings")
        server.start()
        assert points(server, first) == [(100, 1)]


def test_rings_that_the_whole_log_makes_again_may_be_missing(tmp_path):
    with VarveServer(tmp_path / "data", {"ring-checkpoint-secs": 1}) as server:
        metric = ask(server, "POST", "/ingest/gauge", {"name": "a", "ts": 100, "value": 1})["metric_id"]
        wait_until(lambda: (tmp_path / "data" / "flushed" / "rings-checkpoint").exists(), "a note of a checkpoint")
        server.kill()
        shutil.rmtree(tmp_path / "data" / "rings")
        server.start()
        assert points(server, metric) == [(100, 1)]


def test_a_data_folder_from_before_there_were_rings(tmp_path):
    data = tmp_path / "data"
    with VarveServer(data) as server:
        for _ in range(2):
            with server.connect() as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS t (timestamp timestamptz, value float8)")
                connection.execute("INSERT INTO t VALUES ('2026-01-01 00:00:00+00', 1)")
            server.stop()
            server.start()
        server.stop()
        shown = subprocess.run([binary(), "log", "inspect", data / "log"], capture_output=True, text=True)
        assert "lsn=1 " not in shown.stdout, shown.stdout
        shutil.rmtree(data / "rings")
        assert not (data / "flushed" / "rings-checkpoint").exists()
        server.start()
        assert ask(server, "GET", "/metrics")["metrics"] == []


def test_no_more_metrics_than_allowed(tmp_path):
    with VarveServer(tmp_path / "data", {"ring-metrics-max": 2}) as server:
        for name in "ab":
            ask(server, "POST", "/ingest/gauge", {"name": name, "ts": 1, "value": 1})
        with HttpClient(server) as client:
            status, answer = client.json("POST", "/ingest/gauge", {"name": "c", "ts": 1, "value": 1})
        assert status == 400 and "there are 2 metrics, and at most 2" in answer["detail"], (status, answer)
        ask(server, "POST", "/ingest/gauge", {"name": "a", "ts": 2, "value": 1})
        # Fewer than there are already stops no start.
        server.kill()
        server.options["ring-metrics-max"] = 1
        server.start()
        ask(server, "POST", "/ingest/gauge", {"name": "a", "ts": 3, "value": 1})


GAUGE, COUNTER = 0, 1
HOST_METRICS = {
    "cpu_percent": GAUGE,
    "load_avg_1m": GAUGE,
    "mem_used_percent": GAUGE,
    "disk_used_percent": GAUGE,
    "disk_read_bytes": COUNTER,
    "disk_write_bytes": COUNTER,
    "net_bytes_sent": COUNTER,
    "net_bytes_recv": COUNTER,
}


def test_the_machine_is_collected_once_a_second(tmp_path):
    with VarveServer(tmp_path / "data", {"collect-host": "true"}) as server:
        with open("/proc/sys/kernel/hostname", encoding="utf-8") as file:
            host = file.read().strip()
        begun = int(time.time())
        wait_until(lambda: len(ask(server, "GET", "/metrics")["metrics"]) == len(HOST_METRICS), "every metric")
        found = ask(server, "GET", "/metrics")["metrics"]
        assert {m["name"]: m["type"] for m in found} == HOST_METRICS
        assert all(m["tags"] == {"host": host} for m in found)
        load = next(m["metric_id"] for m in found if m["name"] == "load_avg_1m")
        wait_until(lambda: len(points(server, load)) >= 3, "three seconds")
        times = [ts for ts, _ in points(server, load)]
        assert begun - 2 <= times[0] and times[-1] <= time.time()
        for metric in found:
            if metric["name"].endswith("percent"):
                assert all(0 <= value <= 100 for _, value in points(server, metric["metric_id"]))
        assert "collect-host" not in server.stderr()


def threads(server):
    """Names of the threads of the process."""
    return {path.read_text().strip() for path in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/comm")}


def test_nothing_is_collected_unless_asked(tmp_path):
    with VarveServer(tmp_path / "asked", {"collect-host": "true"}) as server:
        wait_until(lambda: "collect-host" in threads(server), "the collector's thread")
    with VarveServer(tmp_path / "data") as server:
        assert "collect-host" not in threads(server)
        assert ask(server, "GET", "/metrics")["metrics"] == []
