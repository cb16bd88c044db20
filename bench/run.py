#!/usr/bin/env python3
"""Runs the benchmarks that `make bench` has built and prints their tables.

The last one measures rings beside Prometheus (`make parts` installs it) and RRDtool (`apt-get install rrdtool`);
where one is not there, it says so, and the run counts as failed. BENCH_ROWS, BENCH_MEMORY_ROWS and BENCH_RUNS make
them shorter or longer.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build/release"


def head() -> None:
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=TOP, capture_output=True,
                            text=True, check=False).stdout.strip()
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    print(f"commit {commit}, {os.cpu_count()} x {model}, {platform.system()} {platform.release()}\n")


def run(*command: str) -> bool:
    print("$ " + " ".join(command).replace(f"{TOP}/", ""), flush=True)
    status = subprocess.run(command, cwd=TOP, check=False).returncode
    print(flush=True)
    return status == 0


def main() -> int:
    rows = os.environ.get("BENCH_ROWS", "400000")
    memory_rows = os.environ.get("BENCH_MEMORY_ROWS", "4000000")
    runs = os.environ.get("BENCH_RUNS", "3")
    server = ["--server", str(BUILD / "varve")]
    head()
    results = [
        run(str(BUILD / "bin/decode_bench"), "--benchmark_min_time=1"),
        run(str(BUILD / "bin/varve_bench_ingest"), *server, "--rows", rows, "--runs", runs,
            "--memory-rows", memory_rows),
        run(str(BUILD / "bin/varve_bench_query"), *server, "--rows", memory_rows if int(memory_rows) else rows),
        run(str(BUILD / "bin/varve_bench_rings"), *server, "--runs", runs),
        run(sys.executable, "bench/ring_queries.py"),
        run(sys.executable, "bench/ring_beside_peers.py", "--rounds", runs),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
