"""python -m export MODEL --graph sequence|step|rollout -o model.onnx"""

import argparse
import sys
from pathlib import Path

from engine import load_model
from engine.support.command_line import Parser, check_target, run_program
from export.onnx_file import DEFAULT_OPSET, GRAPHS, NEWEST_OPSET, OLDEST_OPSET, export_network


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 (the file could not be written), 2 (bad input)."""
    arguments = vars(_parser().parse_args(argv))
    return run_program("export", lambda: _export(**arguments))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m export",
        description="Write a trained network as an ONNX file for onnxruntime. Needs no GPU.",
        epilog="How to run each graph: docs/onnx.md.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model.safetensors of any run")
    parser.add_argument(
        "--graph",
        choices=list(GRAPHS),
        default="sequence",
        help="sequence: movies in, a prediction for every frame out; step: one frame and the states in, the next frame "
        "and the states out; rollout: movies and n_frames in, n_frames new frames out (default: sequence)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the file to write, e.g. model.onnx")
    parser.add_argument(
        "--opset",
        type=int,
        metavar="N",
        help=f"ONNX opset, {OLDEST_OPSET} to {NEWEST_OPSET} (default: {DEFAULT_OPSET}, which every onnxruntime "
        "from 1.18 on runs with all its optimisations)",
    )
    parser.add_argument(
        "--float16",
        action="store_true",
        help="weights and arithmetic in float16: half the size, for GPUs; slower on most CPUs",
    )
    parser.add_argument(
        "--dynamic-size", action="store_true", help="leave height and width open even if the network has them fixed"
    )
    return parser


def _export(model: str, graph: str, output: str, opset: int | None, float16: bool, dynamic_size: bool) -> int:
    check_target("output", Path(output), ".onnx", {"MODEL": model})
    network = load_model(model, device="reference")
    export_network(network, output, graph=graph, opset=opset, float16=float16, dynamic_size=dynamic_size)
    print(f"wrote {output}: the {graph} graph of {network.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
