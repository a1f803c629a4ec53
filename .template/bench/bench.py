"""
Compare this project's speed, memory and size with others', side by side on one machine.

It is built and run as contenders.py and dynos.py say, in interleaved rounds, and
report.py writes what came out into work/.
"""

import argparse
import contextlib
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import grown
import lived_in
import report
from contenders import (
    ROOT,
    WORK,
    build,
    copy,
    nginx,
    overlay,
    packages,
    parts,
    prepare,
    startproject,
)
from dynos import CORES, Dyno

# Written anew by a whole run: of the comparison and of "lived in" with a peer.
PAGE = ROOT / ".template/performance.md"

# case: what is asked for, and whether each request brings its own connection
CASES = {
    "stylesheet": ("css", False),
    "stylesheet, close": ("css", True),
    "image": ("image", False),
    "image, close": ("image", True),
    "home page": ("home", False),
    "one-query page": ("query", False),
    "logged-in page": ("user", False),
    "/up": ("up", False),
}


def throughput(contenders, workers, rounds, seconds, wanted=CASES):
    """Return {case: {contender: {figure: [one a round]}}}.

    All are started anew for every round: two processes of the same code differ by 3 %.
    """
    cases = {}
    order = list(contenders)
    for number in range(rounds):
        say(f"{workers} workers: round {number + 1} of {rounds}")
        with contextlib.ExitStack() as stack:
            dynos = [stack.enter_context(Dyno(c, workers)) for c in order]
            for case, (page, close) in wanted.items():
                for dyno in dynos:
                    if page not in dyno.contender.paths:
                        continue
                    figures = warm(dyno, page, seconds, close)
                    mine = cases.setdefault(case, {}).setdefault(
                        dyno.contender.name, {}
                    )
                    for figure in ("rate", "cpu_us", "p99_ms"):
                        mine.setdefault(figure, []).append(figures[figure])
        order.reverse()  # the first one asked has a drawback
    return cases


