"""What the tables of kernels/ say (activations, combinations, losses, row_losses, updates), in float64."""

import math
from functools import partial
from typing import Any

import numpy as np

from kernels.activations import parsed
from kernels.combinations import COMBINATIONS, CombinationSpec
from kernels.losses import LossSpec, term_of
from kernels.row_losses import RowTerm
from kernels.updates import UPDATES, UpdateSpec

Array = np.ndarray[Any, Any]

_NAMES = {
    name: getattr(np, name)
    for name in ("abs", "clip", "exp", "log", "maximum", "minimum", "sign", "sqrt", "tanh", "where")
}
_NAMES["erf"] = np.vectorize(math.erf, otypes=[np.float64])

_OVER_ROWS = {name: partial(getattr(np, name), axis=-1, keepdims=True) for name in ("sum", "max", "argmax")}


def results(statements: str, **names: Any) -> dict[str, Any]:
    """All names after some statements."""
    space = {**_NAMES, **names}
    exec(statements, space)
    return space


def activation(text: str, z: Array) -> Array:
    """y of z."""
    taken_apart = parsed(text)
    return results(taken_apart.entry.formula, z=z, **taken_apart.parameters)["y"]


def derivative(text: str, z: Array) -> Array:
    """dy/dz at z."""
    taken_apart = parsed(text)
    kept = {"z": z} if taken_apart.entry.of_input else {"y": activation(text, z)}
    slope = results(f"slope = {taken_apart.entry.derivative}", **kept, **taken_apart.parameters)["slope"]
    return slope * np.ones_like(z)


def combination(spec: CombinationSpec, a: Array, b: Array) -> Array:
    """y of a and b."""
    return results(COMBINATIONS[spec.kind].formula, a=a, b=b, p=spec.factors[0], q=spec.factors[1])["y"]


def combination_gradients(spec: CombinationSpec, dy: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """da and db."""
    entry, (p, q) = COMBINATIONS[spec.kind], spec.factors
    space = results(f"da = {entry.da}; db = {entry.db}", dy=dy, a=a, b=b, p=p, q=q)
    return space["da"], space["db"]


def terms(spec: LossSpec, output: Array, target: Array) -> Array:
    """The terms of a loss at each element or row."""
    return results(_statements(spec)[0], **_given(spec, output, target))["term"]


def slopes(spec: LossSpec, output: Array, target: Array) -> Array:
    """Their derivatives by the prediction, or by the logits."""
    formula, slope = _statements(spec)
    assert slope is not None
    return results(f"{formula}; {slope}", **_given(spec, output, target))["slope"]


def update(spec: UpdateSpec, weights: Array, gradients: Array, slots: list[Array], rates: list[float]) -> list[Array]:
    """Weights and slots after a step."""
    rule = UPDATES[spec.rule]
    symbols = [slot.symbol for slot in rule.slots]
    given = dict(zip(symbols, slots, strict=True)) | dict(spec.hyperparameters)
    given |= dict(zip(rule.rates, rates, strict=True))
    space = results(rule.formula, w=weights, g=gradients, **given)
    return [space["w"], *(space[symbol] for symbol in symbols)]


def _statements(spec: LossSpec) -> tuple[str, str | None]:
    term = term_of(spec.kind)
    if isinstance(term, RowTerm) and spec.from_logits and term.of_logits is not None:
        return term.of_logits
    return term.formula, term.slope


def _given(spec: LossSpec, output: Array, target: Array) -> dict[str, Any]:
    parameter = term_of(spec.kind).parameter
    given = {"y": target} | ({} if parameter is None else {parameter: spec.parameter})
    if not spec.of_rows:
        return given | {"p": activation("sigmoid", output) if spec.from_logits else output}
    exponential = np.exp(output)
    softmax = exponential / exponential.sum(-1, keepdims=True)
    rows = {"K": output.shape[-1], "onehot": lambda y: (np.arange(output.shape[-1]) == y).astype(float)}
    return given | rows | _OVER_ROWS | {"z": output, "p": softmax if spec.from_logits else output}
