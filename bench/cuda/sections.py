"""Each part's section of the report: records in, lines of Markdown out."""

from typing import Any

from bench.cuda.ways import WORK
from bench.report import duration

Record = dict[str, Any]
Records = list[Record]

SHORT_FAILURES = 8
SHORT_KERNELS = 5


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    return ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]


def of_kind(records: Records, kind: str) -> Records:
    """The records of one kind."""
    return [record for record in records if record["kind"] == kind]


def correctness(records: Records, short: bool) -> list[str]:
    """Counts, and every test that failed."""
    tests = of_kind(records, "test")
    failed = [test for test in tests if test["outcome"] == "failed"]
    passed = sum(test["outcome"] == "passed" for test in tests)
    lines = [f"{passed} tests passed, {len(failed)} failed, {len(tests) - passed - len(failed)} skipped."]
    for group in of_kind(records, "tests_ended"):
        if group["status"] != 0:
            why = {None: "its time was up", 5: "no test was found"}.get(group["status"], f"status {group['status']}")
            lines.append(f"- {group['group']}: not all well: {why}")
    shown = failed[:SHORT_FAILURES] if short else failed
    lines += [f"- FAILED {test['name']}: {test['reason'][:150]}" for test in shown]
    return [*lines, f"- and {len(failed) - len(shown)} more"] if len(shown) < len(failed) else lines


def sanitizer(records: Records, short: bool) -> list[str]:
    """One line a tool."""
    return [f"- {r['tool']}: {r['verdict']} {r['detail'][:150]}".rstrip() for r in of_kind(records, "sanitizer")]


def kernels(records: Records, short: bool) -> list[str]:
    """The chip's rates, the step, and a table of kernels, the longest first."""
    rates = {record["name"]: record["value"] for record in of_kind(records, "rate")}
    units = {record["name"]: record["unit"] for record in of_kind(records, "rate")}
    lines = ["measured on this chip: " + (", ".join(f"{n} {v:.4g} {units[n]}" for n, v in rates.items()) or "nothing")]
    for step in of_kind(records, "step"):
        lines.append(
            f"- {step['precision']}: {step['launches']} launches a step; {duration(step['graph_s'])} as a graph, "
            f"{duration(step['launched_s'])} as launches; {step['flop'] / 1e9:.1f} GFLOP, "
            f"{step['moved_bytes'] / 1e9:.2f} GB, floor {duration(floor(step, rates))}"
        )
    found = sorted(of_kind(records, "kernel"), key=lambda record: -record["seconds"])
    rows = [kernel_row(record, rates) for record in (found[:SHORT_KERNELS] if short else found)]
    header = [
        "kernel",
        "precision",
        "launches",
        "a step",
        "TFLOP/s",
        "GB/s",
        "roofline",
        "registers",
        "local bytes",
        "occupancy",
    ]
    return [*lines, *ways(records), *(["", *table(header, rows)] if rows else [])]


def ways(records: Records) -> list[str]:
    """A table of what one layer's work takes in each way: recurrences in one launch or by steps, windows or not."""
    columns: list[str] = []
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for record in of_kind(records, "way"):
        way = f"{record['recurrence']}, {record['products']}"
        columns += [way] if way not in columns else []
        for work in [record["work"]] if "work" in record else WORK:
            cell = "does not fit" if "error" in record else duration(record["seconds"])
            cells.setdefault((work, record["precision"]), {})[way] = cell
    rows = [[*key, *(found.get(way, "-") for way in columns)] for key, found in cells.items()]
    return ["", *table(["one layer", "precision", *columns], rows)] if rows else []


def kernel_row(record: Record, rates: dict[str, float]) -> list[str]:
    """One kernel's cells."""
    constants = " ".join(f"{key}{value}" for key, value in record["constants"].items() if key in "CFK")
    name = f"{record['program'].removesuffix('.cu')} {record['kernel']} {constants}".strip()
    seconds, lowest = record["seconds"], floor(record, rates)
    return [
        name if record["timed"] == "graph" else f"{name} ({record['timed']})",
        record["precision"],
        str(record["launches"]),
        duration(seconds),
        f"{record['flop'] / seconds / 1e12:.3g}" if record["flop"] else "-",
        f"{record['moved_bytes'] / seconds / 1e9:.3g}",
        "-" if lowest is None else f"{lowest / seconds:.2f}",
        str(record.get("registers", "-")),
        str(record.get("local_bytes", "-")),
        f"{record['occupancy']:.2f}",
    ]


def floor(record: Record, rates: dict[str, float]) -> float | None:
    """The longer of what arithmetic and memory take at the chip's measured rates; None where one is not known."""
    matmul, copy = rates.get(record["precision"]), rates.get("copy")
    if copy is None or (matmul is None and record["flop"]):
        return None
    arithmetic = record["flop"] / (matmul * 1e12) if matmul else 0.0
    return max(arithmetic, record["moved_bytes"] / (copy * 1e12))


def tiles(records: Records, short: bool) -> list[str]:
    """For each kernel its tiles, the fastest first."""
    found = sorted(of_kind(records, "tile"), key=lambda r: (r["precision"], r["kernel"], r["seconds"]))
    header = [
        "kernel",
        "precision",
        "columns",
        "split",
        "crews",
        "warpgroups",
        "rows of 64",
        "chunks",
        "buffers",
        "time",
    ]
    names = ("kernel", "precision", "columns", "split", "crews", "warpgroups", "m_tiles", "chunks", "buffers")
    lines = table(header, [[*(str(r[name]) for name in names), duration(r["seconds"])] for r in found]) if found else []
    return [*lines, *gradient_tiles(of_kind(records, "gradient tile"))]


