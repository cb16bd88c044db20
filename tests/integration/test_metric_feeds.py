"""Rings fed by those who speak other protocols: a real Prometheus, and real client libraries of InfluxDB."""

import json
import math
import warnings

import influxdb
import influxdb_client
import pytest
from influxdb_client.client.write_api import SYNCHRONOUS

from tests.support import remote_write
from tests.support.http_client import HttpClient
from tests.support.parts import free_port, wait_until
from tests.support.prometheus import QUEUE, Prometheus
from tests.support.varve_server import BY_HAND, VarveServer

CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: varve
    static_configs:
      - targets: [127.0.0.1:{varve}]
  - job_name: prometheus
    static_configs:
      - targets: [127.0.0.1:{prometheus}]
remote_write:
  - url: http://127.0.0.1:{varve}/api/v1/write?step=1&slots=600
"""
SAMPLES = """\
SELECT m.name, m.type, s.ts, s.value,
  coalesce((SELECT string_agg(t.tag_key || '=' || t.tag_value, ',' ORDER BY t.tag_key)
            FROM ring.metric_tags t WHERE t.metric_id = m.metric_id), '')
FROM ring.samples s JOIN ring.metrics m USING (metric_id)
"""


def rings(server, where="true"):
    """What the rings have: "name{tags}" -> {second: value}."""
    with server.connect() as connection:
        rows = connection.execute(f"{SAMPLES} WHERE {where}").fetchall()
    series = {}
    for name, _, second, value, tags in rows:
        series.setdefault(f"{name}{{{tags}}}", {})[second] = value
    return series


def types(server):
    with server.connect() as connection:
        return dict(connection.execute("SELECT DISTINCT name, type FROM ring.metrics").fetchall())


def newest(server, name, **tags):
    """The time of the newest sample of one metric; 0 where there is none."""
    conditions = "".join(
        f" AND EXISTS (SELECT 1 FROM ring.metric_tags t WHERE t.metric_id = m.metric_id"
        f" AND t.tag_key = '{key}' AND t.tag_value = '{value}')" for key, value in tags.items())
    with server.connect() as connection:
        return connection.execute(
            "SELECT coalesce(max(ts), 0) FROM ring.samples s JOIN ring.metrics m USING (metric_id)"
            f" WHERE name = '{name}'{conditions}").fetchone()[0]


def kept_by(prometheus, selector, until):
    """The same of Prometheus: the raw samples up to a second; of a second's several ones the last."""
    series = {}
    for result in prometheus.query(f"{selector}[10m]", until + 0.999):
        labels = result["metric"]
        name = labels.pop("__name__")
        points = {int(time): float(value) for time, value in result["values"] if math.isfinite(float(value))}
        if points:
            series[f"{name}{{{','.join(f'{key}={labels[key]}' for key in sorted(labels))}}}"] = points
    return series


@pytest.fixture
def scraped(tmp_path):
    """A server, and a Prometheus that scrapes it and itself and sends everything to it."""
    server = VarveServer(tmp_path / "data", {**BY_HAND, "http-port": free_port()})
    with server:
        prometheus = Prometheus("")
        config = CONFIG.format(varve=server.http_port, prometheus=prometheus.port) + QUEUE
        (prometheus.folder / "prometheus.yml").write_text(config)
        with prometheus:
            yield server, prometheus


def test_prometheus_sends_all_it_has_and_catches_up_after_a_kill(scraped):
    server, prometheus = scraped
    wait_until(lambda: newest(server, "up", job="varve"), "the first scrape of Varve is in a ring", 20)

    server.kill()
    missed = "count_over_time((up{job=\"varve\"} == 0)[1m:1s])"
    wait_until(lambda: (prometheus.value(missed) or 0) >= 3, "Prometheus finds Varve down", 20)
    server.start()
    # Up again in Prometheus, and everything up to then here: queued meanwhile, or sent since.
    wait_until(lambda: prometheus.value("up{job=\"varve\"}") == 1, "Prometheus finds Varve up", 20)
    until = int(prometheus.query("timestamp(up{job=\"varve\"})")[0]["value"][0])
    for job in ("varve", "prometheus"):
        wait_until(lambda job=job: newest(server, "up", job=job) > until + 1, f"Varve has caught up with {job}", 20)

    expected = kept_by(prometheus, "{job=~\".+\"}", until)
    assert len(expected) > 300  # Prometheus has some hundreds of series of its own, quantiles that are NaN too
    assert any(0 in points.values() for name, points in expected.items() if name.startswith("up{"))
    got = rings(server, f"s.ts <= {until}")
    assert got.keys() == expected.keys()
    for name, points in expected.items():
        assert got[name] == points, name

    kinds = types(server)
    assert kinds["prometheus_http_requests_total"] == kinds["prometheus_http_request_duration_seconds_bucket"] == 1
    assert kinds["up"] == kinds["go_goroutines"] == 0
    assert prometheus.value("sum(prometheus_remote_storage_samples_failed_total)") == 0
    assert prometheus.value("sum(prometheus_remote_storage_samples_dropped_total)") == 0


def post(server, path, body, headers):
    with HttpClient(server) as client:
        status, _, content = client.call("POST", path, body, headers)
    return status, content.decode()


