"""Every HTTP call on rings and dashboards over a real server, and every error that is promised."""

import json
import urllib.parse

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser

from tests.support import remote_write
from tests.support.http_client import HttpClient, ask
from tests.support.varve_server import StartFailed, VarveServer

T0 = 1_700_000_000
GAUGE, COUNTER = 0, 1
MB = 1 << 20


@pytest.fixture
def client(shared_server):
    with HttpClient(shared_server) as client:
        yield client


def gauge(client, name, ts=T0, value=1.0, **more):
    return client.ok("POST", "/ingest/gauge", {"name": name, "ts": ts, "value": value, **more})["metric_id"]


def counter(client, name, samples, **more):
    for ts, value in samples:
        body = {"name": name, "ts": ts, "raw_value": value, **more}
        found = client.ok("POST", "/ingest/counter", body)["metric_id"]
    return found


def series(client, metric, **query):
    rows = client.ok("GET", f"/metrics/{metric}/series?{urllib.parse.urlencode(query)}")["rows"]
    return [(row["bucket"], row["value"]) for row in rows]


def metric_of(client, metric):
    return next(m for m in client.ok("GET", "/metrics")["metrics"] if m["metric_id"] == metric)


# --- ingest -----------------------------------------------------------------------------------------


def test_gauge(client):
    answer = client.ok("POST", "/ingest/gauge", {"name": "g.one", "tags": {"host": "a"}, "ts": T0, "value": 2})
    metric = answer["metric_id"]
    assert answer == {"status": "ok", "metric_id": metric, "timestamp": T0}
    assert client.ok("POST", "/ingest/gauge", {"metric_id": metric, "ts": T0 + 1, "value": -2.5e-3}) == {
        "status": "ok", "metric_id": metric, "timestamp": T0 + 1}
    assert series(client, metric) == [(T0, 2), (T0 + 1, -0.0025)]
    # The same second: the last one stays.
    gauge(client, "g.one", T0, 7, tags={"host": "a"})
    assert series(client, metric)[0] == (T0, 7)


def test_counter_and_type_of_a_metric(client):
    metric = counter(client, "c.one", [(T0, 5)])
    assert metric_of(client, metric)["type"] == COUNTER
    detail = client.refused(400, "POST", "/ingest/gauge", {"name": "c.one", "ts": T0, "value": 1})
    assert "is a counter, not a gauge" in detail
    for kind in (COUNTER, "counter", None):
        body = {"samples": [{"name": "c.one", "type": kind, "ts": T0 + 1, "value": 6}]}
        assert client.ok("POST", "/ingest/batch", body)["accepted"] == 1
    for kind in (GAUGE, "gauge", 2, "1", True):
        body = {"samples": [{"name": "c.one", "type": kind, "ts": T0 + 1, "value": 6}]}
        client.refused(400, "POST", "/ingest/batch", body)
    client.refused(400, "POST", "/ingest/counter", {"name": "c.one", "ts": T0, "value": 1})


def test_batch_counts_what_is_stale(client):
    metric = gauge(client, "b.stale", T0 + 10, 1, step=1, slots=10)
    samples = [
        {"metric_id": metric, "ts": T0, "value": 9},  # the slot holds T0 + 10
        {"metric_id": metric, "ts": T0 + 11, "value": 2},
        {"name": "b.new", "type": "counter", "ts": T0, "value": 3, "tags": {"k": "v"}},
    ]
    assert client.ok("POST", "/ingest/batch", {"samples": samples}) == {"status": "ok", "accepted": 2, "stale": 1}
    assert series(client, metric) == [(T0 + 10, 1), (T0 + 11, 2)]
    assert client.ok("POST", "/ingest/batch", {"samples": []}) == {"status": "ok", "accepted": 0, "stale": 0}
    one = client.ok("POST", "/ingest/gauge", {"metric_id": metric, "ts": T0, "value": 9})
    assert one == {"status": "ok", "metric_id": metric, "timestamp": T0, "stale": True}


def test_a_batch_is_bounded(client):
    one = '{"name":"b.most","ts":%d,"value":1},' % T0
    most = '{"samples":[' + one * 249_999
    last = one.rstrip(",") + "]}"
    assert client.ok("POST", "/ingest/batch", most + last)["accepted"] == 250_000
    assert "at most 250000" in client.refused(413, "POST", "/ingest/batch", most + one + last)
    many = "{" + ",".join(f'"f{i}":0' for i in range(1_000_000)) + "}"
    assert "at most 64 fields" in client.refused(400, "POST", "/ingest/batch", many)


