"""Part (a): the tests that are marked gpu, several processes at a time, so that compilers run beside each other.

Each test's outcome is kept as it comes. In a rehearsal only the tests of whole networks run, in the simulator.
"""

import subprocess
import sys

from bench.cuda.part import ROOT, Part, end_group, project_environment
from kernels.cuda.backend import PRECISIONS

NETWORKS = ["tests/gpu"]
REHEARSED = ["-k", "not example and not logistic and not tf32"]
OPERATIONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "kernels").glob("test_*.py"))


def main() -> None:
    """Run the groups side by side until all are done or the time is up."""
    part = Part.from_command_line()
    if part.rehearse:
        groups = {"networks": [*NETWORKS, *REHEARSED]}
    else:
        groups = {"networks": NETWORKS}
        groups |= {f"operations in {name}": [*OPERATIONS, "-k", f"gpu-{name}"] for name in PRECISIONS}
    running = {
        name: subprocess.Popen(_command(part, group), cwd=ROOT, env=project_environment(), start_new_session=True)
        for name, group in groups.items()
    }
    for name, process in running.items():
        try:
            status: int | None = process.wait(timeout=max(1.0, part.left - 2.0))
        except subprocess.TimeoutExpired:
            status = None
        end_group(process)
        part.record("tests_ended", group=name, status=status)


def _command(part: Part, group: list[str]) -> list[str]:
    output = ["-q", "--tb=short", "--color=no", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    records = ["-p", "bench.cuda.pytest_records", "--records", str(part.records)]
    rehearsal = ["--rehearse"] if part.rehearse else []
    return [sys.executable, "-m", "pytest", "-o", "addopts=", "-m", "gpu", *output, *records, *rehearsal, *group]


if __name__ == "__main__":
    main()
