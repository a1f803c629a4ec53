"""`.template/new` makes a project from a clone, whatever lies in that."""

import os
import pkgutil
import re
import shutil
import sys

import heroku
import pytest
from projects import archive, call, install, packages, run, start

# Who commits: a machine of CI has nobody.
ME = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
KEY = re.compile(rb'"django-insecure-.{50}"')

# What git ignores, with something of the owner's in each.
USED = [
    ".env",
    "db.sqlite3",
    "media/photo.jpg",
    "staticfiles/staticfiles.json",
    ".venv/pyvenv.cfg",
]


@pytest.fixture(scope="module")
def clone(repository, tmp_path_factory):
    """A clone that has been used, with a file that is not committed yet."""
    folder = tmp_path_factory.mktemp("used") / "clone"
    call("git", "clone", "--quiet", repository, folder, cwd=repository)
    for name in [*USED, "notes.txt"]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("of the owner's\n")
    return folder


@pytest.fixture(scope="module")
def front_page(source):
    """The first commands of the page that GitHub shows."""
    text = (source / ".github/README.md").read_text()
    return re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def made(clone, front_page):
    """The project that the first command of the front page makes."""
    command = front_page.splitlines()[0]
    said = call("sh", "-c", command, cwd=clone, **ME)
    return clone.parent / "shop", said


def files(folder):
    """Return the content and the mode of each file, without git's own."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), os.access(path, 1))
        for path in paths
        if ".git" not in path.relative_to(folder).parts
    }


def test_it_makes_what_startproject_makes_of_the_archive(made, clone, tmp_path):
    project, _ = made
    template = archive(clone, tmp_path / "template.zip")
    wanted, got = files(start(template, "shop", tmp_path)), files(project)
    for found in (wanted, got):
        text, mode = found["shop/settings.py"]
        assert len(KEY.findall(text)) == 1
        found["shop/settings.py"] = (KEY.sub(b"", text), mode)
    assert got == wanted


def test_nothing_of_a_used_clone_or_of_the_workshop_comes_along(made):
    project, _ = made
    names = {path.name for path in project.iterdir()}
    left_out = {name.split("/")[0] for name in USED}
    left_out |= {"notes.txt", ".template", ".github", ".ci", "LICENSE", "mysite"}
    assert not names & left_out


def test_its_history_begins_with_one_commit(made):
    project, _ = made
    log = call("git", "log", "--format=%s by %an", cwd=project)
    assert log == "Start by Ada\n"
    assert call("git", "status", "--porcelain", cwd=project) == ""


def test_the_project_passes_its_checks_and_tests(made, tmp_path):
    project = shutil.copytree(made[0], tmp_path / "shop")
    python = install(project)
    check = call(python, "manage.py", "check", cwd=project, DJANGO_LOCAL="1")
    assert "no issues" in check
    assert " passed" in call("bin/test", "-q", cwd=project)


def test_the_next_steps_are_those_of_the_front_page(made, front_page):
    project, said = made
    assert f"{project} is ready" in said
    steps = re.findall(r"^  (cd .+|bin/\w+)", said, re.MULTILINE)
    assert steps == ["cd ../shop", "bin/run", "bin/test"]
    commands = [line.partition("  ")[0] for line in front_page.splitlines()]
    assert commands == [".template/new ../shop", *steps]


def test_each_project_has_a_secret_key_of_its_own(made, clone, tmp_path):
    call(".template/new", tmp_path / "shop", cwd=clone, **ME)
    settings = [folder / "shop/settings.py" for folder in (made[0], tmp_path / "shop")]
    first, second = (KEY.search(path.read_bytes())[0] for path in settings)
    assert first != second


def test_a_name_outside_ascii_works(clone, tmp_path):
    call(".template/new", tmp_path / "niño", cwd=clone, **ME)
    python = install(tmp_path / "niño")
    call(python, "-m", "pytest", "-q", cwd=tmp_path / "niño")


def refused(clone, target, **more):
    """Assert that no project is made, and return why."""
    before = files(clone), files(target.parent), target.exists()
    result = run(".template/new", target, cwd=clone, **ME | more)
    assert result.returncode == 1 and "Traceback" not in result.stdout
    assert "Fix: " in result.stdout
    assert (files(clone), files(target.parent), target.exists()) == before
    return result.stdout


NAMES = "bin docs dyno media static staticfiles templates tests Static conftest manage "
NAMES += "admin auth contenttypes messages sessions sites "
NAMES += "class None json test Django gunicorn my-shop 2shop shop.zip"


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_that_cannot_work_is_refused(clone, tmp_path, name):
    said = refused(clone, tmp_path / name)
    assert said.startswith((f"{name} is ", f"'{name}' is "))


def test_the_name_of_any_module_that_a_project_imports_is_refused(clone, tmp_path):
    version = (clone / ".python-version").read_text().strip()
    folder = packages(clone) / f"lib/python{version}/site-packages"
    found = {module.name for module in pkgutil.iter_modules([str(folder)])}
    assert {"django", "psycopg_pool", "pytest"} <= found
    for name in sorted(found):
        if not name.startswith("_"):
            refused(clone, tmp_path / name)


def test_a_folder_that_is_there_is_left_alone(clone, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/mine.txt").write_text("mine\n")
    assert "exists" in refused(clone, tmp_path / "shop")


def test_no_project_is_made_in_the_clone(clone):
    target = clone / "shop"
    result = run(".template/new", target, cwd=clone, **ME)
    assert result.returncode == 1
    assert "Fix: .template/new ../shop" in result.stdout
    assert not target.exists()


def test_somebody_whom_git_does_not_know_is_told_so_first(clone, tmp_path):
    nobody = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly"}
    nobody |= {"GIT_CONFIG_VALUE_0": "true", "HOME": str(tmp_path)}
    env = heroku.shell(**nobody, GIT_CONFIG_NOSYSTEM="1")
    result = run(sys.executable, ".template/new", tmp_path / "shop", cwd=clone, **env)
    assert result.returncode == 1
    assert "git does not know who commits. Fix: " in result.stdout
    assert "git config --global user.email" in result.stdout
    assert not (tmp_path / "shop").exists()
