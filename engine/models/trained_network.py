"""A network that trains, under Keras' names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from engine import optimizers
from engine.callbacks import History
from engine.fitting import evaluate as evaluation
from engine.fitting import fit as training
from engine.fitting import on_batch
from engine.fitting.progress import Verbose
from engine.graph.graph import Graph
from engine.metrics import Metric
from engine.models import saving, summary
from engine.models.compiling import config_of, make_objective
from engine.models.keras_json import to_json
from engine.models.network import Network
from engine.optimizers.base import Optimizer
from engine.runtime.batch import Batch
from kernels.arrays import HostArray


class TrainedNetwork(Network):
    """The part of Sequential and Model that trains, evaluates and goes to files."""

    def __init__(
        self, graph: Graph, device: str, dtype: Any, seed: int | None, precision: str, name: str | None
    ) -> None:
        self.history: History | None = None
        self.stop_training = False
        super().__init__(graph, device, dtype, seed, precision, name)

    @classmethod
    def graph_from_config(cls, config: dict[str, Any]) -> Graph:
        """Fresh layers, connected as the graph's get_config says."""
        raise NotImplementedError

    @classmethod
    def of_graph(
        cls, graph: Graph, name: str | None, device: str = "auto", dtype: Any = "float32", precision: str = "float32",
        seed: int | None = None,
    ) -> Self:  # fmt: skip
        """Make a network of a graph."""
        network = cls.__new__(cls)
        TrainedNetwork.__init__(network, graph, device, dtype, seed, precision, name)
        return network

    @classmethod
    def layer_from_config(cls, config: dict[str, Any]) -> Self:
        """Make a network that is a layer of another one, which says where it runs."""
        return cls.of_graph(cls.graph_from_config(config), config["name"], device="reference")

    def compile(
        self,
        optimizer: Any = "adadelta",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        """Say what to minimise and how.

        Args:
            optimizer: "adadelta" (default; Keras' is "rmsprop"), "sgd", "adam", "adamw", "nadam", "rmsprop" or an
                object of engine.optimizers, which must belong to no other network. Its state begins at zero.
            loss: "binary_crossentropy", "sparse_categorical_crossentropy", "mse", ..., an object of engine.losses, or a
                function of (y_true, y_pred) that returns the batch's mean and its gradient. For several outputs one for
                all, or a list or dict of them by output, None for an output that nothing is asked of.
            loss_weights: what the loss of each output counts in the sum, a list or dict of numbers; default 1.
            metrics: what to report beside the loss, one or a list: "accuracy", "mse", "AUC", ..., or objects of
                engine.metrics. For several outputs a list or dict of them, or of such lists, by output.
            weighted_metrics: refused; sample weights are for the loss.
        """
        if not self.layers:
            raise ValueError("compile: add layers first")
        if weighted_metrics:
            raise ValueError("weighted_metrics: sample weights are for the loss alone here; pass them as metrics")
        objective = make_objective(self.graph, loss, loss_weights, metrics)
        self.placement.compile(objective, optimizers.get_optimizer(optimizer))

    @property
    def loss(self) -> Any:
        """The loss that training minimises, or a list of one for each output; None before compile."""
        if self.placement.objective is None:
            return None
        found = self.placement.objective.losses
        return found[0] if len(found) == 1 else list(found)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are reported beside the loss."""
        if self.placement.objective is None:
            return ()
        return tuple(metric for of_output in self.placement.objective.metrics for metric in of_output)

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer; None before compile."""
        return self.placement.optimizer

    @property
    def metrics_names(self) -> list[str]:
        """Names of what evaluate returns: "loss", each output's where there are several, then the metrics'."""
        return ["loss"] if self.placement.objective is None else list(self.placement.objective.names)

    @property
    def iterations(self) -> int:
        """Updates so far."""
        return 0 if self.optimizer is None else self.optimizer.iterations

    def _require_compiled(self, what: str) -> None:
        if self.placement.objective is None and not self.graph.waits:
            raise ValueError(f"{what}: call compile(loss=..., optimizer=...) first")

    # ---------------------------------------------------------------- training and evaluation

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train; returns a History with the loss and the metrics of each epoch.

        Args:
            x, y: movies (N,T,H,W,C) and targets (N,T,H,W,K); lists of arrays, or dicts by the names of inputs and
                outputs, where there are several. Or x alone: a generator or any iterable of batches (x, y)
                or (x, y, sample_weight), or an object with __len__ and __getitem__ (keras.utils.Sequence, PyDataset).
            batch_size: of arrays, default 32; a last, smaller batch is trained on too.
            epochs: the number of the last epoch; those before initial_epoch (default 0) are not run.
            verbose: 1 or "auto" (default) shows progress, 2 a line an epoch, 0 nothing.
            callbacks: of engine.callbacks.
            validation_split: hold out this share, the last rows, cut before any shuffling, as Keras does.
            validation_data: (x, y), (x, y, sample_weight) or batches, to evaluate after each epoch, instead.
            shuffle: draw a new order of the movies, or of the batches of an object with __getitem__, for each epoch
                (default True).
            class_weight: refused, as Keras does for targets of many dimensions; the error says what to pass.
            sample_weight: what each movie counts (N,), each frame (N,T), up to each pixel (N,T,H,W). The loss is
                sum(weight * term) / number of elements. (Keras 2.3 takes all of these; Keras 3 wants (N,T,H,W).)
            steps_per_epoch, validation_steps: batches in an epoch and in a validation, of batches that are iterated;
                None is all there are.
            validation_batch_size: default batch_size.
            validation_freq: validate after every so many epochs, or after those listed, counted from 1.
        """
        self._require_compiled("fit")
        return training.fit(
            self, x, y, batch_size=batch_size, epochs=epochs, verbose=verbose,
            callbacks=callbacks, validation_split=validation_split, validation_data=validation_data, shuffle=shuffle,
            class_weight=class_weight, sample_weight=sample_weight, initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_batch_size=validation_batch_size, validation_freq=validation_freq,
        )  # fmt: skip

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Make one update on one batch; returns its loss before the update.

        With metrics [loss, metrics...], with return_dict a dict of them. They are this batch's own, as in Keras 2 (in
        Keras 3 means over all calls since reset_metrics). sample_weight: as for fit.
        """
        self._require_compiled("train_on_batch")
        found = on_batch.train_on_batch(self.placement, x, y, sample_weight)
        return evaluation.as_keras_returns(found, return_dict)

    def train_step(self, batch: Batch, values: Any) -> None:
        """Make one update, not waited for; values (objective.width,) float64 on the device gets the numbers."""
        self._require_compiled("train_step")
        self.placement.computation.train_step(batch, values)

    def loss_and_gradients(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[float, dict[str, HostArray]]:
        """Compute the training-mode loss of a batch and its gradient by weight name, in the order of trainable_weights.

        Changes nothing in the network: BatchNormalization normalises by the batch, its averages stay.
        """
        self._require_compiled("loss_and_gradients")
        return on_batch.loss_and_gradients(self.placement, x, y, sample_weight)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the mean loss in inference mode; with metrics [loss, metrics...], with return_dict a dict of them.

        Args:
            x, y, sample_weight: as for fit: arrays, or x alone giving batches, of which `steps` are taken.
            batch_size: of arrays, default 32.
            verbose: "auto" (default) shows a bar on a terminal, 1 the bar and a line at the end, 2 the line, 0 nothing.
            callbacks: their on_test_begin and on_test_end are called.
        """
        self._require_compiled("evaluate")
        found = evaluation.run(
            self, x, y, batch_size=batch_size, verbose=verbose, sample_weight=sample_weight, steps=steps,
            callbacks=callbacks,
        )  # fmt: skip
        return evaluation.as_keras_returns(found, return_dict)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Evaluate one batch; returns what evaluate does."""
        inputs, targets = self.placement.checks.pair(x, y)
        return self.evaluate(inputs, targets, len(inputs[0]), 0, sample_weight, return_dict=return_dict)

    # ---------------------------------------------------------------- state, configuration, files

    def state_arrays(self) -> dict[str, HostArray]:
        """Everything that training has changed, by name, on the host: weights, the optimizer's slots and iterations."""
        return self.placement.build().state_arrays()

    def load_state_arrays(self, state: dict[str, HostArray]) -> None:
        """Restore what state_arrays returned. Nothing is changed unless every name and shape fits."""
        self.placement.build().load_state_arrays(state)

    def __copy__(self) -> Self:
        raise ValueError(
            "copy.copy: expected copy.deepcopy(network), which shares nothing; Sequential(network.layers) shares the "
            "layers"
        )

    def get_config(self) -> dict[str, Any]:
        """The architecture and what compile was given, JSON-able."""
        objective = self.placement.objective
        return {
            **super().get_config(),
            **(config_of(objective) if objective is not None else {"loss": None}),
            "optimizer": self.optimizer.get_config() if self.optimizer else None,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], device: str = "auto", dtype: Any = None, **kwargs: Any) -> Self:
        """Build a network with fresh weights from what get_config returned; dtype None is the config's own."""
        graph = cls.graph_from_config(config)
        network = cls.of_graph(graph, config["name"], device, dtype or config["dtype"], **kwargs)
        if config["loss"] is not None:
            network.compile(config["optimizer"], config["loss"], config.get("loss_weights"), config.get("metrics"))
        return network

    def to_json(self, keras: int = 3) -> str:
        """The architecture as JSON of Keras 3 (default) or 2, without weights; engine.model_from_json reads it.

        Raises ValueError: that Keras has no such layer, or computes another function under its name.
        """
        return to_json(self, keras)

    def save(self, path: str | Path) -> None:
        """Write architecture and weights to one file; engine.load_model reads it.

        Args:
            path: .safetensors; or .keras or .h5 for Keras 3 or 2 (docs/keras.md), with the optimizer's state. A path
                that ends in .weights.h5 gets weights alone, as save_weights writes them.

        Raises ValueError: another suffix, or Keras' file cannot hold this network. OSError: it cannot be written.
        """
        saving.save(self, path)

    def save_weights(self, path: str | Path) -> None:
        """Write weights alone for Keras: .weights.h5 in Keras 3's layout, any other .h5 in Keras 2's."""
        saving.save_weights(self, path)

    def load_weights(self, path: str | Path) -> None:
        """Set all weights from a Keras file, .weights.h5, .h5 or .keras, by order; its architecture is not read.

        Adadelta's accumulators are restored too, where the file has them and this network is compiled, as Keras 3 does.

        Raises ValueError: the file is damaged or foreign, or its arrays do not fit these layers.
        """
        saving.load_weights(self, path)

    def summary(self, line_length: int | None = None, print_fn: Callable[[str], object] | None = None) -> None:
        """Print Keras 3's table of layers, output shapes and numbers of weights.

        Args:
            line_length: characters in a line, default 76.
            print_fn: called once with the whole text, in place of print, which draws with +, - and | where it must.
        """
        if self.input_shape is not None:
            self.build()
        (print_fn or summary.show)(summary.table(self, *([] if line_length is None else [line_length])))
