"""A proxy between an IMAP client and its server that counts, and may delay: `python imap_proxy.py TO_PORT DELAY_MS`.

It prints its port. Each line on its standard input makes it print what it counted since the last one: octets from the
server, and how often the client spoke after the server had spoken, which is how often a line's delay is waited for.
Bandwidth is not limited, and TCP's slow start is not imitated.
"""

from __future__ import annotations

import asyncio
import json
import sys


class Counts:
    def __init__(self) -> None:
        self.octets = 0
        self.trips = 0
        self.server_spoke = True


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, counts: Counts, *, upward: bool
) -> None:
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(2_000)
    loop = asyncio.get_running_loop()

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    data = b"-"
    while data:
        try:
            data = await reader.read(1 << 18)
        except ConnectionError:
            data = b""
        if upward and data:
            counts.trips += counts.server_spoke
        elif data:
            counts.octets += len(data)
        if data:
            counts.server_spoke = not upward
        await queue.put((loop.time() + delay, data))
    await asyncio.gather(delivering, return_exceptions=True)


async def _main(port: int, delay: float) -> None:
    counts = Counts()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts.server_spoke = True
        await asyncio.sleep(3 * delay)  # a connection costs one and a half round trips
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _pump(reader, up_writer, delay, counts, upward=True), _pump(up_reader, writer, delay, counts, upward=False)
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"octets": counts.octets, "trips": counts.trips}), flush=True)
        counts.octets = counts.trips = 0


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]) / 1_000))
