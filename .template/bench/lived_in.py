"""
A site that is lived in: visitors of slow views, slow clients and a frozen database,
while others ask for quick pages. Each case is asked of every contender in turn.
"""

import contextlib
import http.client
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
from contenders import HEADERS, memory

PATIENCE = 30  # seconds after which a client hangs up
SPEED = 1_000_000  # bytes a second that a client reads or sends at most
PIECE = bytes(100_000)
PIECES = 80  # of an upload

# What each visitor asks for again and again, what the others ask for at ten a second,
# and WEB_THREADS, which PGS does not read.
CASES = {
    "8 s view, 8 visitors": (["wait/8"] * 8, "quick", 40),
    "8 s view, 16": (["wait/8"] * 16, "quick", 40),
    "query, then 8 s, 8 visitors": (["held/8"] * 8, "query", 40),
    "query, then 8 s, 12": (["held/8"] * 12, "query", 40),
    "query, then 8 s, 16": (["held/8"] * 16, "query", 40),
    "8 s query, 8 visitors": (["slow-query/8"] * 8, "query", 40),
    "8 s query, 12": (["slow-query/8"] * 12, "query", 40),
    "8 s query, 16": (["slow-query/8"] * 16, "query", 40),
    "2 s view, 32 visitors": (["wait/2"] * 32, "quick", 40),
    "8 s view, 32 visitors": (["wait/8"] * 32, "quick", 40),
    "8 s view, 32, WEB_THREADS=50": (["wait/8"] * 32, "quick", 50),
    "20 s stream, 200": (["stream/20"] * 200, "quick", 110),
    "20 s stream after a query, 40": (["stream/20"] * 40, "query", 40),
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


def upload():
    """Yield the pieces of a body as a slow client sends them."""
    for _ in range(PIECES):
        yield PIECE
        time.sleep(len(PIECE) / SPEED)


def ask(port, path, answers, moment=0):
    """Send one request at its moment; note how long a 200 took, or None."""
    time.sleep(max(0, moment - time.perf_counter()))
    seconds = None
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.suppress(OSError, http.client.HTTPException):
        if path == "/bench/upload":
            length = {"Content-Length": str(PIECES * len(PIECE))}
            connection.request("POST", path, upload(), HEADERS | length)
        else:
            connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        taken = 0
        while taken < PATIENCE and (piece := answer.read1(len(PIECE))):
            time.sleep(len(piece) / SPEED)
            taken = time.perf_counter() - begun
        if answer.status == 200 and taken < PATIENCE:
            seconds = taken
    connection.close()
    answers.append(seconds)


def moments(rate, until):
    """Yield moments from now on, so many a second, as strangers come to a site."""
    draw = random.Random(1)
    moment = time.perf_counter()
    while moment < until:
        yield moment
        moment += draw.expovariate(rate)


def visit(port, path, answers, until):
    """Ask for a page again and again, as somebody does who waits for each answer."""
    while time.perf_counter() < until:
        ask(port, path, answers)
        time.sleep(0.2)


def lived(port, seconds, name, postgres):
    """Return what the others, /up and the visitors got."""
    others, up, visitors = [], [], []
    until = time.perf_counter() + seconds
    steady = [("/up", 1, up)]
    paths = []
    if name in CASES:
        paths, other, _ = CASES[name]
        steady.append((f"/bench/{other}", 10, others))
    else:
        pages, ready = FROZEN[name]
        steady.append(("/bench/quick", 4, others))
        steady.append(("/bench/query", pages, visitors))
        if ready:
            steady.append(("/ready", ready, []))
        postgres.pause()
    with ThreadPoolExecutor(2000) as pool:
        running = []
        for path, rate, answers in steady:  # whether or not answers come back
            for moment in moments(rate, until):
                running.append(pool.submit(ask, port, path, answers, moment))
        for path in paths:
            running.append(pool.submit(visit, port, f"/bench/{path}", visitors, until))
        time.sleep(until - time.perf_counter())
        postgres.resume()
        for each in running:
            each.result()
    return others, up, visitors


def cell(answers):
    """Return how many of the answers were a 200, and the times of these."""
    taken = [seconds for seconds in answers if seconds]
    if not taken:
        return f"0 of {len(answers)}"
    times = f"{statistics.median(taken):.3f} / {max(taken):.3f} s"
    return f"{len(taken)} of {len(answers)}, {times}"


def rows(contenders, postgres, short):
    """Yield a row of the table for each case and contender."""
    for name in SHORT if short else [*CASES, *FROZEN]:
        threads = CASES[name][2] if name in CASES else 40
        for contender in contenders:
            with contender.dyno(WEB_THREADS=str(threads)) as dyno:
                for _ in range(20):  # so that both workers have served a page
                    heroku.Client(dyno.port).get("/bench/query")
                seen = lived(dyno.port, 2 if short else 25, name, postgres)
                size = f"{memory(dyno):.0f}"
            yield [name, contender.name, *map(cell, seen), size]
