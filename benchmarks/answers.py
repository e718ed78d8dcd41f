"""Measures how evenly the answers of each variant arrive with the offline model: plain ones, and ones with tools."""

import http.client
import json
import time
from contextlib import ExitStack
from dataclasses import replace

from .environments import variants
from .evenness import evenness
from .lineup import PEERS
from .progress import Progress
from .runs import Rows
from .servers import CHAT, Server

# name -> (prompt, label)
ASKED = {
    "plain": ("Write 200 words about streams.", "200 words, no tool"),
    "sum": ("What is 17 * 23?", "a sum"),
    "file": ('Create a file notes.md that contains "red pandas and otters".', "a file"),
    "both": ("What is 17 * 23, then create a file sum.txt that contains 391 red pandas", "a sum, then a file"),
    "search": ("Search for otters and what is 12 * 12?", "a search and a sum at the same time"),
    "code": ("Run this:\n```python\nimport time; time.sleep(3); print(45)\n```", "a program that runs for 3 seconds"),
}
TOOLS = {"JANUS_SEARCH_DOUBLE": "1", "JANUS_LOCAL_CODE": "1"}
ANSWER_SECONDS = 60
NOBODY = 9  # no server listens there; without a base URL, the offline model answers


def names() -> dict[str, str]:
    """The name of the measured server of each variant."""
    return {variant: "paced" if variant == "proxy" else variant for variant in variants()}


def answers(repetitions: int) -> Rows:
    """Measures each prompt with each variant. Rows are named `variant/prompt`."""
    rows: Rows = {f"{variant}/{name}": [] for variant in names() for name in ASKED}
    progress = Progress("answers", len(rows) * repetitions)
    with ExitStack() as stack:
        servers = {}
        for variant, name in names().items():
            server = Server(replace(PEERS[name], environment={}), NOBODY, bare=True)
            server.environment.update(TOOLS)
            servers[variant] = stack.enter_context(server)
            deltas(server, "hello")
        for repetition in range(repetitions):
            for row in rows:
                progress.step(f"{row}, repetition {repetition + 1}")
                variant, _, name = row.partition("/")
                at = deltas(servers[variant], ASKED[name][0])
                rows[row].append({"evenness": evenness(at), "deltas": len(at), "first_s": at[0], "whole_s": at[-1]})
    return rows


def deltas(server: Server, prompt: str) -> list[float]:
    """Asks for a stream. Returns the times of its content deltas, in seconds since the request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS)
    body = {"model": "any", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    asked_at, found = time.monotonic(), []
    connection.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
    rest, response = b"", connection.getresponse()
    while read := response.read1(65536):
        *events, rest = (rest + read).split(b"\n\n")
        for event in events:
            if event.startswith(b"data: {"):
                choices = json.loads(event[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    found.append(time.monotonic() - asked_at)
    connection.close()
    return found
