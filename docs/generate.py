"""Write into the documentation what the code says of itself, or check that it stands there already.

    python docs/generate.py           write
    python docs/generate.py --check   change nothing; fail where a page is out of date

A page marks the places: everything between `<!-- generated: NAME -->` and `<!-- end -->` is made by the function
under that name in `docs/generators`. The picture of the layers is made whole.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from generators import cli, contract, errors, example, layers, rules, size, walk

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PLACE = re.compile(r"(?<=<!-- generated: )(?P<name>[\w.]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)

GENERATORS: dict[str, Callable[[], str]] = {
    name: function
    for module in (rules, errors, contract, cli, example, size, walk)
    for name, function in module.GENERATORS.items()
}


PICTURES: dict[str, Callable[[], str]] = {"docs/layers.svg": layers.picture}


def regenerated(text: str) -> str:
    """Return a page with all its generated places made anew."""
    return PLACE.sub(lambda place: f"{place['name']}{place[2]}\n{GENERATORS[place['name']]().strip()}\n\n", text)


def main(*, check: bool) -> int:
    stale = []
    for page in (*PAGES, *(ROOT / name for name in PICTURES)):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(ROOT).as_posix()
        fresh = PICTURES[name]() if name in PICTURES else regenerated(text)
        if fresh != text:
            stale.append(name)
            if not check:
                page.write_text(fresh, encoding="utf-8")
    for name in stale:
        print(f"{name} is out of date: run make docs" if check else f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
