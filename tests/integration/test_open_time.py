"""Tables with long histories open from their checkpoint, however many versions and files there are."""

import time

import pytest

from tests.support import long_delta_log
from tests.support.varve_server import VarveServer

pytestmark = pytest.mark.alone

OPEN_SECONDS_MAX = 2.0


@pytest.mark.parametrize(
    "versions, files, parts", [(10_000, 10_000, 1), (10_000, 10_000, 3), (30, 50_000, 1)]
)
def test_a_long_history_opens_quickly(tmp_path, versions, files, parts):
    with VarveServer(tmp_path / "data", {"lake-refresh-secs": 0}) as server, server.connect() as connection:
        newest = long_delta_log.write_table(tmp_path / "data/lake/varve/long", versions, files, parts=parts)
        began = time.monotonic()
        connection.execute("SELECT varve.refresh()")
        elapsed = time.monotonic() - began
        found = connection.execute("SELECT lake_version, files FROM varve.tables WHERE table_name = 'long'").fetchall()
        assert found == [(versions, files + 5)]
        # Of all these files one is opened; the others are not there.
        last = long_delta_log.START + long_delta_log.datetime.timedelta(minutes=newest)
        assert connection.execute("SELECT n, day FROM long WHERE timestamp >= %s", (last,)).fetchall() == [
            (newest, f"d{newest % 31}")
        ]
        print(f"{versions} versions, {files} files, {parts} parts: open in {elapsed:.3f} s")
        assert elapsed < OPEN_SECONDS_MAX
