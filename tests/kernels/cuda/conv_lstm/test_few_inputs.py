"""z and the kernel's gradient of a ConvLSTM with few channels in: over odd shapes against float64 and gathering."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.common.precision import gate_dtype, precision_defines
from kernels.cuda.conv_lstm.few_inputs import FewInputs, FewInputsTile, few_inputs_tile, has_few_inputs
from kernels.cuda.conv_lstm.gathered import conv_lstm_defines
from kernels.cuda.launch.dry_runtime import DryRuntime
from kernels.cuda.launch.launch import Program
from kernels.cuda.launch.nvrtc import compile_cubin
from kernels.cuda.launch.source import load_source
from kernels.cuda.products.strategy import Arrays, Product, Products
from kernels.cuda.products.tiles import TARGET_BLOCKS
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS, ConvLSTMSpec
from tests.kernels.cuda.conv_lstm.test_weight_gradients import exact_factors, expected, on_device, run
from tests.kernels.cuda.launch.test_cubin import ARCHITECTURES
from tests.kernels.cuda.layer_runs import Array, errors, random_arrays, run_conv_lstm
from tests.kernels.cuda.products.planned_layers import layers

SHAPES = {
    "one pixel": ConvLSTMSpec(T=1, B=1, H=1, W=1, C=1, F=1, kh=1, kw=1),
    "the example's first layer": ConvLSTMSpec(T=2, B=1, H=7, W=12, C=1, F=40, kh=3, kw=3),
    "colours": ConvLSTMSpec(T=1, B=2, H=5, W=13, C=3, F=6, kh=3, kw=3),
    "kernel larger than the frame": ConvLSTMSpec(T=2, B=2, H=2, W=3, C=1, F=3, kh=5, kw=5),
    "a wide kernel": ConvLSTMSpec(T=2, B=1, H=4, W=10, C=1, F=6, kh=3, kw=5),
    "an even kernel": ConvLSTMSpec(T=2, B=1, H=6, W=9, C=1, F=6, kh=4, kw=4),
    "a tall kernel": ConvLSTMSpec(T=1, B=1, H=9, W=4, C=2, F=5, kh=7, kw=1),
    "several patches down": ConvLSTMSpec(T=1, B=1, H=50, W=9, C=1, F=6, kh=3, kw=3),
    "several patches a slice": ConvLSTMSpec(T=5, B=14, H=3, W=33, C=2, F=2, kh=1, kw=3),
    "filters of several blocks": ConvLSTMSpec(T=1, B=1, H=3, W=5, C=1, F=257, kh=1, kw=1),
}
EXAMPLE = ConvLSTMSpec(T=15, B=10, H=40, W=40, C=1, F=40, kh=3, kw=3)

ERROR = {"float32": 1e-6, "tf32": 1e-6, "bfloat16": 3e-4}
"""Error of z, relative in norm, from factors that are exact: float32 sums, which bfloat16 keeps as float16."""

GRADIENT_ERROR = 1e-6

AGREEMENT = {"float32": 2e-6, "tf32": 5e-4, "bfloat16": 5e-3}
"""Difference of a layer's results where sums run in another order: that of test_windowed.py."""

specs = layers(st.integers(1, 4), st.integers(1, 400), 300, 300, st.integers(1, 9), st.integers(1, 9))


def exact(precision: str, array: Array) -> Array:
    """What rounding to the precision leaves as it is."""
    dropped = {"float32": 0, "tf32": 13, "bfloat16": 16}[precision]
    return (array.view(np.uint32) >> dropped << dropped).view(np.float32)


def forward(spec: ConvLSTMSpec, precision: str, x: Array, kernel: Array, bias: Array, seed: int = 0) -> Array:
    """z (T,B,H,W,F,4), every access checked."""
    runtime, shape = SimRuntime(seed=seed), (*x.shape[:4], spec.F, 4)
    sizes = {"x": x.shape, "bias": bias.shape, "z": shape}
    product = Product("input_forward", spec, precision, runtime.limits)
    program = Program(DryRuntime(), "conv_lstm/conv_lstm.cu", conv_lstm_defines(spec, precision))
    bound = FewInputs().bind(product, runtime, program, Arrays(sizes))
    z = runtime.empty(shape, gate_dtype(precision))
    bound.pack(kernel=runtime.from_host(kernel, np.float32))
    bound.run(x=on_device(runtime, precision, x), bias=runtime.from_host(bias, np.float32), z=z)
    return runtime.to_host(z).astype(np.float32)


