"""What an exponential takes a vector apart with: whole numbers, and powers of two."""

from typing import Any

from llvmlite import ir

from kernels.cpu.compile.vector import intrinsic, vector_function


@intrinsic
def round_to_integer(typingctx: Any, x: Any) -> Any:
    """The nearest whole number, ties to even."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.call(vector_function(builder, "rint", args[0].type, 1), args)

    return x(x), codegen


@intrinsic
def power_of_two(typingctx: Any, n: Any) -> Any:
    """2^n for whole n within the exponents of normal numbers, by writing the exponent's bits."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = n.element.bitwidth
        mantissa, bias = (23, 127) if bits == 32 else (52, 1023)
        integer = ir.VectorType(ir.IntType(bits), n.lanes)
        exponent = builder.add(builder.fptosi(args[0], integer), ir.Constant(integer, [bias] * n.lanes))
        shifted = builder.shl(exponent, ir.Constant(integer, [mantissa] * n.lanes))
        return builder.bitcast(shifted, args[0].type)

    return n(n), codegen
