"""What the scripts in bin/ say of a beginner's mistakes: the cause and the fix."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import heroku
import pytest
from parts import free_port, wait_until
from projects import archive, call, change, start

POST = """from django.db import models


class Post(models.Model):
    title = models.CharField(max_length=99)
"""


@pytest.fixture
def project(source, tmp_path):
    """A copy of the repository whose .venv is installed already."""
    folder = tmp_path / "project"
    shutil.copytree(source, folder)
    version = (folder / ".python-version").read_text().strip()
    installed = heroku.installed(version, folder / "requirements-test.txt")
    (folder / ".venv/bin").mkdir(parents=True)
    for path in (installed / "bin").iterdir():
        (folder / ".venv/bin" / path.name).symlink_to(path)
    # bin/install takes a .venv that names another folder for one that was moved.
    (folder / ".venv/bin/activate").unlink()
    (folder / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={folder}/.venv\n")
    (folder / ".venv/lib").symlink_to(installed / "lib")
    shutil.copy2(installed / "pyvenv.cfg", folder / ".venv")
    for name in ("requirements.txt", "requirements-test.txt"):
        shutil.copy2(folder / name, folder / ".venv")
    return folder


def refused(project, *command, **environ):
    """Run what must fail, and return what it says."""
    env = heroku.shell(PORT=str(free_port()), **environ)
    run = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=100
    )
    assert run.returncode, run.stdout
    said = run.stdout + run.stderr
    assert "Traceback" not in said
    return said


@contextlib.contextmanager
def serving(project, *command, **environ):
    """Run a server until it answers, and yield its port and a reader of its log."""
    port, log = str(free_port()), project / "log"
    env = heroku.shell(PORT=port, PYTHONUNBUFFERED="1", **environ)
    with log.open("w") as file:
        words = [word.format(port) for word in command]
        site = subprocess.Popen(
            words,
            cwd=project,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answers():
        assert site.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return urlopen(f"http://127.0.0.1:{port}/ready", timeout=9).status == 200

    try:
        wait_until(answers, 60)
        yield log.read_text()
    finally:
        os.killpg(site.pid, 15)
        site.wait(30)


@pytest.mark.parametrize(
    "env", [b"\xef\xbb\xbfNAME=1\r\nDJANGO_LOG_LEVEL=DEBUG\r\n", b"\xef\xbb\xbf# A\n"]
)
def test_a_windows_editors_env_file_is_read(project, env):
    (project / ".env").write_bytes(env)
    with serving(project, "bin/run") as log:
        assert "not found" not in log
        assert "level=debug" in log or b"DEBUG" not in env


# What a shell would run, expand or stumble over.
AS_IT_IS = """
  # A comment
