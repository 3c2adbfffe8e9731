"""Instructions are counted by kernel and class off a listing of nvdisasm."""

import json
from dataclasses import asdict

from bench.cubin import Row
from bench.instruction_mix import parse
from kernels.cuda.launch.nvrtc import Resources

LISTING = """
\t.section\t.text.first,"ax",@progbits
.text.first:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   HMMA.1688.F32.TF32 R116, R148, R126.reuse, R116 ;
        /*0020*/              @!P0 LDS.64 R2, [R4+UR5] ;
        /*0030*/              @P1  STG.E.128 desc[UR4][R2.64], R8 ;
        /*0040*/                   FFMA R1, R2, R3, R4 ;
        /*0050*/                   BAR.SYNC.DEFER_BLOCKING 0x0 ;
\t.section\t.text.second,"ax",@progbits
.text.second:
        /*0000*/                   LDGSTS.E.BYPASS.128 [R5], desc[UR8][R2.64] ;
        /*0010*/             @UP0  STL [R1], R2 ;
"""


def test_each_instruction_counts_once() -> None:
    assert parse(LISTING) == {
        "first": {"other": 1, "mma": 1, "shared": 1, "global": 1, "fma": 1, "barrier": 1},
        "second": {"copy": 1, "local": 1},
    }


def test_nothing_is_found_in_nothing() -> None:
    assert parse("") == {}


def test_a_count_can_be_written_with_its_row() -> None:
    resources = Resources(registers=32, shared_bytes=0, stack_bytes=0, spill_store_bytes=0, spill_load_bytes=0)
    row = Row("p", "first", "tf32", "90a", resources, 0, parse(LISTING)["first"])
    assert json.loads(json.dumps(asdict(row)))["instructions"]["mma"] == 1
