"""Each part of docs/removing.md can be taken out by the lines that it lists."""

import re
import shutil

import heroku
import pytest
import recipes
from projects import call
from scripts import apply, blocks, serving

PARTS = recipes.sections("removing.md")

# What is not there any more once the lock is installed anew.
PACKAGES = {"Tasks and the worker": "django_tasks_db", "Redis": "redis"}


@pytest.mark.parametrize("part", PARTS)
def test_the_project_passes_bin_check_without_the_part(project, part):
    def locate(name):
        is_of_package = name in recipes.OF_PACKAGE
        return project / "bookshop" / name if is_of_package else project / name

    assert "What remains: " in PARTS[part]
    for name in re.findall(r"^Delete the f\w+ `(.+?)`", PARTS[part], re.MULTILINE):
        call("rm", "-r", locate(name), cwd=project)
    apply("".join(blocks(PARTS[part], "diff")), locate)
    assert call("git", "status", "--porcelain", cwd=project), "nothing was taken out"
    call(".venv/bin/ruff", "format", ".", cwd=project)  # as the document says
    heroku.commit(project, f"Take out: {part}")
    if part in PACKAGES:
        [folder] = project.glob(f".venv/lib/python3*/site-packages/{PACKAGES[part]}")
        shutil.rmtree(folder)
    assert "Everything is in order" in call("bin/check", cwd=project)

    # The site still answers, in development.
    with serving(project, "bin/run"):
        for command in ("release", "prune"):
            manage = (".venv/bin/python", "manage.py", command)
            call(*manage, cwd=project, DJANGO_LOCAL="1")
