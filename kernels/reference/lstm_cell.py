"""The LSTM cell with any activations, at every pixel of one step; docs/backward.md has the derivation.

    forward                                                      backward
    (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
    (2)  i, f, o = s(z_i), s(z_f), s(z_o)
    (3)  g    = a(z_g)
    (4)  c    = f * c_prev + i * g                               di = dc g,  df = dc c_prev,  dg = dc i,  dc_prev = dc f
    (5)  h    = o * a(c)                                         do = dh a(c),  dc = dc_next + dh o a'(c)

s is the recurrent activation, a the activation. Their derivatives are written in terms of what forward keeps: the
output, or for an activation of_input (kernels/activations.py) the input, from which backward computes the output again.
"""

import numpy as np

from kernels.activations import Activation, parsed
from kernels.arrays import HostArray
from kernels.operations import LSTMCell
from kernels.reference.elementwise import ActivationOperation


class _Activation:
    """An activation, its output and its derivative in terms of what is kept."""

    def __init__(self, activation: Activation) -> None:
        self._operation = ActivationOperation(activation)
        self._of_input = parsed(activation).entry.of_input

    def __call__(self, z: HostArray) -> HostArray:
        y = np.empty_like(z)
        self._operation.forward(z, y)
        return y

    def kept(self, z: HostArray, y: HostArray) -> HostArray:
        return z if self._of_input else y

    def of_kept(self, kept: HostArray) -> HostArray:
        return self(kept) if self._of_input else kept

    def through(self, kept: HostArray, dy: HostArray) -> HostArray:
        dz = np.empty_like(kept)
        self._operation.backward(kept, dy, dz)
        return dz


class ReferenceLSTMCell(LSTMCell[HostArray]):
    """Keeps nothing."""

    def __init__(self, activation: Activation, recurrent_activation: Activation) -> None:
        self.a, self.s = _Activation(activation), _Activation(recurrent_activation)

    def forward(
        self,
        z_input: HostArray,
        z_recurrent: HostArray,
        c_prev: HostArray,
        gates: HostArray,
        c: HostArray,
        h: HostArray,
    ) -> None:
        a, s = self.a, self.s
        z_i, z_f, z_g, z_o = np.split(z_input + z_recurrent, 4, axis=-1)  # (1)
        i, f, o = s(z_i), s(z_f), s(z_o)  # (2)
        g = a(z_g)  # (3)
        c[...] = f * c_prev + i * g  # (4)
        h[...] = o * a(c)  # (5)
        gates[...] = np.concatenate([s.kept(z_i, i), s.kept(z_f, f), a.kept(z_g, g), s.kept(z_o, o)], axis=-1)

    def backward(
        self,
        dh: HostArray,
        dh_next: HostArray,
        dc: HostArray,
        gates: HostArray,
        c: HostArray,
        c_prev: HostArray,
        dz: HostArray,
    ) -> None:
        a, s = self.a, self.s
        kept_i, kept_f, kept_g, kept_o = np.split(gates, 4, axis=-1)
        i, f, g, o = s.of_kept(kept_i), s.of_kept(kept_f), a.of_kept(kept_g), s.of_kept(kept_o)
        dh_total, activated_c = dh + dh_next, a(c)
        do = dh_total * activated_c  # (5)
        dc += a.through(a.kept(c, activated_c), dh_total * o)  # (5)
        di, df, dg = dc * g, dc * c_prev, dc * i  # (4)
        dc *= f  # (4)
        parts = [s.through(kept_i, di), s.through(kept_f, df), a.through(kept_g, dg), s.through(kept_o, do)]  # (2), (3)
        dz[...] = np.concatenate(parts, axis=-1)  # (1)
