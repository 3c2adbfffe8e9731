"""The ConvLSTM cell at every pixel of some rows: gates, cell state and their backward pass, one vector at a time.

Forward, from the pre-activations without bias, z (4F):            Backward, from t = T-1 to 0:

    (1)  z   = z + bias                                                dbias = sum dz                            (1)
    (2)  i   = sigma(z_i),  f = sigma(z_f),  o = sigma(z_o)            dz_i = di sigma'(i), same for f, o        (2)
    (3)  g   = tanh(z_g)                                               dz_g = dg (1 - g^2)                       (3)
    (4)  c_t = f * c_prev + i * g                                      di = dc g,  df = dc c_prev,  dg = dc i    (4)
                                                                       dc_prev = dc f                            (4)
    (5)  h_t = o * tanh(c_t)                                           do = dh tanh(c_t)                         (5)
                                                                       dc = dc_t + dh o (1 - tanh(c_t)^2)        (5)

Forward leaves i, f, g, o of a step in `gates` (B,H,W,4F).
"""

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.compile.vector import lanes, load, load_first, store_first
from kernels.cpu.pointwise.nonlinearities import gate, gate_derivative, tanh


@jit
def cell_forward(
    pixels: int,
    F: int,
    sigma: int,
    slope: float,
    z: Array,
    z_start: int,
    z_pixel: int,
    bias: Array,
    c_prev: Array,
    c_prev_start: int,
    keep_gates: bool,
    gates: Array,
    gates_start: int,
    c: Array,
    c_start: int,
    h: Array,
    h_start: int,
) -> None:
    """A run of pixels: z (pixels, z_pixel), c_prev -> gates (pixels, 4F) if kept, c and h (pixels, F).

    c may be c_prev itself.
    """
    not_inlined()
    for pixel in range(pixels):
        for k in range(0, F, lanes(z)):
            count = F - k
            z_here = z_start + pixel * z_pixel + k
            state = pixel * F + k
            i = gate(sigma, slope, load(z, z_here) + load_first(bias, k, count))  # (1), (2)
            f = gate(sigma, slope, load(z, z_here + F) + load_first(bias, F + k, count))
            g = tanh(load(z, z_here + 2 * F) + load_first(bias, 2 * F + k, count))  # (3)
            o = gate(sigma, slope, load(z, z_here + 3 * F) + load_first(bias, 3 * F + k, count))
            c_t = f * load_first(c_prev, c_prev_start + state, count) + i * g  # (4)
            store_first(c, c_start + state, c_t, count)
            store_first(h, h_start + state, o * tanh(c_t), count)  # (5)
            if keep_gates:
                gates_here = gates_start + pixel * 4 * F + k
                store_first(gates, gates_here, i, count)
                store_first(gates, gates_here + F, f, count)
                store_first(gates, gates_here + 2 * F, g, count)
                store_first(gates, gates_here + 3 * F, o, count)


@jit
def cell_backward(
    pixels: int,
    F: int,
    sigma: int,
    slope: float,
    dh: Array,
    dh_start: int,
    dh_next: Array,
    dc: Array,
    state_start: int,
    c: Array,
    c_start: int,
    c_prev: Array,
    c_prev_start: int,
    gates: Array,
    gates_start: int,
    dz: Array,
    dz_start: int,
    dbias: Array,
    dbias_start: int,
) -> None:
    """A run of pixels: gates -> dz, which may be gates, dc_t -> dc_prev in its place, dbias (4F) += sum of dz.

    dh and dh_next are the gradients that reach h_t from above and from step t+1; dh_next and dc begin at state_start.
    """
    not_inlined()
    for k in range(0, F, lanes(dh)):
        count = F - k
        dbias_here = dbias_start + k
        sum_i = load_first(dbias, dbias_here, count)
        sum_f = load_first(dbias, dbias_here + F, count)
        sum_g = load_first(dbias, dbias_here + 2 * F, count)
        sum_o = load_first(dbias, dbias_here + 3 * F, count)
        for pixel in range(pixels):
            state = pixel * F + k
            here = gates_start + pixel * 4 * F + k
            i, f = load_first(gates, here, count), load_first(gates, here + F, count)
            g, o = load_first(gates, here + 2 * F, count), load_first(gates, here + 3 * F, count)
            tanh_c = tanh(load_first(c, c_start + state, count))
            dh_t = load_first(dh, dh_start + state, count) + load_first(dh_next, state_start + state, count)
            dc_t = load_first(dc, state_start + state, count) + dh_t * o * (1.0 - tanh_c * tanh_c)  # (5)
            store_first(dc, state_start + state, dc_t * f, count)  # (4)
            dz_i = dc_t * g * gate_derivative(sigma, slope, i)  # (4), (2)
            dz_f = dc_t * load_first(c_prev, c_prev_start + state, count) * gate_derivative(sigma, slope, f)
            dz_g = dc_t * i * (1.0 - g * g)  # (4), (3)
            dz_o = dh_t * tanh_c * gate_derivative(sigma, slope, o)  # (5), (2)
            there = dz_start + pixel * 4 * F + k
            store_first(dz, there, dz_i, count)
            store_first(dz, there + F, dz_f, count)
            store_first(dz, there + 2 * F, dz_g, count)
            store_first(dz, there + 3 * F, dz_o, count)
            sum_i, sum_f, sum_g, sum_o = sum_i + dz_i, sum_f + dz_f, sum_g + dz_g, sum_o + dz_o  # (1)
        store_first(dbias, dbias_here, sum_i, count)
        store_first(dbias, dbias_here + F, sum_f, count)
        store_first(dbias, dbias_here + 2 * F, sum_g, count)
        store_first(dbias, dbias_here + 3 * F, sum_o, count)
