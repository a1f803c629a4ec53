"""Follows a page of recipes: does in a copy of the project what each of them says.

The sentence before each block of code says what the block is for:

    In `FILE`:                      added at the end, as by "In `FILE`, at the end:"
    In `FILE`, at the top:          added before the first import
    In `FILE`, after `LINE`:        added below this line, which is there once
    In `FILE`, before `LINE`:       added above it
    In `FILE`, instead of `LINE`:   put in its place
    A new file `FILE`:              written, with the folders that it needs
    Run:                            run by a shell in development's environment

Any other sentence fails the test, so that no block of a recipe is left out.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import heroku
import parts
from deployment import OWNER, PASSWORD, find
from projects import call

FENCE = re.compile(r"([^\n]*(?:\n[^\n]+)*)\n\n```(\w*)\n(.*?)\n```(?=\n|$)", re.DOTALL)
EDIT = re.compile(
    r"In `([^`]+)`(?:, (?:at the (end|top)|(after|before|instead of) `([^`]+)`))?:"
)
NEW_FILE = re.compile(r"A new file `([^`]+)`:")

# The files of the package, which the pages name without its folder.
PACKAGE = "mysite"
OF_PACKAGE = {"admin.py", "asgi.py", "models.py", "settings.py", "urls.py", "views.py"}
TOOLS = Path(sys.executable).parent

REFERER = f"https://{heroku.HOST}/"


def sections(page):
    """Return the text of each section of a page in docs/ by its heading."""
    text = (heroku.ROOT / "docs" / page).read_text()
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


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
    """Do what some recipes say, compile the locks, tidy up, and run their commands.

    Return the commands that begin with `heroku`, which are not run.
    """
    commands = []
    found_steps = [step for recipe in recipes for step in steps(recipe)]
    for sentence, _, text in found_steps:
        text = text.replace("PACKAGE", PACKAGE)
        if sentence == "Run:":
            commands += text.replace("\\\n", " ").splitlines()
        elif found := NEW_FILE.fullmatch(sentence):
            path = locate(project, found[1].replace("PACKAGE", PACKAGE))
            assert not path.exists(), f"{found[1]} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif found := EDIT.fullmatch(sentence):
            edit(locate(project, found[1]), text, *found.groups()[1:])
        else:
            raise AssertionError(f"no step begins like this: {sentence!r}")
    lock(project)
    tidy(project)
    of_heroku = [line for line in commands if line.startswith("heroku ")]
    for command in commands:
        if command not in of_heroku:
            run(project, command)
    return of_heroku


def edit(path, text, end, place, line):
    """Put a text into a file, at one end of it or at a line."""
    lines = path.read_text().splitlines(keepends=True)
    if place:
        [number] = [n for n, known in enumerate(lines) if known.strip() == line.strip()]
        first = number + 1 if place == "after" else number
        last = number if place == "before" else number + 1
        lines[first:last] = [text]
    elif end == "top":
        imports = [n for n, known in enumerate(lines) if known.startswith("import ")]
        imports += [n for n, known in enumerate(lines) if known.startswith("from ")]
        lines.insert(min(imports), text)
    else:
        lines.append(text if path.suffix == ".in" else f"\n{text}")
    path.write_text("".join(lines))


def lock(project):
    """Compile the locks as bin/lock does."""
    words = "pip compile --quiet --universal --python-version 3.12 --generate-hashes"
    for name in ("requirements", "requirements-test"):
        files = ["--output-file", f"{name}.txt", f"{name}.in"]
        subprocess.run([TOOLS / "uv", *words.split(), *files], cwd=project, check=True)


def tidy(project):
    """Sort the imports and format the code, after which the lint has nothing to say."""
    call(TOOLS / "ruff", "check", "--fix", "--quiet", ".", cwd=project)
    call(TOOLS / "ruff", "format", "--quiet", ".", cwd=project)


def run(project, command, **environ):
    """Run a command as its owner does on a laptop, and return what it says."""
    version = (project / ".python-version").read_text().strip()
    packages = heroku.installed(version, project / "requirements-test.txt", echo=str)
    path = f"{packages}/bin:{os.environ['PATH']}"
    local = {"PATH": path, "DJANGO_LOCAL": "1"} | environ
    return call("sh", "-c", command, cwd=project, **local)


def deploy(project, folder, config_vars):
    """Build a project, release it, and make an account for its owner."""
    slug = heroku.build(project, folder / "slug", config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    return SimpleNamespace(slug=slug, config_vars=config_vars, project=project)


def log_in(dyno):
    """Return a client that is logged in as the owner."""
    client = heroku.Client(dyno.port)
    form = f"username=root&password={PASSWORD}&{token(client, '/admin/login/')}"
    assert client.post("/admin/login/", form, Referer=REFERER).status == 302
    return client


def token(client, path):
    """Return the field with the CSRF token of a form."""
    page = client.get(path).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    return f"csrfmiddlewaretoken={found}"


def style(browser, selector, name):
    script = (
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    )
    return browser.execute_script(script, selector, name)


def shows(browser, selector, text):
    """Wait until an element has a text, in a page that may load itself again."""
    script = "return document.querySelector(arguments[0])?.textContent ?? ''"
    parts.wait_until(lambda: text in browser.execute_script(script, selector), 15)


def log_in_with(browser, address):
    """Log a browser in as the owner, and forget what it has said until now."""
    browser.get(f"{address}/admin/login/")
    find(browser, "[name=username]").send_keys("root")
    find(browser, "[name=password]").send_keys(PASSWORD)
    find(browser, "[type=submit]").click()
    parts.wait_until(lambda: "/login/" not in browser.current_url)
    browser.get_log("browser")


def all_json(log):
    """Say whether each line has what a drain asks for."""
    events = [json.loads(line) for line in log.splitlines()]
    keys = {"levelname", "name", "message", "request_id"}
    return events and all(keys <= event.keys() for event in events)
