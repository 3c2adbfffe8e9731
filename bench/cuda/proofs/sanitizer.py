"""Part (b): a small training step under compute-sanitizer, all tools side by side."""

import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from bench.cuda.part import Ended, Part, run_limited

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
FOLDERS = ("/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer")
ERROR_STATUS = 86

_SUMMARY = re.compile(r"ERROR SUMMARY: (\d+) errors?|RACECHECK SUMMARY: (\d+) hazards?")


def main() -> None:
    """One record for each tool."""
    part = Part.from_command_line()
    sanitizer = find()
    if sanitizer is None:
        part.record("sanitizer", tool="all", verdict="absent", detail="compute-sanitizer was not found")
        return
    step = [sys.executable, "-m", "bench.cuda.small_step", *(["--rehearse"] if part.rehearse else [])]

    def watch(tool: str) -> None:
        command = [sanitizer, "--tool", tool, "--error-exitcode", str(ERROR_STATUS), "--print-limit", "5"]
        ended = run_limited([*command, *step], part.left)
        verdict, detail = judge(ended)
        part.record("sanitizer", tool=tool, verdict=verdict, detail=detail, seconds=ended.seconds)

    with ThreadPoolExecutor(len(TOOLS)) as pool:
        list(pool.map(watch, TOOLS))


def find() -> str | None:
    """The tool's path: on PATH, or where a toolkit puts it."""
    homes = [f"{home}/bin" for name in ("CUDA_HOME", "CUDA_PATH") if (home := os.environ.get(name))]
    return shutil.which("compute-sanitizer", path=os.pathsep.join([os.environ.get("PATH", ""), *homes, *FOLDERS]))


def judge(ended: Ended) -> tuple[str, str]:
    """clean, or what was found, or that nothing can be said; and the line that shows it.

    A summary of no errors counts only if the program ended well: a tool that refuses the device prints one too.
    """
    found = [int(match[1] or match[2]) for match in _SUMMARY.finditer(ended.output)]
    if ended.status is None:
        return "not finished", ended.why
    if any(found):
        lines = [line.lstrip("= ").strip() for line in ended.output.splitlines() if line.startswith("=========")]
        first = next((line for line in lines if line and "COMPUTE-SANITIZER" not in line), "")
        return f"{max(found)} found", first
    if ended.status == 0 and found:
        return "clean", ""
    return "failed", ended.why


if __name__ == "__main__":
    main()
