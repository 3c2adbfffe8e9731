"""`python -m bench NAME [arguments]`: run one benchmark beside its peers and print the table."""

import importlib
import sys

from engine.support.command_line import run_program

BENCHMARKS = {
    "cpu": "training step, forward and rollout on the CPU, beside Keras and PyTorch",
    "leak": "what the example's loss owes to seeing one frame ahead",
    "movies": "the movie generator beside the example's own loops",
    "keras": "the same numbers as Keras? 200 random networks, and the example's losses step by step",
    "cubin": "the CUDA kernels compiled for each architecture: registers, spills (no GPU needed)",
    "planning": "how long a network takes to be planned for a GPU (no GPU needed)",
    "counted": "what a training step asks of a GPU: launches, arithmetic, bytes (no GPU needed)",
    "rounding": "what tf32 and bfloat16 cost: gradients and 200 training steps beside float64 (no GPU needed)",
    "onnx": "the exported graphs in onnxruntime, beside the engine and a tf2onnx export",
    "cuda": "the CUDA back end beside its peers (needs a GPU)",
}


def usage() -> str:
    """How to call, one line per benchmark."""
    lines = [f"  {name:10}{what}" for name, what in BENCHMARKS.items()]
    return "\n".join(["usage: python -m bench NAME [arguments]   (NAME --help for its own)", "", *lines])


def main(argv: list[str]) -> int:
    """Hand the arguments to bench/NAME.py's main; returns the exit status."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(usage())
        return 0
    name, *arguments = argv
    if name not in BENCHMARKS:
        print(f"bench: expected one of {', '.join(BENCHMARKS)}, got {name!r}", file=sys.stderr)
        return 2
    benchmark = importlib.import_module(f"bench.{name}")
    return run_program(f"bench {name}", lambda: int(benchmark.main(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
