"""`python -m bench keras`: the engine beside real Keras, number by number: random networks, and the example's losses.

Keras runs in a Python of its own (--peer-python), in float64 for the random networks, and is given the same weights,
batches and, with dropout, its masks are taken over. What Keras computed is kept in --work; a later call goes on from
there.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.keras_example import BOUND as EXAMPLE_BOUND
from bench.keras_example import compare_example
from bench.keras_networks import BOUND, compare_networks
from bench.report import RESULTS, available_cores, machine, print_machine, print_table, write_results
from engine.support.command_line import Parser
from engine.support.validation import one_of, positive_int

SECTIONS = ("networks", "example")


def main(argv: list[str]) -> int:
    """Run a section, print its table and write it into results/SAVE.json beside the other one.

    Returns 1 if a difference is above its bound; raises ValueError for arguments that are wrong.
    """
    parser = Parser(prog="python -m bench keras", description=__doc__)
    parser.add_argument("--section", default="networks", help=f"one of {', '.join(SECTIONS)} (default: %(default)s)")
    parser.add_argument("--networks", type=int, default=200, help="how many random networks (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="training steps of the example (default: %(default)s)")
    parser.add_argument(
        "--exact-steps", type=int, default=20, help="those that it takes in float64 as well (default: %(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="of the random networks here (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=available_cores(), help="default: every core")
    parser.add_argument("--work", type=Path, help="folder that keeps what was computed (default: a temporary one)")
    parser.add_argument("--save", default="keras", help="the NAME of bench/results/NAME.json (default: %(default)s)")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("CONVLSTM_PEER_PYTHON", sys.executable),
        help="interpreter that has Keras 3, tf-keras and TensorFlow (default: $CONVLSTM_PEER_PYTHON, else this one)",
    )
    options = parser.parse_args(argv)
    one_of("--section", options.section, SECTIONS)
    for name in ("networks", "steps", "exact_steps", "threads"):
        positive_int(f"--{name.replace('_', '-')}", getattr(options, name))
    if not options.save.isidentifier():
        raise ValueError(f"--save: expected a plain name, got {options.save!r}")
    description = machine()
    print_machine(description)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.work or Path(temporary)) / options.section
        if options.section == "networks":
            numbers = range(options.first, options.first + options.networks)
            found = compare_networks(options.peer_python, numbers, options.device, options.threads, folder)
            good = print_networks(found)
        else:
            found = compare_example(options.peer_python, folder, options.steps, options.exact_steps, options.threads)
            good = print_example(found)
    path = RESULTS / f"{options.save}.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[options.section] = {"machine": description, **found}
    print(f"written: bench/results/{write_results(options.save, results).name}")
    return 0 if good else 1


def print_networks(found: dict[str, Any]) -> bool:
    """The table; whether every difference is within the bound."""
    rows = [[what, f"{row['difference']:.1e}", str(row["network"])] for what, row in found["largest"].items()]
    print_table(["quantity", "largest difference", "network"], rows)
    print(f"{found['networks']} networks on {found['device']} beside {'; '.join(found['versions'])}")
    for number, reason in found["refused_by_keras"].items():
        print(f"network {number} was refused by Keras: {reason}")
    return all(row["difference"] <= BOUND for row in found["largest"].values())


def print_example(found: dict[str, Any]) -> bool:
    """The table; whether the float64 losses follow each other within the bound."""
    rows = [
        [what, f"{row['largest']:.1e}", str(row["at_step"]), f"{row['steps_within_bound']} of {row['steps']}"]
        for what, row in found["relative_differences"].items()
    ]
    print_table(["losses", "largest relative difference", "at step", f"steps within {EXAMPLE_BOUND:g}"], rows)
    return bool(found["relative_differences"]["ours and keras, both float64"]["largest"] <= EXAMPLE_BOUND)
