"""Starts, stops and kills a real Varve server for tests: free ports, own data folder, ended by pid."""

import os
import pathlib
import re
import signal
import subprocess
import threading

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY = re.compile(r"^ready pg=(\d+) http=(\d+) grpc=(\d+) data=(.*)$")
# Options of a server that commits nothing by itself: tests that count versions say when.
BY_HAND = {
    "flush-interval-secs": 86400,
    "compact-interval-secs": 0,
    "retention-interval-secs": 0,
    "vacuum-interval-secs": 0,
    "lake-refresh-secs": 0,
}
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60

# Servers that run now: a test that fails between start() and stop() leaves its own behind.
_running = set()


class StartFailed(RuntimeError):
    """The server ended before it was ready; `code` is its exit code, or the negative number of a signal."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def kill_left_behind():
    """Kills what tests have started and not ended; for the end of a test run."""
    for server in list(_running):
        server.kill()


def binary():
    """The server under test; VARVE_BINARY names another build, for example one with sanitizers."""
    path = pathlib.Path(os.environ.get("VARVE_BINARY", ROOT / "build" / "release" / "varve"))
    assert path.exists(), f"{path} is not built: run `make build`"
    return path


class VarveServer:
    """One server process at a time on one data folder; start() may follow kill() or stop()."""

    def __init__(self, data_dir, options=None, environment=None):
        self.data_dir = pathlib.Path(data_dir)
        self.options = dict(options or {})
        self.environment = dict(environment or {})
        self.process = None
        self.port = None
        self.http_port = None
        self._stderr = []

    def start(self, environment=None):
        assert self.process is None, "already started"
        arguments = {"data-dir": self.data_dir, "pg-port": 0, "http-port": 0, "grpc-port": 0}
        arguments.update(self.options)
        command = [str(binary()), "serve"]
        for name, value in arguments.items():
            command += [f"--{name}", str(value)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **self.environment, **(environment or {})},
        )
        _running.add(self)
        self._stderr = []
        self._drain = threading.Thread(target=self._read_stderr, args=(self.process,), daemon=True)
        self._drain.start()
        late = threading.Event()
        watchdog = threading.Timer(START_TIMEOUT_S, lambda process=self.process: (late.set(), process.kill()))
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        match = READY.match(line.strip())
        if not match:
            self.process.wait()
            self._drain.join()
            code, self.process = self.process.returncode, None
            _running.discard(self)
            assert not late.is_set(), f"not ready in {START_TIMEOUT_S} s; stderr:\n{self.stderr()}"
            raise StartFailed(code, f"no ready line (exit {code}), got {line!r}; stderr:\n{self.stderr()}")
        self.port, self.http_port = int(match[1]), int(match[2])
        return self

    def _read_stderr(self, process):
        for line in process.stderr:
            self._stderr.append(line)

    def stderr(self):
        return "".join(self._stderr)

    def dsn(self, **extra):
        fields = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": "varve"}
        fields.update(extra)
        return " ".join(f"{key}={value}" for key, value in fields.items())

    def connect(self, autocommit=True, **extra):
        return psycopg.connect(self.dsn(**extra), autocommit=autocommit)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_for_death(self, timeout_s):
        """True when the process ended by itself (or by a fault point) within the time."""
        try:
            self.process.wait(timeout_s)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        """SIGKILL, as a power cut for the process; returns when it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self):
        """SIGTERM and a clean end; fails when the server does not exit with 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end {STOP_TIMEOUT_S} s after SIGTERM; stderr:\n{self.stderr()}")
        code = self._reap()
        assert code == 0, f"exit code {code}; stderr:\n{self.stderr()}"

    def _reap(self):
        code = self.process.wait()
        self._drain.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process = None
        _running.discard(self)
        return code

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, kind, value, trace):
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()