def test_a_limit_that_waiting_does_not_lift_is_400(tmp_path):
    with VarveServer(tmp_path / "data", {"ring-metrics-max": 2}) as server:
        client = HttpClient(server)
        for name in "ab":
            gauge(client, name)
        status, headers, content = client.call("POST", "/ingest/gauge", {"name": "c", "ts": T0, "value": 1})
        assert (status, headers["Retry-After"]) == (400, None)
        assert "there are 2 metrics" in json.loads(content)["detail"]
        # A remote write loses what would be new, and only that.
        known, fresh = (remote_write.series(remote_write.labels(name, {}), [(T0 + 1, 5)]) for name in "ac")
        status, _, content = client.call("POST", "/api/v1/write", remote_write.body(fresh, known), remote_write.HEADERS)
        assert status == 400 and "1 samples refused, the others written" in json.loads(content)["detail"]
        metric = client.ok("POST", "/metrics/lookup", {"name": "a"})["metrics"][0]["metric_id"]
        assert len(client.ok("GET", "/metrics")["metrics"]) == 2
        assert series(client, metric) == [(T0, 1), (T0 + 1, 5)]


def test_batch_is_all_or_nothing(client):
    metric = gauge(client, "b.atomic", T0, 1)
    samples = [
        {"metric_id": metric, "ts": T0 + 1, "value": 2},
        {"name": "b.atomic.new", "ts": T0, "value": 2},
        {"metric_id": metric, "ts": T0 + 2, "value": "2"},
    ]
    detail = client.refused(400, "POST", "/ingest/batch", {"samples": samples})
    assert "samples[2]" in detail and "value" in detail
    samples[2] = {"name": "b.atomic", "type": "counter", "ts": T0, "value": 2}
    client.refused(400, "POST", "/ingest/batch", {"samples": samples})
    assert series(client, metric) == [(T0, 1)]
    assert client.ok("POST", "/metrics/lookup", {"name": "b.atomic.new"})["metrics"] == []


def test_contradictions_are_refused(client):
    metric = gauge(client, "contra", tags={"host": "a"}, step=10, slots=60)
    good = {"metric_id": metric, "ts": T0, "value": 1}
    client.ok("POST", "/ingest/gauge", {**good, "name": "contra", "tags": {"host": "a"}, "step": 10, "slots": 60})
    for wrong in ({"name": "other"}, {"tags": {"host": "b"}}, {"step": 1}, {"slots": 61}):
        assert client.refused(400, "POST", "/ingest/gauge", {**good, **wrong})
    by_name = {"name": "contra", "tags": {"host": "a"}, "ts": T0, "value": 1, "step": 1}
    client.refused(400, "POST", "/ingest/gauge", by_name)
    client.refused(404, "POST", "/ingest/gauge", {**good, "metric_id": 4_000_000_000})


