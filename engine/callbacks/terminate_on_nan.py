"""Stop when the loss is no number."""

import math

from engine.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stop training after a batch whose loss is NaN or infinite; fit then returns what it has.

    Without this callback such a loss is an error, NonFiniteLossError, at the latest at the end of its epoch. The loss
    is read after every batch, which makes a CUDA device wait.
    """

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            print(f"Batch {batch}: the loss is {loss}, training ends")
            self.model.stop_training = True
