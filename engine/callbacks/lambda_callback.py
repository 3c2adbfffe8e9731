"""A callback made of functions."""

from collections.abc import Callable
from typing import Any

from engine.callbacks.callback import Callback
from engine.support.validation import one_of

_HOOKS = (
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
    "on_test_begin", "on_test_end",
)  # fmt: skip
_OLD_NAMES = {"on_batch_begin": "on_train_batch_begin", "on_batch_end": "on_train_batch_end"}


class LambdaCallback(Callback):
    """Callback(on_epoch_end=lambda epoch, logs: ...): each hook by its name.

    Args:
        hooks: functions of what the hook takes: (logs), or (epoch, logs), or (batch, logs). on_batch_begin and
            on_batch_end, Keras 2's names, are the hooks of training batches.
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        for name, function in hooks.items():
            hook = _OLD_NAMES.get(name, name)
            one_of("hooks", hook, _HOOKS)
            if function is not None:
                setattr(self, hook, function)
