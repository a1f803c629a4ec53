"""
Compare this project's speed and memory with another's, side by side on one machine.

Two tables come out: the rates of a few pages, and a site that is lived in. Without a
peer, the project is compared with itself, which shows the noise.
"""

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import heroku
import lived_in
import parts
from contenders import Contender, memory, wrk
from projects import substitute

# A run with a peer, if it is not short, writes its tables anew.
PAGE = heroku.ROOT / ".template/performance.md"

# For the rates, the first core serves; the others ask, and hold the database.
CORES = sorted(os.sched_getaffinity(0))
RATES = ["page", "", "requests/s", "p50 (ms)", "p99 (ms)", "memory (MB)", "× the peer"]


def rates(contenders, postgres, rounds):
    """Yield a row for each page and contender, of the medians over the rounds.

    All are started anew for every round: two processes of the same code differ by 3 %.
    """
    os.sched_setaffinity(postgres.process.pid, CORES[1:])
    pages = contenders[0].pages()
    seen = defaultdict(list)
    for number in range(rounds):
        with ExitStack() as stack:
            os.sched_setaffinity(0, CORES[:1])  # the dynos inherit it
            dynos = [(each, stack.enter_context(each.dyno())) for each in contenders]
            os.sched_setaffinity(0, CORES[1:])
            if number % 2:  # the first one asked has a drawback
                dynos.reverse()
            for page in pages:
                for contender, dyno in dynos:
                    path = contender.pages()[page]
                    wrk(dyno, path, 1)  # the first requests are slower
                    figures = [*wrk(dyno, path, 2), memory(dyno)]
                    seen[page, contender].append(figures)
    medians = {}
    for key, figures in seen.items():
        medians[key] = [statistics.median(each) for each in zip(*figures, strict=True)]
    for page, contender in itertools.product(pages, contenders):
        rate, p50, p99, size = medians[page, contender]
        ratio = rate / medians[page, contenders[-1]][0]
        cells = [f"{rate:.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{size:.0f}"]
        yield [page, contender.name, *cells, f"{ratio:.2f}"]


def machine(contenders, postgres):
    """Return what the figures depend on: the hardware and the versions."""
    cpu = contenders[0].run("lscpu | sed -n 's/^Model name: *//p'")
    facts = [f"{len(CORES)} cores of {cpu or 'an unknown kind'}"]
    facts += ["PostgreSQL " + postgres.psql("SHOW server_version")]
    facts += [contenders[0].run("python --version")]
    names = "^(django|gunicorn|whitenoise|psycopg)=="
    for contender in contenders:
        versions = contender.run(f"python -m pip freeze | grep -iE '{names}'").split()
        facts.append(f"{contender.name}: {', '.join(versions).lower()}")
    return "; ".join(facts) + "."


def table(head, rows):
    """Return a Markdown table; print each line as it comes."""
    lines = []
    for row in itertools.chain([head, ["---"] * len(head)], rows):
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def fill(page, name, text):
    """Put a text into a page's place of this name, between two comments."""
    place = rf"(?<=<!-- bench: {name} -->\n)[^<]*(?=\n<!-- end -->)"
    substitute(page, place, text)


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    add = parser.add_argument
    add("--peer", type=Path, help="a clean checkout to compare with")
    add("--lived-in", action="store_true", help="the second table instead of the first")
    add("--short", action="store_true", help="does it run? Both tables, in two minutes")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        page = Path(shutil.copy(PAGE, folder))
        postgres = stack.enter_context(parts.Postgres(max_connections=200))
        source = heroku.checkout(folder / "itself")
        peer = options.peer.resolve() if options.peer else source
        contenders = [
            Contender(source, folder / "ours", postgres.create("ours")),
            Contender(peer, folder / "peer" / peer.name, postgres.create("peer")),
        ]
        if options.short or options.lived_in:
            rows = lived_in.rows(contenders, postgres, options.short)
            fill(page, "lived in", table(lived_in.HEAD, rows))
        if options.short or not options.lived_in:
            rows = rates(contenders, postgres, rounds=1 if options.short else 7)
            facts = machine(contenders, postgres)
            fill(page, "rates", f"{facts}\n\n{table(RATES, rows)}")
        if options.peer and not options.short:
            shutil.copy(page, PAGE)
            print(f"See {PAGE}")


if __name__ == "__main__":
    main()
