"""A client of Varve's HTTP calls: one connection that is kept, JSON both ways."""

import http.client
import json

TIMEOUT_S = 60


class HttpClient:
    """`server` has http_port. A broken connection is an OSError or http.client.HTTPException."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=TIMEOUT_S)

    def call(self, method, path, body=None, headers=None):
        """(status, headers, bytes); a body that is not bytes or text is sent as JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        self.connection.request(method, path, body=body, headers=headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def json(self, method, path, body=None, headers=None):
        status, _, content = self.call(method, path, body, headers)
        return status, json.loads(content)

    def ok(self, method, path, body=None):
        """The answer to a call that must succeed; None when it has no content."""
        status, _, content = self.call(method, path, body)
        assert status in (200, 204), f"{method} {path} {str(body)[:500]}: {status} {content[:500]}"
        return json.loads(content) if status == 200 else None

    def refused(self, status, method, path, body=None, headers=None):
        """The detail of an error."""
        got, answer = self.json(method, path, body, headers)
        assert got == status, answer
        assert set(answer) == {"detail"} and answer["detail"]
        return answer["detail"]

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(server, method, path, body=None):
    """One call that must succeed, on a connection of its own."""
    with HttpClient(server) as client:
        return client.ok(method, path, body)


def points(server, metric, **query):
    """The series of a metric in buckets of a second, or as `query` says: [(bucket, value)]."""
    parameters = "&".join(f"{name}={value}" for name, value in {"bucket": 1, **query}.items())
    rows = ask(server, "GET", f"/metrics/{metric}/series?{parameters}")["rows"]
    return [(row["bucket"], row["value"]) for row in rows]
