"""The strategies of `tests/model/any_values.py` serve here too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "model"))
