"""Each part of docs/removing.md can be taken out by the lines that it lists."""

import re
import shutil

import heroku
import pytest
from projects import archive, call, install, start

TEXT = (heroku.ROOT / "docs/removing.md").read_text()
PARTS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", TEXT, re.MULTILINE))
IN_PACKAGE = ("settings.py", "urls.py", "views.py", "admin.py")

# What is not there any more once the lock is installed anew.
PACKAGES = {"Tasks and the worker": "django_tasks_db", "Redis": "redis"}


def edits(part):
    """Yield the file, the line and what stands in its place for each listed line."""
    listing = re.search(r"```diff\n(.*?)```", PARTS[part], re.DOTALL)
    name, lines = None, listing[1].splitlines() if listing else []
    for number, line in enumerate(lines):
        if line.startswith("--- "):
            name = line.removeprefix("--- ")
        elif line.startswith("-"):
            following = "".join(lines[number + 1 : number + 2])
            new = following[1:] if following.startswith("+") else None
            yield name, line[1:], new


def take_out(part, project):
    """Do what the document says of a part, and nothing else."""

    def path(name):
        return project / "bookshop" / name if name in IN_PACKAGE else project / name

    for name in re.findall(r"^Delete the f\w+ `(.+?)`", PARTS[part], re.MULTILINE):
        shutil.rmtree(path(name)) if path(name).is_dir() else path(name).unlink()
    for name, old, new in edits(part):
        lines = path(name).read_text().splitlines()
        assert lines.count(old) == 1, f"{name} has not exactly one line {old!r}"
        lines[lines.index(old)] = new
        text = "".join(f"{line}\n" for line in lines if line is not None)
        path(name).write_text(text)


@pytest.fixture(scope="module")
def made(repository, tmp_path_factory):
    """A project of the archive: leave it as it is."""
    folder = tmp_path_factory.mktemp("projects")
    template = archive(repository, folder / "template.zip")
    project = start(template, "bookshop", folder / "made")
    heroku.commit(project, "Start")
    return project


@pytest.mark.parametrize("part", PARTS)
def test_the_project_passes_bin_check_without_the_part(made, tmp_path, part):
    assert "What remains: " in PARTS[part]
    project = shutil.copytree(made, tmp_path / "bookshop")
    python = install(project)
    take_out(part, project)
    assert call("git", "status", "--porcelain", cwd=project), "nothing was taken out"
    call(".venv/bin/ruff", "format", ".", cwd=project)  # as the document says
    heroku.commit(project, f"Take out: {part}")
    if package := PACKAGES.get(part):
        (folder,) = (project / ".venv/lib").glob("python3*/site-packages")
        shutil.rmtree(folder / package)
    assert "Everything is in order" in call("bin/check", cwd=project)

    # The site still answers, in development.
    local = {"DJANGO_LOCAL": "1"}
    call(python, "manage.py", "release", cwd=project, **local)
    call(python, "manage.py", "prune", cwd=project, **local)
    ask = (
        "from django.test import Client; c = Client(headers={'host': 'localhost'});"
        "print([c.get(path).status_code for path in ('/', '/ready')])"
    )
    words = ("manage.py", "shell", "--no-imports", "--command", ask)
    said = call(python, *words, cwd=project, DJANGO_DEBUG="1", **local)
    assert said.splitlines()[-1] == "[200, 200]"
