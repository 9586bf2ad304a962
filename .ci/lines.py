"""Print how large each room of the source is: the library, what tests get, and the command line apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "crmsync"
CORE = ("errors", "model", "protocols", "rules", "engine")
"""What `import crmsync` loads, and what a host's own storage and provider meet."""


def rooms() -> dict[str, int]:
    """Count the lines of each room, largest parts of `providers`, `formats` and `testing` by themselves."""
    found: Counter[str] = Counter()
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        deep = parts[0] in ("formats", "providers", "testing", "stores", "integrations") and len(parts) > 2
        name = "/".join(parts[:2]) if deep else parts[0]
        found[name] += len(path.read_text(encoding="utf-8").splitlines())
    return dict(found)


def kind(room: str) -> str:
    """Say what a room belongs to."""
    top = room.partition("/")[0]
    if top in CORE:
        return "core"
    return {"testing": "for tests", "cli": "command line", "__main__": "command line"}.get(top, "library")


def main() -> None:
    """Print the table."""
    counted = rooms()
    for name in ("core", "library", "for tests", "command line"):
        here = {room: n for room, n in counted.items() if kind(room) == name}
        print(f"{name:<24}{sum(here.values()):>8,}")
        for room, n in sorted(here.items(), key=lambda pair: -pair[1]):
            print(f"  {room:<22}{n:>8,}")
    print(f"{'all':<24}{sum(counted.values()):>8,}")


if __name__ == "__main__":
    main()
