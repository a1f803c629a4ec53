"""
A site that is lived in: visitors of slow views, slow clients and a frozen database,
while others ask for quick pages. Each case is asked of every contender in turn.
"""

import asyncio
import contextlib
import random
import statistics
import time

import heroku
from contenders import HEADERS, Dyno

PATIENCE = 30  # seconds after which a client gives up, as the router does
PIECE = bytes(100_000)  # a slow client reads or sends ten a second, so 1 MB/s
UPLOAD = 80 * len(PIECE)

# What each visitor asks for again and again, what the others ask for at ten a second,
# and WEB_THREADS, which PGS does not read.
CASES = {
    "8 s view, 8 visitors": (["wait?seconds=8"] * 8, "quick", 40),
    "8 s view, 16": (["wait?seconds=8"] * 16, "quick", 40),
    "query, then 8 s, 8 visitors": (["held?seconds=8"] * 8, "query", 40),
    "query, then 8 s, 12": (["held?seconds=8"] * 12, "query", 40),
    "query, then 8 s, 16": (["held?seconds=8"] * 16, "query", 40),
    "8 s query, 8 visitors": (["slow-query?seconds=8"] * 8, "query", 40),
    "8 s query, 12": (["slow-query?seconds=8"] * 12, "query", 40),
    "8 s query, 16": (["slow-query?seconds=8"] * 16, "query", 40),
    "2 s view, 32 visitors": (["wait?seconds=2"] * 32, "quick", 40),
    "8 s view, 32 visitors": (["wait?seconds=8"] * 32, "quick", 40),
    "8 s view, 32, WEB_THREADS=50": (["wait?seconds=8"] * 32, "quick", 50),
    "20 s stream, 200": (["stream?seconds=20"] * 200, "quick", 110),
    "20 s stream after a query, 40": (["stream?seconds=20"] * 40, "query", 40),
    "8 downloads, 8 uploads": (["download", "upload"] * 8, "quick", 40),
}
# Pages a second that ask a frozen database, and requests a second for /ready.
FROZEN = {
    "frozen, 5/s": (5, 0),
    "frozen, 20/s": (20, 0),
    "frozen, 20/s, /ready": (20, 20),
}
SHORT = [*list(CASES)[-2:], *list(FROZEN)[-1:]]
HEAD = ["case", "", "the others' pages", "`/up`", "the visitors' pages", "memory (MB)"]


class Answers:
    """What one kind of request got: how many were sent, and the seconds of each 200."""

    def __init__(self):
        self.sent = 0
        self.taken = []

    def __str__(self):
        if not self.taken:
            return f"0 of {self.sent}"
        middle = statistics.median(self.taken)
        most = max(self.taken)
        return f"{len(self.taken)} of {self.sent}, {middle:.3f} / {most:.3f} s"


async def status(port, path):
    """Send one request on a connection of its own; return the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    uploads = path == "/bench/upload"
    lines = [f"{'POST' if uploads else 'GET'} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    if uploads:
        lines.append(f"Content-Length: {UPLOAD}")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if uploads:
            for _ in range(UPLOAD // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
                await asyncio.sleep(0.1)
        head = await reader.readuntil(b"\r\n\r\n")
        if path == "/bench/download":
            for _ in range(100):
                await reader.readexactly(len(PIECE))
                await asyncio.sleep(0.1)
        if b"\r\nTransfer-Encoding: chunked\r\n" in head:
            while await reader.readline() != b"0\r\n":
                pass
    finally:
        writer.close()
    return int(head[9:12])


async def ask(port, path, answers):
    """Send one request and note its answer, if it comes in time."""
    answers.sent += 1
    begun = time.perf_counter()
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PATIENCE):
            if await status(port, path) == 200:
                answers.taken.append(time.perf_counter() - begun)


async def steadily(port, path, rate, answers, until):
    """Ask for a page so many times a second, whether or not answers come back."""
    draw = random.Random(1)
    asked = []
    moment = time.perf_counter()
    while moment < until:
        await asyncio.sleep(max(0, moment - time.perf_counter()))
        asked.append(asyncio.create_task(ask(port, path, answers)))
        moment += draw.expovariate(rate)
    await asyncio.gather(*asked)


async def visit(port, path, answers, until):
    """Ask for a page again and again, as somebody does who waits for each answer."""
    while time.perf_counter() < until:
        await ask(port, path, answers)
        await asyncio.sleep(0.2)


async def lived(port, until, name, postgres):
    """Return what the others, /up and the visitors got."""
    others = Answers()
    up = Answers()
    visitors = Answers()
    tasks = [steadily(port, "/up", 1, up, until)]
    if name in CASES:
        paths, other, _ = CASES[name]
        tasks.append(steadily(port, f"/bench/{other}", 10, others, until))
        tasks += [visit(port, f"/bench/{path}", visitors, until) for path in paths]
    else:
        pages, ready = FROZEN[name]
        tasks.append(steadily(port, "/bench/quick", 4, others, until))
        tasks.append(steadily(port, "/bench/query", pages, visitors, until))
        if ready:
            tasks.append(steadily(port, "/ready", ready, Answers(), until))
        postgres.pause()
    running = asyncio.gather(*tasks)
    await asyncio.sleep(until - time.perf_counter())
    postgres.resume()
    await running
    return others, up, visitors


def rows(contenders, postgres, short):
    """Yield a row of the table for each case and contender."""
    for name in SHORT if short else [*CASES, *FROZEN]:
        threads = CASES[name][2] if name in CASES else 40
        for contender in contenders:
            with Dyno(contender, WEB_THREADS=str(threads)) as dyno:
                for _ in range(20):  # so that both workers have served a page
                    heroku.Client(dyno.port).get("/bench/query")
                until = time.perf_counter() + (2 if short else 25)
                answers = asyncio.run(lived(dyno.port, until, name, postgres))
                memory = f"{dyno.memory():.0f}"
            yield [name, contender.name, *map(str, answers), memory]
