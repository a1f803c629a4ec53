"""
A site that is lived in: visitors of slow views, slow clients and a frozen database,
while others ask for quick pages. Each case is asked of every contender in turn.
"""

import asyncio
import random
import statistics
import time
from types import SimpleNamespace

from dynos import CORES, HEADERS, Dyno

SECONDS = 25  # of each case
PATIENCE = 30  # seconds after which a client gives up, as the router does
MEGABYTE = 1_000_000
UPLOAD = 8 * MEGABYTE

# What visitors do, how many of them, what the others ask for at ten a second, and what
# the dyno is started with.
CASES = {
    "8 s view, 8 visitors": ("wait", 8, 8, "quick", {}),
    "8 s view, 16": ("wait", 8, 16, "quick", {}),
    "query, then 8 s, 8 visitors": ("held", 8, 8, "query", {}),
    "query, then 8 s, 12": ("held", 8, 12, "query", {}),
    "query, then 8 s, 16": ("held", 8, 16, "query", {}),
    "8 s query, 8 visitors": ("slow-query", 8, 8, "query", {}),
    "8 s query, 12": ("slow-query", 8, 12, "query", {}),
    "8 s query, 16": ("slow-query", 8, 16, "query", {}),
    "2 s view, 32 visitors": ("wait", 2, 32, "quick", {}),
    "8 s view, 32 visitors": ("wait", 8, 32, "quick", {}),
    "8 s view, 32, WEB_THREADS=50": ("wait", 8, 32, "quick", {"WEB_THREADS": "50"}),
    "20 s stream, 200": ("stream", 20, 200, "quick", {"WEB_THREADS": "110"}),
    "20 s stream after a query, 40": ("stream", 20, 40, "query", {}),
    "8 downloads, 8 uploads": ("transfer", 0, 16, "quick", {}),
}
# Pages a second that ask a frozen database, and requests a second for /ready.
FROZEN = {
    "frozen, 5/s": (5, 0),
    "frozen, 20/s": (20, 0),
    "frozen, 20/s, /ready": (20, 20),
}


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


def head(path, method="GET", **more):
    """Return the head of a request as the router passes it on."""
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{k}: {v}" for k, v in (HEADERS | more).items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def ask(port, request, answers, read=None, write=None):
    """Send one request on a connection of its own, and note its answer."""
    answers.sent += 1
    begun = time.perf_counter()
    status = 0
    writer = None
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            if write:
                await write(writer)
            status = int((await reader.readuntil(b"\r\n\r\n"))[9:12])
            if read:
                await read(reader)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        status = 0
    finally:
        if writer:
            writer.close()
    if status == 200:
        answers.taken.append(time.perf_counter() - begun)
    return status


async def steadily(port, path, rate, answers, until, poisson=True):
    """Ask for a page so many times a second, whether or not answers come back."""
    draw = random.Random(1)
    asked = []
    moment = time.perf_counter()
    while moment < until:
        await asyncio.sleep(max(0, moment - time.perf_counter()))
        asked.append(asyncio.create_task(ask(port, head(path), answers)))
        moment += draw.expovariate(rate) if poisson else 1 / rate
    await asyncio.gather(*asked)


async def visit(port, path, pause, answers, until):
    """Ask for a page again and again, as somebody does who waits for each answer."""
    read = read_chunks if "stream" in path else None
    while time.perf_counter() < until:
        status = await ask(port, head(path), answers, read)
        await asyncio.sleep(pause if status == 503 else 0.2)


async def read_chunks(reader):
    """Read a chunked answer to its last chunk."""
    while await reader.readline() != b"0\r\n":
        pass


async def slowly_read(reader):
    """Read a megabyte a second, for ten seconds."""
    for _ in range(100):
        await reader.readexactly(MEGABYTE // 10)
        await asyncio.sleep(0.1)


async def slowly_write(writer):
    """Send UPLOAD bytes at a megabyte a second."""
    for _ in range(UPLOAD // (MEGABYTE // 10)):
        writer.write(bytes(MEGABYTE // 10))
        await writer.drain()
        await asyncio.sleep(0.1)


async def transfer(port, path, answers, until):
    """Download or upload again and again."""
    while time.perf_counter() < until:
        if path.endswith("upload"):
            more = {"Content-Type": "image/png", "Content-Length": UPLOAD}
            await ask(port, head(path, "POST", **more), answers, write=slowly_write)
        else:
            await ask(port, head(path), answers, slowly_read)


async def busy(dyno, kind, pause, count, other):
    """Return what visitors and the others got while `count` visitors do their thing."""
    until = time.perf_counter() + SECONDS
    seen = SimpleNamespace(visitors=Answers(), quick=Answers(), up=Answers())
    port = dyno.port
    paths = dyno.contender.paths
    tasks = [
        steadily(port, paths.get("up", "/bench/quick"), 1, seen.up, until, False),
        steadily(port, f"/bench/{other}", 10, seen.quick, until),
    ]
    for number in range(count):
        if kind == "transfer":
            path = "/bench/upload" if number % 2 else "/bench/download"
            tasks.append(transfer(port, path, seen.visitors, until))
        else:
            path = f"/bench/{kind}?seconds={pause}"
            tasks.append(visit(port, path, pause, seen.visitors, until))
    await asyncio.gather(*tasks)
    return seen


async def frozen(dyno, postgres, pages, ready):
    """Return what the others got while the database is frozen."""
    until = time.perf_counter() + SECONDS
    seen = SimpleNamespace(visitors=Answers(), quick=Answers(), up=Answers())
    port = dyno.port
    paths = dyno.contender.paths
    await ask(port, head("/bench/query"), Answers())
    postgres.pause()
    tasks = [
        steadily(port, paths.get("up", "/bench/quick"), 1, seen.up, until, False),
        steadily(port, "/bench/quick", 4, seen.quick, until),
        steadily(port, "/bench/query", pages, seen.visitors, until),
    ]
    if ready:
        path = paths.get("ready", "/bench/query")
        tasks.append(steadily(port, path, ready, Answers(), until))
    running = asyncio.gather(*tasks)
    await asyncio.sleep(SECONDS)
    postgres.resume()
    await running
    return seen


def rows(contenders, postgres):
    """Yield a row of the table for each case and contender."""
    for name in (*CASES, *FROZEN):
        for contender in contenders:
            config_vars = CASES[name][4] if name in CASES else {}
            with Dyno(contender, 2, CORES, **config_vars) as dyno:
                for _ in range(20):  # so that both workers have served a page
                    dyno.get("query")
                if name in CASES:
                    seen = asyncio.run(busy(dyno, *CASES[name][:4]))
                else:
                    seen = asyncio.run(frozen(dyno, postgres, *FROZEN[name]))
                memory = f"{dyno.memory():.0f}"
            kinds = [seen.quick, seen.up, seen.visitors]
            yield [name, contender.name, *map(str, kinds), memory]
