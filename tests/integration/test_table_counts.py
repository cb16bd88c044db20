"""varve.tables and varve.files say what the Delta log says, right after each change of a table."""

from deltalake import DeltaTable

from tests.integration.test_upkeep import add_file, age, data_files, folder_of, forget_at_once, make_table
from tests.support.varve_server import BY_HAND, VarveServer


def said(connection):
    """Files by name, and the table's own counts, which must be the sums of theirs."""
    files = connection.execute(
        "SELECT path, rows, bytes, lake_version FROM varve.files WHERE table_name = 't'"
    ).fetchall()
    table = connection.execute(
        "SELECT files, file_rows, file_bytes, lake_version FROM varve.tables WHERE table_name = 't'"
    ).fetchone()
    assert table[:3] == (len(files), sum(row[1] for row in files), sum(row[2] for row in files))
    assert {row[3] for row in files} <= {table[3]}
    return {row[0]: (row[1], row[2]) for row in files}, table[3]


def check(connection, folder, rows):
    """As delta-rs reads them, without a wait."""
    files, version = said(connection)
    table = DeltaTable(str(folder))
    adds = table.get_add_actions(flatten=True)
    assert version == table.version()
    paths, counts, sizes = (adds.column(name).to_pylist() for name in ("path", "num_records", "size_bytes"))
    assert files == dict(zip(paths, zip(counts, sizes)))
    assert all((folder / path).stat().st_size == size for path, size in zip(paths, sizes))
    assert sum(count for count, _ in files.values()) == rows
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (rows,)


def test_counts_follow_every_change(tmp_path):
    with VarveServer(tmp_path / "data", BY_HAND) as server, server.connect() as connection:
        make_table(connection)
        for i in range(5):
            add_file(connection, i * 200)
            check(connection, folder_of(server, connection), (i + 1) * 200)
        folder = folder_of(server, connection)
        connection.execute("SELECT varve.compact('t')")
        check(connection, folder, 1000)
        connection.execute("DELETE FROM t WHERE id < 10")
        check(connection, folder, 990)
        connection.execute("UPDATE t SET payload = 'other' WHERE id >= 900")
        check(connection, folder, 990)
        add_file(connection, 1000)
        check(connection, folder, 1190)
        connection.execute("ALTER TABLE t SET (retention = '1 day')")
        connection.execute("INSERT INTO t (timestamp, id) VALUES (now(), 7)")
        connection.execute("SELECT varve.flush('t')")
        connection.execute("SELECT varve.expire('t')")
        check(connection, folder, 1)
        forget_at_once(connection, folder)
        age(data_files(folder), 2)
        connection.execute("SELECT varve.vacuum('t')")
        check(connection, folder, 1)
        assert len(data_files(folder)) == 1
        connection.execute("TRUNCATE t")
        check(connection, folder, 0)


def test_counts_of_rows_that_wait(tmp_path):
    with VarveServer(tmp_path / "data", BY_HAND) as server, server.connect() as connection:
        make_table(connection)
        add_file(connection, 0)
        connection.execute("INSERT INTO t (timestamp, id) VALUES (now(), 1), (now(), 2)")
        waiting = "SELECT buffer_rows, file_rows FROM varve.tables WHERE table_name = 't'"
        assert connection.execute(waiting).fetchone() == (2, 200)
        connection.execute("SELECT varve.flush('t')")
        assert connection.execute(waiting).fetchone() == (0, 202)
