"""The block cache of a server on a bucket: flushed files are in it, and it stands in for a store that is off."""

import pytest

from tests.integration.test_s3 import bucket_options, insert, make_table, totals
from tests.support import metrics
from tests.support.varve_server import VarveServer

ROWS = 50_000


def cache(connection):
    rows = connection.execute("SELECT tier, entries, bytes, hits, misses, errors FROM varve.cache").fetchall()
    return {row[0]: dict(zip(("entries", "bytes", "hits", "misses", "errors"), row[1:])) for row in rows}


def serve(tmp_path, store, bucket, **more):
    return VarveServer(tmp_path / "data", bucket_options(store, bucket, lake_refresh_secs=3600, **more))


def test_flushed_files_need_no_request(tmp_path, versity_gw):
    bucket = versity_gw.new_bucket()
    with serve(tmp_path, versity_gw, bucket) as server, server.connect() as connection:
        make_table(connection)
        insert(connection, 0, ROWS)
        connection.execute("SELECT varve.flush('public.readings')")
        assert totals(connection) == (ROWS, ROWS, sum(range(ROWS)))
        now = cache(connection)
        assert now["store"]["entries"] == 0, "the flush has put its files into the cache"
        assert now["memory"]["hits"] > 0


@pytest.mark.parametrize("memory_mb", [256, 0])
def test_the_working_set_outlives_the_store(tmp_path, versity_gw, memory_mb):
    bucket = versity_gw.new_bucket()
    expected = (ROWS, ROWS, sum(range(ROWS)))
    with serve(tmp_path, versity_gw, bucket, cache_memory_mb=memory_mb) as server:
        with server.connect() as connection:
            make_table(connection)
            insert(connection, 0, ROWS)
            connection.execute("SELECT varve.flush('public.readings')")
            assert totals(connection) == expected
        server.stop()
        server.start()
        with server.connect() as connection:
            versity_gw.kill()
            assert totals(connection) == expected, "the disk tier has what the flush put there"
            assert totals(connection) == expected
            now = cache(connection)
            assert now["store"]["entries"] == 0
            assert now["disk"]["hits"] > 0
            assert now["disk"]["errors"] == 0
        versity_gw.start()


def test_the_folder_may_be_deleted_or_damaged(tmp_path, versity_gw):
    bucket = versity_gw.new_bucket()
    folder = tmp_path / "data" / "cache"
    with serve(tmp_path, versity_gw, bucket) as server:
        with server.connect() as connection:
            make_table(connection)
            insert(connection, 0, ROWS)
            connection.execute("SELECT varve.flush('public.readings')")
            expected = totals(connection)
        server.stop()
        blocks = sorted(folder.glob("*.blk"))
        assert blocks
        for block in blocks:
            data = bytearray(block.read_bytes())
            data[len(data) // 2] ^= 1
            block.write_bytes(data)
        server.start()
        with server.connect() as connection:
            assert totals(connection) == expected
            assert cache(connection)["disk"]["errors"] >= 1
            assert cache(connection)["store"]["entries"] >= 1
        server.stop()
        for block in folder.glob("*.blk"):
            block.unlink()
        folder.rmdir()
        server.start()
        with server.connect() as connection:
            assert totals(connection) == expected


def test_the_telemetry_says_what_the_view_says(tmp_path, versity_gw):
    """Every count is made to be more than 0 first, and the disk tier writes when it likes."""
    bucket = versity_gw.new_bucket()
    with serve(tmp_path, versity_gw, bucket) as server:
        with server.connect() as connection:
            make_table(connection)
            for part in range(3):
                insert(connection, part * ROWS, ROWS)
                connection.execute("SELECT varve.flush('public.readings')")
            expected = totals(connection)
        server.stop()
        blocks = sorted((tmp_path / "data" / "cache").glob("*.blk"))
        assert len(blocks) >= 3
        blocks[0].write_bytes(b"not a block")
        blocks[1].unlink()
        server.start()
        with server.connect() as connection:
            assert totals(connection) == expected
            assert totals(connection) == expected

            def agree(shown):
                now = cache(connection)
                for tier in ("memory", "disk"):
                    for count, name in (("bytes", "bytes"), ("hits", "hits_total"), ("misses", "misses_total")):
                        if shown[f'varve_cache_{name}{{tier="{tier}"}}'] != now[tier][count]:
                            return False
                return (
                    shown['varve_cache_errors_total{tier="disk"}'] == now["disk"]["errors"]
                    and shown["varve_cache_requests_total"] == now["store"]["entries"]
                    and shown["varve_cache_fetched_bytes_total"] == now["store"]["bytes"]
                )

            metrics.wait_until(server, agree, "metrics and view with the same counts")
            now = cache(connection)
            assert all(now["memory"][count] > 0 for count in ("bytes", "hits", "misses")), now
            assert all(now["disk"][count] > 0 for count in ("bytes", "hits", "misses")), now
            assert now["store"]["entries"] > 0 and now["store"]["bytes"] > 0
