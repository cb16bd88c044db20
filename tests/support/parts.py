"""Real servers that tests run against: where they are installed, and how one is started and ended."""

import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 20
POLL_S = 0.05


def part(*names):
    """A file or folder of build/parts (or of VARVE_PARTS); tools/setup_tests.sh puts them there."""
    path = pathlib.Path(os.environ.get("VARVE_PARTS", ROOT / "build" / "parts")).joinpath(*names)
    assert path.exists(), f"{path} is not installed: run tools/setup_tests.sh (`make test` does)"
    return path


def free_port():
    """A TCP port of 127.0.0.1 that nothing uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, timeout_s=START_TIMEOUT_S):
    """Polls until condition() is true; fails with `what` when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(POLL_S)


class PartProcess:
    """One server process with a folder of its own; start() may follow kill() or stop(), on the same port.

    A subclass gives command() and ready(). The folder is removed when the block ends.
    """

    name = "part"
    stdin = subprocess.DEVNULL

    def __init__(self):
        self.port = free_port()
        self.process = None
        self._scratch = tempfile.TemporaryDirectory(prefix=f"varve-{self.name}-")
        self.folder = pathlib.Path(self._scratch.name)
        self._log = self.folder / "output.log"

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def ready(self):
        """True when the server answers; called until it is."""
        raise NotImplementedError

    def output(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self):
        assert self.process is None, "already started"
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=self.stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **self.environment()},
            )
        try:
            wait_until(self._ready_or_dead, f"{self.name} answers")
        except BaseException:
            self.kill()
            raise
        return self

    def _ready_or_dead(self):
        code = self.process.poll()
        assert code is None, f"{self.name} ended with {code} before it answered; its output:\n{self.output()}"
        return self.ready()

    def accepts_connections(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def kill(self):
        """SIGKILL: what the server has not written is lost, open connections are cut."""
        self.process.kill()
        self._reap()

    def stop(self):
        """SIGTERM, and SIGKILL when that is not enough: servers of others owe us no exit code."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reap()

    def _reap(self):
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._scratch.cleanup()
            raise

    def __exit__(self, kind, value, trace):
        if self.process is not None:
            self.stop()
        self._scratch.cleanup()
