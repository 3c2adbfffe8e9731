"""The precisions of the convolutions: what arrays are in memory (operand.cuh), and which constants tell the kernels."""

from kernels.cuda.launch.source import DTYPES, Constant


def operand_type(precision: str) -> str:
    """The type that kernels call OPERAND: of what convolutions multiply."""
    return "bf16" if precision == "bfloat16" else "float"


def operand_dtype(precision: str) -> str:
    """The dtype of an array of it; NumPy has no bfloat16, so its bits stand in uint16."""
    return DTYPES[operand_type(precision)]


def operand_bytes(precision: str) -> int:
    """Bytes of one operand of a product."""
    return 2 if precision == "bfloat16" else 4


def gate_type(precision: str) -> str:
    """The type that kernels call GATE: of z, the gates and every c that is kept for backward."""
    return "f16" if precision == "bfloat16" else "float"


def gate_dtype(precision: str) -> str:
    """The dtype of an array of it."""
    return DTYPES[gate_type(precision)]


def precision_defines(precision: str) -> dict[str, Constant]:
    """What operand.cuh must be told."""
    return {
        "TF32": precision == "tf32",
        "BF16": precision == "bfloat16",
        "OPERAND": operand_type(precision),
        "GATE": gate_type(precision),
    }
