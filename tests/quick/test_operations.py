"""Every operation once on every back end: one case each of the tests in tests/kernels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kernels import Backend, operations
from kernels.updates import UPDATES
from tests.kernels import (
    test_batch_norm,
    test_broadcast,
    test_combinations,
    test_conv3d,
    test_conv_lstm,
    test_counts,
    test_elementwise,
    test_embedding,
    test_layer_norm,
    test_layout,
    test_losses,
    test_lstm_cell,
    test_optimizers,
    test_pooling,
    test_resampling,
    test_row_losses,
    test_softmax,
    test_weight_rules,
)
from tests.kernels.under_test import Checker

pytestmark = pytest.mark.quick

OPERATIONS = [kind for kind in vars(operations).values() if getattr(kind, "__abstractmethods__", None)]
"""The classes of kernels/operations/."""

BACKENDS = ("reference-float32", "cpu-float32", "cuda-float32")

CASES: dict[str, Callable[[Checker], None]] = {
    "activation": lambda on: test_elementwise.test_activation_and_its_derivative(on, (2, 3, 4, 5, 3), "tanh"),
    "softmax": lambda on: test_softmax.test_forward_and_backward_are_the_definition(on, (3, 2, 5, 7, 3)),
    "gather_batch": test_elementwise.test_gather_batch_takes_rows_and_puts_time_first,
    "conv_lstm": lambda on: test_conv_lstm.test_forward_and_backward_equal_the_oracle(
        on, test_conv_lstm.SPECS[1], True
    ),
    "conv_lstm_step": lambda on: test_conv_lstm.test_steps_one_by_one_equal_the_sequence(on, test_conv_lstm.SPECS[1]),
    "batch_norm": lambda on: test_batch_norm.test_equals_the_oracle(on, test_batch_norm.SPECS[1]),
    "layer_norm": lambda on: test_layer_norm.test_equals_the_oracle(on, test_layer_norm.SPECS[1]),
    "lookup": lambda on: test_embedding.test_equals_the_oracle(on, test_embedding.SPECS[2]),
    "conv3d": lambda on: test_conv3d.test_backward_equals_the_oracle(on, test_conv3d.SPECS[1]),
    "max_pooling": lambda on: test_pooling.test_forward_and_backward_are_the_definition(on, test_pooling.SPECS[2]),
    "resampling": lambda on: test_resampling.test_forward_and_backward_are_the_definition(on, "average-same"),
    "lstm_cell": lambda on: test_lstm_cell.test_backward_equals_the_oracle(on, test_lstm_cell.PAIRS[0]),
    "masked_copies": lambda on: test_layout.test_masked_copies_stand_side_by_side(on, 3),
    "masked_copies_backward": test_layout.test_masked_copies_backward_is_the_transpose,
    "permute": lambda on: test_layout.test_permute_is_numpys_transpose(on, (3, 2, 4, 5, 6), (2, 1, 3, 4, 0)),
    "add": lambda on: test_combinations.test_add_is_the_sum(on, (2, 3, 4, 5, 3), "neither"),
    **{
        str(spec): partial(test_combinations.test_a_combination_and_its_gradients, spec=spec, shape=(2, 3, 4, 5, 3))
        for spec in test_combinations.SPECS
    },
    "broadcast": lambda on: test_broadcast.test_broadcast_repeats_and_its_backward_sums(on, (3, 1, 4, 1, 6)),
    "block": lambda on: test_layout.test_a_block_in_a_block(on, test_layout.BLOCKS[2]),
    "loss": lambda on: test_losses.test_weights_multiply_the_terms_and_the_mean_is_over_all_elements(
        on, test_losses.LOGITS, (3, 2, 5, 7, 1)
    ),
    "threshold_counts": lambda on: test_counts.test_every_element_is_counted_where_it_belongs(
        on, test_counts.SPECS[0], (3, 2, 5, 7, 3)
    ),
    "row_loss": lambda on: test_row_losses.test_the_mean_of_the_terms_and_their_slope(
        on, test_row_losses.SPECS[0], (3, 2, 5, 7, 3)
    ),
    **{rule: partial(test_optimizers.test_every_rule_follows_its_formula, rule=rule, size=1003) for rule in UPDATES},
    "decay_weights": test_optimizers.test_weight_decay_leaves_out_what_is_not_marked,
    "clip": test_optimizers.test_clipping_by_the_norm_of_all,
    "penalty": lambda on: test_weight_rules.test_penalty_is_added_to_loss_and_gradient(on, 0.2, 0.1),
    "norm": lambda on: test_weight_rules.test_norms_come_to_lie_between_low_and_high(on, (0, 1, 2), 1.0, 1.0, 1.0),
}


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_an_operation(case: str, name: str) -> None:
    CASES[case](Checker(name))


def test_every_operation_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    on = Checker("reference-float64")
    called = note_calls(on.backend, monkeypatch)
    for case in CASES.values():
        case(on)
    asked = {f"Backend.{name}" for name in Backend.__abstractmethods__}
    asked |= {f"{kind.__name__}.{name}" for kind in OPERATIONS for name in kind.__abstractmethods__}
    assert asked - called == set(), "no case above asks for these operations"


def note_calls(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set that fills with the calls made to the back end and to the operations that it hands out."""
    called: set[str] = set()

    def note_those_of(owner: Any, kind: type) -> None:
        for name in kind.__abstractmethods__:
            monkeypatch.setattr(owner, name, noting(f"{kind.__name__}.{name}", getattr(owner, name)))

    def noting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def note(*arguments: Any, **options: Any) -> Any:
            called.add(name)
            result = method(*arguments, **options)
            for kind in OPERATIONS:
                if isinstance(result, kind):
                    note_those_of(result, kind)
            return result

        return note

    note_those_of(backend, Backend)
    return called
