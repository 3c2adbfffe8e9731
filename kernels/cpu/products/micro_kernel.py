"""The one micro-kernel: a tile of a matrix product that lives in registers.

    acc[i, v] (+)= sum_{o < outer} sum_{k < inner} A[o*a_outer + k*a_inner + i*a_row] * B[o*b_outer + k*b_inner + v*L]

A is read one scalar at a time and broadcast, B one vector of L lanes at a time, each product goes into one of
rows x vectors accumulators. With 32 registers a tile of 5 rows x 5 vectors has

              B0   B1   B2   B3   B4          5 registers, loaded once for each k
    A0  ->   acc  acc  acc  acc  acc
    A1  ->   acc  acc  acc  acc  acc         25 accumulators: 25 multiply-adds for 5 + 5 loads
    A2  ->   acc  acc  acc  acc  acc
    A3  ->   acc  acc  acc  acc  acc          1 register for the broadcast of Ai
    A4  ->   acc  acc  acc  acc  acc

The strides make it serve every product of this folder: see gemm.py.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from kernels.cpu.compile.vector import (
    REGISTERS,
    VectorType,
    address,
    intrinsic,
    prefetch_for_writing,
    splat,
    vector_at,
    vector_function,
)

MAX_VECTORS = 5 if REGISTERS == 32 else 3
"""Vectors of the widest tile."""

ROWS_OF_TILE: dict[int, int] = {5: 5, 4: 6, 3: 8, 2: 12, 1: 14} if REGISTERS == 32 else {5: 1, 4: 1, 3: 4, 2: 6, 1: 10}
"""Vectors of a tile -> rows of a tile, so that accumulators, one row of B and one broadcast fill the registers."""


@intrinsic(prefer_literal=True)
def register_tile(
    typingctx: Any,
    rows: Any,
    vectors: Any,
    accumulate: Any,
    a: Any,
    a_start: Any,
    a_outer: Any,
    a_inner: Any,
    a_row: Any,
    b: Any,
    b_start: Any,
    b_outer: Any,
    b_inner: Any,
    c: Any,
    c_start: Any,
    c_row: Any,
    outer: Any,
    inner: Any,
) -> Any:
    """c[c_start + i*c_row + v*L ...] = acc[i, v], or += where `accumulate`; the first three arguments are literals.

    Where it adds, the rows of c that follow are fetched meanwhile: they are the next tile's.
    a, b, c are flat arrays of one dtype; starts and strides count elements. outer and inner are at least 1.
    """
    n_rows, n_vectors, adds = rows.literal_value, vectors.literal_value, bool(accumulate.literal_value)
    integers = (types.intp,) * 4

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        (a_start, a_outer, a_inner, a_row) = args[4:8]
        (b_start, b_outer, b_inner) = args[9:12]
        (c_start, c_row, outer, inner) = args[13:17]
        lanes = VectorType(c.dtype).lanes
        alignment = c.dtype.bitwidth // 8
        word = a_start.type
        tile = [(i, v) for i in range(n_rows) for v in range(n_vectors)]

        def constant(value: int) -> Any:
            return ir.Constant(word, value)

        c_first = address(context, builder, sig.args[12], args[12], c_start)
        c_rows = [builder.gep(c_first, [builder.mul(c_row, constant(i))]) for i in range(n_rows)]
        c_at = {(i, v): vector_at(builder, builder.gep(c_rows[i], [constant(v * lanes)]), lanes) for i, v in tile}
        a_first = address(context, builder, sig.args[3], args[3], a_start)
        b_first = address(context, builder, sig.args[8], args[8], b_start)
        row_offsets = [builder.mul(a_row, constant(i)) for i in range(n_rows)]

        kind = ir.VectorType(c_first.type.pointee, lanes)
        zero = ir.Constant(kind, [0.0] * lanes)
        initial = [builder.load(c_at[t], align=alignment) if adds else zero for t in tile]
        if adds:
            next_rows = builder.mul(c_row, constant(n_rows))
            for i, v in tile:
                prefetch_for_writing(builder, builder.gep(c_rows[i], [builder.add(next_rows, constant(v * lanes))]))
        fma = vector_function(builder, "fma", kind, 3)

        entry = builder.block
        outer_loop = builder.append_basic_block("outer")
        inner_loop = builder.append_basic_block("inner")
        outer_end = builder.append_basic_block("outer_end")
        done = builder.append_basic_block("done")
        builder.branch(outer_loop)

        builder.position_at_end(outer_loop)
        o = builder.phi(word)
        o.add_incoming(constant(0), entry)
        outer_sums = [builder.phi(kind) for _ in tile]
        for total, start in zip(outer_sums, initial, strict=True):
            total.add_incoming(start, entry)
        a_line = builder.gep(a_first, [builder.mul(o, a_outer)])
        b_line = builder.gep(b_first, [builder.mul(o, b_outer)])
        builder.branch(inner_loop)

        builder.position_at_end(inner_loop)
        k = builder.phi(word)
        k.add_incoming(constant(0), outer_loop)
        a_here = builder.phi(a_line.type)
        a_here.add_incoming(a_line, outer_loop)
        b_here = builder.phi(b_line.type)
        b_here.add_incoming(b_line, outer_loop)
        sums = [builder.phi(kind) for _ in tile]
        for total, start in zip(sums, outer_sums, strict=True):
            total.add_incoming(start, outer_loop)
        b_vectors = [
            builder.load(vector_at(builder, builder.gep(b_here, [constant(v * lanes)]), lanes), align=alignment)
            for v in range(n_vectors)
        ]
        results = []
        for i in range(n_rows):
            scalar = splat(builder, builder.load(builder.gep(a_here, [row_offsets[i]])), lanes)
            results += [builder.call(fma, [scalar, b_vectors[v], sums[i * n_vectors + v]]) for v in range(n_vectors)]
        for total, result in zip(sums, results, strict=True):
            total.add_incoming(result, inner_loop)
        a_here.add_incoming(builder.gep(a_here, [a_inner]), inner_loop)
        b_here.add_incoming(builder.gep(b_here, [b_inner]), inner_loop)
        k_next = builder.add(k, constant(1), flags=("nsw",))
        k.add_incoming(k_next, inner_loop)
        builder.cbranch(builder.icmp_signed("<", k_next, inner), inner_loop, outer_end)

        builder.position_at_end(outer_end)
        o_next = builder.add(o, constant(1), flags=("nsw",))
        o.add_incoming(o_next, outer_end)
        for total, result in zip(outer_sums, results, strict=True):
            total.add_incoming(result, outer_end)
        builder.cbranch(builder.icmp_signed("<", o_next, outer), outer_loop, done)

        builder.position_at_end(done)
        for t, result in zip(tile, results, strict=True):
            builder.store(result, c_at[t], align=alignment)
        return context.get_dummy_value()

    arguments = (rows, vectors, accumulate, a, *integers, b, *integers[:3], c, *integers)
    return types.void(*arguments), codegen
