"""A real Prometheus: scrapes what a test tells it to, sends by remote write, and answers queries."""

import json
import urllib.error
import urllib.parse
import urllib.request

from tests.support.parts import PartProcess, part

# Sends what it has at least this often, so that tests need not wait for a full batch.
QUEUE = """\
    queue_config:
      batch_send_deadline: 200ms
      min_backoff: 50ms
      max_backoff: 500ms
"""


class Prometheus(PartProcess):
    """Prometheus on a folder of its own, which kill() and start() keep. `config` is its prometheus.yml."""

    name = "prometheus"

    def __init__(self, config, receiver=False, more=()):
        super().__init__()
        self.more = ["--web.enable-remote-write-receiver"] * receiver + list(more)
        (self.folder / "prometheus.yml").write_text(config)

    def command(self):
        return [
            part("prometheus", "usr", "bin", "prometheus"),
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            *self.more,
        ]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def ready(self):
        try:
            with urllib.request.urlopen(self.url("/-/ready"), timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.HTTPError):
            return False

    def query(self, expression, time=None):
        """The result of an instant query; an expression like `up[1m]` gives the samples as they are kept."""
        parameters = {"query": expression} | ({} if time is None else {"time": time})
        with urllib.request.urlopen(self.url("/api/v1/query?" + urllib.parse.urlencode(parameters))) as answer:
            return json.load(answer)["data"]["result"]

    def value(self, expression):
        """The one value of an expression; None where there is none."""
        result = self.query(expression)
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None
