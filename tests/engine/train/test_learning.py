"""The quick preset's promise on a smaller scale: it learns motion, which repeating the last frame does not have."""

import json
from pathlib import Path

from tests.engine.train.run_helpers import run

SMALLER = """
preset = "quick"
filters = [8, 8]
samples = 120
frames = 8
epochs = 10
batch_norm_momentum = 0.9
device = "cpu"
"""


def test_a_short_training_follows_the_squares(tmp_path: Path) -> None:
    (tmp_path / "smaller.toml").write_text(SMALLER)
    assert run("--config", tmp_path / "smaller.toml", "--seed", 1, "--out", tmp_path / "run") == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    losses, rollout = report["loss"], report["rollout"]
    assert losses["last_frame"] < losses["persistence"] / 4
    assert rollout["csi"][0] > 0.75
    assert rollout["csi"][0] > rollout["persistence_csi"][0] + 0.05
    assert rollout["csi"][1] > rollout["persistence_csi"][1] + 0.1
    assert rollout["mse"][1] < rollout["persistence_mse"][1] / 2
