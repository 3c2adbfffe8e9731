"""Pytest plugin that keeps the outcome of every test as it comes.

pytest -p bench.cuda.proofs.pytest_records --records FILE
"""

from pathlib import Path

import pytest

from bench.cuda.part import append_record


def pytest_addoption(parser: pytest.Parser) -> None:
    """--records FILE: one JSON line is appended for each test."""
    parser.addoption("--records", type=Path, required=True, help="file to append to")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    config.pluginmanager.register(_Listener(config.getoption("--records")))


class _Listener:
    def __init__(self, records: Path) -> None:
        self._records = records

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once: by its call, or by a set-up or tear-down that failed."""
        if report.when == "call" or report.failed:
            reason = "" if report.passed else _reason(report)
            append_record(
                self._records, "test", name=report.nodeid, outcome=report.outcome, seconds=report.duration,
                reason=reason,
            )  # fmt: skip

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read is a failure too."""
        if report.failed:
            append_record(
                self._records, "test", name=report.nodeid, outcome="failed", seconds=0.0, reason=_reason(report)
            )


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = [line for line in str(crash.message if crash else report.longrepr).splitlines() if line.strip()]
    if crash:
        return lines[0][:300]
    return (lines[-1] if lines else "no reason given")[:300]
