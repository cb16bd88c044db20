"""Clients that write, drop and reshape rings and save dashboards over HTTP, each beside a model of what must be there.

A client sends one change at a time, so after a kill the server holds either everything acknowledged, or that and
the whole change that was not answered. Anything else is a broken promise: a lost sample, one that nobody sent, a
dropped metric that is back, half a batch, half a reshape, a dashboard that is neither the old nor the new one.
"""

import copy
import http.client
import random
import threading

from tests.crash.ledger import Violation
from tests.support.http_client import HttpClient

SLOTS = [3, 40, 300, 5000]
TS_MAX = 2**32 - 1
GAUGE, COUNTER = 0, 1
NAMES = {GAUGE: "gauge", COUNTER: "counter"}
CHANGES = {"write": 6, "feed": 2, "drop": 1, "reshape": 1, "save": 1, "remove": 1}  # by how often


class Ring:
    """What docs/guide.md promises of one metric's ring."""

    def __init__(self, kind, step, slots):
        self.kind, self.step, self.slots = kind, step, slots
        self.held = {}  # slot -> (window, value)

    def put(self, ts, value):
        """True when it was newer than, or of the same window as, what its slot held."""
        window = ts // self.step
        slot = window % self.slots
        if slot in self.held and self.held[slot][0] > window:
            return False
        self.held[slot] = (window, value)
        return True

    def points(self):
        return sorted((window * self.step, value) for window, value in self.held.values())

    def reshaped(self, step, slots):
        ring = Ring(self.kind, step, slots)
        for ts, value in self.points():
            ring.put(ts, value)
        return ring


class Holdings:
    """All that one client has on the server."""

    def __init__(self):
        self.rings = {}  # name -> Ring
        self.dashboards = {}  # slug -> [title, definition]

    def described(self):
        """As look() describes what it finds."""
        rings = {name: ((ring.kind, ring.step, ring.slots), ring.points()) for name, ring in self.rings.items()}
        return {"rings": rings, "dashboards": self.dashboards}


class Client(threading.Thread):
    """Writes until the server dies or until told to stop. Lives on beside the next server: see restarted()."""

    def __init__(self, number, seed):
        super().__init__(daemon=True)
        self.number = number
        self.random = random.Random(seed)
        self.names = [f"crash.{number}.{i}" for i in range(5)]
        self.slugs = [f"crash-{number}-{i}" for i in range(3)]
        self.held = Holdings()  # what was acknowledged
        self.pending = None  # the same with the change that is on its way
        self.now = 1_000_000
        self.value = 0
        self.changes = dict.fromkeys(CHANGES, 0)
        self.stopping = threading.Event()
        self.surprise = None

    def restarted(self, server):
        """A client that goes on where this one was cut off."""
        other = Client(self.number, self.random.random())
        other.held, other.pending = self.held, self.pending
        other.now, other.value, other.changes = self.now, self.value, self.changes
        other.server = server
        return other

    def run(self):
        try:
            with HttpClient(self.server) as calls:
                while not self.stopping.is_set():
                    what = self.random.choices(list(CHANGES), CHANGES.values())[0]
                    self.pending = copy.deepcopy(self.held)
                    done = getattr(self, what)(calls, self.pending)
                    self.held, self.pending = self.pending, None
                    self.changes[what] += done
        except (OSError, http.client.HTTPException):
            pass  # The server was killed: what is pending stays so.
        except Exception as error:  # pylint: disable=broad-except
            self.surprise = error

    # Each change sends one request, puts the same into `next_`, and returns whether there was anything to do.

    def next_sample(self):
        self.now += self.random.choice([0, 1, 1, 7])
        self.value += 1
        return self.now - self.random.choice([0, 0, 0, 50]), self.value + 0.5

    def write(self, calls, next_):
        """A batch over several metrics of both types, some of them new, with a few samples out of order."""
        samples, accepted = [], 0
        for _ in range(self.random.choice([1, 5, 200])):
            name = self.random.choice(self.names)
            ts, value = self.next_sample()
            sample = {"name": name, "ts": ts, "value": value}
            if name not in next_.rings:
                ring = Ring(self.random.choice([GAUGE, COUNTER]), self.random.choice([1, 10]),
                            self.random.choice(SLOTS))
                next_.rings[name] = ring
                sample |= {"type": NAMES[ring.kind], "step": ring.step, "slots": ring.slots}
            accepted += next_.rings[name].put(ts, value)
            samples.append(sample)
        answer = calls.ok("POST", "/ingest/batch", {"samples": samples})
        if (answer["accepted"], answer["stale"]) != (accepted, len(samples) - accepted):
            raise Violation(f"{accepted} of {len(samples)} samples are new; the server says {answer}")
        return True

    def feed(self, calls, next_):
        """The same as line protocol: new metrics are gauges of the shape that the URL has."""
        step, slots = self.random.choice([1, 10]), self.random.choice(SLOTS)
        lines = []
        for _ in range(self.random.choice([1, 5, 100])):
            name = self.random.choice(self.names)
            ts, value = self.next_sample()
            next_.rings.setdefault(name, Ring(GAUGE, step, slots)).put(ts, value)
            lines.append(f"{name} value={value} {ts}")
        calls.ok("POST", f"/write?precision=s&step={step}&slots={slots}", "\n".join(lines))
        return True

    def any_ring(self, calls, next_):
        name = self.random.choice(self.names)
        if name not in next_.rings:
            return None, None
        found = calls.ok("POST", "/metrics/lookup", {"name": name})["metrics"]
        if len(found) != 1:
            raise Violation(f"{name} was acknowledged; the server has {found}")
        return name, found[0]["metric_id"]

    def drop(self, calls, next_):
        name, metric = self.any_ring(calls, next_)
        if name is None:
            return False
        del next_.rings[name]
        calls.ok("DELETE", f"/metrics/{metric}")
        return True

    def reshape(self, calls, next_):
        name, metric = self.any_ring(calls, next_)
        if name is None or next_.rings[name].kind != GAUGE:
            return False
        step, slots = self.random.choice([1, 5, 10]), self.random.choice(SLOTS)
        next_.rings[name] = next_.rings[name].reshaped(step, slots)
        calls.ok("POST", f"/metrics/{metric}/retention", {"step": step, "slots": slots})
        return True

    def save(self, calls, next_):
        self.value += 1
        slug, definition = self.random.choice(self.slugs), {"panels": ["x" * self.random.choice([1, 5000]), self.value]}
        next_.dashboards[slug] = [f"No. {self.value}", definition]
        calls.ok("POST", "/dashboards", {"slug": slug, "title": f"No. {self.value}", "definition": definition})
        return True

    def remove(self, calls, next_):
        slug = self.random.choice(self.slugs)
        if slug not in next_.dashboards:
            return False
        del next_.dashboards[slug]
        calls.ok("DELETE", f"/dashboards/{slug}")
        return True

    def check(self, found):
        """`found`: what look() found of this client. Settles what was pending."""
        candidates = [held for held in (self.held, self.pending) if held is not None]
        for held in candidates:
            if held.described() == found:
                self.held, self.pending = held, None
                return
        raise Violation(f"client {self.number}: " + difference(candidates[0].described(), found))


