"""What the crash tests share: a plan of kills, a start that may die on its way, and the kill itself."""

import contextlib
import signal
import time

from tests.crash.ledger import Violation
from tests.support.varve_server import StartFailed


def kill_plan(fault_points, kills, dice):
    """Every fault point at least once; of the others half at random moments (None)."""
    plan = list(fault_points)
    while len(plan) < kills:
        plan.append(dice.choice([None, dice.choice(fault_points)]))
    dice.shuffle(plan)
    return plan


def start(server, fault, dice):
    """Starts with the fault point armed. The fault that is still to come: None when the start itself reached it."""
    try:
        server.start({"VARVE_FAULT": f"{fault}:{dice.randrange(1, 4)}"} if fault else None)
        return fault
    except StartFailed as error:
        assert fault and error.code == -signal.SIGKILL, f"a start died of something else than a fault point: {error}"
    server.start()
    return None


def wait_for_fault(server, fault, timeout_s):
    """Until the server was killed by the fault point, and by nothing else."""
    assert server.wait_for_death(timeout_s), f"{fault} was not reached in {timeout_s} s"
    code = server.process.returncode
    assert code == -signal.SIGKILL, f"exit code {code}, not that of {fault}; stderr:\n{server.stderr()}"


def run_until_killed(server, clients, fault, moment_s, timeout_s):
    """Lets the clients work until the server dies at `fault`, or, without one, is killed after `moment_s`."""
    for client in clients:
        client.start()
    if fault:
        wait_for_fault(server, fault, timeout_s)
    else:
        time.sleep(moment_s)  # The moment of the crash, not a wait for a condition.
    server.kill()
    for client in clients:
        client.stopping.set()
        client.join()
        if client.surprise:
            raise Violation(f"a client saw an error that no kill explains: {client.surprise!r}")


@contextlib.contextmanager
def explained(server, seed):
    """When the block fails: prints what is needed to repeat it, and leaves no server."""
    try:
        yield
    except BaseException:
        print(f"VARVE_CRASH_SEED={seed}; stderr of the last server:\n{server.stderr()[-5000:]}")
        if server.process is not None:
            server.kill()
        raise
