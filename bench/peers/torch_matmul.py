"""What this chip's matrix product reaches through PyTorch: `python -m bench.peers.torch_matmul SIZE SECONDS [cpu]`.

Prints one JSON line, TFLOP/s of a SIZE x SIZE x SIZE product on random numbers by precision: the measured roof.
"""

import json
import sys
import time

import torch

from bench.peers.torch_gpu import set_precision


def rate(size: int, seconds: float, precision: str, device: str) -> float:
    """TFLOP/s, mean over about `seconds`."""
    set_precision(precision)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)

    def run(times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            torch.matmul(a, b, out=out)
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / times

    run(3)
    return 2 * size**3 / run(max(3, int(seconds / run(3)))) / 1e12


def main(size: int, seconds: float, device: str = "cuda") -> None:
    """Measure and print."""
    print(
        json.dumps({precision: rate(size, seconds, precision, device) for precision in ("float32", "tf32", "bfloat16")})
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:])
