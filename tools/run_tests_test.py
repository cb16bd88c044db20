"""The totals of make test: a dead program, a skipped case and a failed run without a report all count."""

import subprocess
from pathlib import Path

import pytest

import run_tests

PASSED = '<testcase classname="A" name="one" status="run"/>'
FAILED = '<testcase classname="A" name="two" status="run"><failure message="no"/></testcase>'
SKIPPED = '<testcase classname="A" name="three" status="run"><skipped/></testcase>'
DISABLED = '<testcase classname="A" name="four" status="notrun"/>'


def report(*cases: str) -> str:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def fake_run(monkeypatch: pytest.MonkeyPatch, files: dict[Path, str], status: int) -> None:
    """Replaces the run of ctest or pytest by one that leaves these files."""

    def run(command, **_):
        for path, text in files.items():
            path.write_text(text)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(run_tests.subprocess, "run", run)


@pytest.mark.parametrize("cases, passed, failed", [
    ((PASSED, PASSED), 2, 0),
    ((PASSED, FAILED), 1, 1),
    ((PASSED, SKIPPED), 1, 1),
    ((PASSED, DISABLED), 1, 0),
])
def test_cases_of_a_report_are_counted(tmp_path: Path, cases, passed: int, failed: int):
    (tmp_path / "r.xml").write_text(report(*cases))
    totals = run_tests.Totals()
    assert totals.add_report(tmp_path / "r.xml") == failed
    assert (totals.passed, totals.failed) == (passed, failed)


@pytest.mark.parametrize("status, cases, passed, failed", [
    ("run", (PASSED,), 1, 0),
    ("fail", (PASSED, FAILED), 1, 1),  # its report says what failed: not counted twice
    ("fail", (PASSED,), 1, 1),  # a sanitizer or a crash after the report
    ("fail", None, 0, 1),  # died without a report
    ("run", None, 0, 1),  # passed without a report: nothing was tested
])
def test_programs_are_counted(tmp_path: Path, monkeypatch, status, cases, passed: int, failed: int):
    files = {tmp_path / "ctest.xml": f'<testsuite><testcase name="a_test" status="{status}"/></testsuite>'}
    if cases is not None:
        files[tmp_path / "test-results/a_test.xml"] = report(*cases)
    fake_run(monkeypatch, files, 0)
    totals = run_tests.Totals()
    run_tests.run_units(tmp_path, 1, totals)
    assert (totals.passed, totals.failed) == (passed, failed)


@pytest.mark.parametrize("run", [
    run_tests.run_units,
    lambda build, _, totals: run_tests.run_web(build, totals),
    lambda build, _, totals: run_tests.run_pytest(build, "pytest", [], totals),
])
def test_a_run_without_a_report_failed(tmp_path: Path, monkeypatch, run):
    fake_run(monkeypatch, {}, 3)
    totals = run_tests.Totals()
    run(tmp_path, 1, totals)
    assert (totals.passed, totals.failed) == (0, 1)


def test_pytest_that_failed_outside_its_cases_is_counted(tmp_path: Path, monkeypatch):
    fake_run(monkeypatch, {tmp_path / "pytest.xml": report(PASSED)}, 2)
    totals = run_tests.Totals()
    run_tests.run_pytest(tmp_path, "pytest", [], totals)
    assert (totals.passed, totals.failed) == (1, 1)


@pytest.mark.parametrize("status, cases, passed, failed", [
    (0, (PASSED, PASSED), 2, 0),
    (1, (PASSED, FAILED), 1, 1),
    (1, (PASSED,), 1, 1),  # it ended badly after its report
])
def test_cases_of_the_page_are_counted(tmp_path: Path, monkeypatch, status, cases, passed: int, failed: int):
    totals = run_tests.Totals()

    def run(command, **_):
        (tmp_path / "web.xml").write_text(report(*cases))
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(run_tests.subprocess, "run", run)
    run_tests.run_web(tmp_path, totals)
    assert (totals.passed, totals.failed) == (passed, failed)
