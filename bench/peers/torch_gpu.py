"""PyTorch on a GPU, channels-last: `python -m bench.peers.torch_gpu REQUEST`, see bench/peers/device_worker.py.

Forms, each on top of the one before: "eager"; "graph", the whole call replayed as a CUDA graph; "compiled_cell", the
gates through torch.compile as well; and "compiled", network and loss through torch.compile, the loop over time
unrolled, replayed as a CUDA graph too. In bfloat16 convolutions run under autocast; weights and cell states stay
float32.

A rollout is streamed, as the engine does it, though PyTorch users mostly predict the growing track: each new frame
costs one step of each layer. Without a GPU, in a rehearsal, nothing is replayed.
"""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import torch
import torch._dynamo
from torch import Tensor
from torch.nn import functional

from bench.peers import torch_network
from bench.peers.device_worker import CHECKED_STEPS, NotOffered, Request, serve
from bench.peers.torch_network import Network
from bench.peers.work import ADADELTA, Work

WARM_UP = 3
COMPILED_VARIANTS = 64
"""Variants of one function that may be compiled: beyond its limit torch.compile silently runs it uncompiled."""
FORMS = ("eager", "graph", "compiled_cell", "compiled")


class TorchTask:
    """See Task."""

    def __init__(self, request: Request, work: Work, precision: str) -> None:
        if request.form not in FORMS:
            raise NotOffered(f"expected one of {', '.join(FORMS)}, got {request.form!r}")
        if request.form == "compiled" and work.kind == "rollout":
            raise NotOffered("the streamed rollout is not compiled as a whole")
        self.device = torch.device("cpu" if request.rehearse else "cuda")
        self.on_gpu = self.device.type == "cuda"
        self.work, self.precision, self.form = work, precision, request.form
        set_precision(precision)
        torch.compiler.reset()
        gc.collect()
        if self.on_gpu:
            torch.cuda.empty_cache()
        self.network = Network(work, "ordered").to(self.device)
        self.x, self.y = (torch.from_numpy(array).to(self.device) for array in work.movies())
        self.optimizer = torch.optim.Adadelta(
            self.network.parameters(), lr=ADADELTA["learning_rate"], rho=ADADELTA["rho"], eps=ADADELTA["epsilon"],
            capturable=self.on_gpu,
        )  # fmt: skip
        self.loss_of: Callable[[], Tensor] = self._loss
        self.probability_of: Callable[[], Tensor] = self._probability
        if self.form == "compiled":
            self.loss_of = torch.compile(self._loss, dynamic=False)
            self.probability_of = torch.compile(self._probability, dynamic=False)
        self.call = {"train": self._train, "forward": self._forward, "rollout": self._rollout}[work.kind]
        self.output = torch.empty(0)
        self.graph: torch.cuda.CUDAGraph | None = None

    # ---------------------------------------------------------------- the work

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _loss(self) -> Tensor:
        with self._autocast():
            logits = self.network(self.x)
        return functional.binary_cross_entropy_with_logits(logits.float(), self.y)

    def _probability(self) -> Tensor:
        with self._autocast():
            return torch.sigmoid(self.network(self.x).float())

    def _train(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of()
        loss.backward()
        self.optimizer.step()
        self.output = loss.detach()

    def _forward(self) -> None:
        with torch.no_grad():
            self.output = self.probability_of()

    def _rollout(self) -> None:
        with torch.no_grad(), self._autocast():
            self.output = stream(self.network, self.x, self.work.n_new)

    # ---------------------------------------------------------------- the task

    def check(self) -> np.ndarray:
        """See Task."""
        train = self.work.kind == "train"
        self.network.train(train)
        initial = {name: value.clone() for name, value in self.network.state_dict().items()}
        outputs = self._run(CHECKED_STEPS if train else 1)
        if self.on_gpu:
            # What cuDNN took to try its algorithms is none of the work's memory.
            torch.cuda.reset_peak_memory_stats()
        if self.form != "eager" and self.on_gpu:
            self._capture()
            self._reset(initial)
            outputs = self._run(len(outputs))
        return outputs if train else outputs[0]

    def _run(self, times: int) -> np.ndarray:
        outputs = []
        for _ in range(times):
            self.queue()
            outputs.append(self.output.float().cpu().numpy().copy())
        return np.stack(outputs)

    def _capture(self) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.call()
        self.graph = graph

    def _reset(self, initial: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                value.copy_(initial[name])
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()

    def queue(self) -> None:
        """See Task."""
        if self.graph is not None:
            self.graph.replay()
        else:
            self.call()

    def wait(self) -> None:
        """See Task."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def peak_bytes(self) -> int:
        """See Task: what tensors held at most, not what the allocator kept beside."""
        return int(torch.cuda.max_memory_allocated()) if self.on_gpu else 0


def set_precision(precision: str) -> None:
    """How float32 convolutions and products are computed: exactly, or in tf32 (beside bfloat16 too)."""
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
    torch.backends.cudnn.benchmark = True


def stream(network: Network, track: Tensor, n_new: int) -> Tensor:
    """track (B,T,H,W,C) -> the n_new frames that follow (B,n_new,H,W,C): one step of each layer for each frame.

    For the last frame of a track the (3,3,3) head sees the frame before, the frame itself, and zeros after it.
    """
    batch, frames, height, width, _ = track.shape
    last = torch.channels_last
    states = [track.new_zeros(2, batch, cell.filters, height, width).unbind(0) for cell in network.cells]
    states = [tuple(state.contiguous(memory_format=last) for state in pair) for pair in states]
    before: Tensor | None = None
    new: list[Tensor] = []
    for t in range(frames + n_new - 1):
        x = track[:, t].permute(0, 3, 1, 2) if t < frames else new[-1]
        for number, (cell, norm) in enumerate(zip(network.cells, network.norms, strict=True)):
            h, c = states[number]
            z = functional.conv2d(x, cell.kernel, cell.bias, padding=cell.padding).contiguous(memory_format=last)
            z = z + functional.conv2d(h, cell.recurrent_kernel, padding=cell.padding)
            h, c = torch_network.lstm_cell(z, c)
            states[number] = h, c
            x = norm(h)
        if t >= frames - 1:
            logits = functional.conv2d(x, network.head[:, :, 1], network.head_bias, padding=1)
            if before is not None:
                logits = logits + functional.conv2d(before, network.head[:, :, 0], padding=1)
            new.append(torch.sigmoid(logits.float()))
        before = x
    return torch.stack(new, 1).permute(0, 1, 3, 4, 2)


def main() -> None:
    """Serve the request."""
    torch._dynamo.config.recompile_limit = COMPILED_VARIANTS
    if Request.from_command_line().form == "compiled_cell":
        torch_network.lstm_cell = torch.compile(torch_network.lstm_cell, dynamic=False)
    serve("PyTorch", {"torch": torch.__version__}, TorchTask)


if __name__ == "__main__":
    main()
