"""`python -m bench cuda --out DIR`: the proof on a GPU and the times beside the peers, in one offline command.

Parts, each with its share of the time that is left:

  a  correctness: the tests marked gpu
  b  compute-sanitizer on small training steps
  c  time of each kernel, beside what the chip copies and multiplies
  d  training step, forward, rollout, beside PyTorch and JAX
  e  python -m engine.train, gradients beside float64 and loss curves in every precision
  f  the whole training, 300 epochs
  g  what tiles of warpgroup products take (only if asked for)

DIR/cuda.json, DIR/cuda.md and DIR/cuda.log are written anew every few seconds, so that whatever ends the command, what
was measured until then is there. A summary is printed last. Exit status: 0; 1 if something proved wrong; 2 for a wrong
argument or no CUDA device.
"""

import argparse
import shutil
import sys
from pathlib import Path

from bench.cuda.machine import describe
from bench.cuda.report import print_summary, proved_wrong
from bench.cuda.runner import DEFAULT_PARTS, PARTS, Run
from engine.support.command_line import Parser
from kernels.select import choose_device

DEFAULT_BUDGET = 540.0


def main(argv: list[str]) -> int:
    """Run the parts, write the report, print the summary."""
    parser = Parser(
        prog="python -m bench cuda", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for cuda.json, cuda.md and cuda.log")
    parser.add_argument("--budget", type=float, default=DEFAULT_BUDGET, help="seconds for all (default: %(default)g)")
    parser.add_argument("--parts", default=DEFAULT_PARTS, help="which, in order (default: %(default)s)")
    parser.add_argument(
        "--rehearse", action="store_true", help="tiny sizes in the simulator; no GPU; times mean nothing"
    )
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers (default: this)")
    options = parser.parse_args(argv)
    try:
        _check(options)
    except ValueError as error:
        print(f"bench cuda: {error}", file=sys.stderr)
        return 2
    run = Run(options.out, options.rehearse, options.peer_python, describe(options.rehearse, options.peer_python))
    run.parts(options.parts, options.budget)
    print_summary(run.results, run.files)
    return 1 if proved_wrong(run.results) else 0


def _check(options: argparse.Namespace) -> None:
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown or not options.parts or len(set(options.parts)) != len(options.parts):
        raise ValueError(f"--parts: expected some of {''.join(PARTS)}, each once, got {options.parts!r}")
    if not options.budget > 0:
        raise ValueError(f"--budget: expected seconds, more than 0, got {options.budget}")
    if shutil.which(options.peer_python) is None:
        raise ValueError(f"--peer-python: expected an interpreter, got {options.peer_python!r}")
    if not options.rehearse:
        choose_device("cuda")