def gradient_tiles(records: Records) -> list[str]:
    """Those of weight gradients, the fastest first."""
    found = sorted(records, key=lambda r: (r["precision"], r["seconds"]))
    names = ("kernel", "precision", "arguments", "patch_rows")
    header = ["kernel", "precision", "template arguments", "rows of a patch", "counted clocks", "time"]
    rows = [[*(str(r[n]) for n in names), f"{r['counted_clocks']:.0f}", duration(r["seconds"])] for r in found]
    return ["", *table(header, rows)] if found else []


def comparison(records: Records, short: bool) -> list[str]:
    """For each work and precision: ours, every peer, how many times the fastest; and the memory of a training step."""
    times = of_kind(records, "time")
    participants = list(dict.fromkeys(record["participant"] for record in times))
    peers = [name for name in participants if not name.startswith("ours")]
    header = ["work", "precision", "ours", *peers, "ratio"]
    rows: Records = [row for record in of_kind(records, "rows") for row in record["rows"]]
    lines = []
    for precision in dict.fromkeys(record["precision"] for record in times):
        for row in rows:
            same = [r for r in times if r["row"] == row["name"] and r["precision"] == precision]
            if same:
                label, *cells = comparison_row(row, same, peers)
                lines.append([label, precision, *cells])
    out = table(header, lines) if lines else []
    out += ["", "*: differs from ours in float32 by more than its precision explains, does not count"]
    out += ["?: was compared with nothing, does not count; x: error, see below"]
    out += memory_lines(times)
    errors = [
        f"- {r['participant']}, {r['row']}, {r['precision']}: {r['error']}"
        for r in times
        if "error" in r and not not_offered(r)
    ]
    return out + (errors[:SHORT_FAILURES] if short else errors)


def comparison_row(row: Record, times: Records, peers: list[str]) -> list[str]:
    """One work in one precision."""
    ours, fastest = ours_best(times), fastest_peer(times)
    cells = [_time_cell([r for r in times if r["participant"] == name]) for name in peers]
    ratio = f"{fastest['median_s'] / ours['median_s']:.2f}" if ours and fastest else "-"
    return [row["label"], _time_cell([r for r in times if r["peer"] == "ours"]), *cells, ratio]


def _time_cell(found: Records) -> str:
    if not found:
        return "-"
    if "error" in found[0]:
        return "-" if not_offered(found[0]) else "x"
    mark = {True: "", False: "*", None: "?"}[found[0].get("same_work")]
    return duration(found[0]["median_s"]) + mark


def not_offered(record: Record) -> bool:
    """Return whether the record says that its participant does not offer this work."""
    return bool(record.get("error", "").startswith("NotOffered"))


def ours_best(times: Records) -> Record | None:
    """The engine's fastest way at one work in one precision that came out right."""
    good = [r for r in times if "error" not in r and r["peer"] == "ours" and r.get("same_work")]
    return min(good, key=lambda record: record["median_s"], default=None)


def fastest_peer(times: Records) -> Record | None:
    """The fastest of the others that did the same work."""
    good = [r for r in times if "error" not in r and r["peer"] != "ours" and r.get("same_work")]
    return min(good, key=lambda record: record["median_s"], default=None)


def memory_lines(times: Records) -> list[str]:
    """Peak device memory of the training step of the example's network."""
    found = [r for r in times if r["row"] == "train" and r.get("peak_bytes")]
    if not found:
        return []
    cells = [f"{r['participant']} {r['precision']} {r['peak_bytes'] / 2**20:.0f}" for r in found]
    return ["", "peak memory of the training step's arrays, MiB: " + "; ".join(cells)]


def training(records: Records, short: bool) -> list[str]:
    """The program's runs, and how far the curves are apart."""
    lines = []
    for run in of_kind(records, "training"):
        epochs = run["epochs"]
        seconds = ", ".join(f"{epoch['seconds']:.2f}" for epoch in epochs[:6])
        device = ", ".join(f"{name} {v['mean']:g} (at most {v['max']:g})" for name, v in run["device"].items())
        lines.append(
            f"- engine.train {' '.join(run['arguments'])}, {run['precision']}: {run['wall_s']:.1f} s in all, "
            f"{run['outside_epochs_s']:.1f} s outside its {len(epochs)} epochs, which took {seconds or 'nothing'} s; "
            f"{'first start, ' if run['first_start'] else ''}{run['compiled']} programs compiled; "
            f"loss {epochs[-1]['loss'] if epochs else '-'}; device: {device or 'not sampled'}"
            + (f"; FAILED: {run['error']}" if run["error"] else "")
        )
    curves = {record["name"]: record["losses"] for record in of_kind(records, "curve")}
    reference = curves.get("float32")
    for name, curve in curves.items():
        if reference and name != "float32":
            apart = max(abs(a - b) / abs(b) for a, b in zip(curve, reference, strict=False))
            lines.append(f"- loss curve, {name} beside float32 over {len(curve)} steps: at most {apart:.2%} apart")
    if reference and not short:
        lines.append(f"- losses in float32, every tenth step: {reference[::10]}")
    return lines