def warm(dyno, page, seconds, close):
    """Return the figures of a page that has been asked for before, for half as long."""
    if seconds > 1:
        dyno.wrk(page, seconds // 2, close)
    return dyno.wrk(page, seconds, close)


def latency(contenders, reference, capacity, rounds, seconds):
    """Return {contender: {whose capacity: p99 in ms of the home page at 80 %}}."""
    taken = {}
    for _ in range(rounds):
        for contender in contenders:
            mine = taken.setdefault(contender.name, {})
            with Dyno(contender, 1) as dyno:
                dyno.wrk("home", 1)
                for whose in dict.fromkeys((contender.name, reference, "ours")):
                    rate = 0.8 * capacity[whose]
                    if rate < capacity[contender.name]:
                        p99 = dyno.p99("home", rate, seconds)
                        mine.setdefault(whose, []).append(p99)
    return {
        name: {whose: statistics.median(p99) for whose, p99 in mine.items()}
        for name, mine in taken.items()
    }


def boot_and_memory(contender, starts, seconds):
    """Return {figure: value} of a contender that is alone on its core."""
    figures = {}
    for workers in (1, 2):
        with Dyno(contender, workers) as dyno:
            for page in contender.paths:
                # A connection for each request, so that each worker gets some.
                dyno.wrk(page, seconds, close=True)
            figures[f"memory, {workers} workers (MB)"] = dyno.memory()
    boots = []
    for _ in range(starts):
        with Dyno(contender, 2) as dyno:
            boots.append(dyno.first_200)
    figures["first 200 (s)"] = statistics.median(boots)
    return figures


def new_connections(contender, postgres, seconds):
    """Return how many connections to Postgres a dyno opens in steady state."""
    database = contender.folder.name
    sql = f"SELECT sessions FROM pg_stat_database WHERE datname = '{database}'"
    with Dyno(contender, 1) as dyno:
        dyno.wrk("query", 1)
        time.sleep(1.5)  # Postgres tells its statistics once a second
        before = int(postgres.psql(sql))
        requests = dyno.wrk("query", seconds)["requests"]
        time.sleep(1.5)
        return {"requests": requests, "new": int(postgres.psql(sql)) - before}


def lived(projects, postgres, cases):
    """Return the rows of the table "lived in", of this project and of the peer."""
    projects["ours"].paths["ready"] = "/ready"
    contenders = [c for name, c in projects.items() if name != "startproject"]
    rows = []
    cases = cases or [*lived_in.CASES, *lived_in.FROZEN]
    for row in lived_in.rows(contenders, postgres, cases):
        say(" | ".join(row))
        rows.append(row)
    return rows


def machine(contenders):
    """Return what the figures depend on: the hardware and the versions."""

    def says(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return re.search(r"\d+\.[\w.]+", done.stdout + done.stderr)[0]

    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    versions = {"Python": platform.python_version(), "wrk": says("wrk", "-v")}
    versions["nginx"] = says("nginx", "-v")
    versions["PostgreSQL"] = says(parts.need("postgres"), "--version")
    names = "django", "gunicorn", "gunicorn_h1c", "whitenoise", "psycopg"
    for contender in contenders:
        found = packages(contender)
        mine = [f"{name} {found[name]}" for name in names if name in found]
        versions[contender.name] = ", ".join(mine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    shape = f"{len(CORES)} cores of {cpu[1] if cpu else platform.machine()}"
    return {
        "machine": f"{shape}, {memory:.0f} GB, Linux {platform.release()}"
    } | versions


def compare(projects, costs, postgres, short):
    """Return every figure of the comparison."""
    rounds, seconds, starts = (1, 1, 1) if short else (7, 2, 3)
    ours, reference = projects["ours"], list(projects)[-1]
    bare = {f"BENCH_{page.upper()}": ours.paths[page] for page in ("css", "image")}
    default = ours.variant("Django's defaults", "user")
    default.cookie = default.places()["cookie"]
    contenders = [
        *projects.values(),
        ours.variant("no middleware", "home"),
        ours.variant("kept for ever", "query"),
        default,
        ours.variant(
            "bare WSGI function",
            *("css", "image", "up"),
            web="gunicorn bench_overlay.bare",
            config_vars=bare,
        ),
        nginx(ours),
    ]
    results = {"reference": reference, "costs": costs, "rates": {}}
    results["rates"][1] = throughput(contenders, 1, rounds, seconds)
    home = results["rates"][1]["home page"]
    capacity = {name: statistics.median(home[name]["rate"]) for name in projects}
    say("p99 at a given rate")
    results["p99"] = latency(
        projects.values(), reference, capacity, (rounds + 1) // 2, seconds
    )
    for name, contender in projects.items():
        say(f"{name}: memory and boot")
        costs[name] |= boot_and_memory(contender, starts, seconds)
    results["new connections"] = new_connections(ours, postgres, seconds)
    say("without a lever")
    results["levers"] = levers(ours, (rounds + 1) // 2, seconds)
    return results


# What costs a line or more of this project's own, for speed: by a name, what the same
# project is started with to have it not. overlay/settings.py undoes the rest by name.
LEVERS = {
    "gunicorn's own access log": "gunicorn --logger-class gunicorn.glogging.Logger",
    "static files in Django's middleware": "gunicorn bench_overlay.inside",
    "WhiteNoise's own storage": "gunicorn",
    "no compression": "gunicorn",
}


def levers(ours, rounds, seconds):
    """Return {case: {contender: {figure: [one a round]}}} with and without a lever."""
    cases = {"stylesheet": ("css", False), "home page": ("home", False)}
    cases["one-query page"] = ("query", False)
    pages = [page for page, _ in cases.values()]
    undone = [ours.variant(name, *pages, web=web) for name, web in LEVERS.items()]
    return throughput([ours, *undone], 1, rounds, seconds, cases)


def say(text):
    print(f"==> {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="two minutes: does it run?"
    )
    parser.add_argument("--growth", action="store_true", help="of workers, files, ...")
    parser.add_argument(
        "--lived-in",
        nargs="*",
        metavar="CASE",
        help="slow views, a frozen database, ...: all cases of lived_in.py, or these",
    )
    parser.add_argument("--peer", type=Path, help="a checkout to compare with")
    options = parser.parse_args()
    lives_in = options.lived_in is not None
    if len(CORES) < 2:
        sys.exit("Two cores are needed: one to serve, one to ask.")
    os.sched_setaffinity(0, CORES[1:])
    WORK.mkdir(exist_ok=True)

    sources = {"ours": lambda: copy(ROOT, "ours")}
    if not options.growth:
        sources["startproject"] = lambda: startproject(projects["ours"])
        if options.peer:
            peer = options.peer.resolve()
            sources[peer.name] = lambda: copy(peer, peer.name)
    projects, costs = {}, {}
    for name, source in sources.items():
        say(f"{name}: building")
        quick = options.short or options.growth or lives_in
        projects[name], costs[name] = build(name, source(), quick)
    for contender in projects.values():
        overlay(contender, projects["ours"])

    with parts.Postgres(max_connections=200) as postgres:
        for contender in projects.values():
            prepare(contender, postgres)
        results = {"command": " ".join(["run", *sys.argv[1:]])}
        results["machine"] = machine(projects.values())
        if options.growth:
            results["growth"] = []
            for row in grown.rows(projects["ours"], postgres):
                say(f"{row['what']}: {row['size']}")
                results["growth"].append(row)
        elif lives_in:
            results["lived in"] = lived(projects, postgres, options.lived_in)
        else:
            results |= compare(projects, costs, postgres, options.short)
    kind = "lived-in" if lives_in else "full"
    kind = "growth" if options.growth else "short" if options.short else kind
    tables = report.write(results, WORK / kind)
    say(f"see {(WORK / kind).relative_to(ROOT)}*")
    if options.growth or (options.peer and not options.short and not options.lived_in):
        report.publish(tables, PAGE)
        say(f"see {PAGE.relative_to(ROOT)}")
    if kind == "full" and options.peer:
        shutil.copy(WORK / "full.svg", PAGE.with_suffix(".svg"))


if __name__ == "__main__":
    main()