BAD_GAUGES = [
    ("{", "malformed JSON"),
    ("", "malformed JSON"),
    ("[]", "object"),
    ('{"name":"x","ts":1,"value":1} x', "malformed JSON"),
    ('{"ts":1,"value":1}', "metric_id or name"),
    ('{"name":"x","value":1}', "ts: required"),
    ('{"name":"x","ts":1}', "value: required"),
    ('{"name":"x","ts":1,"valeu":1}', "value: required"),
    ('{"name":"x","ts":1.5,"value":1}', "ts: must be an integer"),
    ('{"name":"x","ts":"1","value":1}', "ts: must be an integer"),
    ('{"name":"x","ts":true,"value":1}', "ts: must be an integer"),
    ('{"name":"x","ts":1,"value":"1"}', "value: must be a number"),
    ('{"name":"x","ts":1,"value":null}', "value: must be a number"),
    ('{"name":"x","ts":1,"value":NaN}', "malformed JSON"),
    ('{"name":"x","ts":1,"value":Infinity}', "malformed JSON"),
    ('{"name":"x","ts":1,"value":1e999}', "malformed JSON"),
    ('{"name":"x","ts":123456789012345678901234567890,"value":1}', "ts: must be an integer"),
    ('{"name":"x","ts":1,"value":%s}' % ("9" * 400), "malformed JSON"),
    ('{"name":"x","ts":1,"ts":2,"value":1}', "ts: is there twice"),
    ('{"name":"","ts":1,"value":1}', "name: must not be empty"),
    ('{"name":7,"ts":1,"value":1}', "name: must be a string"),
    ('{"name":"a\\u0000b","ts":1,"value":1}', "NUL"),
    ('{"name":"\\ud800","ts":1,"value":1}', "malformed JSON"),
    (b'{"name":"\xff","ts":1,"value":1}', "malformed JSON"),
    ('{"name":"x","ts":1,"value":1,"tags":{"a":1}}', "must be a string"),
    ('{"name":"x","ts":1,"value":1,"tags":{"a":"1","a":"2"}}', "twice"),
    ('{"name":"x","ts":1,"value":1,"tags":["a"]}', "tags: must be an object"),
    ('{"name":"x","ts":1,"value":1,"step":0}', "step: must be from 1"),
    ('{"name":"x","ts":1,"value":1,"slots":16777217}', "slots: must be from 1"),
    ('{"name":"x","ts":1,"value":1,"type":"counter"}', "type: contradicts"),
    ('{"metric_id":0,"ts":1,"value":1}', "metric_id: must be from 1"),
    ('{"metric_id":-1,"ts":1,"value":1}', "metric_id: must be from 1"),
    ('{"name":"x","ts":1,"value":1,"deep":' + "[" * 100 + "]" * 100 + "}", "malformed JSON"),
]


@pytest.mark.parametrize(("body", "words"), BAD_GAUGES)
def test_bad_samples(client, body, words):
    assert words in client.refused(400, "POST", "/ingest/gauge", body)


def test_integers_of_any_length(client):
    metric = gauge(client, "long", T0, 123456789012345678901234567890)
    assert series(client, metric) == [(T0, 123456789012345678901234567890.0)]


def test_unknown_fields_and_nulls_are_passed_over(client):
    body = {"name": "extra", "ts": T0, "value": 1, "unit": {"a": [1]}, "metric_id": None, "tags": None, "step": None}
    assert client.ok("POST", "/ingest/gauge", body)["status"] == "ok"


def test_names_and_tags_of_any_text(client):
    name, tags = "näme \"q\" \\ 日本 \n", {"kéy": "väl\t\U0001f600", "a": ""}
    metric = gauge(client, name, tags=tags)
    listed = metric_of(client, metric)
    assert (listed["name"], listed["tags"]) == (name, tags)
    found = client.ok("POST", "/metrics/lookup", {"name": name, "tags": {"kéy": tags["kéy"]}})["metrics"]
    assert [m["metric_id"] for m in found] == [metric]


# --- metrics ----------------------------------------------------------------------------------------


def test_list_lookup_names_and_tag_values(client):
    ids = [gauge(client, "look.cpu", tags={"host": host, "dc": "x"}, step=5, slots=7) for host in "abc"]
    assert metric_of(client, ids[0]) == {"metric_id": ids[0], "name": "look.cpu", "tags": {"dc": "x", "host": "a"},
                                         "type": GAUGE, "step": 5, "slots": 7}
    assert client.ok("GET", f"/metrics/{ids[0]}") == metric_of(client, ids[0])
    found = client.ok("POST", "/metrics/lookup", {"name": "look.cpu", "tags": {"host": "b"}})
    assert [m["metric_id"] for m in found["metrics"]] == [ids[1]]
    assert (found["hit_limit"], found["limit"]) == (False, 200)
    found = client.ok("POST", "/metrics/lookup", {"tags": {"dc": "x"}, "limit": 2})
    assert [m["metric_id"] for m in found["metrics"]] == ids[:2]
    assert (found["hit_limit"], found["limit"]) == (True, 2)
    found = client.ok("POST", "/metrics/lookup", {"name": "look.cpu", "limit": 3})
    assert (len(found["metrics"]), found["hit_limit"]) == (3, False)
    assert client.ok("POST", "/metrics/lookup", {"limit": 100000})["limit"] == 2000
    assert client.ok("POST", "/metrics/lookup", {"name": "nothing"})["metrics"] == []
    assert client.ok("POST", "/metrics/lookup")["limit"] == 200
    names = client.ok("GET", "/metrics/names")["names"]
    assert "look.cpu" in names and names == sorted(names)
    assert client.ok("POST", "/metrics/tag-values", {"name": "look.cpu"}) == {
        "tags": {"dc": ["x"], "host": ["a", "b", "c"]}}
    assert client.ok("POST", "/metrics/tag-values", {"name": "nothing"}) == {"tags": {}}
    assert client.ok("POST", "/metrics/tag-values")["tags"]["dc"] == ["x"]


