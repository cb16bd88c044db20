"""The description of the HTTP calls: valid by an independent tool, and true under a fuzzer that follows it."""

import http.client
import json
import random
import subprocess
import sys
import urllib.request

import openapi_spec_validator

from tests.support import remote_write
from tests.support.varve_server import ROOT

# Of each call and each way to make requests; the seed makes two runs alike.
EXAMPLES = 40
SEED = 5
# Snappy and protobuf, which the fuzzer cannot write: test_remote_write_refuses_any_bytes has that one.
FEEDS = "^/api/v1/write$"
# Where a request that the schema allows may be wrong all the same: another type or shape than the metric has, SQL, an
# end before its start, a counter's retention, lines that are no line protocol; and an integer past 64 bits wherever any
# JSON may be. Everywhere else it must be taken.
BEYOND_THE_SCHEMA = [
    "POST /ingest/gauge", "POST /ingest/counter", "POST /ingest/batch", "POST /query", "GET /metrics/{id}/series",
    "POST /metrics/{id}/retention", "POST /write", "POST /api/v2/write", "POST /dashboards", "POST /metrics/lookup",
    "POST /metrics/tag-values",
]


def description(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/openapi.json", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        return json.load(answer)


def test_the_description_is_valid(shared_server):
    spec = description(shared_server)
    openapi_spec_validator.validate(spec)
    in_source = json.loads((ROOT / "src" / "server" / "http" / "openapi.json").read_text())
    assert spec == in_source


def test_every_operation_says_what_can_go_wrong(shared_server):
    spec = description(shared_server)
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert {"400", "403"} <= set(operation["responses"]), (method, path)
            if method == "post":
                assert {"413", "415", "503"} <= set(operation["responses"]), (method, path)


def test_the_server_keeps_to_it(shared_server, tmp_path):
    """schemathesis sends what the description allows and what it forbids, and checks each answer."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{shared_server.http_port}/openapi.json",
        "--exclude-path-regex", FEEDS, "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--workers", "1",
        "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color",
        "--request-timeout", "30", "--suppress-health-check", "all",
    ]
    paths = description(shared_server)["paths"]
    operations = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert set(BEYOND_THE_SCHEMA) <= operations
    (tmp_path / "schemathesis.toml").write_text("".join(
        f'[[operations]]\ninclude-name = "{name}"\nchecks.positive_data_acceptance.enabled = false\n'
        for name in BEYOND_THE_SCHEMA))
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stdout[-20000:] + run.stderr[-2000:]
    assert shared_server.alive()


def test_remote_write_refuses_any_bytes(shared_server):
    """The one call that the fuzzer leaves out: bytes of any kind get one of the documented answers."""
    documented = {int(code) for code in description(shared_server)["paths"]["/api/v1/write"]["post"]["responses"]}
    source = random.Random(SEED)
    good = remote_write.body(remote_write.series(remote_write.labels("any", {"a": "b"}), [(100, 1.5)]))
    seen = set()
    for _ in range(300):
        body = bytearray(good if source.random() < 0.5 else source.randbytes(source.randrange(200)))
        for _ in range(source.randrange(4)):
            if body:
                body[source.randrange(len(body))] = source.randrange(256)
        headers = dict(remote_write.HEADERS)
        if source.random() < 0.2:
            headers[source.choice(list(headers))] = source.choice(["", "gzip", "2.0.0", "application/json"])
        connection = http.client.HTTPConnection("127.0.0.1", shared_server.http_port, timeout=30)
        connection.request("POST", "/api/v1/write", bytes(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in documented, (answer.status, text)
        assert answer.status == 204 or json.loads(text)["detail"]
        seen.add(answer.status)
        connection.close()
    assert {204, 400, 415} <= seen
    assert shared_server.alive()
