"""Hunt for inputs that break a promise: seeds are cut, spliced and sprinkled with a format's own words, at random.

Each `fuzz_*.py` beside this file hunts in one place: `make fuzz FOR=600 SEED=1`. What is
found is kept as a file, and becomes a test of its own.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

SLOW = 10.0
"""Seconds of processor time that no single input may take."""
LARGEST = 20_000
"""Octets of one input."""


def mutated(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Return one of the seeds, changed a few times."""
    data = bytearray(chance.choice(seeds)[:LARGEST])
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 20))):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.choice((0, 1, 2, 8, 40, 200)))
        what = chance.randrange(7)
        if what == 0:
            del data[at:to]
        elif what == 1:
            data[at:to] = chance.choice(words)
        elif what == 2:
            data[at:to] = chance.randbytes(chance.choice((1, 2, 4)))
        elif what == 3:
            data[at:at] = data[at:to] * chance.choice((1, 2, 30))
        elif what == 4:
            other = chance.choice(seeds)
            start = chance.randint(0, len(other))
            data[at:at] = other[start : start + chance.choice((10, 100, 1_000))]
        elif what == 5 and b"\n" in data:
            lines = data.split(b"\n")
            first, second = (chance.randrange(len(lines)) for _ in range(2))
            lines[first], lines[second] = lines[second], lines[first]
            data = bytearray(b"\n".join(lines))
        elif at < len(data):
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data[:LARGEST])


def hunt(name: str, seeds: Sequence[bytes], words: Sequence[bytes], check: Callable[[bytes], None]) -> int:
    """Try inputs for as long as the command line says; return how many broke a promise, which are kept in `found`."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    chance, tried = random.Random(seed), 0
    seen: set[str] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(chance, seeds, words)
        began = time.process_time()
        said = ""
        try:
            check(data)
        except Exception:
            said = traceback.format_exc()
        took = time.process_time() - began
        tried += 1
        if took > SLOW:
            said = f"{took:.0f} s\nslow"
        last = said.strip().splitlines()[-3:]
        if said and "\n".join(last[:1]) not in seen:
            seen.add("\n".join(last[:1]))
            kept = Path("found") / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(data)
            print(f"{kept}\n{said}", flush=True)
    print(f"{name}: {tried} inputs in {seconds:.0f} s from seed {seed}, {len(seen)} kinds of failure", flush=True)
    return len(seen)
