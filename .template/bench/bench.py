"""
Compare this project's speed and memory with another's, side by side on one machine.

Two tables come out: the rates of a few pages, and a site that is lived in. Without a
peer, the project is compared with itself, which shows the noise.
"""

import argparse
import itertools
import os
import re
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import heroku
import lived_in
import parts
from contenders import Contender, Dyno

# A run with a peer, if it is not short, writes its tables anew.
PAGE = heroku.ROOT / ".template/performance.md"

# For the rates, the first core serves; the others ask, and hold the database.
CORES = sorted(os.sched_getaffinity(0))
RATES = ["page", "", "requests/s", "p50 (ms)", "p99 (ms)", "memory (MB)", "× the peer"]


def rates(contenders, postgres, rounds):
    """Yield a row for each page and contender, of the medians over the rounds.

    All are started anew for every round: two processes of the same code differ by 3 %.
    """
    for process in (0, postgres.process.pid):
        os.sched_setaffinity(process, CORES[1:])
    pages = contenders[0].pages()
    seen = {}
    for number in range(rounds):
        with ExitStack() as stack:
            dynos = [stack.enter_context(Dyno(each, CORES[0])) for each in contenders]
            if number % 2:  # the first one asked has a drawback
                dynos.reverse()
            for page in pages:
                for dyno in dynos:
                    dyno.wrk(page, 1)  # the first requests are slower
                    figures = dyno.wrk(page, 2)
                    seen.setdefault((page, dyno.contender.name), []).append(figures)
    medians = {}
    for key, figures in seen.items():
        medians[key] = {
            name: statistics.median(each[name] for each in figures)
            for name in ("rate", "p50", "p99", "memory")
        }
    for page in pages:
        peer = medians[page, contenders[-1].name]
        for contender in contenders:
            mine = medians[page, contender.name]
            cells = [f"{mine['rate']:.0f}", f"{mine['p50']:.1f}", f"{mine['p99']:.1f}"]
            cells += [f"{mine['memory']:.0f}", f"{mine['rate'] / peer['rate']:.2f}"]
            yield [page, contender.name, *cells]


def machine(contenders, postgres):
    """Return what the figures depend on: the hardware and the versions."""
    cpu = re.search(r"model name\s*: (.+)", heroku.read(Path("/proc/cpuinfo")))
    facts = [f"{len(CORES)} cores of {cpu[1] if cpu else 'an unknown kind'}"]
    facts += ["PostgreSQL " + postgres.psql("SHOW server_version")]
    facts += [contenders[0].run("python --version")]
    for contender in contenders:
        installed = contender.run("python -m pip freeze").lower()
        names = r"^(?:django|gunicorn|whitenoise|psycopg)==[\w.]+"
        versions = re.findall(names, installed, re.MULTILINE)
        facts.append(f"{contender.name}: {', '.join(versions)}")
    return "; ".join(facts) + "."


def table(head, rows):
    """Return a Markdown table; print each line as it comes."""
    lines = []
    for row in itertools.chain([head, ["---"] * len(head)], rows):
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def fill(page, name, text):
    """Return a page with a text in its place of this name, between two comments."""
    start = f"<!-- bench: {name} -->\n"
    end = "\n<!-- end -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{PAGE} has no place for {name}")
    return before + start + text + end + after


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    add = parser.add_argument
    add("--peer", type=Path, help="a clean checkout to compare with")
    add("--lived-in", action="store_true", help="the second table instead of the first")
    add("--short", action="store_true", help="does it run? Both tables, in two minutes")
    options = parser.parse_args()
    if len(CORES) < 2:
        sys.exit("Two cores are needed: one to serve, one to ask.")
    page = PAGE.read_text()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(parts.Postgres(max_connections=200))
        source = heroku.checkout(folder / "itself")
        ours = Contender(source, folder / "ours", postgres)
        peer = options.peer.resolve() if options.peer else source
        theirs = Contender(peer, folder / "peer" / peer.name, postgres, ours.folder)
        contenders = [ours, theirs]
        if options.short or options.lived_in:
            rows = lived_in.rows(contenders, postgres, options.short)
            page = fill(page, "lived in", table(lived_in.HEAD, rows))
        if options.short or not options.lived_in:
            rows = rates(contenders, postgres, rounds=1 if options.short else 7)
            facts = machine(contenders, postgres)
            page = fill(page, "rates", f"{facts}\n\n{table(RATES, rows)}")
    if options.peer and not options.short:
        PAGE.write_text(page)
        print(f"See {PAGE}")


if __name__ == "__main__":
    main()