def test_bad_lookups(client):
    for body in ({"limit": 0}, {"limit": -1}, {"limit": "2"}, {"name": 1}, {"tags": {"a": 1}}, []):
        client.refused(400, "POST", "/metrics/lookup", body)
    client.refused(400, "POST", "/metrics/tag-values", {"name": []})


def test_accept_decides_what_metrics_are(client):
    def content_type(accept):
        status, headers, _ = client.call("GET", "/metrics", headers={"Accept": accept} if accept else {})
        assert status == 200
        return headers["Content-Type"].split(";")[0]

    for accept in ("", "*/*", "application/json", "application/*", "text/html, */*",
                   "text/plain;q=0.5, application/json",
                   "text/plain;q=0", "application/json, text/plain"):
        assert content_type(accept) == "application/json", accept
    for accept in ("text/plain", "text/*", "text/plain, application/json;q=0.9",
                   "application/openmetrics-text;q=0.5, text/plain;q=0.75"):
        assert content_type(accept) == "text/plain", accept
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    for accept in ("application/openmetrics-text", prometheus):
        assert content_type(accept) == "application/openmetrics-text", accept
    _, headers, text = client.call("GET", "/metrics", headers={"Accept": prometheus})
    assert "version=1.0.0" in headers["Content-Type"] and text.endswith(b"\n# EOF\n")
    families = list(openmetrics_parser.text_string_to_metric_families(text.decode()))
    assert {"varve_http_answers", "varve_http_connections"} <= {family.name for family in families}
    assert all(family.type in ("counter", "gauge") for family in families)


def test_series_of_a_gauge(client):
    metric = gauge(client, "s.gauge", T0, 1)
    for ts, value in ((1, 2), (59, 6), (60, 10), (200, -1)):
        gauge(client, "s.gauge", T0 + ts, value)
    assert T0 % 20 == 0
    assert series(client, metric) == [(T0, 1), (T0 + 1, 2), (T0 + 59, 6), (T0 + 60, 10), (T0 + 200, -1)]
    assert series(client, metric, bucket=60) == [(T0 - 20, 1.5), (T0 + 40, 8), (T0 + 160, -1)]
    assert series(client, metric, start_ts=T0 + 1, end_ts=T0 + 59) == [(T0 + 1, 2), (T0 + 59, 6)]
    assert series(client, metric, start_ts=T0 + 300) == []
    assert series(client, metric, bucket=2**63 - 1) == [(0, 3.6)]


def test_series_of_a_counter(client):
    metric = counter(client, "s.counter", [(T0, 100), (T0 + 5, 160), (T0 + 10, 260), (T0 + 20, 5), (T0 + 40, 45)])
    assert series(client, metric, bucket=10) == [(T0, None), (T0 + 10, 10.0), (T0 + 20, None), (T0 + 40, 2.0)]


def test_bad_series(client):
    metric = gauge(client, "s.bad")
    for query in ("start_ts=2&end_ts=1", "bucket=0", "bucket=-1", "bucket=x", "start_ts=1.5", "start_ts=",
                  "bucket=1&bucket=2",
                  "end_ts=99999999999999999999", "bucket=%zz"):
        client.refused(400, "GET", f"/metrics/{metric}/series?{query}")
    client.refused(404, "GET", "/metrics/4000000000/series")
    for bad in ("x", "0", "-1", "4294967296", "1%00"):
        client.refused(400, "GET", f"/metrics/{bad}/series")


