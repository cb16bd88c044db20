#!/usr/bin/env python3
"""clang-tidy over every C++ file of the product, and each header alone.

Uses the compile commands of the `clang` preset, which has -Wthread-safety: clang-tidy reports the
compiler's own warnings too, so one pass over a file serves both. Tests are left to g++ and to `make clang`:
what clang-tidy knows of beyond that is cost and style, and a wrong test fails when it runs. A header that
some .cc file includes first is shown to stand alone by that file; only the others are compiled by themselves.
"""

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import lint_cache
import source_tree
import tidy_groups

TOP = source_tree.TOP
BUILD = TOP / "build/clang"
CLANG_TIDY = "clang-tidy-19"
CLANG = "clang++-19"


# On the headers of DuckDB this one check takes ten times as long as all others together (lake_scan.cc:
# 139 s with it, 11 s without), and coroutines take their arguments by value on purpose. The other one takes
# a sixth of the rest there, for a line that does no harm.
SLOW_CHECKS = "-performance-unnecessary-value-param,-misc-unused-using-decls"
# A third of what is left there: it asks every declaration of DuckDB for its name.
SLOW_IN_ENGINE = "-readability-identifier-naming"
# Set-up of a benchmark may let a vector grow: it is not what is measured.
BENCH_CHECKS = "-performance-inefficient-vector-operation"
SLOW_FOLDERS = ("src/server", "src/main")


def configure() -> list[dict]:
    """Configures the clang preset and builds its precompiled headers; returns the compile commands."""
    subprocess.run(["cmake", "--preset", "clang"], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    ours = [c for c in commands if not Path(c["file"]).stem.endswith("_test")
            and (Path(c["file"]).is_relative_to(TOP / "src") or Path(c["file"]).is_relative_to(TOP / "bench"))]
    pch = sorted({word for c in ours for word in shlex.split(c["command"]) if word.endswith(".pch")})
    if pch:
        targets = [str(Path(p).relative_to(BUILD)) for p in pch]
        subprocess.run(["ninja", "-C", BUILD, *targets], check=True, stdout=subprocess.DEVNULL)
    return ours


def installed_versions() -> str:
    """What headers from outside there are, as text: the packages and DuckDB."""
    packages = [p for p in (TOP / "tools/apt-packages.txt").read_text().split() if p.endswith("-dev")]
    versions = subprocess.run(["dpkg-query", "-W", *packages], capture_output=True, text=True, check=False)
    stamp = TOP / "build/deps/duckdb/STAMP"
    duckdb = stamp.read_text() if stamp.is_file() else os.environ.get("DUCKDB_ROOT", "")
    return versions.stdout + duckdb


def checks_for(path: Path) -> list[str]:
    if path.is_relative_to(TOP / "src/engine"):
        return [f"--checks={SLOW_CHECKS},{SLOW_IN_ENGINE}"]
    if any(path.is_relative_to(TOP / folder) for folder in SLOW_FOLDERS):
        return [f"--checks={SLOW_CHECKS}"]
    return [f"--checks={BENCH_CHECKS}"] if path.is_relative_to(TOP / "bench") else []


def findings(path: Path, entry: dict) -> str:
    """What clang-tidy says of `path`, compiled as `entry` is."""
    command = [CLANG_TIDY, "--quiet", *checks_for(Path(entry["file"])), str(path), "--", *tidy_groups.flags(entry)]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return done.stdout.strip() or done.stderr.strip()


def tidy_task(group: list[dict], salt: str) -> lint_cache.Task:
    """One task for the group; when it does not pass, the findings are those of its files one by one."""
    paths = [Path(entry["file"]) for entry in group]

    def run() -> str:
        if len(group) > 1 and not findings(together, group[0]):
            return ""
        return "\n".join(filter(None, (findings(*each) for each in zip(paths, group))))

    together = tidy_groups.written(paths) if len(group) > 1 else paths[0]
    words = " ".join(checks_for(paths[0]) + tidy_groups.flags(group[0]))
    return lint_cache.Task(together, salt + words.replace(str(TOP), ""), run)


def headers_not_included_first() -> list[Path]:
    first = set()
    for path in source_tree.cpp_files(TOP):
        if path.suffix == ".cc":
            names = source_tree.includes((TOP / path).read_text())
            if names:
                first.add(Path("src") / names[0][2])
    return [p for p in source_tree.cpp_files(TOP)
            if p.suffix == ".h" and p.parts[0] == "src" and p not in first]


def header_task(path: Path, salt: str) -> lint_cache.Task:
    root = Path(os.environ.get("DUCKDB_ROOT", TOP / "build/deps/duckdb"))
    command = [CLANG, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wthread-safety",
               "-Wno-pragma-once-outside-header", "-I", str(TOP / "src"), "-isystem", str(root / "include"),
               "-x", "c++", str(TOP / path)]

    def run() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()

    return lint_cache.Task(TOP / path, salt, run)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("paths", nargs="*", help="only files whose path contains one of these")
    args = parser.parse_args()
    started = time.monotonic()
    config = "\n".join(line.split("#", 1)[0].rstrip() for line in (TOP / ".clang-tidy").read_text().splitlines())
    salt = installed_versions() + hashlib.sha256(config.encode()).hexdigest()
    entries = [c for c in configure() if not args.paths or any(p in c["file"] for p in args.paths)]
    headers = [h for h in headers_not_included_first()
               if not args.paths or any(p in str(h) for p in args.paths)]
    ran, known, failed = lint_cache.run_tasks("headers", [header_task(h, salt) for h in headers], args.jobs)
    tidy = lint_cache.run_tasks("clang-tidy", [tidy_task(g, salt) for g in tidy_groups.groups(entries)], args.jobs)
    failed += tidy[2]
    seconds = time.monotonic() - started
    print(f"clang-tidy: {f'{failed} files with findings' if failed else 'ok'}; "
          f"{ran + tidy[0]} files and groups looked at, {known + tidy[1]} unchanged, {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
