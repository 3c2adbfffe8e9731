"""Part (a): the tests that are marked gpu, as many processes at a time as there are cores.

Each test's outcome is kept as it comes. In a rehearsal only the tests of whole networks run, in the simulator.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from bench.cuda.part import ROOT, Part, run_limited
from bench.report import available_cores
from kernels.cuda.backend import PRECISIONS

NETWORKS = "tests/gpu"
OPERATIONS = sorted(
    (str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "kernels").glob("test_*.py")),
    key=lambda path: "conv" not in path,
)
"""Convolutions first: their programs take longest to compile."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""For each process: the others have the other cores."""


def main() -> None:
    """Run the groups until all are done or the time is up."""
    part = Part.from_command_line()

    def run(name: str, group: list[str]) -> None:
        left = part.left
        status = run_limited(_command(part, group), left, **ONE_THREAD).status if left > 0 else None
        part.record("tests_ended", group=name, status=status)

    found = groups(part.rehearse)
    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(run, found, found.values()))


def groups(rehearse: bool) -> dict[str, list[str]]:
    """Arguments of pytest by the name of the group, the longest first; together they are all tests."""
    networks = {
        # together and first: where numba has compiled nothing yet, the CPU's kernels take it a minute in each process
        "networks beside the CPU": "cpu",
        **{f"networks in {name}": f"not cpu and {name}" for name in PRECISIONS if not (rehearse and name == "tf32")},
        "networks in no precision": f"not cpu and not {' and not '.join(PRECISIONS)}",
    }
    small = " and not example and not logistic and not tf32" if rehearse else ""
    found = {name: [NETWORKS, "-k", chosen + small] for name, chosen in networks.items()}
    if not rehearse:
        found |= {f"{path} in {name}": [path, "-k", f"gpu-{name}"] for path in OPERATIONS for name in PRECISIONS}
    return found


def _command(part: Part, group: list[str]) -> list[str]:
    output = ["-q", "--tb=short", "--color=no", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    records = ["-p", "bench.cuda.proofs.pytest_records", "--records", str(part.records)]
    rehearsal = ["--rehearse"] if part.rehearse else []
    return [sys.executable, "-m", "pytest", "-o", "addopts=", "-m", "gpu", *output, *records, *rehearsal, *group]


if __name__ == "__main__":
    main()