def test_remote_write_answers_what_a_sender_must_know(shared_quiet_server):
    def send(body, **headers):
        return post(shared_quiet_server, "/api/v1/write", body, {**remote_write.HEADERS, **headers})

    good = remote_write.series(remote_write.labels("answers", {"a": "b"}), [(100, 1.5), (101.999, 2.5)])
    assert send(remote_write.body(good)) == (204, "")
    assert rings(shared_quiet_server, "m.name = 'answers'") == {"answers{a=b}": {100: 1.5, 101: 2.5}}

    # Older ones do no harm, a repeated one neither, and the newer value of a second counts.
    again = remote_write.series(remote_write.labels("answers", {"a": "b"}), [(99, 1), (101, 3.5)])
    assert send(remote_write.body(again))[0] == 204
    assert rings(shared_quiet_server, "m.name = 'answers'")["answers{a=b}"] == {99: 1, 100: 1.5, 101: 3.5}

    stale = remote_write.series(remote_write.labels("gone", {}), [(100, remote_write.STALE)])
    assert send(remote_write.body(stale)) == (204, "")
    assert rings(shared_quiet_server, "m.name = 'gone'") == {}

    assert send(b"no snappy")[0] == 400
    assert send(remote_write.body(b"\x0a\xff"))[0] == 400
    assert send(remote_write.varint(1 << 30) + b"x")[0] == 413
    assert send(remote_write.body(good), **{"Content-Type": "application/json"})[0] == 415
    version2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    assert send(remote_write.body(good), **{"Content-Type": version2})[0] == 415
    nameless = remote_write.series(remote_write.field(1, b"\x0a\x01a\x12\x01b"), [(100, 1)])
    status, text = send(remote_write.body(nameless, remote_write.series(remote_write.labels("beside", {}), [(5, 1)])))
    assert status == 400 and "no label __name__" in json.loads(text)["detail"]
    assert rings(shared_quiet_server, "m.name = 'beside'") == {"beside{}": {5: 1}}


def test_a_type_that_changes_its_mind_costs_no_sample(shared_quiet_server):
    labels = remote_write.labels("moody", {})
    for kind, second in ((remote_write.GAUGE, 1), (remote_write.COUNTER, 2)):
        body = remote_write.body(remote_write.series(labels, [(second, second)]), remote_write.metadata(kind, "moody"))
        assert post(shared_quiet_server, "/api/v1/write?step=1&slots=10", body, remote_write.HEADERS)[0] == 204
    assert rings(shared_quiet_server, "m.name = 'moody'") == {"moody{}": {1: 1, 2: 2}}
    assert types(shared_quiet_server)["moody"] == 0


def test_shape_of_new_metrics_is_an_option_and_of_a_request(tmp_path):
    with VarveServer(tmp_path / "data", {"ring-default-step": 10, "ring-default-slots": 30}) as server:
        for query in ("", "?slots=7", "?step=60&slots=5"):
            line = f"m{len(query)} value=1 100000000000"
            assert post(server, "/write" + query, line.encode(), {})[0] == 204
        with server.connect() as connection:
            shapes = connection.execute("SELECT step, slots FROM ring.metrics ORDER BY metric_id").fetchall()
    assert shapes == [(10, 30), (10, 7), (60, 5)]


@pytest.mark.parametrize("gzip", [False, True])
def test_client_of_influxdb_1(shared_quiet_server, gzip):
    name = f"influx_one_{gzip}"
    client = influxdb.InfluxDBClient("127.0.0.1", shared_quiet_server.http_port, database="any", gzip=gzip)
    assert client.ping() == "varve"
    points = [
        {"measurement": name, "tags": {"host": "a b", "zone": "x,y=z"}, "time": 100 + second,
         "fields": {"user": 1.5 * second, "count": second, "on": second % 2 == 0, "text": "left \"out\", = "}}
        for second in range(50)
    ]
    assert client.write_points(points, time_precision="s")
    tags = "host=a b,zone=x,y=z"
    assert rings(shared_quiet_server, f"m.name LIKE '{name}%'") == {
        f"{name}_user{{{tags}}}": {100 + s: 1.5 * s for s in range(50)},
        f"{name}_count{{{tags}}}": {100 + s: s for s in range(50)},
        f"{name}_on{{{tags}}}": {100 + s: float(s % 2 == 0) for s in range(50)},
    }
    with pytest.raises(influxdb.exceptions.InfluxDBClientError, match="unable to parse line 2, 'bad line'"):
        client.write([f"{name} user=1 5", "bad line"], {"precision": "s"}, protocol="line")
    client.close()


@pytest.mark.parametrize("gzip", [False, True])
def test_client_of_influxdb_2(shared_quiet_server, gzip):
    name = f"influx_two_{gzip}"
    url = f"http://127.0.0.1:{shared_quiet_server.http_port}"
    with influxdb_client.InfluxDBClient(url, token="any", org="any", enable_gzip=gzip) as client:
        assert client.ping() and client.version() == "varve"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert client.health().status == "pass"
        points = [
            influxdb_client.Point(name).tag("host", "a").field("value", 2.5 * s).field("n", s)
            .time(1_700_000_000_500_000_000 + s * 1_000_000_000) for s in range(1000)
        ]
        with client.write_api(write_options=SYNCHRONOUS) as api:
            api.write("any", record=points)
            with pytest.raises(influxdb_client.rest.ApiException) as error:
                api.write("any", record="bad line")
            assert error.value.status == 400 and "unable to parse line 1" in error.value.message
        with client.write_api() as api:  # in the background, in batches
            api.write("any", record=influxdb_client.Point(name).field("late", 7).time(1_700_000_000, "s"))
    second = 1_700_000_000
    assert rings(shared_quiet_server, f"m.name LIKE '{name}%'") == {
        f"{name}{{host=a}}": {second + s: 2.5 * s for s in range(1000)},
        f"{name}_n{{host=a}}": {second + s: s for s in range(1000)},
        f"{name}_late{{}}": {second: 7},
    }
