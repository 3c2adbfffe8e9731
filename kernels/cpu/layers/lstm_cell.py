"""The LSTM cell with any activations, at every pixel of one step, one vector at a time.

    forward                                                      backward
    (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
    (2)  i, f, o = s(z_i), s(z_f), s(z_o)
    (3)  g    = a(z_g)
    (4)  c    = f * c_prev + i * g                               di = dc g,  df = dc c_prev,  dg = dc i,  dc_prev = dc f
    (5)  h    = o * a(c)                                         do = dh a(c),  dc = dc_next + dh o a'(c)

gates (pixels, 4F) hold i, f, g, o; where an activation's derivative is of_input (kernels/activations.py), its z
instead, from which backward computes the output again. cell.py is the fast way for tanh and the sigmoids, with its sums
fused; arrays here are flat.
"""

import numpy as np

from kernels.activations import Activation
from kernels.arrays import Array, HostArray
from kernels.cpu.compile.jit import claim_threads, jit, parallel, prange
from kernels.cpu.compile.vector import lanes, load_first, store_first
from kernels.cpu.pointwise.elementwise import Code, activated, code_of, kept, of_kept, through
from kernels.operations import LSTMCell


@parallel
def _forward(
    workers: int, F: int, codes: Array, parameters: Array, z_input: Array, z_recurrent: Array, c_prev: Array,
    gates: Array, c: Array, h: Array,
) -> None:  # fmt: skip
    """Run (1) to (5); codes (2), parameters (2,3): of the activation and the recurrent one."""
    pixels = c.size // F
    for worker in prange(workers):
        a, s = _code(codes, parameters, 0), _code(codes, parameters, 1)
        for pixel in range(worker * pixels // workers, (worker + 1) * pixels // workers):
            for k in range(0, F, lanes(c)):
                count, state, here = F - k, pixel * F + k, 4 * pixel * F + k
                z_i = load_first(z_input, here, count) + load_first(z_recurrent, here, count)  # (1)
                z_f = load_first(z_input, here + F, count) + load_first(z_recurrent, here + F, count)
                z_g = load_first(z_input, here + 2 * F, count) + load_first(z_recurrent, here + 2 * F, count)
                z_o = load_first(z_input, here + 3 * F, count) + load_first(z_recurrent, here + 3 * F, count)
                i, f, o = activated(s, z_i), activated(s, z_f), activated(s, z_o)  # (2)
                g = activated(a, z_g)  # (3)
                c_t = f * load_first(c_prev, state, count) + i * g  # (4)
                store_first(gates, here, kept(s, z_i, i), count)
                store_first(gates, here + F, kept(s, z_f, f), count)
                store_first(gates, here + 2 * F, kept(a, z_g, g), count)
                store_first(gates, here + 3 * F, kept(s, z_o, o), count)
                store_first(c, state, c_t, count)
                store_first(h, state, o * activated(a, c_t), count)  # (5)


@parallel
def _backward(
    workers: int, F: int, codes: Array, parameters: Array, dh: Array, dh_next: Array, dc: Array, gates: Array, c: Array,
    c_prev: Array, dz: Array,
) -> None:  # fmt: skip
    """Run (5) to (1); codes, parameters as for _forward."""
    pixels = c.size // F
    for worker in prange(workers):
        a, s = _code(codes, parameters, 0), _code(codes, parameters, 1)
        for pixel in range(worker * pixels // workers, (worker + 1) * pixels // workers):
            for k in range(0, F, lanes(c)):
                count, state, here = F - k, pixel * F + k, 4 * pixel * F + k
                kept_i, kept_f = load_first(gates, here, count), load_first(gates, here + F, count)
                kept_g, kept_o = load_first(gates, here + 2 * F, count), load_first(gates, here + 3 * F, count)
                i, f, o = of_kept(s, kept_i), of_kept(s, kept_f), of_kept(s, kept_o)
                g = of_kept(a, kept_g)
                c_t = load_first(c, state, count)
                activated_c = activated(a, c_t)
                dh_t = load_first(dh, state, count) + load_first(dh_next, state, count)
                dc_t = load_first(dc, state, count) + through(a, kept(a, c_t, activated_c), dh_t * o)  # (5)
                store_first(dc, state, dc_t * f, count)  # (4)
                dz_f = through(s, kept_f, dc_t * load_first(c_prev, state, count))  # (4), (2)
                store_first(dz, here, through(s, kept_i, dc_t * g), count)
                store_first(dz, here + F, dz_f, count)
                store_first(dz, here + 2 * F, through(a, kept_g, dc_t * i), count)  # (4), (3)
                store_first(dz, here + 3 * F, through(s, kept_o, dh_t * activated_c), count)  # (5), (2)


@jit
def _code(codes: Array, parameters: Array, number: int) -> Code:
    """One of two activations, put together here because parallel functions take no tuples."""
    return codes[number], (parameters[number, 0], parameters[number, 1], parameters[number, 2])


class CpuLSTMCell(LSTMCell[HostArray]):
    """One compiled function for all pairs of activations."""

    def __init__(self, activation: Activation, recurrent_activation: Activation, workers: int) -> None:
        self.workers = workers
        codes, parameters = zip(code_of(activation), code_of(recurrent_activation), strict=True)
        self.codes = np.array(codes), np.array(parameters)

    def forward(
        self,
        z_input: HostArray,
        z_recurrent: HostArray,
        c_prev: HostArray,
        gates: HostArray,
        c: HostArray,
        h: HostArray,
    ) -> None:
        claim_threads(self.workers)
        arrays = (z_input, z_recurrent, c_prev, gates, c, h)
        _forward(self.workers, c.shape[-1], *self.codes, *(array.reshape(-1) for array in arrays))

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
        claim_threads(self.workers)
        arrays = (dh, dh_next, dc, gates, c, c_prev, dz)
        _backward(self.workers, c.shape[-1], *self.codes, *(array.reshape(-1) for array in arrays))
