import pytest

from tests.differential.postgres import Postgres
from tests.support.varve_server import VarveServer


@pytest.fixture(scope="session")
def both(tmp_path_factory):
    """Connections to a PostgreSQL and a Varve of their own."""
    with Postgres() as postgres, VarveServer(tmp_path_factory.mktemp("varve") / "data") as varve:
        with postgres.connect() as left, varve.connect() as right:
            left.execute("SET timezone = 'UTC'")
            right.execute("SET timezone = 'UTC'")
            yield left, right
