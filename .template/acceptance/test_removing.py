"""Each part of docs/removing.md can be taken out by the lines that it lists."""

import re
import shutil

import heroku
import pytest
import recipes
from projects import call, install, make_bookshop
from scripts import apply, blocks

PARTS = recipes.sections("removing.md")
IN_PACKAGE = ("settings.py", "urls.py", "views.py", "admin.py")

# What is not there any more once the lock is installed anew.
PACKAGES = {"Tasks and the worker": "django_tasks_db", "Redis": "redis"}

ASK = (
    "from django.test import Client; c = Client(headers={'host': 'localhost'});"
    "print([c.get(path).status_code for path in ('/', '/ready')])"
)


def take_out(part, project):
    """Do what the document says of a part, and nothing else."""

    def locate(name):
        return project / "bookshop" / name if name in IN_PACKAGE else project / name

    for name in re.findall(r"^Delete the f\w+ `(.+?)`", PARTS[part], re.MULTILINE):
        call("rm", "-r", locate(name), cwd=project)
    apply("".join(blocks(PARTS[part], "diff")), locate)


@pytest.fixture(scope="module")
def made(repository, tmp_path_factory):
    """A project of the archive: leave it as it is."""
    return make_bookshop(repository, tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize("part", PARTS)
def test_the_project_passes_bin_check_without_the_part(made, tmp_path, part):
    assert "What remains: " in PARTS[part]
    project = shutil.copytree(made, tmp_path / "bookshop")
    python = install(project)
    take_out(part, project)
    assert call("git", "status", "--porcelain", cwd=project), "nothing was taken out"
    call(".venv/bin/ruff", "format", ".", cwd=project)  # as the document says
    heroku.commit(project, f"Take out: {part}")
    if part in PACKAGES:
        [folder] = project.glob(f".venv/lib/python3*/site-packages/{PACKAGES[part]}")
        shutil.rmtree(folder)
    assert "Everything is in order" in call("bin/check", cwd=project)

    # The site still answers, in development.
    manage = (python, "manage.py")
    call(*manage, "release", cwd=project, DJANGO_LOCAL="1")
    call(*manage, "prune", cwd=project, DJANGO_LOCAL="1")
    local = {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
    said = call(*manage, "shell", "--no-imports", "-c", ASK, cwd=project, **local)
    assert said.splitlines()[-1] == "[200, 200]"