def test_retention(client):
    metric = gauge(client, "ret", T0, 1, step=1, slots=100)
    for i in range(1, 20):
        gauge(client, "ret", T0 + i, i)
    assert client.ok("POST", f"/metrics/{metric}/retention", {"step": 10, "slots": 50}) == {
        "status": "ok", "metric_id": metric, "step": 10, "slots": 50}
    assert series(client, metric) == [(T0, 9), (T0 + 10, 19)]
    assert (metric_of(client, metric)["step"], metric_of(client, metric)["slots"]) == (10, 50)
    path = f"/metrics/{metric}/retention"
    for body in ({"step": 10}, {"slots": 10}, {"step": 0, "slots": 1}, {"step": 1, "slots": 0},
                 {"step": 86401, "slots": 1},
                 {"step": "1", "slots": 1}):
        client.refused(400, "POST", path, body)
    client.refused(400, "POST", path)
    client.refused(404, "POST", "/metrics/4000000000/retention", {"step": 1, "slots": 1})
    of_counter = counter(client, "ret.counter", [(T0, 1)])
    client.refused(400, "POST", f"/metrics/{of_counter}/retention", {"step": 1, "slots": 1})


def test_a_series_is_bounded(client):
    """Of a ring with more slots than a series may have, a part can be read."""
    metric = gauge(client, "s.long", slots=1 << 24)
    path = f"/metrics/{metric}/series"
    assert "at most 4194304" in client.refused(400, "GET", path)
    assert series(client, metric, start_ts=T0 - 4_000_000, end_ts=T0 + 100_000) == [(T0, 1)]


def test_drop(client):
    metric = gauge(client, "drop.me")
    assert client.ok("DELETE", f"/metrics/{metric}") == {"status": "ok", "metric_id": metric}
    client.refused(404, "DELETE", f"/metrics/{metric}")
    client.refused(404, "GET", f"/metrics/{metric}/series")
    client.refused(404, "POST", "/ingest/gauge", {"metric_id": metric, "ts": T0, "value": 1})
    again = gauge(client, "drop.me", T0 + 1)
    assert again > metric and series(client, again) == [(T0 + 1, 1)]


# --- query ------------------------------------------------------------------------------------------


@pytest.fixture
def hosts(client):
    """Ids of a metric of two hosts, ten samples each."""
    ids = []
    for factor, host in enumerate("ab", 1):
        samples = [{"name": "q.cpu", "tags": {"host": host}, "ts": T0 + i, "value": factor * i} for i in range(10)]
        client.ok("POST", "/ingest/batch", {"samples": samples})
        found = client.ok("POST", "/metrics/lookup", {"name": "q.cpu", "tags": {"host": host}})
        ids.append(found["metrics"][0]["metric_id"])
    return ids


def query(client, sql, **more):
    return client.ok("POST", "/query", {"start_ts": T0, "end_ts": T0 + 9, "sql": sql, **more})


def test_query_by_ids_and_time(client, hosts):
    sql = "SELECT count(*) AS n, sum(value) AS total, min(ts) AS first FROM samples"
    answer = query(client, sql, metric_ids=hosts[:1])
    assert answer == {"rows": [{"n": 10, "total": 45.0, "first": T0}], "count": 1}
    answer = query(client, "SELECT ts, value FROM samples ORDER BY ts", metric_ids=hosts[1:], start_ts=T0 + 8)
    assert answer["rows"] == [{"ts": T0 + 8, "value": 16.0}, {"ts": T0 + 9, "value": 18.0}]
    sql = "SELECT name, tag_key, tag_value FROM metrics JOIN metric_tags USING (metric_id)"
    answer = query(client, sql, metric_ids=hosts[:1])
    assert answer["rows"] == [{"name": "q.cpu", "tag_key": "host", "tag_value": "a"}]


def strict(content):
    """As JSON.parse of a browser reads it."""
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")
    return json.loads(content, parse_constant=refuse)


@pytest.mark.parametrize(("expression", "value"), [
    ("json_object('a', 'NaN'::float8, 'b', ['inf'::float8, 1])", {"a": None, "b": [None, 1]}),
    ("to_json('-inf'::float8)", None),
    ("'{\"a\": Infinity}'::json", {"a": None}),
    ("'[1,]'::json", "[1,]"),
    ("'[1e400, 1]'::json", [None, 1]),
    ("ARRAY['{\"a\": NaN}'::json, '[1,]'::json]", [{"a": None}, "[1,]"]),
    ("ARRAY['NaN'::float8, 'inf', 1]", [None, None, 1]),
    ("json_array(avg(value * 1e308 * 10)) FROM samples WHERE value > 0", [None]),
])
def test_query_answers_are_strict_json(client, hosts, expression, value):
    select, _, rest = expression.partition(" FROM ")
    sql = f"SELECT {select} AS x" + (f" FROM {rest}" if rest else "")
    query = {"metric_ids": hosts, "start_ts": T0, "end_ts": T0 + 9, "sql": sql}
    status, _, content = client.call("POST", "/query", query)
    assert status == 200, content
    assert strict(content)["rows"] == [{"x": value}]


