"""The network in PyTorch, channels-last, in three forms.

"merged" is the ConvLSTM cell as it is mostly written: one convolution per step over cat(x_t, h). "hoisted" runs the
input's convolution for all frames at once before the loop, and only the recurrent one inside it. "ordered" is the same
with that convolution's output put channels-last: of one input channel PyTorch cannot tell the order, and goes on with
the first layer channels-first.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.peers.work import ADADELTA, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, HEAD_KERNEL, Work


def convolution_weight(kernel: np.ndarray) -> Tensor:
    """(kh,kw,C,F) or (kt,kh,kw,C,F), as Keras has it, to PyTorch's (F,C,...), channels-last."""
    weight = torch.from_numpy(np.ascontiguousarray(np.moveaxis(kernel, [-1, -2], [0, 1])))
    return weight.contiguous(memory_format=torch.channels_last if weight.dim() == 4 else torch.channels_last_3d)


def lstm_cell(z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """z (B,4F,H,W), the gates' arguments, and c (B,F,H,W) -> the next h, c."""
    z_i, z_f, z_g, z_o = z.chunk(4, 1)
    i, f, o = (torch.clamp(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z_i, z_f, z_o))
    c = f * c + i * torch.tanh(z_g)
    return o * torch.tanh(c), c


class ConvLSTM(nn.Module):
    """x (T,B,C,H,W) -> h (T,B,F,H,W); gates in Keras' order i, f, g, o with Keras 2's hard sigmoid."""

    def __init__(self, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray, form: str) -> None:
        super().__init__()
        self.form, self.filters, self.padding = form, recurrent_kernel.shape[2], kernel.shape[0] // 2
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        if form == "merged":
            self.kernel = nn.Parameter(convolution_weight(np.concatenate((kernel, recurrent_kernel), axis=2)))
        else:
            self.kernel = nn.Parameter(convolution_weight(kernel))
            self.recurrent_kernel = nn.Parameter(convolution_weight(recurrent_kernel))

    def forward(self, x: Tensor) -> Tensor:
        """The recurrence from zero states."""
        frames, batch, _, height, width = x.shape
        h = x.new_zeros(batch, self.filters, height, width).contiguous(memory_format=torch.channels_last)
        c = h
        if self.form != "merged":
            all_z = functional.conv2d(x.flatten(0, 1), self.kernel, self.bias, padding=self.padding)
            if self.form == "ordered":
                all_z = all_z.contiguous(memory_format=torch.channels_last)
            steps = all_z.unflatten(0, (frames, batch)).unbind(0)
        else:
            steps = x.unbind(0)
        outputs = []
        for step in steps:
            if self.form != "merged":
                z = step + functional.conv2d(h, self.recurrent_kernel, padding=self.padding)
            else:
                z = functional.conv2d(torch.cat((step, h), 1), self.kernel, self.bias, padding=self.padding)
            h, c = lstm_cell(z, c)
            outputs.append(h)
        return torch.stack(outputs)


class Network(nn.Module):
    """x (B,T,H,W,C) -> logits (B,T,H,W,1)."""

    def __init__(self, work: Work, form: str) -> None:
        super().__init__()
        arrays = iter(work.weights())
        self.cells, self.norms = nn.ModuleList(), nn.ModuleList()
        for filters in work.filters:
            self.cells.append(ConvLSTM(next(arrays), next(arrays), next(arrays), form))
            norm = nn.BatchNorm2d(filters, eps=BATCH_NORM_EPSILON, momentum=1.0 - BATCH_NORM_MOMENTUM)
            for target in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                target.data.copy_(torch.from_numpy(next(arrays)))
            self.norms.append(norm)
        self.head = nn.Parameter(convolution_weight(next(arrays)))
        self.head_bias = nn.Parameter(torch.from_numpy(next(arrays).copy()))

    def forward(self, x: Tensor) -> Tensor:
        """Logits; a frame's memory is channels-last throughout."""
        x = x.permute(1, 0, 4, 2, 3)
        for cell, norm in zip(self.cells, self.norms, strict=True):
            h = cell(x)
            x = norm(h.flatten(0, 1)).unflatten(0, h.shape[:2])
        volume = x.permute(1, 2, 0, 3, 4).contiguous(memory_format=torch.channels_last_3d)
        padding = tuple(size // 2 for size in HEAD_KERNEL)
        logits = functional.conv3d(volume, self.head, self.head_bias, padding=padding)
        return logits.permute(0, 2, 3, 4, 1)


class TorchPeer:
    """See Peer; `compiled` puts network and loss through torch.compile (each kind of call compiles once)."""

    def __init__(self, work: Work, threads: int, form: str, compiled: bool) -> None:
        self.versions = {"torch": torch.__version__}
        torch.set_num_threads(threads)
        self.network = Network(work, form)
        self.optimizer = torch.optim.Adadelta(
            self.network.parameters(), lr=ADADELTA["learning_rate"], rho=ADADELTA["rho"], eps=ADADELTA["epsilon"]
        )
        self.loss_of = torch.compile(self._loss) if compiled else self._loss
        self.probability_of = torch.compile(self._probability) if compiled else self._probability

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(self.network(x), y)

    def _probability(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.network(x))

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """See Peer."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(torch.from_numpy(x), torch.from_numpy(y))
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See Peer."""
        self.network.eval()
        with torch.inference_mode():
            return self.probability_of(torch.from_numpy(x)).numpy()

    def rollout(self, track: np.ndarray, n_new: int) -> np.ndarray:
        """See Peer: predict the growing track, as the example does."""
        given = track.shape[1]
        for _ in range(n_new):
            track = np.concatenate((track, self.forward(track)[:, -1:]), axis=1)
        return track[:, given:]