def forward_arrays(spec: ConvLSTMSpec) -> dict[str, Array]:
    shapes = {"x": (spec.T, spec.B, spec.H, spec.W, spec.C), "kernel": (spec.kh, spec.kw, spec.C, 4 * spec.F)}
    return random_arrays(0, shapes | {"bias": (4 * spec.F,)})


def definition(spec: ConvLSTMSpec, x: Array, kernel: Array, bias: Array) -> Array:
    """z in float64, tap by tap."""
    margins = ((0, 0), (0, 0), (spec.kh // 2,) * 2, (spec.kw // 2,) * 2, (0, 0))
    padded = np.pad(x.astype(np.float64), margins)
    z = np.zeros((*x.shape[:4], 4 * spec.F)) + bias
    for dy in range(spec.kh):
        for dx in range(spec.kw):
            z += padded[:, :, dy : dy + spec.H, dx : dx + spec.W] @ kernel[dy, dx].astype(np.float64)
    return np.swapaxes(z.reshape(*x.shape[:4], 4, spec.F), -1, -2)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_z_is_that_of_the_definition(precision: str, spec: ConvLSTMSpec) -> None:
    host = {name: exact(precision, array) for name, array in forward_arrays(spec).items()}
    z = forward(spec, precision, **host)
    assert errors({"z": z}, {"z": definition(spec, **host)})["z"] < ERROR[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_gradients_are_those_of_the_definition(precision: str, spec: ConvLSTMSpec) -> None:
    host = exact_factors(spec, precision)
    found = errors(run(spec, precision, "auto", host), expected(spec, host, with_state=True))
    assert max(found.values()) < GRADIENT_ERROR, found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["the example's first layer", "colours", "an even kernel"])
def test_it_computes_what_gathering_computes(precision: str, name: str) -> None:
    """Factors are rounded alike: the two differ by the order of their sums."""
    spec = replace(SHAPES[name], recurrent_activation="sigmoid")
    few, gathered = (
        run_conv_lstm(
            CudaBackend(precision=precision, runtime=SimRuntime(), products=products, recurrence="steps"), spec
        )
        for products in ("auto", "gathered")
    )
    apart = errors(few, gathered)
    assert max(apart.values()) < AGREEMENT[precision], apart


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_factors_are_rounded_to_nearest(precision: str) -> None:
    spec = SHAPES["colours"]
    host = forward_arrays(spec)
    z = forward(spec, precision, **host)
    half = {"tf32": 1 << 12, "bfloat16": 1 << 15}[precision]
    nearest = {name: exact(precision, (a.view(np.uint32) + half).view(np.float32)) for name, a in host.items()}
    if precision == "bfloat16":
        host["x"] = exact(precision, host["x"])  # as the layer has it: on_device cuts, and does not round
        nearest["x"] = host["x"]
    nearest["bias"] = host["bias"]
    assert errors({"z": z}, {"z": definition(spec, **nearest)})["z"] < ERROR[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bits_in_any_order_of_blocks(precision: str) -> None:
    spec = SHAPES["several patches a slice"]
    host, factors = forward_arrays(spec), exact_factors(spec, precision)
    z, gradients = forward(spec, precision, **host, seed=1), run(spec, precision, "auto", factors, seed=1)
    for seed, device in ((1, {}), (2, {}), (3, {"sm_count": 1})):
        np.testing.assert_array_equal(forward(spec, precision, **host, seed=seed), z)
        for name, array in run(spec, precision, "auto", factors, seed=seed, **device).items():
            np.testing.assert_array_equal(array, gradients[name], err_msg=name)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_nan_reaches_what_it_touches(precision: str) -> None:
    """z of the pixels that see it, and no other; every gradient of its channel; dz's, those of its column."""
    spec = SHAPES["colours"]
    host, factors = forward_arrays(spec), exact_factors(spec, precision)
    host["x"][0, 1, 2, 8, 1] = factors["x"][0, 1, 2, 8, 1] = np.nan
    seen = np.zeros(host["x"].shape[:4], bool)
    seen[0, 1, 1:4, 7:10] = True
    z = forward(spec, precision, **host)
    np.testing.assert_array_equal(np.isnan(z), np.broadcast_to(seen[..., None, None], z.shape))
    found = run(spec, precision, "auto", factors)
    assert np.isnan(found["dkernel"][:, :, 1]).all()
    assert not np.isnan(found["dkernel"][:, :, [0, 2]]).any() and not np.isnan(found["dbias"]).any()
    factors["x"][0, 1, 2, 8, 1] = 0.0
    factors["dz"][0, 1, 2, 8, 4, 3] = np.nan
    found, column = run(spec, precision, "auto", factors), 3 * spec.F + 4
    assert np.isnan(found["dkernel"][..., column]).all() and np.isnan(found["dbias"][column])
    assert np.isnan(found["dbias"]).sum() == 1


@pytest.mark.parametrize(
    ("channels", "kernel", "few"),
    [
        (1, (3, 3), True),
        (1, (5, 5), True),
        (3, (3, 3), True),
        (2, (4, 3), True),
        (1, (7, 7), False),
        (3, (5, 3), False),
        (4, (1, 1), False),
        (1, (9, 1), False),
    ],
)
def test_who_has_few_inputs(channels: int, kernel: tuple[int, int], few: bool) -> None:
    assert has_few_inputs(replace(EXAMPLE, C=channels, kh=kernel[0], kw=kernel[1])) == few


@pytest.mark.parametrize(("products", "few"), [("auto", True), ("gathered", False), ("windows", False)])
def test_only_auto_takes_it(products: Products, few: bool) -> None:
    backend, recorder = CudaBackend(precision="tf32", runtime=DryRuntime(), products=products), Recorder()
    x, dh = backend.empty((15, 10, 40, 40, 1)), backend.empty((15, 10, 40, 40, 40))
    weights = [backend.empty(shape) for shape in ((3, 3, 1, 160), (3, 3, 40, 160), (160,))]
    with recorder.on(backend.runtime):
        recorder.recording = True
        op = backend.conv_lstm(EXAMPLE)
        op.forward(x, *weights)
        op.backward(dh, x, *weights[:2], *weights)
    found = [launch.kernel for launch in recorder.launches if launch.source.name == "few_inputs.cu"]
    assert found == (["pack_few_inputs", "few_inputs_forward", "few_inputs_gradient"] if few else [])


@given(spec=specs.filter(has_few_inputs), precision=st.sampled_from(PRECISIONS))
def test_blocks_cover_filters_and_frames(spec: ConvLSTMSpec, precision: str) -> None:
    tile = few_inputs_tile(spec, precision)
    assert tile.filters * tile.filter_blocks >= spec.F and 1 <= tile.threads <= 256
    patches = tile.patches(spec.T)
    assert patches * tile.patch_rows * 8 >= spec.T * spec.B * spec.H * spec.W
    slices, per_slice = tile.slices(patches)
    assert (slices - 1) * per_slice < patches <= slices * per_slice
    assert slices * tile.filter_blocks <= max(TARGET_BLOCKS, tile.filter_blocks)
    assert max(tile.window_bytes, tile.gradient_bytes) <= 49_152, "no device need be asked for more"


def test_shapes_here_reach_every_edge() -> None:
    """Else the tests above would prove less than their names say."""

    def tile(name: str) -> tuple[ConvLSTMSpec, FewInputsTile]:
        return SHAPES[name], few_inputs_tile(SHAPES[name], "tf32")

    spec, down = tile("several patches down")
    assert spec.H / down.patch_rows > 1 and spec.H % down.patch_rows
    spec, several = tile("several patches a slice")
    assert several.slices(several.patches(spec.T))[1] > 1
    spec, blocks = tile("filters of several blocks")
    assert blocks.filter_blocks > 1 and spec.F % blocks.filters


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("channels", "kernel"), [(1, (5, 5)), (3, (3, 3)), (1, (7, 1))])
def test_the_largest_spill_nothing(channels: int, kernel: tuple[int, int], precision: str, architecture: str) -> None:
    spec = replace(EXAMPLE, C=channels, kh=kernel[0], kw=kernel[1])
    defines = {"SPEC_C": spec.C, "SPEC_F": spec.F, "SPEC_KH": spec.kh, "SPEC_KW": spec.kw}
    tile = {"FEW_INPUTS": few_inputs_tile(spec, precision).arguments}
    source = load_source("conv_lstm/few_inputs.cu", defines | precision_defines(precision) | tile)
    for resources in compile_cubin(source, architecture).resources.values():
        assert resources.stack_bytes == resources.spill_store_bytes == resources.spill_load_bytes == 0
