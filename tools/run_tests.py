#!/usr/bin/env python3
"""Runs the unit tests, those of the page and the Python tests, and prints the totals of all as the last line.

The unit tests (CTest) leave one GoogleTest report per program, pytest and web/test/run.mjs one per run; the
totals are read from the reports. A program that died without a report, or failed for a reason that is not in
it (a sanitizer), is one failure. A skipped test counts as failed: a part that cannot be had is an
error with a sentence, or `make test` would be green on a machine that tests nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import source_tree

TOP = source_tree.TOP


@dataclass
class Totals:
    passed: int = 0
    failed: int = 0

    def add_report(self, report: Path) -> int:
        """Adds the cases of a JUnit-like report and returns how many of them failed."""
        failed = 0
        for case in ElementTree.parse(report).iter("testcase"):
            if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
                failed += 1
                name = f"{case.get('classname')}.{case.get('name')}"
                print(f"not passed: {name}")
            elif case.get("status") != "notrun":
                self.passed += 1
        self.failed += failed
        return failed


def run_units(build: Path, jobs: int, totals: Totals) -> None:
    reports = build / "test-results"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    summary = build / "ctest.xml"
    summary.unlink(missing_ok=True)
    # No programs at all is an error, as everywhere in this file: nothing was tested then.
    subprocess.run(
        ["ctest", "--test-dir", build, "-j", str(jobs), "--output-on-failure", "--no-tests=error",
         "--output-junit", summary],
        check=False,
    )
    if not summary.exists():
        print("ctest wrote no report")
        totals.failed += 1
        return
    for program in ElementTree.parse(summary).iter("testcase"):
        report = reports / f"{program.get('name')}.xml"
        failed_cases = totals.add_report(report) if report.exists() else 0
        died = program.get("status") != "run"
        if not report.exists() or (died and failed_cases == 0):
            print(f"failed as a whole: {program.get('name')}")
            totals.failed += 1


def run_web(build: Path, totals: Totals) -> None:
    """The unit tests of the page at /ui; what a browser shows is tested by pytest."""
    report = build / "web.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(["node", "web/test/run.mjs", report], cwd=TOP, check=False)
    failed_cases = totals.add_report(report) if report.exists() else 0
    if not report.exists() or (done.returncode != 0 and failed_cases == 0):
        print(f"web/test/run.mjs ended with status {done.returncode}")
        totals.failed += 1


def run_pytest(build: Path, name: str, arguments: list[str], totals: Totals) -> None:
    report = build / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "VARVE_BINARY": str(build / "varve"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments],
        cwd=TOP, env=environment, check=False,
    )
    failed_cases = totals.add_report(report) if report.exists() else 0
    if done.returncode != 0 and failed_cases == 0:
        print(f"pytest ended with status {done.returncode}")
        totals.failed += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="release")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--units-only", action="store_true")
    args = parser.parse_args()
    build = TOP / "build" / args.preset
    totals = Totals()
    run_units(build, args.jobs, totals)
    if not args.units_only:
        run_web(build, totals)
        # Most tests wait for a server more than they compute; a file's tests share servers.
        run_pytest(build, "pytest", ["-m", "not alone", "-n", str(args.jobs), "--dist", "loadfile"], totals)
        run_pytest(build, "pytest_alone", ["-m", "alone"], totals)
    print(f"{totals.passed} passed, {totals.failed} failed", flush=True)
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
