"""How much of a test is left to chance: `make test` is the same at each run, `make test-all` tries new examples."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

EVERYTHING = os.environ.get("CRMSYNC_TESTS") == "all"
"""Whether all tests run, with random examples; else the quick ones, with always the same."""

_HUNTED = "CRMSYNC_MUTANT" in os.environ

settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20)
settings.register_profile("all", deadline=None, max_examples=200, print_blob=True)


def examples(many: int) -> int:
    """Return how many examples, or lives of a machine, to try: `many` in `make test-all`, a few in `make test`."""
    return many if EVERYTHING else max(5, many // 10)


def lives(many: int, *, steps: int, hunted: int = 0) -> settings:
    """Return how often and how long a state machine lives.

    Args:
        many: lives in `make test-all`; a tenth of them in `make test`.
        steps: the most steps in a life.
        hunted: lives while `tests/mutants.py` hunts a mutant.

    """
    return settings(
        max_examples=hunted if hunted and _HUNTED else examples(many),
        stateful_step_count=steps,
        deadline=None,  # no profile is loaded where a mutant is hunted
        suppress_health_check=list(HealthCheck),
        # A mutant need only die; how little it takes is of no interest then.
        phases=[Phase.generate] if _HUNTED else list(Phase),
    )
