"""Seeds one violation at a time into a clean tree and expects the tidy test to name it."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent
HEADER = "// Counts rows.\n#pragma once\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, "src/log/README.md", "# log\n")
    write(tmp_path, "src/log/CMakeLists.txt", "varve_library(NAME log HDRS rows.h SRCS rows.cc)\n")
    write(tmp_path, "src/log/rows.h", HEADER)
    write(tmp_path, "src/log/rows.cc", '#include "log/rows.h"\n')
    return tmp_path


def write(tree: Path, name: str, text: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(tree: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, TOOLS / "tidy.py", tree], capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_clean_tree_passes(tree: Path):
    assert run(tree) == (0, "tidy: ok\n")


@pytest.mark.parametrize("code", [
    '// rand() and std::mutex in a comment\n',
    'const char* kText = "std::mutex throw rand()";\n',
    'const char* kRaw = R"(system("x") throw)";\n',
    "auto x = grand(3) + member.exit(2);\n",
    "constexpr int kMany = 1'000'000;\n",
])
def test_look_alikes_pass(tree: Path, code: str):
    write(tree, "src/log/rows.cc", code)
    assert run(tree) == (0, "tidy: ok\n")


def test_references_that_lead_somewhere_pass(tree: Path):
    write(tree, "docs/b.md", "# B\n")
    write(tree, "docs/a.md", "[b](b.md#part) [log](../src/log/rows.h) [x](https://x.org/y) `src/log/rows` `log/rows.cc` `src/log` `src/log/x y`\n")
    write(tree, "src/log/rows.cc", "// docs/b.md\n")
    assert run(tree) == (0, "tidy: ok\n")


@pytest.mark.parametrize("code, word", [
    ("int x = rand();", "rand("),
    ("std::mutex mu;", "std::mutex"),
    ("auto t = std::chrono::system_clock::now();", "system_clock::now"),
    ("std::this_thread::sleep_for(x);", "sleep_for"),
    ("throw 1;", "throw"),
    ("std::thread(f).detach();", ".detach()"),
    ("int x = std::stoi(y);", "std::stoi("),
    ("std::ifstream in(path);", "std::ifstream"),
    ("std::abort();", "std::abort("),
    ("#include <regex>", "<regex>"),
])
def test_banned_call_is_named_with_its_line(tree: Path, code: str, word: str):
    write(tree, "src/log/rows.cc", f"\n\n{code}\n")
    status, out = run(tree)
    assert status == 1
    assert out.startswith("src/log/rows.cc:3: ") and word in out


@pytest.mark.parametrize("name, text, finding", [
    ("src/log/rows.cc", "int x;\n" * 801, "801 lines, more than 800"),
    ("src/log/rows.h", HEADER + "int x;\n" * 200, "202 lines, more than 200"),
    ("src/log/rows.cc", f"// {'x' * 100}\n", "columns, more than 100"),
    ("tools/a.py", f"# {'x' * 120}\n", "columns, more than 120"),
    ("src/log/rows.cc", "int x; \n", "white space at the end"),
    ("src/log/rows.cc", "// TO" "DO: more\n", "unfinished by its own words"),
    ("src/log/rows.cc", "// see /wo" "rk/x\n", "a path of one machine"),
    ("docs/a.md", "from py" "pi.org\n", "names a registry's host"),
    ("src/log/rows.h", "#pragma once\n", "a header begins with a sentence"),
    ("src/log/rows.h", "// Counts rows\n#pragma once\n", "is not a sentence"),
    ("src/log/rows.h", "// Counts rows.\n", "no #pragma once"),
    ("src/log/lost.cc", "int x;\n", "no CMakeLists.txt names this file"),
    ("src/log/ows.cc", "int x;\n", "no CMakeLists.txt names this file"),
    ("src/log/CMakeLists.txt", "varve_library(NAME log HDRS rows.h)\n", "src/log/rows.cc:1: no CMakeLists.txt"),
    ("src/log/README.md", "line\n" * 61, "61 lines, more than 60"),
    ("src/ring/ring.h", HEADER, "src/ring/README.md:1: a source folder says"),
    ("src/log/row_utils.h", HEADER, "the name does not say"),
    ("docs/a.md", "see [b](b.md#part)\n", "docs/a.md:1: there is no b.md"),
    ("docs/a.md", "see `src/log/gone.h`\n", "there is no src/log/gone.h"),
    ("docs/a.md", "see `log/gone.cc`\n", "there is no log/gone.cc"),
    ("src/log/rows.cc", "// docs/formats/gone.md\n", "there is no docs/formats/gone.md"),
    ("src/log/rows.cc", "// docs/decisions/0099\n", "there is no docs/decisions/0099"),
    ("tools/a.py", "def f():\n" + "    x = 1\n" * 70, "f has 71 lines, more than 70"),
])
def test_violation_is_named(tree: Path, name: str, text: str, finding: str):
    write(tree, name, text)
    status, out = run(tree)
    assert status == 1
    assert finding in out


def test_sources_of_the_page_begin_with_a_sentence(tree: Path):
    write(tree, "web/src/a.ts", "export const a = 1;\n")
    write(tree, "web/test/b.test.ts", "export const b = 1;\n")
    finding = "web/src/a.ts:1: a source of the page begins with a sentence: // <What this gives or does.>\n"
    assert run(tree) == (1, finding)
