"""What must hold where nothing but the wheel and its own dependencies is installed."""

import importlib.util
import re
import sys
from importlib.metadata import files
from pathlib import Path

import crmsync

heavy = {"httpx", "requests", "urllib3", "sqlalchemy", "click", "rich", "hypothesis", "pytest", "asyncio", "tldextract"}
assert not heavy & set(sys.modules), f"import crmsync loads {heavy & set(sys.modules)}"
assert "site-packages" in str(crmsync.__file__), f"{crmsync.__file__} is not the installed wheel"
for absent in ("httpx", "sqlalchemy", "click", "rich", "hypothesis", "pytest"):
    assert importlib.util.find_spec(absent) is None, f"the bare wheel brought {absent}"

names: dict[str, object] = {}
exec("from crmsync import *", names)  # noqa: S102 - a star import is only allowed at a module's top
assert set(crmsync.__all__) <= set(names)

shipped = {str(f) for f in files("crmsync") or ()}
assert "crmsync/py.typed" in shipped
assert not any(f.startswith(("tests", "docs", "benchmarks")) for f in shipped)

example = re.search(r"```python\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
assert example is not None
exec(example[1], {})  # noqa: S102 - the README of this very commit
