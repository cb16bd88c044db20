"""What all tests of the real server share."""

import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from tests.support.dynamodb_local import DynamoDbLocal  # noqa: E402
from tests.support.object_stores import VersityGw  # noqa: E402
from tests.support.spark_session import SparkSession  # noqa: E402
from tests.support.varve_server import BY_HAND, VarveServer, kill_left_behind  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _no_server_is_left():
    """A test that failed before its stop() must not leave a process on the machine."""
    yield
    kill_left_behind()


@pytest.fixture(scope="module")
def module_path(tmp_path_factory):
    """A folder for what the tests of a module share; it goes with the last of them."""
    folder = tmp_path_factory.mktemp("module")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(tmp_path):
    """A fresh server for one test; must exit with 0 at the end."""
    with VarveServer(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(module_path):
    """One server for all tests of a module; each test makes tables of its own."""
    with VarveServer(module_path / "shared") as running:
        yield running


@pytest.fixture
def quiet_server(tmp_path):
    """As `server`, and it commits nothing to the lake unless it is told to."""
    with VarveServer(tmp_path / "data", BY_HAND) as running:
        yield running


@pytest.fixture(scope="module")
def shared_quiet_server(module_path):
    """As `shared_server`, and it commits nothing to the lake unless it is told to."""
    with VarveServer(module_path / "quiet", BY_HAND) as running:
        yield running


@pytest.fixture(scope="session")
def shared_versity_gw():
    """One real S3 server for the whole run; each test makes buckets of its own and leaves the server up."""
    with VersityGw() as running:
        yield running


@pytest.fixture
def versity_gw():
    """A real S3 server of one test, which may kill it."""
    with VersityGw() as running:
        yield running


@pytest.fixture(scope="session")
def dynamodb_local():
    """One DynamoDB for the whole run; each test makes tables of its own and leaves the server up."""
    with DynamoDbLocal() as running:
        yield running


@pytest.fixture(scope="session")
def spark():
    """One Spark for the whole run; a test that sets something unsets it."""
    with SparkSession() as running:
        yield running
