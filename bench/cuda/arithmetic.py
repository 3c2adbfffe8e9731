"""How much arithmetic a launch does: the multiply-adds of a convolution, counted directly, padding included.

A kernel that is not in the table is bound by memory: its arithmetic is not counted. tests/bench holds the sum over a
training step against the count by layers, so that a kernel that gets another name is missed here.
"""

from dataclasses import dataclass
from math import prod

from bench.cuda.launches import Launch


@dataclass(frozen=True)
class Product:
    """Each element of `output` takes the product of `constants` multiply-adds; none if array `unless_none` is None, and
    none of one frame of `steps` if array `first_unless_none` is None.
    """

    output: str
    constants: tuple[str, ...]
    gates: int = 1
    unless_none: str | None = None
    first_unless_none: str | None = None


PRODUCTS = {
    ("conv_lstm.cu", "input_forward"): Product("z", ("KH", "KW", "C")),
    ("windowed_input_forward.cu", "windowed_input_forward"): Product("z", ("KH", "KW", "C")),
    ("few_inputs.cu", "few_inputs_forward"): Product("z", ("KH", "KW", "C")),
    ("conv_lstm.cu", "step_forward"): Product("z", ("KH", "KW", "F"), unless_none="h_prev"),
    ("conv_lstm.cu", "step_backward"): Product("dh", ("KH", "KW", "F"), gates=4, unless_none="dz_next"),
    ("windowed_step_forward.cu", "windowed_step_forward"): Product("z", ("KH", "KW", "F"), unless_none="h_prev"),
    ("windowed_step_backward.cu", "windowed_step_backward"): Product(
        "dh", ("KH", "KW", "F"), gates=4, unless_none="dz_next"
    ),
    ("persistent_forward.cu", "persistent_forward"): Product("z", ("KH", "KW", "F"), first_unless_none="h0"),
    ("persistent_backward.cu", "persistent_backward"): Product(
        "dh", ("KH", "KW", "F"), gates=4, first_unless_none="dh0"
    ),
    ("conv_lstm.cu", "initial_state_backward"): Product("dh0", ("KH", "KW", "F"), gates=4),
    ("conv_lstm.cu", "input_backward"): Product("dx", ("KH", "KW", "F"), gates=4),
    ("windowed_input_backward.cu", "windowed_input_backward"): Product("dx", ("KH", "KW", "F"), gates=4),
    ("conv_lstm.cu", "kernel_gradient"): Product("dz", ("KH", "KW", "C")),
    ("conv_lstm.cu", "recurrent_gradient"): Product("dz", ("KH", "KW", "F")),
    ("windowed_gradient.cu", "windowed_kernel_gradient"): Product("dz", ("KH", "KW", "C")),
    ("few_inputs.cu", "few_inputs_gradient"): Product("dz", ("KH", "KW", "C")),
    ("windowed_gradient.cu", "windowed_recurrent_gradient"): Product("dz", ("KH", "KW", "C")),
    ("warpgroup_gradient_bf16.cu", "warpgroup_kernel_gradient_bf16"): Product("dz", ("KH", "KW", "C")),
    ("warpgroup_gradient_bf16.cu", "warpgroup_recurrent_gradient_bf16"): Product("dz", ("KH", "KW", "C")),
    ("warpgroup_gradient_tf32.cu", "warpgroup_kernel_gradient_tf32"): Product("dz", ("KH", "KW", "C")),
    ("warpgroup_gradient_tf32.cu", "warpgroup_recurrent_gradient_tf32"): Product("dz", ("KH", "KW", "C")),
    ("conv3d_gathered.cu", "conv3d_forward"): Product("y", ("KT", "KH", "KW", "C")),
    ("conv3d_gathered.cu", "conv3d_backward"): Product("dx", ("KT", "KH", "KW", "K")),
    ("conv3d_gathered.cu", "kernel_gradient"): Product("dy", ("KT", "KH", "KW", "C")),
    ("conv3d_few_outputs.cu", "tap_products"): Product("p", ("C",)),
    ("conv3d_few_outputs.cu", "conv3d_backward"): Product("dx", ("KT", "KH", "KW", "K")),
    ("conv3d_few_outputs.cu", "kernel_gradient"): Product("dy", ("KT", "KH", "KW", "C")),
}


def flop(launch: Launch) -> int:
    """Floating-point operations of one launch, two for a multiply-add; 0 for what is bound by memory."""
    product = PRODUCTS.get((launch.source.name, launch.kernel))
    if product is None or (product.unless_none and launch.arguments[product.unless_none] is None):
        return 0
    constants, elements = launch.constants, int(launch.arguments[product.output].size)
    if product.first_unless_none and launch.arguments[product.first_unless_none] is None:
        elements -= elements // int(launch.arguments["steps"])
    return 2 * elements * product.gates * prod(constants[name] for name in product.constants)