def difference(expected, found):
    if expected["dashboards"] != found["dashboards"]:
        return f"expected the dashboards {expected['dashboards']}, found {found['dashboards']}"
    expected, found = expected["rings"], found["rings"]
    if expected.keys() != found.keys():
        return f"expected the metrics {sorted(expected)}, found {sorted(found)}"
    for name, (shape, points) in expected.items():
        if found[name][0] != shape:
            return f"{name}: expected {shape}, found {found[name][0]}"
        lost, foreign = set(points) - set(found[name][1]), set(found[name][1]) - set(points)
        if lost or foreign:
            return f"{name} {shape}: lost {sorted(lost)[:5]}, not sent {sorted(foreign)[:5]}"
    return "the same points in another order"


def nothing():
    return {"rings": {}, "dashboards": {}}


def look(server):
    """client number -> {"rings": name -> ((type, step, slots), points), "dashboards": slug -> [title, definition]}."""
    found = {}
    with HttpClient(server) as calls:
        metrics = calls.ok("GET", "/metrics")["metrics"]
        points = {metric["metric_id"]: [] for metric in metrics}
        kinds = {}
        if points:
            query = {"metric_ids": list(points), "start_ts": 0, "end_ts": TS_MAX}
            sql = "SELECT metric_id, ts, value FROM samples ORDER BY ts"
            for row in calls.ok("POST", "/query", query | {"sql": sql})["rows"]:
                points[row["metric_id"]].append((row["ts"], row["value"]))
            rows = calls.ok("POST", "/query", query | {"sql": "SELECT metric_id, type FROM metrics"})["rows"]
            kinds = {row["metric_id"]: row["type"] for row in rows}
        for metric in metrics:
            owner = found.setdefault(int(metric["name"].split(".")[1]), nothing())
            shape = (kinds[metric["metric_id"]], metric["step"], metric["slots"])
            owner["rings"][metric["name"]] = (shape, points[metric["metric_id"]])
        for slug in (entry["slug"] for entry in calls.ok("GET", "/dashboards")["dashboards"]):
            dashboard = calls.ok("GET", f"/dashboards/{slug}")
            owner = found.setdefault(int(slug.split("-")[1]), nothing())
            owner["dashboards"][slug] = [dashboard["title"], dashboard["definition"]]
    return found
