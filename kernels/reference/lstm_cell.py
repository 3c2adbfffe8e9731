"""The LSTM cell with any activations, at every pixel of one step; docs/backward.md has the derivation.

    forward                                                      backward
    (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
    (2)  i, f, o = s(z_i), s(z_f), s(z_o)
    (3)  g    = a(z_g)
    (4)  c    = f * c_prev + i * g                               di = dc g,  df = dc c_prev,  dg = dc i,  dc_prev = dc f
    (5)  h    = o * a(c)                                         do = dh a(c),  dc = dc_next + dh o a'(c)

s is the recurrent activation, a the activation; both derivatives are written in terms of the output.
"""

from typing import Any

import numpy as np

from kernels.activations import Activation
from kernels.reference.elementwise import ActivationOperation

Array = np.ndarray[Any, Any]


def _activated(activation: Activation, z: Array) -> Array:
    y = np.empty_like(z)
    ActivationOperation(activation).forward(z, y)
    return y


def _through(activation: Activation, y: Array, dy: Array) -> Array:
    dz = np.empty_like(y)
    ActivationOperation(activation).backward(y, dy, dz)
    return dz


def lstm_cell_forward(
    activation: Activation,
    recurrent_activation: Activation,
    z_input: Array,
    z_recurrent: Array,
    c_prev: Array,
    gates: Array,
    c: Array,
    h: Array,
) -> None:
    """z_input, z_recurrent (...,4F), c_prev (...,F) -> gates (...,4F), c, h (...,F)."""
    z_i, z_f, z_g, z_o = np.split(z_input + z_recurrent, 4, axis=-1)  # (1)
    i, f, o = (_activated(recurrent_activation, z) for z in (z_i, z_f, z_o))  # (2)
    g = _activated(activation, z_g)  # (3)
    c[...] = f * c_prev + i * g  # (4)
    h[...] = o * _activated(activation, c)  # (5)
    gates[...] = np.concatenate([i, f, g, o], axis=-1)


def lstm_cell_backward(
    activation: Activation,
    recurrent_activation: Activation,
    dh: Array,
    dh_next: Array,
    dc: Array,
    gates: Array,
    c: Array,
    c_prev: Array,
    dz: Array,
) -> None:
    """dh, dh_next, dc (...,F), gates (...,4F), c, c_prev (...,F) -> dz (...,4F), and dc_prev in dc's place."""
    i, f, g, o = np.split(gates, 4, axis=-1)
    dh_total, activated_c = dh + dh_next, _activated(activation, c)
    do = dh_total * activated_c  # (5)
    dc += _through(activation, activated_c, dh_total * o)  # (5)
    di, df, dg = dc * g, dc * c_prev, dc * i  # (4)
    dc *= f  # (4)
    s, a = recurrent_activation, activation
    parts = [_through(s, i, di), _through(s, f, df), _through(a, g, dg), _through(s, o, do)]  # (2), (3)
    dz[...] = np.concatenate(parts, axis=-1)  # (1)
