"""What callbacks that watch one number share: which way is better, and by how much."""

import math
import warnings
from typing import Any

from engine.callbacks.callback import Callback, Logs
from engine.support.validation import in_range, one_of


class MonitorCallback(Callback):
    """A callback that compares a number of the epoch's logs with the best so far.

    Args:
        monitor: its name, e.g. "val_loss".
        mode: "min", "max", or "auto": max for accuracies, AUC, precision and the like, min for losses. (Keras 3 does
            the same and refuses names that it does not know; Keras 2 takes max for names with "acc" in them.)
        min_delta: a smaller change is no improvement.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        self.monitor = monitor
        self.mode = one_of("mode", mode, ["auto", "min", "max"])
        self.min_delta = abs(in_range("min_delta", min_delta, -math.inf, math.inf))
        self.best: float | None = None

    def is_improvement(self, value: float, than: float | None) -> bool:
        """Tell whether value is better than `than` by more than min_delta; anything is better than None."""
        if than is None:
            return True
        return value - self.min_delta > than if self._larger_is_better() else value + self.min_delta < than

    def monitored(self, logs: Logs | None) -> float | None:
        """The number; where it is missing, None and a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(logs or ()) or "nothing"
            warnings.warn(
                f"{type(self).__name__}: there is no {self.monitor!r} in the logs, only {known}", stacklevel=3
            )
        return value

    def _larger_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        metrics: Any = getattr(self.model, "metrics", ())
        names: list[str] = list(getattr(self.model, "metrics_names", ["loss"]))
        directions = dict.fromkeys(names, False)  # losses, then the metrics of all outputs
        directions |= {
            of: metric.larger_is_better for of, metric in zip(names[len(names) - len(metrics) :], metrics, strict=True)
        }
        if name not in directions:
            raise ValueError(
                f"monitor: whether a larger {self.monitor!r} is better is known for the loss and the compiled metrics "
                "only; pass mode='min' or mode='max'"
            )
        return directions[name]
