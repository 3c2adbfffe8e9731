"""Several callbacks called as one."""

from collections.abc import Callable, Iterable
from typing import Any

from engine.callbacks.callback import Callback, Logs

_BATCH_HOOKS = ("on_train_batch_end", "on_batch_end")


class CallbackList:
    """Calls each hook of each callback, in order.

    Args:
        callbacks: Callback objects, or others with the same methods.
        model, params: handed to each.
    """

    def __init__(self, callbacks: Iterable[Any] = (), model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if isinstance(callback, type) or not hasattr(callback, "set_model"):
                raise ValueError(f"callbacks: expected objects of engine.callbacks.Callback, got {callback!r}")
            callback.set_params(params or {})
            callback.set_model(model)
        self._on_batch_end = [callback for callback in self.callbacks if _overrides(callback, _BATCH_HOOKS)]

    def on_train_begin(self) -> None:
        """Call every callback's on_train_begin."""
        for callback in self.callbacks:
            callback.on_train_begin({})

    def on_train_end(self, logs: Logs | None) -> None:
        """Call every callback\'s on_train_end."""
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int) -> None:
        """Call every callback\'s on_epoch_begin."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call every callback\'s on_epoch_end."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int) -> None:
        """Call every callback\'s on_train_batch_begin."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch: int, read_logs: Callable[[], Logs]) -> None:
        """Call on_train_batch_end where a callback overrides it; only then read_logs, which waits for the device."""
        if self._on_batch_end:
            logs = read_logs()
            for callback in self._on_batch_end:
                callback.on_train_batch_end(batch, logs)

    def on_test_begin(self) -> None:
        """Call every callback\'s on_test_begin."""
        for callback in self.callbacks:
            callback.on_test_begin({})

    def on_test_end(self, logs: Logs) -> None:
        """Call every callback\'s on_test_end."""
        for callback in self.callbacks:
            callback.on_test_end(logs)


def as_callbacks(callbacks: Any) -> list[Any]:
    """Return None, one callback or several as a list."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]


def _overrides(callback: Any, hooks: Iterable[str]) -> bool:
    """Tell whether a callback may do anything in these hooks: it overrides one, or is no Callback of ours."""
    if not isinstance(callback, Callback):
        return True
    kind = type(callback)
    return any(hook in vars(callback) or getattr(kind, hook) is not getattr(Callback, hook) for hook in hooks)
