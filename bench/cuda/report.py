"""The report in words: Markdown of all that was found, and a summary short enough to read at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cuda.goals import CURVES_APART, curves_apart, goals
from bench.cuda.sections import comparison, correctness, kernels, sanitizer, tiles, training

Results = dict[str, Any]
Section = Callable[[list[dict[str, Any]], bool], list[str]]

SECTIONS: dict[str, Section] = {
    "a": correctness,
    "b": sanitizer,
    "c": kernels,
    "d": comparison,
    "e": training,
    "f": training,
    "g": tiles,
}
SUMMARY_LINES = 82


def markdown(results: Results, short: bool = False) -> list[str]:
    """Lines of the report; `short` leaves out what a summary can do without."""
    lines = [_title(results), "", *_machine(results["machine"]), "", "## goals", "", *goals(results["parts"])]
    for letter, part in results["parts"].items():
        status = {None: "STOPPED: its time was up", 0: "done"}.get(part["status"], f"FAILED, status {part['status']}")
        lines += ["", f"## ({letter}) {part['title']}: {status}, {part['seconds']:.0f} s", ""]
        lines += SECTIONS[letter](part["records"], short)
        lines += [f"- {r['what']}: {r['error']}" for r in part["records"] if r["kind"] == "failure"]
    return lines


def print_summary(results: Results, files: list[Path]) -> None:
    """Fewer than a hundred lines, and where the rest is."""
    lines = markdown(results, short=True)
    if len(lines) > SUMMARY_LINES:
        lines = [*lines[: SUMMARY_LINES - 1], "... (cut; all of it is in the files)"]
    print("\n".join(lines))
    print("written:", *files)


def proved_wrong(results: Results) -> bool:
    """Whether a test failed, the sanitizer found something, numbers are too far apart, or something did not end well.

    A part that the time ended did not end well; a process within it that the time ended proves nothing, nor does what
    happens to a peer.
    """
    for part in results["parts"].values():
        if any(_is_wrong(record) for record in part["records"]):
            return True
        far = [apart for apart in curves_apart(part["records"]).values() if not apart <= CURVES_APART]
        if far or part["status"] != 0:
            return True
    return False


def _ours_is_wrong(record: dict[str, Any]) -> bool:
    return record["peer"] == "ours" and ("error" in record or record.get("same_work") is False)


_WRONG: dict[str, Callable[[dict[str, Any]], bool]] = {
    "test": lambda record: bool(record["outcome"] == "failed"),
    "tests_ended": lambda record: bool(record["status"] != 0),
    "sanitizer": lambda record: record["verdict"] not in {"clean", "absent"},
    "training": lambda record: record["status"] not in {0, None},
    "gradient": lambda record: not record["error"] <= record["allowed"],
    "time": _ours_is_wrong,
    "compared": _ours_is_wrong,
    "failure": lambda record: bool(record["proves"]),
}
"""What makes a record of that kind prove something wrong."""


def _is_wrong(record: dict[str, Any]) -> bool:
    return record["kind"] in _WRONG and _WRONG[record["kind"]](record)


def _title(results: Results) -> str:
    if results["rehearsal"]:
        return "# REHEARSAL in the simulator: tiny sizes, no GPU; no time in here means anything"
    return "# The CUDA back end on a GPU"


def _machine(machine: dict[str, Any]) -> list[str]:
    gpu = machine["gpu"]
    device = "no GPU" if gpu is None else ", ".join(f"{key} {value}" for key, value in gpu.items())
    found = {**machine["versions"], **machine["peer_versions"]}
    lines = [
        f"{machine['date']}; {device}",
        f"{machine['cpu']}, {machine['cores']} cores; Python {machine['python']}, "
        + ", ".join(f"{name} {version}" for name, version in found.items()),
    ]
    return [*lines, f"MISSING: {', '.join(machine['missing'])}"] if machine["missing"] else lines
