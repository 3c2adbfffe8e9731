"""The code blocks of README, CONTRIBUTING and docs/, and what a comment before a block says about it.

An HTML comment on the line before a fenced block, which readers of the page do not see, may say

    <!-- run with: epochs=4 -> epochs=1; 300 -> 20 -->     the test runs it with these texts replaced
    <!-- not run: needs Keras -->                          the test does not run it; test_code_blocks.py lists these
    <!-- edit: engine/losses.py -->                        a recipe's edit, which tests/house/test_adding.py makes

An indented block is output, a formula or a drawing; lines in it that call a program of this repository are checked.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.paths import ROOT

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<comment>[^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_CALL = re.compile(r"python[0-9.]* -m (?:engine|export|bench|pytest)\b[^`\n|;&]*")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text, and the comment before it ("" for none)."""

    page: str
    line: int
    language: str
    text: str
    comment: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def directive(self, word: str) -> str | None:
        """What the comment says after `word:`; None where it says something else."""
        found = re.fullmatch(rf"{word}: (.*)", self.comment)
        return found and found[1]


def pages() -> list[str]:
    """Every page whose blocks are tested, by its path in the repository."""
    roots = [path for name in ("README.md", "CONTRIBUTING.md") if (path := ROOT / name).exists()]
    return [str(path.relative_to(ROOT)) for path in [*roots, *sorted((ROOT / "docs").rglob("*.md"))]]


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page in their order, of one language or of all."""
    text = read(page)
    found = []
    for match in _FENCE.finditer(text):
        line = text[: match.start("text")].count("\n") + 1
        indent = len(match["indent"])
        body = "\n".join(row[indent:] for row in match["text"].splitlines()) + "\n"
        found.append(Block(page, line, match["language"].strip(), body, match["comment"] or ""))
    return [block for block in found if language in (None, block.language)]


def calls(page: str) -> Iterator[tuple[int, list[str]]]:
    """The calls of this repository's programs on a page, in blocks and in the text: line, and the words after -m."""
    for number, row in enumerate(_joined(read(page)), start=1):
        for match in _CALL.finditer(row):
            yield number, shlex.split(match[0], comments=True)[2:]


def _joined(text: str) -> list[str]:
    """The lines of a text, those that end in a backslash with their continuation."""
    rows = text.splitlines()
    for number in range(len(rows) - 2, -1, -1):
        if rows[number].endswith("\\"):
            rows[number] = rows[number][:-1] + rows[number + 1]
    return rows
