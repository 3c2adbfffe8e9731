"""python -m export MODEL --graph sequence|step|rollout -o model.onnx"""

import sys

from engine import load_model
from engine.command_line import Parser
from export.onnx_file import DEFAULT_OPSET, GRAPHS, NEWEST_OPSET, OLDEST_OPSET, export_network


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for bad input."""
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
    arguments = parser.parse_args(argv)
    try:
        network = load_model(arguments.model, device="reference")
        export_network(
            network,
            arguments.output,
            graph=arguments.graph,
            opset=arguments.opset,
            float16=arguments.float16,
            dynamic_size=arguments.dynamic_size,
        )
    except (ValueError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(f"wrote {arguments.output}: the {arguments.graph} graph of {network.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
