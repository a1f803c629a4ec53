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
import statistics
import subprocess
import sys
import time
from pathlib import Path

import lived_in
import report
from contenders import (
    ROOT,
    WORK,
    build,
    copy,
    overlay,
    packages,
    parts,
    prepare,
    startproject,
)
from dynos import CORES, Dyno

# Written anew by a run with a peer, if it is not short.
PAGE = ROOT / ".template/performance.md"

CASES = {
    "stylesheet": "css",
    "image": "image",
    "home page": "home",
    "one-query page": "query",
    "logged-in page": "user",
    "/up": "up",
}

# What costs a line or more of this project's own, for speed: by a name, what the same
# project is started with to have it not. overlay/settings.py undoes the rest by name.
LEVERS = {
    "gunicorn's own access log": "gunicorn --logger-class gunicorn.glogging.Logger",
    "static files in Django's middleware": "gunicorn bench_overlay.inside",
    "WhiteNoise's own storage": "gunicorn",
    "no compression": "gunicorn",
}
OF_LEVERS = {
    case: CASES[case] for case in ("stylesheet", "home page", "one-query page")
}


def throughput(contenders, rounds, seconds, wanted=CASES):
    """Return {case: {contender: {figure: [one a round]}}}.

    All are started anew for every round: two processes of the same code differ by 3 %.
    """
    cases = {case: {} for case in wanted}
    order = list(contenders)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        with contextlib.ExitStack() as stack:
            dynos = [stack.enter_context(Dyno(contender, 1)) for contender in order]
            for case, page in wanted.items():
                for dyno in dynos:
                    if page not in dyno.contender.paths:
                        continue
                    if seconds > 1:  # the first pages are slower
                        dyno.wrk(page, seconds // 2)
                    figures = dyno.wrk(page, seconds)
                    mine = cases[case].setdefault(dyno.contender.name, {})
                    for figure in ("rate", "cpu_us", "p99_ms"):
                        mine.setdefault(figure, []).append(figures[figure])
        order.reverse()  # the first one asked has a drawback
    return cases


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
        dyno.wrk("query", seconds)
        time.sleep(1.5)
        return int(postgres.psql(sql)) - before


def machine(contenders):
    """Return what the figures depend on: the hardware and the versions."""

    def says(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return re.search(r"\d+\.[\w.]+", done.stdout + done.stderr)[0]

    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    versions = {"Python": platform.python_version(), "wrk": says("wrk", "-v")}
    versions["PostgreSQL"] = says(parts.need("postgres"), "--version")
    names = ("django", "gunicorn", "gunicorn_h1c", "whitenoise", "psycopg")
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
    rounds = 1 if short else 7
    seconds = 1 if short else 2
    ours = projects["ours"]
    default = ours.variant("Django's defaults", "user")
    default.cookie = default.places()["cookie"]
    bare = ours.variant("bare WSGI function", "css", "image", "up")
    bare.web = "gunicorn bench_overlay.bare"
    bare.config_vars["BENCH_CSS"] = ours.paths["css"]
    bare.config_vars["BENCH_IMAGE"] = ours.paths["image"]
    results = {"machine": machine(projects.values()), "costs": costs}
    results["reference"] = list(projects)[-1]
    contenders = [*projects.values(), default, bare]
    results["rates"] = throughput(contenders, rounds, seconds)
    for name, contender in projects.items():
        say(f"{name}: memory and boot")
        costs[name] |= boot_and_memory(contender, 1 if short else 3, seconds)
    results["new connections"] = new_connections(ours, postgres, seconds)
    say("without a lever")
    undone = []
    for name, web in LEVERS.items():
        undone.append(ours.variant(name, *OF_LEVERS.values()))
        undone[-1].web = web
    results["levers"] = throughput([ours, *undone], rounds, seconds, OF_LEVERS)
    return results


def lived(projects, postgres):
    """Return the rows of the table "lived in", of this project and of the peer."""
    projects["ours"].paths["ready"] = "/ready"
    contenders = [c for name, c in projects.items() if name != "startproject"]
    rows = []
    for row in lived_in.rows(contenders, postgres):
        say(" | ".join(row))
        rows.append(row)
    return {"lived in": rows}


def say(text):
    print(f"==> {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    add = parser.add_argument
    add("--short", action="store_true", help="two minutes: does it run?")
    add("--lived-in", action="store_true", help="slow views, a frozen database, ...")
    add("--peer", type=Path, help="a checkout to compare with")
    options = parser.parse_args()
    if len(CORES) < 2:
        sys.exit("Two cores are needed: one to serve, one to ask.")
    os.sched_setaffinity(0, CORES[1:])
    WORK.mkdir(exist_ok=True)

    folders = {"ours": copy(ROOT, "ours")}
    folders["startproject"] = startproject()
    if options.peer:
        peer = options.peer.resolve()
        folders[peer.name] = copy(peer, peer.name)
    projects = {}
    costs = {}
    for name, folder in folders.items():
        say(f"{name}: building")
        quick = options.short or options.lived_in
        projects[name], costs[name] = build(name, folder, quick)
    for contender in projects.values():
        overlay(contender, projects["ours"])

    with parts.Postgres(max_connections=200) as postgres:
        for contender in projects.values():
            prepare(contender, postgres)
        if options.lived_in:
            kind = "lived-in"
            results = lived(projects, postgres)
        else:
            kind = "short" if options.short else "full"
            results = compare(projects, costs, postgres, options.short)
    tables = report.write(results, WORK / kind)
    say(f"see {(WORK / kind).relative_to(ROOT)}.*")
    if options.peer and not options.short:
        report.publish(tables, PAGE)
        say(f"see {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