PLAIN=postgres://u:p@db/name?sslmode=require&channel_binding=require
SPACES=a b; touch made (c) | d < e
CALLS=`touch made` $(touch made) $HOME ${HOME}
QUOTED='a#b "c" $HOME' # a comment
DOUBLE="it's # here"
APOSTROPHE=it's
COMMENT=value # of a line
EMPTY=
NOTHING= # but a comment
"""
NAMES = re.findall(r"^([A-Z]+)=", AS_IT_IS, re.MULTILINE)
SHOW = "import json, os, sys; print(json.dumps([os.environ[n] for n in sys.argv[1:]]))"


def test_the_env_file_is_data_and_herokus_own_cli_reads_the_same(project):
    (project / ".env").write_text(AS_IT_IS)
    (project / "show.py").write_text(SHOW)
    show = [str(project / ".venv/bin/python"), "show.py", *NAMES]
    evaluated = 'set -eu; sets=$(bin/dotenv); eval "$sets"; exec "$@"'
    said = call("sh", "-c", evaluated, "sh", *show, cwd=project)
    ours = dict(zip(NAMES, json.loads(said), strict=True))
    assert ours["CALLS"] == "`touch made` $(touch made) $HOME ${HOME}"
    assert ours["PLAIN"].endswith("&channel_binding=require")
    cli = heroku.node_modules("cli") / ".bin/heroku"
    home = {"HOME": str(project.parent), "HEROKU_DISABLE_UPDATE": "1"}
    said = call(cli, "local:run", "--", *show, cwd=project, **home)
    theirs = json.loads(said[said.index('["') :])
    assert theirs == [*ours.values()]
    assert not (project / "made").exists()


def test_the_site_runs_with_what_the_env_file_says(project):
    text = "NOTE=(a `touch made`); touch made\nexport DJANGO_LOG_LEVEL=DEBUG\n"
    (project / ".env").write_text(text)
    text = (project / "Procfile").read_text()
    (project / "Procfile").write_bytes(text.replace("\n", "\r\n").encode())
    with serving(project, "bin/run") as log:
        assert "level=debug" in log
    assert not (project / "made").exists()


@pytest.mark.parametrize(
    "line",
    [
        *("A", "a sentence", "A-B=s3cret", "A=s3cret#x", "A='s3cret", "A=\"s3cret'"),
        *("A='s3cret'x", '{"A": "s3cret"}', "=s3cret", "A='s3cret\n'", "Ä=s3cret"),
    ],
)
def test_a_line_of_the_env_file_that_sets_nothing_is_named(project, line):
    (project / ".env").write_text(f"OTHER=1\n\n{line}\n")
    said = refused(project, "bin/run")
    assert "Line 3 of .env is not NAME=value. Fix: " in said
    assert "s3cret" not in said


POWERSHELL = [
    "A=1\r\n".encode("utf-16"),
    b"A=1\n" + "B=2\r\n".encode("utf-16-le"),  # >> adds no byte order mark
    "\ufeffA=1\r\n".encode("utf-16-be"),
]


@pytest.mark.parametrize("content", [*POWERSHELL, "A=é".encode("latin-1")])
def test_an_env_file_of_another_encoding_is_named(project, content):
    (project / ".env").write_bytes(content)
    assert ".env is not UTF-8: PowerShell" in refused(project, "bin/run")


@pytest.mark.parametrize("content", POWERSHELL)
def test_requirements_of_another_encoding_are_named(project, content):
    path = project / "requirements.in"
    path.write_bytes(path.read_bytes() + content)
    said = refused(project, "bin/lock")
    assert "requirements.in is not UTF-8: PowerShell" in said and "Fix: " in said


def test_a_clone_on_windows_has_scripts_that_a_shell_can_run(repository, tmp_path):
    project = start(archive(repository, tmp_path / "t.zip"), "shop", tmp_path / "made")
    heroku.commit(project, "Start")
    words = ("clone", "--quiet", "-c", "core.autocrlf=true", project, tmp_path / "c")
    call("git", *words, cwd=tmp_path)
    for path in [*(tmp_path / "c/bin").iterdir(), tmp_path / "c/Procfile"]:
        assert b"\r" not in path.read_bytes(), path


@pytest.mark.parametrize("host", ["127.0.0.1", "db.invalid"])
def test_a_database_that_is_away_is_one_sentence(project, host):
    url = f"postgres://user:s3cret@{host}:{free_port()}/shop"
    said = refused(project, "bin/run", DATABASE_URL=url)
    assert (
        "The database does not answer. Fix: start it, or correct DATABASE_URL" in said
    )
    assert "s3cret" not in said


def test_another_failure_of_a_migration_is_shown_in_full(project):
    path = project / "mysite/settings.py"
    path.write_text(path.read_text() + "\nraise RuntimeError('broken settings')\n")
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


def test_a_lock_edited_by_hand_is_named(project):
    with (project / "requirements.txt").open("a") as lock:
        lock.write("colorama==0.4.6\n")
    said = refused(project, "bin/run")
    assert "Fix: edit requirements.in, not the .txt, then bin/lock" in said


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


def test_a_python_without_the_packages_is_told_how_to_get_them(project, tmp_path):
    python = heroku.find_python((project / ".python-version").read_text().strip())
    subprocess.run(
        [python, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True
    )
    said = refused(project, tmp_path / "bare/bin/python", "manage.py", "migrate")
    assert "Fix: . .venv/bin/activate" in said


def test_a_model_without_a_migration_is_named_and_the_site_is_served(project):
    startapp = (".venv/bin/python", "manage.py", "startapp", "blog")
    env = heroku.shell(DJANGO_LOCAL="1")
    subprocess.run(startapp, cwd=project, env=env, check=True)
    (project / "blog/models.py").write_text(POST)
    settings = project / "mysite/settings.py"
    text = settings.read_text().replace('    "dyno",\n', '    "dyno",\n    "blog",\n')
    settings.write_text(text)
    with serving(project, "bin/run") as log:
        assert "A model changed without a migration: Migrations for 'blog'" in log
        assert "Fix: python manage.py makemigrations mysite blog" in log


def section(path, heading):
    """Return the text of a section of a page."""
    text = heroku.read(path).partition(f"\n## {heading}\n")[2]
    return text.partition("\n## ")[0]


def blocks(text, language):
    """Return the blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_first_app_of_the_recipes_passes_the_check(project):
    recipe = section(project / "docs/recipes.md", "A first app")
    models, views, tests = blocks(recipe, "python")
    shell = "".join(blocks(recipe, "sh"))
    start, *commands = [line.partition("  ")[0] for line in shell.splitlines()]
    venv = f"{project}/.venv/bin:{os.environ['PATH']}"
    run = {"cwd": project, "env": heroku.shell(DJANGO_LOCAL="1", PATH=venv)}
    subprocess.run(start, shell=True, check=True, **run)
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
        subprocess.run(command, shell=True, check=True, **run)


