"""Links between pages lead somewhere: to a page, to an anchor on it, to a file of this repository."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.house.recipes import edited_files
from tests.paths import ROOT

pytestmark = pytest.mark.quick

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SOURCE = r"[\w-]+\.(?:pyi?|cuh?|cpp|h|md|toml|yaml)\b"
_PATH = re.compile(rf"(?<![\w/.<-])((?:\.?[\w-]+/)+{_SOURCE})")
_NAME = re.compile(r"(?<![\w/.<*-])([\w-]+\.(?:cuh?|cpp|h|py))\b")
_DOCS = re.compile(r"\bdocs/[\w/]+\.md(?:#[\w-]+)?")

FOLDERS = (".ci", "bench", "docs", "engine", "examples", "export", "kernels", "tests")

MADE_BY_READERS = {"conv_lstm.py", "config.toml", "my_layers.py", "my_losses.py"}
"""Files that pages speak of and that are not the repository's: the reader's own, and the Keras example."""


@cache
def files() -> frozenset[str]:
    """Every file of the repository, by its path in it."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return frozenset(path.relative_to(ROOT).as_posix() for path in found)


def pages() -> list[str]:
    """Every page of the repository."""
    return sorted(name for name in files() if name.endswith(".md"))


def prose(page: str) -> str:
    """A page without its fenced blocks, whose paths may be the reader's."""
    return _FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))


@cache
def anchors(page: str) -> frozenset[str]:
    """What `#...` may say behind a page: its headings as GitHub spells them."""
    return frozenset(
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()).replace(" ", "-")
        for heading in _HEADING.findall(prose(page))
    )


def broken(start: Path, link: str) -> bool:
    """Whether a link that stands on a page in folder `start` leads nowhere."""
    path, _, anchor = link.partition("#")
    target = (start / path).resolve()
    if not target.exists():
        return True
    page = target.relative_to(ROOT).as_posix()
    return bool(anchor) and anchor not in anchors(page)


@pytest.mark.parametrize("page", pages())
def test_links_and_anchors_resolve(page: str) -> None:
    links = [link for link in _LINK.findall(prose(page)) if "://" not in link]
    itself = Path(page).name
    assert [link for link in links if broken((ROOT / page).parent, itself + link if link[0] == "#" else link)] == []


@pytest.mark.parametrize("page", pages())
def test_files_that_a_page_names_exist(page: str) -> None:
    text = _LINK.sub("", prose(page))
    names = {Path(name).name for name in files()}
    paths = [name for name in _PATH.findall(text) if not (ROOT / name).exists() and name not in edited_files(page)]
    bare = [name for name in _NAME.findall(text) if name not in names | MADE_BY_READERS]
    assert paths + bare == []


def test_pages_that_the_code_names_exist() -> None:
    sources = (name for name in files() if name.endswith((".py", ".cu", ".cuh", ".h", ".cpp")))
    named = {
        (source, link) for source in sources for link in _DOCS.findall((ROOT / source).read_text(encoding="utf-8"))
    }
    assert sorted((source, link) for source, link in named if broken(ROOT, link)) == []
    assert len(named) > 10, "the pattern finds no pages"


def test_every_page_can_be_reached_from_the_index() -> None:
    seen, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        for link in _LINK.findall(prose(page)):
            target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file():
                waiting += {target.relative_to(ROOT).as_posix()} - seen
    assert [page for page in pages() if page.startswith("docs/") and page not in seen] == []
