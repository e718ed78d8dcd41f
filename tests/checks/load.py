"""Puts load on a server until standard input is closed: `python -m tests.checks.load URL STREAMS`.

Each of STREAMS clients asks again when its answer has ended. Prints the number of answers that ended with `[DONE]`
(`good`), and of those that did not (`bad`).
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from competitor.checks.responses import CHAT
from competitor.checks.target import question

PROMPT = 'mock{"tokens": 150, "delay": 0.02}'


async def answered(host: str, port: int) -> bool:
    """Asks for a streamed answer and reads it to the end. Returns whether it ended with `[DONE]`."""
    reader, writer = await asyncio.open_connection(host, port)
    body = json.dumps(question(PROMPT, stream=True)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    last = b""
    while data := await reader.read(65536):
        last = (last + data)[-100:]
    writer.close()
    return b"data: [DONE]" in last


async def main(url: str, streams: int) -> None:
    parts = urlsplit(url)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    good = bad = 0

    async def client() -> None:
        nonlocal good, bad
        while not ended.done():
            if await answered(parts.hostname or "", parts.port or 80):
                good += 1
            else:
                bad += 1

    await asyncio.gather(*(client() for _ in range(streams)))
    print(json.dumps({"good": good, "bad": bad}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