def test_the_readmes_first_test_passes_until_the_page_changes(project):
    text = section(project / "README.md", "Change it")
    path = re.search(r"`(tests/\S+)`", text)[1]
    command = re.search(r"`(bin/test .+?)`", text)[1].split()
    (project / path).write_text(blocks(text, "python")[0])
    subprocess.run(command, check=True, cwd=project, env=heroku.shell())
    title = "{% block title %}Hello from Django"
    change(
        project / "templates/home.html",
        (title, title.replace("Hello from", "Hi,")),
        ("<h1>Hello from Django", "<h1>Hi, Django"),
    )
    assert "Hello from Django" in refused(project, *command)


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("--extra-index-url https://pypi.example.com/simple", "PIP_EXTRA_INDEX_URL"),
        ("  --index-url=https://pypi.example.com/simple", "PIP_EXTRA_INDEX_URL"),
        ("-i https://pypi.example.com/simple", "PIP_EXTRA_INDEX_URL"),
        ("--find-links wheels", "PIP_EXTRA_INDEX_URL"),
        ("-e ./library", "Fix: "),
        ("shop @ git+https://github.com/shop/shop@main", "archive/COMMIT.zip"),
        ("git+https://github.com/shop/shop", "archive/COMMIT.zip"),
        ("./library", "archive/COMMIT.zip"),
        ("shop @ file:///srv/shop", "archive/COMMIT.zip"),
    ],
)
def test_the_lock_refuses_what_plain_pip_cannot_install(project, line, fix):
    before = (project / "requirements.txt").read_bytes()
    with (project / "requirements.in").open("a") as packages:
        packages.write(f"{line}\n")
    said = refused(project, "bin/lock")
    assert line in said
    assert fix in said
    assert (project / "requirements.txt").read_bytes() == before


def test_no_other_line_of_the_requirements_is_refused(project):
    with (project / "requirements.in").open("a") as packages:
        packages.write("-c limits.in\n-r more.in\n# a git+https URL\nidna # from ./x\n")
    uv = Path(sys.executable).parent
    said = refused(project, "bin/lock", PATH=f"{uv}:/usr/bin:/bin")
    assert "limits.in" in said
    assert "Fix: remove" not in said
    assert "Fix: name" not in said


def test_the_lock_names_what_it_chose_where_no_version_is_named(project):
    with (project / "requirements.in").open("a") as packages:
        packages.write("SQLParse\npackaging>=25\n")
    with (project / "requirements-test.in").open("a") as packages:
        packages.write("dj_database_url  # reads DATABASE_URL\n")
    uv = Path(sys.executable).parent
    said = call("bin/lock", cwd=project, PATH=f"{uv}:{os.environ['PATH']}")
    lock = (project / "requirements-test.txt").read_text()
    chosen = [line for line in said.splitlines() if "Chose" in line]
    assert len(chosen) == 2
    for line, name in zip(chosen, ("dj-database-url", "sqlparse"), strict=True):
        version = re.search(rf"^{name}==(\S+)", lock, re.MULTILINE)[1]
        short = ".".join(version.split(".")[:2])
        assert f"Chose {name} {version}, " in line and f"Fix: {name}~={short}" in line
