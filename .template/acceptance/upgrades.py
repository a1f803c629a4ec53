"""Versions of the template, and what an owner changes between them."""

import os
import re
import shutil
import sys
from pathlib import Path

import heroku
from projects import call, change, tree

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


# The one line that both changed. Git adds the name of a commit to the last of these.
CONFLICT = """<<<<<<< HEAD
TIME_ZONE = "Asia/Seoul"
=======
TIME_ZONE = "Europe/London"
>>>>>>> (template)
"""


# uv compiles the locks; without one on PATH, bin/lock would get it from PyPI each time.
UV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def commit_version(template, version, *entry):
    """Commit all that changed in the template as a version, with its entry."""
    path = template / "dyno/__init__.py"
    path.write_text(re.sub('"[0-9.]+"', f'"{version}"', path.read_text()))
    log = template / ".template/CHANGELOG.md"
    text = log.read_text()
    new = f"## {version}\n\n{entry[0]}\n\n**What to do:** {entry[1]}\n\n## "
    log.write_text(text.replace("## ", new, 1))
    heroku.commit(template, f"Version {version}")


def make_oldest(source, folder):
    """Make the template at version 1.0.0, with an old release in its lock."""
    shutil.copytree(source, folder)
    shutil.rmtree(folder / "tests", ignore_errors=True)
    with (folder / ".gitattributes").open("a") as file:
        file.write("/NOTES export-ignore\n")
    (folder / "NOTES").write_text("Of the template\n")
    for name in ("requirements.txt", "requirements-test.txt"):
        path = folder / name
        text = re.sub(r"(?m)^sqlparse==[0-9.]+", "sqlparse==0.5.2", path.read_text())
        path.write_text(text)
    init = folder / "dyno/__init__.py"
    init.write_text(re.sub('"[0-9.]+"', '"0.1.0"', init.read_text()))
    heroku.commit(folder, "Before there were versions")
    commit_version(folder, "1.0.0", "The first.", "nothing.")
    return folder


def make_newer(oldest, folder):
    """Make the template two versions later."""
    shutil.copytree(oldest, folder)
    growing = folder / "docs/growing.md"
    growing.write_text(growing.read_text() + "\nA new section.\n")
    change(folder / "dyno/middleware.py", ('"""The middleware', '"""All middleware'))
    (folder / "dyno/added.py").write_text('"""A new module."""\n')
    commit_version(folder, "1.1.0", "More in dyno/.", "take a breath.")

    # Beside the owner's lines, and once on one of them.
    with (folder / "mysite/models.py").open("a") as file:
        file.write("\n    # a new comment\n")
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
    (folder / "mysite/added.py").write_text('"""Of mysite."""\n')
    (folder / "docs/errors.md").rename(folder / "docs/faults.md")
    (folder / "static/site.js").unlink()
    script = "<script src=\"{% static 'site.js' %}\" defer></script>"
    change(folder / "templates/home.html", (script, ""))
    (folder / ".github/added.yml").write_text("of: the template\n")
    with (folder / "NOTES").open("a") as file:
        file.write("More of the template\n")
    script = (folder / "bin/upgrade").read_text()
    (folder / "bin/upgrade").write_text(script + "# A new last line.\n")
    for name in ("requirements.txt", "requirements-test.txt"):
        shutil.copy(heroku.ROOT / name, folder)
    commit_version(folder, "2.0.0", "A footer.", "look at it.")
    change(folder / "templates/site.html", ("A new footer", "An unfinished footer"))
    heroku.commit(folder, "Work on the next version")
    return folder


def unname_the_commit(path):
    """Take out of the conflicts in a file what is another name each time."""
    text = re.sub(r"(?m)^>>>>>>> \w+ ", ">>>>>>> ", path.read_text())
    path.write_text(text)


def edit(project, package):
    """Make an owner's edits; one is on a line that the template changes too."""
    call("git", "init", "--quiet", "--initial-branch=master", cwd=project)
    for name, value in (("user.name", "Owner"), ("user.email", "me@example.com")):
        call("git", "config", name, value, cwd=project)
    heroku.commit(project, "Start")
    middleware = '    "django.middleware.clickjacking.XFrameOptionsMiddleware",\n'
    change(
        project / package / "settings.py",
        ('    "django_tasks_db",\n', '    "django_tasks_db",\n    "blog",\n'),
        ('"script-src": OWN,', '"script-src": [*OWN, "https://cdn.example.com"],'),
        (middleware, middleware + '    "blog.middleware.nothing",\n'),
        ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Asia/Seoul"'),
        ('"django-insecure-', '"django-insecure-&|mine'),
    )
    change(project / package / "views.py", ('"""The pages', '"""My pages'))
    change(project / "templates/home.html", ("Hello from Django", "Welcome to my shop"))
    change(project / "requirements.in", ("redis~=", "humanize~=4.0\nredis~="))
    change(project / "README.md", ("# A Django site", "# My shop\n\nOnce a site"))
    with (project / "Procfile").open("a") as file:
        file.write("clock: python clock.py\n")
    with (project / "docs/errors.md").open("a") as file:
        file.write("\nWhat I learned.\n")
    for name, text in {
        "blog/__init__.py": "",
        "blog/middleware.py": "def nothing(get_response):\n    return get_response\n",
        "tests/test_owner.py": TEST,
        "docs/mine.md": "My own.\n",
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    (project / "docs/removing.md").unlink()
    heroku.commit(project, "Make it mine")
    return tree(project)
