"""The documentation: what is generated is up to date, every link leads somewhere, nothing is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from test_package import PUBLIC

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(page: Path) -> list[str]:
    return LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def test_what_is_generated_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (result.returncode, result.stdout), result.stderr


@pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        target, _, anchor = unquote(link).partition("#")
        if "://" in target:
            continue
        file = page if not target else (page.parent / target).resolve()
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(link)

    assert [] == broken


def test_every_public_module_has_a_page() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "reference" / "api").glob("*.rst")}

    assert set() == set(PUBLIC) - pages


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = [(page.parent / link.partition("#")[0]).resolve() for link in _links(page) if "://" not in link]
            waiting += [t for t in targets if t.suffix == ".md"]

    assert set() == set(PAGES) - reached


@pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])
def test_a_block_says_what_language_it_is(page: Path) -> None:
    known = {"python", "py", "pycon", "output", "console", "sh", "text", "{toctree}", "{include}"}
    opening = re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)[::2]

    assert set() == {language.split(" ")[0] for language in opening} - known