def test_query_by_selectors(client, hosts):
    a, b = ({"metric": "q.cpu", "tags": {"host": host}} for host in "ab")
    sql = "SELECT sum(value) AS x FROM samples WHERE metric_id = {{S2}}"
    assert query(client, sql, selectors=[a, b])["rows"] == [{"x": 90.0}]
    sql = "SELECT sum(value) AS x FROM samples WHERE metric_id = {{ mine }}"
    assert query(client, sql, selectors=[{**a, "alias": "mine"}])["rows"] == [{"x": 45.0}]
    both = query(client, "SELECT count(DISTINCT metric_id) AS n FROM samples", selectors=[{"metric": "q.cpu"}])
    assert both["rows"] == [{"n": 2}]


def test_query_json_of_types(client, hosts):
    sql = """SELECT 9007199254740993::bigint AS big, 1.50::numeric(5,2) AS dec, 'NaN'::double precision AS nan,
        '-Infinity'::real AS inf, NULL AS nothing, true AS yes, TIMESTAMPTZ '2026-01-02 03:04:05.25+00' AS tz,
        TIMESTAMP '2026-01-02 03:04:05' AS plain, DATE '2026-01-02' AS day, '{"a": [1]}'::json AS doc,
        ARRAY[1, NULL, 3] AS list, 'q"\n' AS text, 0.1::double precision AS tenth, 1 AS twice, 2 AS twice"""
    status, _, content = client.call("POST", "/query", {"metric_ids": hosts, "start_ts": 0, "end_ts": 1, "sql": sql})
    assert status == 200, content
    row = json.loads(content)["rows"][0]
    assert row == {"big": 9007199254740993, "dec": 1.5, "nan": None, "inf": None, "nothing": None, "yes": True,
                   "tz": "2026-01-02T03:04:05.25Z", "plain": "2026-01-02T03:04:05", "day": "2026-01-02",
                   "doc": {"a": [1]}, "list": [1, None, 3], "text": 'q"\n', "tenth": 0.1, "twice": 1, "twice_2": 2}
    assert b'"dec":1.50' in content


def test_bad_queries(client, hosts):
    good = {"metric_ids": hosts, "start_ts": T0, "end_ts": T0 + 9, "sql": "SELECT 1"}
    client.ok("POST", "/query", good)

    def refused(words, status=400, **wrong):
        body = {**good, **wrong}
        detail = client.refused(status, "POST", "/query", {k: v for k, v in body.items() if v != "absent"})
        assert words in detail, detail

    refused("start_ts: required", start_ts="absent")
    refused("end_ts: required", end_ts="absent")
    refused("sql: required", sql="absent")
    refused("is after", start_ts=T0 + 10)
    refused("must be an integer", start_ts=1.5)
    refused("metric_ids or selectors", metric_ids="absent")
    refused("name no metric", metric_ids=[])
    refused("does not exist", 404, metric_ids=[4_000_000_000])
    refused("at most 500", metric_ids=[hosts[0]] * 501)
    refused("matches no metric", selectors=[{"metric": "nothing"}])
    refused("metric: required", selectors=[{}])
    refused("is there twice", selectors=[{"metric": "q.cpu", "alias": "x"}, {"metric": "q.cpu", "alias": "x"}])
    refused("is there twice", selectors=[{"metric": "q.cpu", "alias": "S2"}, {"metric": "q.cpu"}])
    refused("alias", selectors=[{"metric": "q.cpu", "alias": "1x"}])
    refused("no selector has this alias", sql="SELECT {{S1}}")
    refused("stands for 2 metrics", selectors=[{"metric": "q.cpu"}], sql="SELECT {{S1}}")
    refused("syntax error", sql="SELEC 1")
    refused("at most 1048576 bytes", sql="SELECT 1" + " " * MB)
    refused("syntax error", sql="{" * 1_000_000 + " }}")
    refused("nowhere", sql="SELECT * FROM nowhere")
    refused("nothing_here", sql="SELECT nothing_here FROM samples")
    refused("one statement", sql="SELECT 1; SELECT 2")
    refused("one statement", sql="")
    for sql in ("CREATE TABLE raw.t (timestamp timestamptz NOT NULL)", "DELETE FROM samples",
                "INSERT INTO samples VALUES (1)",
                "BEGIN", "SET search_path = raw", "COPY samples TO '/tmp/x'"):
        client.refused(400, "POST", "/query", {**good, "sql": sql})


