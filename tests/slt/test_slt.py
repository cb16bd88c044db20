"""Each .slt file is one test on a server of its own."""

import pathlib

import pytest

from tests.slt.runner import Runner, parse

FILES = sorted(pathlib.Path(__file__).parent.glob("*.slt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(server, path):
    records = parse(path.read_text())
    assert len(records) >= 3, f"{path}: nothing to run"
    runner = Runner(server)
    wrong = [fault for record in records if (fault := runner.run(record))]
    runner.connection.close()
    assert not wrong, f"{len(wrong)} of {len(records)} records of {path.name}\n" + "\n".join(wrong)
