"""The larger and the smaller of two vectors (kernels/cpu/compile/vector.py)."""

from typing import Any

from kernels.cpu.compile.vector import intrinsic, vector_function


@intrinsic
def larger(typingctx: Any, a: Any, b: Any) -> Any:
    """Lane by lane the larger of two; NaN where either is."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.call(vector_function(builder, "maximum", args[0].type, 2), args)

    return a(a, b), codegen


@intrinsic
def smaller(typingctx: Any, a: Any, b: Any) -> Any:
    """Lane by lane the smaller of two; NaN where either is."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.call(vector_function(builder, "minimum", args[0].type, 2), args)

    return a(a, b), codegen
