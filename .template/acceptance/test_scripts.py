"""What the scripts in bin/ say of a beginner's mistakes: the cause and the fix."""

import os
import re
import sys
from pathlib import Path

import heroku
import pytest
import recipes
from parts import free_port
from projects import append, archive, call, change, start
from scripts import installed, refused, serving

POST = """from django.db import models


class Post(models.Model):
    title = models.CharField(max_length=99)
"""


@pytest.fixture
def project(source, tmp_path):
    """A copy of the repository whose .venv is installed already."""
    return installed(source, tmp_path / "project")


def test_a_clone_on_windows_has_scripts_that_a_shell_can_run(repository, tmp_path):
    project = start(archive(repository, tmp_path / "t.zip"), "shop", tmp_path / "made")
    heroku.commit(project, "Start")
    words = ("clone", "--quiet", "-c", "core.autocrlf=true", project, tmp_path / "c")
    call("git", *words, cwd=tmp_path)
    for path in [*(tmp_path / "c/bin").iterdir(), tmp_path / "c/Procfile"]:
        assert b"\r" not in path.read_bytes(), path


def test_a_database_that_is_away_is_one_sentence(project):
    url = f"postgres://user:s3cret@127.0.0.1:{free_port()}/shop"
    said = refused(project, "bin/run", DATABASE_URL=url)
    assert (
        "The database does not answer. Fix: start it, or correct DATABASE_URL" in said
    )
    assert "s3cret" not in said


def test_another_failure_of_a_migration_is_shown_in_full(project):
    append(project / "mysite/settings.py", "raise RuntimeError('broken settings')\n")
    (project / "staticfiles").mkdir()
    with pytest.raises(AssertionError, match="Traceback"):
        refused(project, "bin/run")


def test_a_project_needs_only_one_of_the_two_version_files(project):
    (project / ".python-version").unlink()
    (project / ".venv/bin/activate").write_text("of a folder that was moved\n")
    (project / ".venv").rename(project / "old")
    path = f"{project}/old/bin:/usr/bin:/bin"
    said = refused(project, "bin/install", "nosuch.txt", PATH=path)
    assert "==> Making .venv with Python 3" in said


def test_a_folder_that_a_linked_venv_names_is_left_as_it_is(project, tmp_path):
    shared = tmp_path / "shared"
    (project / ".venv").rename(shared)
    (shared / "bin/activate").write_text(f"VIRTUAL_ENV={shared}\n")
    (project / ".venv").symlink_to(shared)
    before = sorted(shared.rglob("*"))
    with (project / "requirements.txt").open("a") as lock:
        lock.write("colorama==0.4.6\n")  # stops it before it installs anything
    assert "Making .venv" in refused(project, "bin/install", "requirements.txt")
    assert not (project / ".venv").is_symlink()
    assert sorted(shared.rglob("*")) == before


def test_a_model_without_a_migration_is_named_and_the_site_is_served(project):
    startapp = (".venv/bin/python", "manage.py", "startapp", "blog")
    call(*startapp, cwd=project, DJANGO_LOCAL="1")
    (project / "blog/models.py").write_text(POST)
    settings = project / "mysite/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "blog",\n'))
    with serving(project, "bin/run") as log:
        assert "A model changed without a migration: Migrations for 'blog'" in log
        assert "Fix: python manage.py makemigrations mysite blog" in log


def blocks(text, language):
    """Return the blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_first_app_of_the_recipes_passes_the_check(project):
    recipe = recipes.sections("recipes.md")["A first app"]
    models, views, tests = blocks(recipe, "python")
    shell = "".join(blocks(recipe, "sh"))
    start, *commands = [line.partition("  ")[0] for line in shell.splitlines()]
    path = f"{project}/.venv/bin:{os.environ['PATH']}"
    call("sh", "-c", start, cwd=project, DJANGO_LOCAL="1", PATH=path)
    (project / "blog/models.py").write_text(models)
    (project / "blog/views.py").write_text(views)
    (project / "blog/tests.py").write_text(tests)
    (project / "templates/posts.html").write_text(blocks(recipe, "html")[0])
    settings = project / "mysite/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "blog",\n'))
    line = re.search(r"`(from .+? import .+?)`", recipe)[1]
    route = re.search(r"`(path\(.+?\),)`", recipe)[1]
    change(
        project / "mysite/urls.py",
        ("\nfrom dyno.views", f"\n{line}\nfrom dyno.views"),
        ("urlpatterns = [\n", f"urlpatterns = [\n    {route}\n"),
    )
    assert len(commands) == 4
    for command in [*commands, "bin/check"]:
        call("sh", "-c", command, cwd=project, DJANGO_LOCAL="1", PATH=path)


def test_the_readmes_first_test_passes_until_the_page_changes(project):
    text = heroku.read(project / "README.md").partition("\n## Change it\n")[2]
    path = re.search(r"`(tests/\S+)`", text)[1]
    command = re.search(r"`(bin/test .+?)`", text)[1].split()
    (project / path).write_text(blocks(text, "python")[0])
    call(*command, cwd=project)
    title = "{% block title %}Hello from Django"
    change(
        project / "templates/home.html",
        (title, title.replace("Hello from", "Hi,")),
        ("<h1>Hello from Django", "<h1>Hi, Django"),
    )
    assert "Hello from Django" in refused(project, *command)


def test_the_python_of_an_older_system_can_run_the_upgrade(project):
    ruff = Path(sys.executable).parent / "ruff"
    lint = ("check", "--isolated", "--target-version", "py39", "--select", "E9,F")
    call(ruff, *lint, "bin/upgrade", cwd=project)
