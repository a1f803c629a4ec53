"""`.template/new` and `startproject` with the archive make the same project."""

import os
import pkgutil
import re
import sys
from pathlib import Path
from urllib.request import urlopen

import heroku
import pytest
from project import Project
from projects import ME, archive, call, files, install, packages, run, start
from scripts import blocks, serving

KEY = re.compile(rb'"django-insecure-.{50}"')

# What git ignores or does not hold yet.
USED = ".env db.sqlite3 media/a.jpg staticfiles/staticfiles.json .venv/pyvenv.cfg x.txt"


@pytest.fixture(scope="module")
def clone(repository, tmp_path_factory):
    """A clone that has been used."""
    folder = tmp_path_factory.mktemp("used") / "clone"
    call("git", "clone", "--quiet", repository, folder, cwd=repository)
    for name in USED.split():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("of the owner's\n")
    return folder


@pytest.fixture(scope="module")
def template(clone):
    """The archive that a release attaches."""
    return archive(clone, clone.parent / "template.zip")


@pytest.fixture(scope="module", params=["niño", "community_garden_planner"])
def project(request, clone, template):
    """A project by each way, and a name of each kind: leave it as it is."""
    if request.param == "niño":
        call(".template/new", "../niño", cwd=clone, **ME)
        return clone.parent / "niño"
    return start(template, request.param, clone.parent)


def test_it_is_what_git_archives_with_its_own_name_and_key(project, clone, tmp_path):
    call("git", "archive", "-o", tmp_path / "all.tar", "HEAD", cwd=clone)
    call("tar", "-xf", "all.tar", "--one-top-level=all", cwd=tmp_path)
    wanted = {}
    for path, (content, mode) in files(tmp_path / "all").items():
        if path.endswith(".py") and not path.startswith("dyno/"):
            content = content.replace(b"mysite", project.name.encode())
        assert b"mysite" not in content, path
        # No other path bears the name: bin/upgrade renames this folder only.
        wanted[re.sub("^mysite/", f"{project.name}/", path)] = (content, mode)
    made = files(project)
    settings = f"{project.name}/settings.py"
    text, mode = made[settings]
    assert len(KEY.findall(text)) == 1
    made[settings] = (KEY.sub(b'"{{ secret_key }}"', text), mode)
    assert made == wanted
    assert not {".template", ".github", ".ci", "LICENSE"} & {*os.listdir(project)}


def test_it_is_built_released_and_served_and_passes_bin_check(
    project, tmp_path, secret_key
):
    copy = Project(project, tmp_path, DJANGO_SECRET_KEY=secret_key)
    with copy.build().release().dyno() as dyno:
        page = heroku.Client(dyno.port).get("/")
        assert page.status == 200 and "Hello from Django" in page.text
    tools = Path(sys.executable).parent
    call(tools / "ruff", "format", "--check", "--diff", ".", cwd=copy.folder)
    call(tools / "black", "--check", "--diff", ".", cwd=copy.folder)
    install(copy.folder)
    assert "Everything is in order" in call("bin/check", cwd=copy.folder)


def test_the_commands_of_the_front_page_are_named_and_serve_and_test_it(clone):
    front_page = (clone / ".github/README.md").read_text()
    commands = re.findall(r"(?m)^\S.*?(?=  |$)", blocks(front_page, "sh")[0])
    said = call("sh", "-c", commands[0], cwd=clone, **ME)
    project = clone.parent / "shop"
    assert call("git", "log", "--format=%s by %an", cwd=project) == "Start by Ada\n"
    assert call("git", "status", "--porcelain", cwd=project) == ""
    assert f"{project} is ready" in said
    steps = re.findall(r"^  (cd .+|bin/\w+)", said, re.MULTILINE)
    assert commands == [".template/new ../shop", *steps]
    assert steps == ["cd ../shop", "bin/run", "bin/test"]
    assert " passed" in call("bin/test", cwd=project)
    with serving(project, "bin/run") as log:
        address = re.search(r"http://127.0.0.1:\d+", log)[0]
        assert "Hello from Django" in urlopen(address).read().decode()


def test_a_project_that_startproject_makes_of_the_folder_is_served(
    repository, tmp_path, secret_key
):
    made = start(repository, "shop", tmp_path / "made")
    project = Project(made, tmp_path, DJANGO_SECRET_KEY=secret_key)
    with project.build().release().dyno() as dyno:
        assert "Hello from Django" in heroku.Client(dyno.port).get("/").text


def test_each_has_a_secret_key_of_its_own(clone, tmp_path):
    keys = set()
    for name in ("a", "b"):
        call(".template/new", tmp_path / name, cwd=clone, **ME)
        keys.add(KEY.search((tmp_path / name / name / "settings.py").read_bytes())[0])
    assert len(keys) == 2


def test_the_same_commit_gives_the_same_archive(clone, template, tmp_path):
    again = archive(clone, tmp_path / "template.zip")
    assert again.read_bytes() == template.read_bytes()


def refused(clone, target, **who):
    """Assert that no project is made, and return why."""
    before = files(clone), files(target.parent), target.exists()
    result = run(".template/new", target, cwd=clone, **ME | who)
    assert result.returncode == 1 and "Traceback" not in result.stdout
    assert "Fix: " in result.stdout
    assert (files(clone), files(target.parent), target.exists()) == before
    return result.stdout


NAMES = "my-shop class json test Django py conftest Static media sessions"


def test_a_name_that_cannot_work_is_refused(clone, tmp_path):
    version = (clone / ".python-version").read_text().strip()
    folder = packages(clone) / f"lib/python{version}/site-packages"
    modules = {module.name for module in pkgutil.iter_modules([str(folder)])}
    assert {"django", "psycopg_pool", "pytest"} <= modules
    for name in [*NAMES.split(), *modules]:
        if not name.startswith("_"):
            said = refused(clone, tmp_path / name)
            assert said.startswith((f"{name} is ", f"'{name}' is "))


def test_startproject_does_not_know_such_names_but_manage_does(template, tmp_path):
    project = start(template, "Static", tmp_path)
    python = install(project)
    result = run(python, "manage.py", "collectstatic", "--noinput", cwd=project)
    assert result.returncode == 1
    assert "A project cannot have the name Static" in result.stdout
    assert "Fix: " in result.stdout
    assert not (project / "staticfiles").exists()


def test_nothing_is_written_over_nor_into_the_clone(clone, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/mine.txt").write_text("mine\n")
    assert "exists" in refused(clone, tmp_path / "shop")
    assert "Fix: .template/new ../shop" in refused(clone, clone / "shop")


def test_somebody_whom_git_does_not_know_is_told_so_first(clone, tmp_path):
    nobody = {"GIT_COMMITTER_NAME": "", "GIT_COMMITTER_EMAIL": ""}
    said = refused(clone, tmp_path / "shop", **nobody)
    assert "git does not know who commits. Fix: " in said
