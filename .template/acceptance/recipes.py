"""Follows a page of recipes: does in a copy of the project what each of them says.

The sentence before each block of code says what the block is for:

    In `FILE`:                      added at the end, as by "In `FILE`, at the end:"
    In `FILE`, with the other imports:    added before the first import
    In `FILE`, after `LINE`:        added below this line, which is there once
    In `FILE`, before `LINE`:       added above it
    In `FILE`, instead of `LINE`:   put in its place
    A new file `FILE`:              written, with the folders that it needs
    Run:                            run by a shell in development's environment,
                                    but for the lines that begin with `heroku`

Any other sentence fails the test, so that no block of a recipe is left out.
"""

import os
import re
import sys
from pathlib import Path

import heroku
from deployment import deployed
from projects import call, packages

FENCE = re.compile(r"([^\n]*(?:\n[^\n]+)*)\n\n```(\w*)\n(.*?)\n```(?=\n|$)", re.DOTALL)
EDIT = re.compile(
    r"In `([^`]+)`(?:, (?:(at the end|with the other imports)"
    r"|(after|before|instead of) `([^`]+)`))?:"
)
NEW_FILE = re.compile(r"A new file `([^`]+)`:")

# The files of the package, which the pages name without its folder.
PACKAGE = "mysite"
OF_PACKAGE = {"admin.py", "asgi.py", "models.py", "settings.py", "urls.py", "views.py"}
TOOLS = Path(sys.executable).parent


def sections(page):
    """Return the text of each section of a page in docs/ by its heading."""
    text = (heroku.ROOT / "docs" / page).read_text()
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def site(project, database, *followed, **config_vars):
    """Return the site of a project that follows some recipes, a context manager."""
    follow(project.folder, *followed)
    return deployed(project, DATABASE_URL=database, **config_vars)


def steps(section):
    """Return each block of code of a section: its sentence, language and text."""
    found = []
    for before, language, text in FENCE.findall(section):
        sentence = re.split(r"(?<=[.:]) ", " ".join(before.split()))[-1]
        found.append((sentence, language, text + "\n"))
    fences = section.count("```")
    assert fences == 2 * len(found), "a block of code has no paragraph before it"
    return found


def locate(project, name):
    """Return the path of a file that a page names."""
    return project / PACKAGE / name if name in OF_PACKAGE else project / name


def follow(project, *recipes):
    """Do what some recipes say, compile the locks, run their commands and tidy up.

    The owner's tests then pass.
    """
    commands = []
    for sentence, _, text in [step for recipe in recipes for step in steps(recipe)]:
        sentence = sentence.replace("PACKAGE", PACKAGE)
        text = text.replace("PACKAGE", PACKAGE)
        if sentence == "Run:":
            commands += text.replace("\\\n", " ").splitlines()
        elif found := NEW_FILE.fullmatch(sentence):
            path = locate(project, found[1])
            assert not path.exists(), f"{found[1]} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif found := EDIT.fullmatch(sentence):
            edit(locate(project, found[1]), text, *found.groups()[1:])
        else:
            raise AssertionError(f"no step begins like this: {sentence!r}")
    lock(project)
    for command in commands:
        if not command.startswith("heroku "):
            run(project, command)
    # A push has nothing of what git ignores, such as node_modules.
    call("git", "init", "--quiet", cwd=project)
    call("git", "clean", "-d", "-f", "-q", "-X", cwd=project)
    call(TOOLS / "ruff", "check", "--fix", "--quiet", ".", cwd=project)
    call(TOOLS / "ruff", "format", "--quiet", ".", cwd=project)
    run(project, "python -m pytest -q tests")


def edit(path, text, end, place, line):
    """Put a text into a file, at one end of it or at a line."""
    lines = path.read_text().splitlines(keepends=True)
    if place:
        [number] = [n for n, known in enumerate(lines) if known.strip() == line.strip()]
        known = lines[number]
        new = {"after": [known, text], "before": [text, known], "instead of": [text]}
        lines[number : number + 1] = new[place]
    elif end == "with the other imports":
        starts = ("import ", "from ")
        imports = [n for n, known in enumerate(lines) if known.startswith(starts)]
        lines.insert(imports[0], text)
    else:
        lines.append(text if path.suffix == ".in" else f"\n{text}")
    path.write_text("".join(lines))


def lock(project):
    """Compile the locks as bin/lock does."""
    words = "pip compile --quiet --universal --python-version 3.12 --generate-hashes"
    for name in ("requirements", "requirements-test"):
        files = ["--output-file", f"{name}.txt", f"{name}.in"]
        call(TOOLS / "uv", *words.split(), *files, cwd=project)


def run(project, command, **environ):
    """Run a command as its owner does on a laptop, and return what it says."""
    path = f"{packages(project)}/bin:{os.environ['PATH']}"
    local = {"PATH": path, "DJANGO_LOCAL": "1"} | environ
    return call("sh", "-c", command, cwd=project, **local)
