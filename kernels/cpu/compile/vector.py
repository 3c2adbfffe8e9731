"""A SIMD vector as a Numba type: `load`, arithmetic with the usual operators, `store`.

A vector has as many lanes as one register of the machine holds (AVX-512: 16 floats or 8 doubles, AVX2: 8 or 4,
NEON: 4 or 2). Products and sums may contract to fused multiply-adds; no other freedom is given to the compiler, so NaN
and infinity behave as IEEE 754 says and equal inputs give equal bits.
"""

import operator
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.core.typing.templates import signature as typing_signature
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import lower_builtin, models, register_model

Vector = Any
"""A value of VectorType, inside compiled code."""

intrinsic: Any = numba_intrinsic
"""Numba's decorator: the function that it makes has one argument less than the one that it is given."""


def register_bytes() -> int:
    """Bytes of one vector register of the machine that Numba compiles for."""
    config: Any = numba.config
    features = "" if config.CPU_NAME == "generic" else config.CPU_FEATURES
    if features is None:
        enabled = {name for name, on in llvm.get_host_cpu_features().items() if on}
    else:
        enabled = {name[1:] for name in features.split(",") if name.startswith("+")}
    if "avx512f" in enabled:
        return 64
    return 32 if "avx" in enabled else 16


REGISTER_BYTES = register_bytes()
REGISTERS = 32 if REGISTER_BYTES == 64 or llvm.get_default_triple().startswith(("aarch64", "arm64")) else 16
_CONTRACT = ("contract",)


def instruction_set() -> str:
    """The registers' name, for people."""
    if REGISTER_BYTES == 64:
        return "AVX-512"
    if REGISTER_BYTES == 32:
        return "AVX"
    return "NEON" if REGISTERS == 32 else "SSE"


def lanes_of(itemsize: int) -> int:
    """Lanes of a vector whose elements have `itemsize` bytes."""
    return REGISTER_BYTES // itemsize


class VectorType(types.Type):
    """One register full of float32 or float64."""

    def __init__(self, element: types.Float) -> None:
        self.element = element
        self.lanes = lanes_of(element.bitwidth // 8)
        super().__init__(name=f"vector({element}x{self.lanes})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: VectorType) -> None:
        element = ir.FloatType() if fe_type.element.bitwidth == 32 else ir.DoubleType()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.lanes))


def splat(builder: Any, value: Any, lanes: int) -> Any:
    """The IR of a vector whose lanes all are the scalar `value`."""
    vector_type = ir.VectorType(value.type, lanes)
    first = builder.insert_element(ir.Constant(vector_type, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    lane_zero = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vector_type, ir.Undefined), lane_zero)


def address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """The IR of the address of flat element `index` of a C-contiguous array."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


def vector_at(builder: Any, pointer: Any, lanes: int) -> Any:
    """Reinterpret an address as that of a vector."""
    return builder.bitcast(pointer, ir.VectorType(pointer.type.pointee, lanes).as_pointer())


def vector_function(builder: Any, name: str, kind: Any, arguments: int) -> Any:
    """LLVM's intrinsic function `name` on vectors of one kind."""
    letter = "f32" if isinstance(kind.element, ir.FloatType) else "f64"
    signature = ir.FunctionType(kind, [kind] * arguments)
    return cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.v{kind.count}{letter}")


def prefetch_for_writing(builder: Any, pointer: Any) -> None:
    """Ask for the cache line at an address, which need not be one of ours, to be brought near."""
    number = ir.IntType(32)
    signature = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
    writing, into_first_cache, data = 1, 3, 1
    builder.call(function, [pointer, *(ir.Constant(number, n) for n in (writing, into_first_cache, data))])


def _as_vector(context: Any, builder: Any, vector: VectorType, source: Any, value: Any) -> Any:
    if isinstance(source, VectorType):
        return value
    return splat(builder, context.cast(builder, value, source, vector.element), vector.lanes)


def _define_operator(function: Any, instruction: str) -> None:
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            vectors = [a for a in args if isinstance(a, VectorType)]
            others = [a for a in args if not isinstance(a, VectorType | types.Number)]
            if len(args) != 2 or not vectors or others:
                return None
            return typing_signature(vectors[0], *(a if isinstance(a, VectorType) else vectors[0].element for a in args))

    infer_global(function)(Template)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_as_vector(context, builder, sig.return_type, t, v) for t, v in zip(sig.args, args, strict=True))
        return getattr(builder, instruction)(left, right, flags=_CONTRACT)

    for left, right in ((VectorType, VectorType), (VectorType, types.Float), (types.Float, VectorType)):
        lower_builtin(function, left, right)(lower)


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.truediv, "fdiv")


