"""The session of docs/guide.md, "Over HTTP": each command, run as it stands, gives the answer below it."""

import subprocess

from tests.support.varve_server import ROOT

PORT = "localhost:8000"


def session():
    """[(command, answer)]; a command goes on in lines that are indented."""
    section = (ROOT / "docs" / "guide.md").read_text().split("\n### Over HTTP\n")[1]
    steps = []
    for line in section.split("\n```\n")[1].splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], ""])
        elif line.startswith("    "):
            steps[-1][0] += "\n" + line
        else:
            steps[-1][1] += line
    return steps


def test_the_session_of_the_guide(server):
    steps = session()
    assert len(steps) > 15
    for command, answer in steps:
        assert PORT in command and command.startswith("curl ") and answer, command
        command = command.replace(PORT, f"localhost:{server.http_port}").replace("curl ", "curl -sS ", 1)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == (answer, ""), command
