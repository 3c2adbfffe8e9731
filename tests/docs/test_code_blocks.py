"""What README, CONTRIBUTING and docs/ show runs; blocks.py says what a page may say about a block."""

import argparse
import json
import os
import runpy
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import pytest

from engine.train.arguments import settings_of
from engine.train.config import make_config
from tests.docs.blocks import Block, blocks, calls, pages
from tests.docs.given import GIVEN
from tests.paths import ROOT

pytestmark = pytest.mark.quick

LANGUAGES = {"python", "sh", "toml", "json", "text", "diff", "cpp"}

NOT_RUN = {("README.md", "needs Keras")}
"""Blocks that no test runs, page by page: why not."""


def is_run(block: Block) -> bool:
    """Whether a Python block is one of those that run one after another."""
    return block.directive("not run") is None and block.directive("edit") is None


def as_tested(block: Block) -> str:
    """The block's text with its replacements made; each must replace something."""
    text = block.text
    for replacement in filter(None, (block.directive("run with") or "").split("; ")):
        shown, run = replacement.split(" -> ")
        assert shown in text, f"{block}: its comment replaces {shown!r}, which is not in it"
        text = text.replace(shown, run)
    return text


@pytest.mark.parametrize("page", [page for page in pages() if any(map(is_run, blocks(page, "python")))])
def test_python_blocks_run_one_after_another(page: str, tmp_path: Path) -> None:
    script = [textwrap.dedent(GIVEN.get(page, ""))]
    for block in filter(is_run, blocks(page, "python")):
        shown = "\n" * (block.line - 1) + as_tested(block)
        script.append(f"exec(compile({shown!r}, {block.page!r}, 'exec'), globals())")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(script)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_blocks_that_are_not_run_are_few_and_known() -> None:
    found = {(page, reason) for page in pages() for block in blocks(page) if (reason := block.directive("not run"))}
    assert found == NOT_RUN


@pytest.mark.parametrize("page", pages())
def test_every_block_names_a_language_that_is_tested(page: str) -> None:
    unknown = [f"{block}: {block.language!r}" for block in blocks(page) if block.language not in LANGUAGES]
    assert unknown == [], f"expected one of {', '.join(sorted(LANGUAGES))}"


def test_toml_blocks_are_configurations(tmp_path: Path) -> None:
    for block in (block for page in pages() for block in blocks(page, "toml") if block.directive("edit") is None):
        assert tomllib.loads(block.text), f"{block}: says nothing"
        (tmp_path / "config.toml").write_text(block.text, encoding="utf-8")
        make_config({}, tmp_path / "config.toml")


def test_json_blocks_are_json() -> None:
    for block in (block for page in pages() for block in blocks(page, "json")):
        json.loads(block.text)


class Parsed(BaseException):
    """The arguments are legal; the program goes no further."""


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")  # programs run again in one process
@pytest.mark.parametrize("page", [page for page in pages() if any(calls(page))])
def test_programs_take_the_arguments_that_are_shown(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser: argparse.ArgumentParser, *given: Any) -> NoReturn:
        arguments = real(parser, *given)
        raise Parsed(arguments)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    for line, (module, *arguments) in calls(page):
        where = f"{page}:{line}: python -m {' '.join([module, *arguments])}"
        if module == "pytest":
            missing = [name for name in arguments if name.startswith("tests/") and not list(ROOT.glob(name))]
            assert missing == [], where
            continue
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        try:
            runpy.run_module(module, run_name="__main__")
        except Parsed as stopped:
            if module == "engine.train":
                flags = vars(stopped.args[0])
                settings = {name: flags[name] for name in flags.keys() - {"config", "out", "resume", "imports"}}
                make_config(settings_of(settings))
        except SystemExit as refused:
            assert refused.code == 0, where
