"""The LSTM cell with any activations, at every pixel of one step; docs/backward.md has the derivation.

    forward                                                      backward
    (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
    (2)  i, f, o = s(z_i), s(z_f), s(z_o)
    (3)  g    = a(z_g)
    (4)  c    = f * c_prev + i * g                               di = dc g,  df = dc c_prev,  dg = dc i,  dc_prev = dc f
    (5)  h    = o * a(c)                                         do = dh a(c),  dc = dc_next + dh o a'(c)

s is the recurrent activation, a the activation; both derivatives are written in terms of the output.
"""

import numpy as np

from kernels.activations import Activation
from kernels.arrays import HostArray
from kernels.operations import LSTMCell
from kernels.reference.elementwise import ActivationOperation


def _activated(activation: ActivationOperation, z: HostArray) -> HostArray:
    y = np.empty_like(z)
    activation.forward(z, y)
    return y


def _through(activation: ActivationOperation, y: HostArray, dy: HostArray) -> HostArray:
    dz = np.empty_like(y)
    activation.backward(y, dy, dz)
    return dz


class ReferenceLSTMCell(LSTMCell[HostArray]):
    """Keeps nothing."""

    def __init__(self, activation: Activation, recurrent_activation: Activation) -> None:
        self.a, self.s = ActivationOperation(activation), ActivationOperation(recurrent_activation)

    def forward(
        self,
        z_input: HostArray,
        z_recurrent: HostArray,
        c_prev: HostArray,
        gates: HostArray,
        c: HostArray,
        h: HostArray,
    ) -> None:
        z_i, z_f, z_g, z_o = np.split(z_input + z_recurrent, 4, axis=-1)  # (1)
        i, f, o = (_activated(self.s, z) for z in (z_i, z_f, z_o))  # (2)
        g = _activated(self.a, z_g)  # (3)
        c[...] = f * c_prev + i * g  # (4)
        h[...] = o * _activated(self.a, c)  # (5)
        gates[...] = np.concatenate([i, f, g, o], axis=-1)

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
        i, f, g, o = np.split(gates, 4, axis=-1)
        dh_total, activated_c = dh + dh_next, _activated(a, c)
        do = dh_total * activated_c  # (5)
        dc += _through(a, activated_c, dh_total * o)  # (5)
        di, df, dg = dc * g, dc * c_prev, dc * i  # (4)
        dc *= f  # (4)
        parts = [_through(s, i, di), _through(s, f, df), _through(a, g, dg), _through(s, o, do)]  # (2), (3)
        dz[...] = np.concatenate(parts, axis=-1)  # (1)
