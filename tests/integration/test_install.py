"""The server finds DuckDB's library in a build tree and in an installed tree, wherever each is moved."""

import os
import pathlib
import shutil
import subprocess

import pytest

from tests.support.varve_server import binary


def version_of(binary: pathlib.Path) -> str:
    # Without the caller's search path, so that only what the binary carries can find the library.
    done = subprocess.run([binary, "version"], env={}, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def installed(module_path) -> pathlib.Path:
    prefix = module_path / "first"
    subprocess.run(["cmake", "--install", binary().parent, "--prefix", prefix], check=True, capture_output=True)
    return prefix


def test_installed_tree_runs_and_can_be_moved(installed, tmp_path):
    expected = version_of(binary())
    assert "varve" in expected
    assert version_of(installed / "bin/varve") == expected
    moved = tmp_path / "moved"
    shutil.copytree(installed, moved)
    assert version_of(moved / "bin/varve") == expected
    # The library of the moved tree is the one in use: without it the program does not start.
    (moved / "lib/varve/libduckdb.so").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        version_of(moved / "bin/varve")


def test_build_tree_can_be_moved(tmp_path):
    shutil.copy(binary(), tmp_path / "varve")
    (tmp_path / "lib").mkdir()
    shutil.copy(binary().parent / "lib/libduckdb.so", tmp_path / "lib/libduckdb.so")
    assert version_of(tmp_path / "varve") == version_of(binary())


def test_licences_are_installed(installed):
    folder = installed / "share/doc/varve"
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert "Leon Sorokin" in (folder / "LICENSE.uplot").read_text()
    if "DUCKDB_ROOT" not in os.environ:  # A user's own build of DuckDB may come without its licence.
        assert "DuckDB Foundation" in (folder / "LICENSE.duckdb").read_text()