@intrinsic
def lanes(typingctx: Any, array: Any) -> Any:
    """Lanes of a vector of this array's elements: a constant in compiled code."""
    count = VectorType(array.dtype).lanes

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(types.intp), count)

    return types.intp(array), codegen


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The vector of elements index, index + 1, ... of the flat array."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = address(context, builder, sig.args[0], args[0], args[1])
        return builder.load(vector_at(builder, pointer, vector.lanes), align=array.dtype.bitwidth // 8)

    return vector(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index : index + lanes] = value, on the flat array."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = address(context, builder, sig.args[0], args[0], args[1])
        builder.store(args[2], vector_at(builder, pointer, value.lanes), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


def _masked(builder: Any, operation: str, pointer: Any, count: Any, value: Any, result: Any) -> Any:
    """LLVM's masked load (value: what lanes without an element get) or store of the first `count` lanes."""
    lanes, bits = value.type.count, 32 if isinstance(value.type.element, ir.FloatType) else 64
    numbers = ir.Constant(ir.VectorType(count.type, lanes), list(range(lanes)))
    mask = builder.icmp_signed("<", numbers, splat(builder, count, lanes))
    alignment = ir.Constant(ir.IntType(32), bits // 8)
    arguments = [pointer, alignment, mask, value] if operation == "load" else [value, pointer, alignment, mask]
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(result, [argument.type for argument in arguments]),
        f"llvm.masked.{operation}.v{lanes}f{bits}.p0",
    )
    return builder.call(function, arguments)


@intrinsic
def load_first(typingctx: Any, array: Any, index: Any, count: Any) -> Any:
    """`load` of the first `count` elements only (all, if count is at least the lanes); the other lanes are zero."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind, index, count = context.get_value_type(vector), args[1], args[2]
        pointer = vector_at(builder, address(context, builder, sig.args[0], args[0], index), vector.lanes)
        whole = builder.icmp_signed(">=", count, ir.Constant(count.type, vector.lanes))
        with builder.if_else(whole, likely=True) as (then, otherwise):
            with then:
                all_lanes = builder.load(pointer, align=array.dtype.bitwidth // 8)
                then_block = builder.block
            with otherwise:
                zero = ir.Constant(kind, [0.0] * vector.lanes)
                some_lanes = _masked(builder, "load", pointer, count, zero, kind)
                otherwise_block = builder.block
        result = builder.phi(kind)
        result.add_incoming(all_lanes, then_block)
        result.add_incoming(some_lanes, otherwise_block)
        return result

    return vector(array, types.intp, types.intp), codegen


@intrinsic
def store_first(typingctx: Any, array: Any, index: Any, value: Any, count: Any) -> Any:
    """`store` of the first `count` lanes only (all, if count is at least the lanes)."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        index, content, count = args[1:]
        pointer = vector_at(builder, address(context, builder, sig.args[0], args[0], index), value.lanes)
        whole = builder.icmp_signed(">=", count, ir.Constant(count.type, value.lanes))
        with builder.if_else(whole, likely=True) as (then, otherwise):
            with then:
                builder.store(content, pointer, align=array.dtype.bitwidth // 8)
            with otherwise:
                _masked(builder, "store", pointer, count, content, ir.VoidType())
        return context.get_dummy_value()

    return types.void(array, types.intp, value, types.intp), codegen


@intrinsic
def broadcast(typingctx: Any, array: Any, value: Any) -> Any:
    """The vector of the array's dtype whose lanes all are `value`."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return splat(builder, args[1], vector.lanes)

    return vector(array, array.dtype), codegen


@intrinsic
def select_less(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Lane by lane: x where a < b, else y (also where a or b is NaN); b, x, y may be scalars."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        low, high, yes, no = (_as_vector(context, builder, a, t, v) for t, v in zip(sig.args, args, strict=True))
        return builder.select(builder.fcmp_ordered("<", low, high), yes, no)

    kinds = (v if isinstance(v, VectorType) else a.element for v in (b, x, y))
    return a(a, *kinds), codegen


@intrinsic
def select_equal(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Lane by lane: x where a = b, else y (also where a or b is NaN); b, x, y may be scalars."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        one, other, yes, no = (_as_vector(context, builder, a, t, v) for t, v in zip(sig.args, args, strict=True))
        return builder.select(builder.fcmp_ordered("==", one, other), yes, no)

    kinds = (v if isinstance(v, VectorType) else a.element for v in (b, x, y))
    return a(a, *kinds), codegen


@intrinsic
def sum_of_first(typingctx: Any, x: Any, count: Any) -> Any:
    """The sum of the first `count` lanes (all, if count is at least the lanes), in float64, in their order."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        double = ir.DoubleType()
        total = ir.Constant(double, 0.0)
        for lane in range(x.lanes):
            value = builder.extract_element(args[0], ir.Constant(ir.IntType(32), lane))
            value = value if value.type == double else builder.fpext(value, double)
            inside = builder.icmp_signed("<", ir.Constant(args[1].type, lane), args[1])
            total = builder.fadd(total, builder.select(inside, value, ir.Constant(double, 0.0)))
        return total

    return types.float64(x, types.intp), codegen
