#!/usr/bin/env python3
"""Runs every fuzz program of build/fuzz for a time each and says which found something.

Seeds are read from tests/fuzz/<program>/ (kept in the repository); new inputs go to
build/fuzz/corpus/<program>/ and what made a program fail to build/fuzz/findings/<program>/.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import source_tree

BUILD = source_tree.TOP / "build/fuzz"


def fuzz(program: Path, seconds: int) -> bool:
    corpus = BUILD / "corpus" / program.name
    findings = BUILD / "findings" / program.name
    seeds = source_tree.TOP / "tests/fuzz" / program.name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={findings}/", corpus]
    if seeds.is_dir():
        command.append(seeds)
    log = BUILD / f"{program.name}.log"
    with log.open("w") as out:
        status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False,
                                env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}).returncode
    lines = log.read_text(errors="replace").splitlines()
    runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
    print(f"{program.name}: {'clean' if status == 0 else 'FAILED'}, {runs} runs in {seconds} s", flush=True)
    if status != 0:
        print("\n".join(lines[-40:]))
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("names", nargs="*", help="programs to run; all when left out")
    args = parser.parse_args()
    programs = sorted(p for p in (BUILD / "bin").glob("*_fuzz") if not args.names or p.name in args.names)
    if not programs:
        print("no fuzz program was built", file=sys.stderr)
        return 1
    results = [fuzz(program, args.seconds) for program in programs]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
