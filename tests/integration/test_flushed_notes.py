"""How far a table is flushed, when the lake says less than this server knows: another engine's checkpoint has dropped
our `txn`, or the lake or the data folder was put back to an older state. No row is doubled, and none is lost unseen."""

import shutil
import time

import deltalake
import psycopg
import pytest
from tests.support.varve_server import BY_HAND, VarveServer


@pytest.fixture
def quiet(tmp_path):
    server = VarveServer(tmp_path / "data", BY_HAND)
    with server:
        yield server


def insert(server, first, count):
    with server.connect() as connection:
        connection.execute(
            "INSERT INTO noted SELECT '2026-01-01'::timestamptz, i"
            f" FROM generate_series({first}, {first + count - 1}) g(i)"
        )


def flush(server):
    with server.connect() as connection:
        connection.execute("SELECT varve.flush('noted')")


def folder_of(server):
    (log,) = [path for path in server.data_dir.rglob("_delta_log") if path.parent.name == "noted"]
    return log.parent


def make(server):
    with server.connect() as connection:
        connection.execute("CREATE TABLE noted (timestamp timestamptz NOT NULL, id bigint)")
    insert(server, 0, 10)
    flush(server)


def ids(server):
    with server.connect() as connection:
        return [row[0] for row in connection.execute("SELECT id FROM noted ORDER BY id").fetchall()]


def ids_in_lake(server):
    return sorted(deltalake.DeltaTable(str(folder_of(server))).to_pyarrow_table()["id"].to_pylist())


def drop_txns(server):
    """As any engine does that is told to."""
    folder = str(folder_of(server))
    deltalake.DeltaTable(folder).alter.set_table_properties(
        {"delta.setTransactionRetentionDuration": "interval 1 seconds"}
    )
    time.sleep(1.5)
    table = deltalake.DeltaTable(folder)
    table.create_checkpoint()
    (node,) = [path for path in (server.data_dir / "flushed").iterdir()]
    app_id = f"{(server.data_dir / 'node_id').read_text().strip()}/{node.stem}"
    assert deltalake.DeltaTable(folder).transaction_version(app_id) is None


@pytest.mark.parametrize("cleaned", [False, True])
def test_a_checkpoint_that_drops_our_txn_doubles_no_row(quiet, cleaned):
    make(quiet)
    drop_txns(quiet)
    if cleaned:
        for commit in (folder_of(quiet) / "_delta_log").glob("*.json"):
            commit.unlink()
    quiet.kill()
    quiet.start()
    assert ids(quiet) == list(range(10))
    insert(quiet, 10, 5)
    flush(quiet)
    quiet.stop()
    quiet.start()
    assert ids(quiet) == list(range(15))
    assert ids_in_lake(quiet) == list(range(15))


def test_a_kill_before_the_note_is_written_doubles_no_row(quiet):
    """The note of the commit before says from where on to look."""
    make(quiet)
    folder = quiet.data_dir / "flushed"
    saved = {path: path.read_bytes() for path in folder.iterdir()}
    insert(quiet, 10, 5)
    flush(quiet)
    drop_txns(quiet)
    quiet.kill()
    for path, content in saved.items():
        assert path.read_bytes() != content
        path.write_bytes(content)
    quiet.start()
    assert ids(quiet) == list(range(15))
    flush(quiet)
    assert ids_in_lake(quiet) == list(range(15))


def test_a_lake_that_was_put_back_gets_the_rows_of_the_log_again(quiet, tmp_path):
    make(quiet)
    shutil.copytree(folder_of(quiet), tmp_path / "older")
    insert(quiet, 10, 5)
    flush(quiet)
    quiet.kill()
    put_back(quiet, tmp_path / "older")
    quiet.start()
    assert "put back to an older state" in quiet.stderr()
    assert ids(quiet) == list(range(15))
    flush(quiet)
    assert ids_in_lake(quiet) == list(range(15))
    quiet.stop()
    quiet.start()
    assert ids(quiet) == list(range(15))


def put_back(server, older):
    folder = folder_of(server)
    shutil.rmtree(folder)
    shutil.copytree(older, folder)


def test_a_lake_that_was_put_back_is_refused_when_the_log_has_not_the_rest(quiet, tmp_path):
    make(quiet)
    shutil.copytree(folder_of(quiet), tmp_path / "older")
    insert(quiet, 10, 5)
    flush(quiet)
    shutil.copytree(folder_of(quiet), tmp_path / "newer")
    quiet.stop()
    put_back(quiet, tmp_path / "older")
    for segment in (quiet.data_dir / "log").glob("*.log"):
        segment.unlink()
    quiet.start()
    with quiet.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="an older state of the table"):
            connection.execute("SELECT * FROM noted")
        (why,) = connection.execute("SELECT message FROM varve.lake_errors").fetchone()
        (note,) = (quiet.data_dir / "flushed").iterdir()
        assert "the log does not have the rest" in why and str(note) in why
    quiet.stop()
    # The newer state comes back: what the log numbers meanwhile is not taken for flushed.
    put_back(quiet, tmp_path / "newer")
    quiet.start()
    assert ids(quiet) == list(range(15))
    insert(quiet, 15, 5)
    quiet.kill()
    quiet.start()
    assert ids(quiet) == list(range(20))
    flush(quiet)
    # Or the operator goes on with the older one.
    quiet.stop()
    put_back(quiet, tmp_path / "older")
    for segment in (quiet.data_dir / "log").glob("*.log"):
        segment.unlink()
    for note in (quiet.data_dir / "flushed").iterdir():
        note.unlink()
    quiet.start()
    assert ids(quiet) == list(range(10))


def test_an_older_data_folder_trusts_the_lake(quiet, tmp_path):
    make(quiet)
    insert(quiet, 10, 5)
    quiet.kill()
    older = tmp_path / "older"
    shutil.copytree(quiet.data_dir, older, ignore=shutil.ignore_patterns("lake"))
    quiet.start()
    insert(quiet, 15, 5)
    flush(quiet)
    quiet.kill()
    for path in quiet.data_dir.iterdir():
        if path.name != "lake":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(older, quiet.data_dir, dirs_exist_ok=True)
    quiet.start()
    assert ids(quiet) == list(range(20))
    insert(quiet, 20, 5)
    quiet.kill()
    quiet.start()
    assert ids(quiet) == list(range(25))
    flush(quiet)
    assert ids_in_lake(quiet) == list(range(25))
