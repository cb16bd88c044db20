"""Seeds each kind of violation into a small tree and expects the layer check to name it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOLS / "layers.txt", tmp_path / "tools/layers.txt")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("base/status.h", "io/file.h", "log/log_writer.h", "buffer/buffer.h", "flush/flusher.h",
                 "server/core/session.h"):
        write(tmp_path, name, "")
    return tmp_path


def write(tree: Path, name: str, text: str) -> None:
    path = tree / "src" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(tree: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, TOOLS / "check_layers.py", tree], capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("name, text", [
    ("log/reader.cc", '#include "base/status.h"\n#include "io/file.h"\n#include "log/log_writer.h"\n'),
    ("io/posix/posix_file.cc", '#include "io/file.h"\n#include <unistd.h>\n#include <sys/stat.h>\n'),
    ("base/clock.cc", "#include <sys/time.h>\n"),
    ("server/pg/pg.cc", '#include "server/core/session.h"\n#include <boost/asio.hpp>\n'),
    ("engine/engine.cc", '#include <duckdb.hpp>\n#include "duckdb/main/connection.hpp"\n'),
])
def test_downward_is_accepted(tree: Path, name: str, text: str):
    write(tree, name, text)
    assert run(tree) == (0, "layers: ok\n")


@pytest.mark.parametrize("name, text, finding", [
    ("log/reader.cc", '\n#include "flush/flusher.h"\n',
     'src/log/reader.cc:2: log (T2) includes "flush/flusher.h" of flush (T3): upward'),
    ("log/reader.cc", '#include "buffer/buffer.h"\n',
     'src/log/reader.cc:1: log (T2) includes "buffer/buffer.h" of buffer (T2): a sibling'),
    ("log/reader.cc", '#include <flush/flusher.h>\n', "upward"),
    ("io/io.cc", '#include "io/posix/posix_file.h"\n', "not a file"),
    ("server/core/a.cc", '#include "server/pg/pg.h"\n', "a sibling"),
    ("log/reader.cc", "#include <duckdb.hpp>\n", "src/log/reader.cc:1: <duckdb.hpp> is for engine only"),
    ("log/reader.cc", '#  include "duckdb/main/connection.hpp"\n', "is for engine only"),
    ("log/log_writer_test.cc", "#include <unistd.h>\n", "is for io/posix, "),
    ("base/clockwork.cc", "#include <sys/time.h>\n", "is for io/posix, "),
    ("odd/a.cc", "", "src/odd/a.cc:1: the folder is in no tier"),
])
def test_violation_is_refused(tree: Path, name: str, text: str, finding: str):
    write(tree, "server/pg/pg.h", "")
    write(tree, name, text)
    status, out = run(tree)
    assert status == 1
    assert finding in out


def test_include_of_odd_spacing_is_seen(tree: Path):
    write(tree, "log/reader.cc", '  #include   "flush/flusher.h"\n')
    assert run(tree)[0] == 1
