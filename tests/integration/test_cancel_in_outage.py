"""A statement that waits for a store that does not answer ends when its client, or its time limit, says so."""

import threading
import time

import psycopg
import pytest

from tests.integration.test_s3 import bucket_options, insert, make_table, totals
from tests.support.fault_proxy import FaultProxy
from tests.support.varve_server import BY_HAND, VarveServer

ROWS = 1000
# The store is given up long after any of the tests is.
PATIENT = {**BY_HAND, "s3-retry-secs": 300, "s3-request-timeout-ms": 60000, "cache-disk-gb": 0}
WITHIN_S = 2.5  # a second, and what a busy machine adds


@pytest.fixture(scope="module", params=[64, 0], ids=["cache", "no cache"])
def readings(request, module_path, shared_versity_gw):
    """A server whose rows are all in the bucket and not in its cache, and the proxy between them."""
    store = shared_versity_gw
    options = {**bucket_options(store, store.new_bucket()), **PATIENT, "cache-memory-mb": request.param}
    with FaultProxy(store.port) as proxy:
        options["s3-endpoint"] = proxy.endpoint
        with VarveServer(module_path / str(request.param), options) as server:
            with server.connect() as connection:
                make_table(connection)
                insert(connection, 0, ROWS)
                connection.execute("SELECT varve.flush('public.readings')")
            server.stop()
            server.start()
            yield server, proxy
            proxy.heal()


@pytest.mark.parametrize("fault", ["outage", "slow_down", "silent"])
@pytest.mark.parametrize("how", ["cancel", "statement_timeout"])
def test_a_statement_ends_soon(readings, fault, how):
    server, proxy = readings
    with server.connect() as connection:
        proxy.break_with(fault)
        before = proxy.faults_done
        timer = threading.Timer(1, connection.cancel)
        if how == "cancel":
            timer.start()
        else:
            connection.execute("SET statement_timeout = '1s'")
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled) as error:
            totals(connection)
        took = time.monotonic() - began
        timer.join() if how == "cancel" else timer.cancel()
        assert 0.9 < took < 1 + WITHIN_S
        assert ("timeout" in str(error.value)) == (how == "statement_timeout")
        assert fault == "outage" or proxy.faults_done > before, "it should have asked the store"


def test_the_next_statement_is_whole(readings):
    server, proxy = readings
    proxy.heal()
    with server.connect() as connection:
        assert totals(connection) == (ROWS, ROWS, sum(range(ROWS)))
