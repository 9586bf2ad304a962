"""A Redis server for tests: private, on a socket of its own, thrown away."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import require_server


@contextmanager
def redis() -> Iterator[str]:
    """Run Redis for as long as the block runs, and give its URL."""
    program = shutil.which("redis-server")
    require_server("redis-server", program is not None)
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory) / "redis.sock"
        command = [str(program), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", directory]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                for _ in range(600):
                    if socket.exists():
                        break
                    time.sleep(0.05)
                yield f"redis+socket://{socket}"
            finally:
                server.terminate()
