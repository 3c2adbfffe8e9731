"""A run's optimizer, loss and metrics as tables {"name": ..., argument: value}, and the objects that they mean.

TOML and config.json write such a table as it is, the command line as a call: adam(learning_rate=0.001, clipnorm=1.0).
Names are those of the engine's registries, in any spelling; arguments are those of the class's constructor.
"""

import ast
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.losses import LOSSES, Loss
from engine.metrics import Metric, metric_class, metric_of
from engine.optimizers import OPTIMIZERS, Optimizer
from engine.registry import Registry
from engine.schedules import SCHEDULES

Table = dict[str, Any]
"""{"name": ..., argument: value, ...}, JSON-able."""


def parse_call(flag: str, text: str) -> Table:
    """Read a name, or a call with arguments by name, such as `huber(delta=0.5)`. Raises ValueError naming `flag`.

    A schedule stands inside: adam(learning_rate=CosineDecay(initial_learning_rate=0.001, decay_steps=1000)).
    """
    try:
        return _table(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(
            f"{flag}: expected a name or a call such as 'name(argument=1.0)', got {text!r} "
            f"({error.msg if isinstance(error, SyntaxError) else error})"
        ) from None


def optimizer_table(base: Mapping[str, Any], given: Any, beside: Mapping[str, Any] = MappingProxyType({})) -> Table:
    """Change an optimizer's table by a name or a table, and by arguments beside it, and check it: see `_changed`."""
    named = _named("optimizer", given)
    for key in named.keys() & beside.keys():
        raise ValueError(f"{key}: expected once, got {beside[key]!r}, and {named[key]!r} in optimizer")
    table = _changed("optimizer", OPTIMIZERS, base, {**named, **beside})
    rate = table.get("learning_rate")
    if isinstance(rate, str | dict):
        table["learning_rate"] = _schedule_table(rate)
    table = _completed("optimizer", OPTIMIZERS.find(table["name"]), table)
    make_optimizer(table)
    return table


def loss_table(base: Mapping[str, Any], given: Any) -> Table:
    """Change a loss's table by a name or a table, and check it: see `_changed`."""
    table = _changed("loss", LOSSES, base, given)
    table = _completed("loss", LOSSES.find(table["name"]), table)
    if make_loss(table).classes:
        raise ValueError(f"loss: {table['name']} wants numbers of classes, and the targets of a run are movies")
    return table


def metric_tables(given: Any, taken: tuple[str, ...] = ()) -> tuple[Table, ...]:
    """Check a list of names and tables of metrics; a loss is one too. `taken`: names that no metric may have."""
    if not isinstance(given, list | tuple):
        raise ValueError(f"metrics: expected a list of names and tables, got {given!r}")
    tables = []
    for item in given:
        table = _named("metrics", item)
        cls, _ = metric_class(table.get("name"))
        tables.append(_completed("metrics", cls, table))
        metric = make_metric(tables[-1])
        if not metric.fits(classes=False):
            raise ValueError(f"metrics: {table['name']} wants numbers of classes, and the targets of a run are movies")
        if metric.name in taken:
            raise ValueError(f"metrics: {table['name']} is the name of another column of metrics.csv")
    return tuple(tables)


def make_optimizer(table: Mapping[str, Any]) -> Optimizer:
    """Make the optimizer that a checked table means. Raises ValueError: a value that it does not take."""
    arguments = dict(table)
    if isinstance(arguments.get("learning_rate"), dict):
        rate = arguments["learning_rate"]
        arguments["learning_rate"] = _made("learning_rate", SCHEDULES.find(rate["name"]), rate)
    made: Optimizer = _made("optimizer", OPTIMIZERS.find(table["name"]), arguments)
    return made


def make_loss(table: Mapping[str, Any]) -> Loss:
    """Make the loss that a checked table means. Raises ValueError: a value that it does not take."""
    made: Loss = _made("loss", LOSSES.find(table["name"]), table)
    return made


def make_metric(table: Mapping[str, Any]) -> Metric:
    """Make the metric that a checked table means; it reports under the name that was written, as in Keras."""
    cls, is_loss = metric_class(table["name"])
    if is_loss:
        return metric_of(_made("metrics", cls, table), table["name"])
    made: Metric = _made("metrics", cls, table, name=table["name"])
    return made


def _table(node: ast.expr) -> Table:
    if not isinstance(node, ast.Call):
        return {"name": _name(node)}
    if node.args or any(keyword.arg is None for keyword in node.keywords):
        raise ValueError("arguments are given by name")
    arguments = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if "name" in arguments:
        raise ValueError("the name stands before the parenthesis")
    return {"name": _name(node.func), **arguments}


def _name(node: ast.expr) -> str:
    """Read a bare name, or one in quotes, which a registered class may need."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError(f"{ast.unparse(node)} is no name")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        return _table(node)
    if isinstance(node, ast.Name):
        return node.id
    try:
        value = ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{ast.unparse(node)} is no value") from None
    return list(value) if isinstance(value, tuple) else value


def _named(argument: str, given: Any) -> Table:
    if isinstance(given, str):
        return {"name": given}
    if not isinstance(given, dict):
        raise ValueError(f"{argument}: expected a name, or a table with a name and arguments, got {given!r}")
    return dict(given)


def _changed(argument: str, registry: Registry[Any], base: Mapping[str, Any], given: Any) -> Table:
    """Put what is given over `base`, whose arguments stay where no other class is named; another begins anew."""
    table = _named(argument, given)
    cls = registry.find(table.get("name", base["name"]))
    return {**base, **table} if cls is registry.find(base["name"]) else table


def _schedule_table(given: Any) -> Table:
    try:
        table = _named("schedule", given)
        cls = SCHEDULES.find(table.get("name"))
    except ValueError as error:
        raise ValueError(f"learning_rate: expected a number or a schedule; {error}") from None
    table = _completed("learning_rate", cls, table)
    _made("learning_rate", cls, table)
    return table


def _completed(argument: str, cls: Any, table: Table) -> Table:
    """Check the arguments' names, and write down the defaults of the constructor's own."""
    own, known = _parameters(cls)
    name, given = table["name"], {key: value for key, value in table.items() if key != "name"}
    listed = ", ".join(known) or "none"
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"{argument}: {name} has no argument {key}; it has {listed}")
        if isinstance(known[key], bool) and not isinstance(value, bool):
            raise ValueError(f"{argument}: {name}: {key}: expected true or false, got {value!r}")
        if not _is_plain(value):
            raise ValueError(f"{argument}: {name}: {key}: expected a number, a text or a list, got {value!r}")
    missing = [key for key in own if known[key] is inspect.Parameter.empty and key not in given]
    if missing:
        raise ValueError(f"{argument}: {name} needs {', '.join(missing)}; its arguments are {listed}")
    defaults = {key: known[key] for key in own if known[key] is not inspect.Parameter.empty and _is_plain(known[key])}
    return {"name": name, **defaults, **given}


def _parameters(cls: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the names of a constructor's own arguments, and the defaults of all that it takes.

    A constructor with **common passes those on to its base class, and takes the base's arguments too.
    """
    own: list[str] = []
    known: dict[str, Any] = {}
    for base in cls.__mro__:
        if "__init__" not in base.__dict__:
            continue
        parameters = list(inspect.signature(base.__dict__["__init__"]).parameters.values())[1:]
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        named = {item.name: item.default for item in parameters if item.kind not in variadic and item.name != "name"}
        own = own or list(named)
        known = {**known, **{key: value for key, value in named.items() if key not in known}}
        if all(item.kind is not inspect.Parameter.VAR_KEYWORD for item in parameters):
            break
    return own, known


def _is_plain(value: Any) -> bool:
    """Tell whether JSON keeps a value as it is."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _made(argument: str, cls: Any, table: Mapping[str, Any], **more: Any) -> Any:
    try:
        return cls(**{key: value for key, value in table.items() if key != "name"}, **more)
    except (TypeError, ValueError) as error:
        name = table["name"]
        raise ValueError(f"{argument}: {name}: {error}") from None
