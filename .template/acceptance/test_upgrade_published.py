"""Projects of each published version come to this one by bin/upgrade."""

import shutil

import heroku
import pytest
from projects import archive, call, change, install, start
from upgrades import TEST, UV, commit_version


@pytest.fixture(scope="module")
def history(source, tmp_path_factory):
    """The template with all its versions; the last of them is this working tree."""
    folder = tmp_path_factory.mktemp("history") / "template"
    call("git", "clone", "--quiet", "--no-tags", heroku.ROOT, folder, cwd=heroku.ROOT)
    call("git", "rm", "-r", "--quiet", ".", cwd=folder)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    commit_version(folder, "99.0.0", "The working tree.", "see the entry below.")
    return folder


def released(history, version, folder):
    """Make a project from the archive of a version that was published."""
    said = ("git", "log", "--format=%H", "--reverse", f'-S__version__ = "{version}"')
    commit = call(*said, "--", "dyno/__init__.py", cwd=history).split()[0]
    old = folder / "old"
    call("git", "clone", "--quiet", "--no-checkout", history, old, cwd=folder)
    call("git", "checkout", "--quiet", "--detach", commit, cwd=old)
    return start(archive(old, folder / "old.zip"), "bookshop", folder)


WORKS = """
from django.conf import settings
from django.utils.module_loading import import_string

import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)
"""


# The first one, the last of the first series, and the newest before this one. Those in
# between walk no other way.
@pytest.mark.parametrize("version", ["1.0.0", "1.2.1", "2.0.0"])
def test_a_project_of_each_published_version_comes_to_this_one(
    history, tmp_path, version
):
    project = released(history, version, tmp_path)
    if version == "1.0.0":  # it had no bin/upgrade yet: the changelog says to copy it
        shutil.copy2(heroku.ROOT / "bin/upgrade", project / "bin")
    install(project)
    env = {"DJANGO_LOCAL": "1", **UV}
    manage = (".venv/bin/python", "manage.py")
    call(*manage, "startapp", "blog", cwd=project, **env)
    settings = project / "bookshop/settings.py"
    change(
        settings,
        ('    "django_tasks_db",\n', '    "django_tasks_db",\n    "blog",\n'),
        ('"script-src": OWN,', '"script-src": [*OWN, "https://cdn.example.com"],'),
        ('LANGUAGE_CODE = "en', '# Mine\nLANGUAGE_CODE = "en'),
    )
    greeting = ("<h1>Hello from Django</h1>", "<h1>Welcome to my shop</h1>")
    change(project / "templates/home.html", greeting)
    (project / "blog/tests.py").write_text(TEST)
    change(project / "blog/tests.py", (' and "A new footer" in page', ""))
    heroku.commit(project, "Make it mine")

    call("bin/upgrade", history, cwd=project, **UV)
    assert '"99.0.0"' in (project / "dyno/__init__.py").read_text()
    after = settings.read_text()
    for words in ('    "blog",\n', "https://cdn.example.com", "# Mine\n"):
        assert words in after
    call("bin/lock", cwd=project, **UV)
    assert "psycopg-pool==" in (project / "requirements.txt").read_text()
    assert "no issues" in call(*manage, "check", cwd=project, **env)
    call(*manage, "shell", "--no-imports", "-c", WORKS, cwd=project, **env)
    call(".venv/bin/python", "-m", "pytest", "-q", "blog/tests.py", cwd=project)
