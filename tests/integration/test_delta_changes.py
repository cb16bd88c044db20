"""What Varve's DELETE and UPDATE leave in the lake is what all others read."""

import threading

import deltalake.exceptions
import pytest

from tests.support.delta_tables import (
    append_by_deltalake,
    assert_same,
    check_readers,
    create,
    fill,
    folder_of,
    insert,
    make_rows,
    read_varve,
)


def test_deleted_and_updated_rows_are_read_alike(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "changes")
        rows = make_rows(0, 140)
        fill(connection, "changes", rows[:70])
        fill(connection, "changes", rows[70:])
        folder = folder_of(shared_quiet_server, "changes")
        connection.execute("DELETE FROM changes WHERE id % 10 = 3")
        rows = [row for row in rows if row["id"] % 10 != 3]
        assert_same(read_varve(connection, "changes"), rows, "varve after DELETE")
        check_readers(folder, rows, spark, "after DELETE")

        connection.execute("UPDATE changes SET body = 'é', ratio = -0.25, tags = '{x,NULL}' WHERE id >= 100")
        for row in rows:
            if row["id"] >= 100:
                row.update(body="é", ratio=-0.25, tags=["x", None])
        assert_same(read_varve(connection, "changes"), rows, "varve after UPDATE")
        check_readers(folder, rows, spark, "after UPDATE")


def test_a_whole_partition_goes_without_a_new_file(shared_quiet_server, spark):
    with shared_quiet_server.connect() as connection:
        create(connection, "changes_partition")
        rows = make_rows(0, 70)
        fill(connection, "changes_partition", rows)
        folder = folder_of(shared_quiet_server, "changes_partition")
        version = folder.versions()[-1]
        connection.execute("DELETE FROM changes_partition WHERE project_id = 'shop'")
        assert folder.versions()[-1] == version + 1
        assert folder.actions(version + 1, "add") == []
        removed = folder.actions(version + 1, "remove")
        assert {action["partitionValues"]["project_id"] for action in removed} == {"shop"}
        rows = [row for row in rows if row["project_id"] != "shop"]
        assert_same(read_varve(connection, "changes_partition"), rows, "varve")
        check_readers(folder, rows, spark)


def append_at_last(folder, rows):
    """delta-rs takes its own append for a reader of the whole table, and gives up when rows are deleted meanwhile."""
    while True:
        try:
            return append_by_deltalake(folder, rows)
        except deltalake.exceptions.CommitFailedError as lost:
            assert "concurrent transaction deleted data" in str(lost)


@pytest.mark.parametrize("flushed", [True, False])
def test_changes_meet_what_others_append(quiet_server, spark, flushed):
    """Rows of delta-rs arrive while Varve deletes: what was there before a statement goes, the rest stays."""
    with quiet_server.connect() as connection:
        create(connection, "changes_race")
        fill(connection, "changes_race", make_rows(0, 20))
        folder, failures = folder_of(quiet_server, "changes_race"), []

        def delta_rs():
            try:
                for number in range(10):
                    append_at_last(folder, make_rows(1000 + 10 * number, 10))
            except BaseException as error:
                failures.append(error)

        other = threading.Thread(target=delta_rs)
        other.start()
        expected = [row for row in make_rows(0, 20) if row["id"] % 2]
        for number in range(8):
            new = make_rows(100 + 10 * number, 10)
            (fill if flushed else insert)(connection, "changes_race", new)
            connection.execute("DELETE FROM changes_race WHERE id % 2 = 0 AND id < 1000")
            expected += [row for row in new if row["id"] % 2]
        other.join()
        assert not failures, failures
        connection.execute("SELECT varve.flush('changes_race')")
        connection.execute("SELECT varve.refresh('changes_race')")
        expected += make_rows(1000, 100)
        assert_same(read_varve(connection, "changes_race"), expected, "varve")
    check_readers(folder, expected, spark)
