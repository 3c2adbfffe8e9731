"""Whether LLVM copies a function to where it is called; left alone, it often chooses wrongly for kernels."""

from typing import Any

from numba.core import types

from kernels.cpu.compile.vector import intrinsic


@intrinsic
def not_inlined(typingctx: Any) -> Any:
    """Tell LLVM to compile the calling function once and call it, not to copy it to where it is called.

    For functions that do much at a call: copies of them cost compile time and gain nothing.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def inlined(typingctx: Any) -> Any:
    """Tell LLVM to copy the calling function to wherever it is called.

    For a few instructions on many arguments, which would otherwise go over the stack at every call.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.void(), codegen