def test_query_of_too_many_metrics(client):
    samples = [{"name": "many", "tags": {"i": str(i)}, "ts": T0, "value": 1, "slots": 10} for i in range(501)]
    client.ok("POST", "/ingest/batch", {"samples": samples})
    body = {"selectors": [{"metric": "many"}], "start_ts": 0, "end_ts": 1, "sql": "SELECT 1"}
    assert "more than 500" in client.refused(400, "POST", "/query", body)


def peak_mb(server):
    """The most memory that the process has had."""
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) >> 10


def test_a_result_larger_than_an_answer_may_be_is_not_held(tmp_path):
    """Two gigabytes in rows of a kilobyte: refused after 64 MB."""
    with VarveServer(tmp_path / "data") as server, HttpClient(server) as client:
        query = {"metric_ids": [gauge(client, "large")], "start_ts": 0, "end_ts": 1}
        client.ok("POST", "/query", {**query, "sql": "SELECT repeat('x', 1000) AS x FROM range(40000)"})
        before = peak_mb(server)
        sql = "SELECT repeat('x', 1000) AS x FROM range(2000000)"
        assert "larger than 64 MB" in client.refused(400, "POST", "/query", {**query, "sql": sql})
        assert peak_mb(server) - before < 500


# --- dashboards -------------------------------------------------------------------------------------


def test_dashboards_survive_a_kill(tmp_path):
    with VarveServer(tmp_path / "data") as server:
        client = HttpClient(server)
        definition = {"panels": [{"sql": "SELECT 1", "w": 1.5}], "ü": None}
        assert client.ok("POST", "/dashboards", {"slug": "hosts", "title": "Hösts", "definition": definition}) == {
            "status": "ok", "slug": "hosts"}
        client.ok("POST", "/dashboards", {"slug": "a-1", "title": "", "definition": []})
        client.ok("POST", "/dashboards", {"slug": "a-1", "title": "second", "definition": 7})
        client.ok("POST", "/dashboards", {"slug": "none", "title": "", "definition": None})
        server.kill()
        server.start()
        client = HttpClient(server)
        assert client.ok("GET", "/dashboards") == {
            "dashboards": [{"slug": "a-1", "title": "second"}, {"slug": "hosts", "title": "Hösts"},
                           {"slug": "none", "title": ""}]}
        assert client.ok("GET", "/dashboards/none") == {"slug": "none", "title": "", "definition": None}
        assert client.ok("GET", "/dashboards/hosts") == {"slug": "hosts", "title": "Hösts", "definition": definition}
        assert client.ok("DELETE", "/dashboards/hosts") == {"status": "ok", "slug": "hosts"}
        client.refused(404, "GET", "/dashboards/hosts")
        client.refused(404, "DELETE", "/dashboards/hosts")
        for bad in ({"slug": "A"}, {"slug": ""}, {"slug": "a/b"}, {"slug": 1}, {"title": 1}, {"title": None},
                    {"definition": "x" * MB}, {"slug": "x" * 65}):
            body = {"slug": "good", "title": "t", "definition": {}, **bad}
            client.refused(400, "POST", "/dashboards", body)
        assert "definition: required" in client.refused(400, "POST", "/dashboards", {"slug": "good", "title": "t"})


def test_a_damaged_file_of_dashboards_stops_the_start(tmp_path):
    with VarveServer(tmp_path / "data") as server:
        ask(server, "POST", "/dashboards", {"slug": "a", "title": "", "definition": 1})
        server.stop()
        path = tmp_path / "data" / "dashboards.json"
        damaged = path.read_text()[:-5]
        path.write_text(damaged)
        with pytest.raises(StartFailed, match="dashboards.json: .*move the file away") as failed:
            server.start()
        assert failed.value.code == 1 and path.read_text() == damaged
        path.unlink()
        server.start()
        assert ask(server, "GET", "/dashboards") == {"dashboards": []}
