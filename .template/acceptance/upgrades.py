"""Versions of the template, and what an owner changes between them."""

import os
import re
import shutil
import sys
from pathlib import Path

import heroku
from projects import append, archive, call, change, start, substitute, tree

TEST = '''"""What the owner says of the site."""


def test_home_page(client):
    """It shows the owner's greeting and the new template's footer."""
    page = client.get("/").content.decode()
    assert "Welcome to my shop" in page and "A new footer" in page


def test_csp(client):
    """The owner's source is allowed."""
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "https://cdn.example.com" in policy
'''


# The one line that both changed. Git adds the name of a commit.
CONFLICT = re.compile(
    """<<<<<<< HEAD
TIME_ZONE = "Asia/Seoul"
=======
TIME_ZONE = "Europe/London"
>>>>>>> [0-9a-f]+ \\(template\\)
"""
)
KEY = re.compile(b'"django-insecure-.+"')
LOCKS = ("requirements.txt", "requirements-test.txt")

# uv compiles the locks; without one on PATH, bin/lock would get it from PyPI each time.
UV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def commit_version(template, version, *entry):
    """Commit all that changed in the template as a version, with its entry."""
    substitute(template / "dyno/__init__.py", '"[0-9.]+"', f'"{version}"')
    new = f"## {version}\n\n{entry[0]}\n\n**What to do:** {entry[1]}\n\n## "
    change(template / ".template/CHANGELOG.md", ("## ", new))
    heroku.commit(template, f"Version {version}")


def make_oldest(source, folder):
    """Make the template at version 1.0.0, with an old release in its lock."""
    shutil.copytree(source, folder)
    shutil.rmtree(folder / "tests")
    for name in LOCKS:
        substitute(folder / name, "(?m)^sqlparse==[0-9.]+", "sqlparse==0.5.2")
    commit_version(folder, "1.0.0", "The first.", "nothing.")
    return folder


def make_newer(oldest, folder):
    """Make the template two versions later, and a copy of that, `released`, beside it.

    Its code makes a file `ran` there if it runs.
    """
    shutil.copytree(oldest, folder)
    change(folder / "dyno/middleware.py", ('"""The middleware', '"""All middleware'))
    append(folder / "dyno/added.py", '"""A new module."""\n')
    commit_version(folder, "1.1.0", "More in dyno/.", "take a breath.")

    # Beside the owner's lines, and once on one of them.
    change(
        folder / "mysite/settings.py",
        ("\nROOT_URLCONF =", "\n# A new comment\nROOT_URLCONF ="),
        ('    "connect-src": OWN,', '    "connect-src": [CSP.SELF],'),
        ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/London"'),
    )
    footer = "  <footer>A new footer</footer>\n</body>"
    change(folder / "templates/site.html", ("</body>", footer))
    change(folder / "README.md", ("\n## ", "\nA new paragraph.\n\n## "))
    change(folder / "docs/removing.md", ("# Taking parts out", "# Removing parts"))
    change(
        folder / "requirements.in",
        ("# The packages that run", "# All the packages that run"),
    )
    append(folder / "mysite/added.py", '"""Of mysite."""\n')
    (folder / "docs/errors.md").rename(folder / "docs/faults.md")
    (folder / "static/site.js").unlink()
    script = "<script src=\"{% static 'site.js' %}\" defer></script>"
    change(folder / "templates/home.html", (script, ""))
    append(folder / ".github/added.yml", "of: the template\n")
    append(folder / "bin/upgrade", "# A new last line.\n")
    ran = folder.with_name("ran")
    for name in ("install", "lock", "run", "test", "check"):
        change(folder / "bin" / name, ("set -eu\n", f"set -eu\ntouch {ran}\n"))
    for name in ("manage.py", "conftest.py", "dyno/apps.py", "mysite/urls.py"):
        append(folder / name, f'open("{ran}", "w").close()\n')
    for name in LOCKS:
        shutil.copy(heroku.ROOT / name, folder)
    commit_version(folder, "2.0.0", "A footer.", "look at it.")
    shutil.copytree(folder, folder.with_name("released"))
    change(folder / "templates/site.html", ("A new footer", "An unfinished footer"))
    heroku.commit(folder, "Work on the next version")
    return folder


def make_projects(template, folder):
    """Make projects of a template by their package's name.

    `startproject` gives a project that it makes of the folder no name of its own.
    """
    own = archive(template, folder / "template.zip")
    return {
        "mysite": start(template, "bookshop", folder / "folder"),
        "bookshop": start(own, "bookshop", folder / "archive"),
    }


def edit(project, package):
    """Make an owner's edits; one is on a line that the template changes too."""
    call("git", "init", "--quiet", "--initial-branch=master", cwd=project)
    for name, value in (("user.name", "Owner"), ("user.email", "me@example.com")):
        call("git", "config", name, value, cwd=project)
    heroku.commit(project, "Start")
    middleware = '    "django.middleware.clickjacking.XFrameOptionsMiddleware",\n'
    settings = project / package / "settings.py"
    change(
        settings,
        ('    "django_tasks_db",\n', '    "django_tasks_db",\n    "blog",\n'),
        ('"script-src": OWN,', '"script-src": [*OWN, "https://cdn.example.com"],'),
        (middleware, middleware + '    "blog.middleware.nothing",\n'),
    )
    substitute(settings, 'TIME_ZONE = ".+"', 'TIME_ZONE = "Asia/Seoul"')
    change(project / "templates/home.html", ("Hello from Django", "Welcome to my shop"))
    change(project / "requirements.in", ("redis~=", "humanize~=4.0\nredis~="))
    change(project / "README.md", ("# A Django site", "# My shop\n\nOnce a site"))
    append(project / "Procfile", "clock: python clock.py\n")
    for page in ("errors", "faults"):  # the later name of the same page
        if (project / f"docs/{page}.md").exists():
            append(project / f"docs/{page}.md", "What I learned.\n")
    middleware = "def nothing(get_response):\n    return get_response\n"
    append(project / "blog/middleware.py", middleware)
    append(project / "tests/test_owner.py", TEST)
    append(project / "docs/mine.md", "My own.\n")
    (project / "docs/removing.md").unlink()
    heroku.commit(project, "Make it mine")
    return project


def without_locks(project):
    """Return the content of each file but the locks, with the same key in each."""
    files = {name: KEY.sub(b"key", text) for name, text in tree(project).items()}
    for name in LOCKS:
        del files[name]
    return files
