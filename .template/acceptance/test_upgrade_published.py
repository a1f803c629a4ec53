"""Projects of each published version come to this one by bin/upgrade."""

import shutil

import heroku
import pytest
from projects import append, archive, call, change, install, start, substitute
from scripts import UV


@pytest.fixture(scope="module")
def history(source, tmp_path_factory):
    """The template with all its versions; the last of them is this working tree."""
    folder = tmp_path_factory.mktemp("history") / "template"
    call("git", "clone", "--quiet", "--no-tags", heroku.ROOT, folder, cwd=heroku.ROOT)
    call("git", "rm", "-r", "--quiet", ".", cwd=folder)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    substitute(folder / "dyno/__init__.py", '"[0-9.]+"', '"99.0.0"')
    heroku.commit(folder, "The working tree")
    return folder


TEST = """
def test_what_the_owner_wrote(client):
    page = client.get("/")
    assert "Welcome to my shop" in page.text
    assert "https://cdn.example.com" in page.headers["Content-Security-Policy"]
"""


# The first one, the last of the first series, and the newest before this one. Those in
# between walk no other way.
@pytest.mark.parametrize("version", ["1.0.0", "1.2.1", "2.0.0"])
def test_a_project_of_each_published_version_comes_to_this_one(
    history, tmp_path, version
):
    said = ("git", "log", "--format=%H", "--reverse", f'-S__version__ = "{version}"')
    commit = call(*said, "--", "dyno/__init__.py", cwd=history).split()[0]
    old = tmp_path / "old"
    call("git", "clone", "--quiet", "--no-checkout", history, old, cwd=tmp_path)
    call("git", "checkout", "--quiet", "--detach", commit, cwd=old)
    project = start(archive(old, tmp_path / "old.zip"), "bookshop", tmp_path)
    if version == "1.0.0":  # it had no bin/upgrade yet: the changelog says to copy it
        shutil.copy2(heroku.ROOT / "bin/upgrade", project / "bin")
    install(project)
    change(
        project / "bookshop/settings.py",
        ('    "django_tasks_db",\n', '    "django_tasks_db",\n    "blog",\n'),
        ('"script-src": OWN,', '"script-src": [*OWN, "https://cdn.example.com"],'),
    )
    greeting = ("<h1>Hello from Django</h1>", "<h1>Welcome to my shop</h1>")
    change(project / "templates/home.html", greeting)
    append(project / "blog/__init__.py", "")
    append(project / "blog/tests.py", TEST)
    heroku.commit(project, "Make it mine")

    call("bin/upgrade", history, cwd=project, **UV)
    assert '"99.0.0"' in (project / "dyno/__init__.py").read_text()
    call("bin/lock", "--upgrade", cwd=project, **UV)
    assert "psycopg-pool==" in (project / "requirements.txt").read_text()
    check = (".venv/bin/python", "manage.py", "check")
    assert "no issues" in call(*check, cwd=project, DJANGO_LOCAL="1")
    call(".venv/bin/python", "-m", "pytest", "-q", "blog/tests.py", cwd=project)
