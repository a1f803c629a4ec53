"""The scripts in bin/, and what they say of an owner's mistakes."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.request import urlopen

import heroku
import pytest
import recipes
from parts import free_port
from projects import append, call, change, run, substitute
from scripts import UV, blocks, serving

TOOLS = Path(sys.executable).parent


def refused(project, *command, **environ):
    """Run what must fail, and return what it says."""
    environ["PORT"] = str(free_port())
    result = run("timeout", "100", *command, cwd=project, **environ)
    assert result.returncode not in (0, 124), result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    return result.stdout


def test_a_clone_on_windows_has_scripts_that_a_shell_can_run(repository, tmp_path):
    words = ("clone", "--quiet", "-c", "core.autocrlf=true", repository, tmp_path / "c")
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
    append(project / "bookshop/settings.py", "raise RuntimeError('broken settings')\n")
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


def test_a_folder_that_a_linked_venv_names_is_left_and_a_lock_edited_by_hand_is_named(
    project, tmp_path
):
    shared = tmp_path / "shared"
    (project / ".venv").rename(shared)
    (shared / "bin/activate").write_text(f"VIRTUAL_ENV={shared}\n")
    (project / ".venv").symlink_to(shared)
    before = sorted(shared.rglob("*"))
    append(project / "requirements.txt", "colorama==0.4.6\n")  # has no hash
    said = refused(project, "bin/install", "requirements.txt")
    assert "Making .venv" in said
    assert "Fix: edit requirements.in, not the .txt, then bin/lock" in said
    assert not (project / ".venv").is_symlink()
    assert sorted(shared.rglob("*")) == before


def test_the_first_app_of_the_recipes_passes_the_check(project):
    recipe = recipes.sections("recipes.md")["A first app"]
    shell = "".join(blocks(recipe, "sh"))
    start, *commands = [line.partition("  ")[0] for line in shell.splitlines()]
    path = f"{project}/.venv/bin:{os.environ['PATH']}"
    call("sh", "-c", start, cwd=project, DJANGO_LOCAL="1", PATH=path)
    for name, text in re.findall(r"`(\S+)`:\n\n```\w+\n(.*?)```", recipe, re.DOTALL):
        (project / name).write_text(text)
    app = ('    "dyno",\n', '    "dyno",\n    "blog",\n')
    change(project / "bookshop/settings.py", app)
    line = re.search(r"`(from .+? import .+?)`", recipe)[1]
    route = re.search(r"`(path\(.+?\),)`", recipe)[1]
    change(
        project / "bookshop/urls.py",
        ("\nfrom dyno.views", f"\n{line}\nfrom dyno.views"),
        ("urlpatterns = [\n", f"urlpatterns = [\n    {route}\n"),
    )
    # Without its migration, bin/run names the model, and serves the site all the same.
    with serving(project, "bin/run") as log:
        assert "A model changed without a migration: Migrations for 'blog'" in log
        assert "Fix: python manage.py makemigrations bookshop blog" in log
    assert len(commands) == 4
    for command in [*commands, "bin/check"]:
        call("sh", "-c", command, cwd=project, DJANGO_LOCAL="1", PATH=path)


def test_the_readmes_first_test_passes_until_the_page_changes(project):
    text = heroku.read(project / "README.md").partition("\n## Change it\n")[2]
    path = re.search(r"`(tests/\S+)`", text)[1]
    command = re.search(r"`(bin/test .+?)`", text)[1].split()
    (project / path).write_text(blocks(text, "python")[0])
    call(*command, cwd=project)
    substitute(project / "templates/home.html", "Hello from Django", "Hi, Django")
    assert "Hello from Django" in refused(project, *command)


def test_the_python_of_an_older_system_can_run_the_upgrade(project):
    lint = ("check", "--isolated", "--target-version", "py39", "--select", "E9,F")
    call(TOOLS / "ruff", *lint, "bin/upgrade", cwd=project)


# .env and Heroku's own CLI


@pytest.fixture
def cli(project):
    """The environment of a shell that has Heroku's CLI and the project's packages."""
    cli = heroku.node_modules("cli") / ".bin"
    path = f"{project}/.venv/bin:{cli}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(project.parent), "HEROKU_DISABLE_UPDATE": "1"}


def test_herokus_own_cli_runs_the_release_and_the_site_from_the_example(project, cli):
    shutil.copy(project / ".env.example", project / ".env")
    said = call("heroku", "local", "release", cwd=project, **cli)
    assert "The database default is migrated" in said
    collect = ("heroku", "local:run", "--", "python", "manage.py", "collectstatic")
    said = call(*collect, "--noinput", cwd=project, **cli)
    assert "static files copied" in said
    with serving(project, "heroku", "local", "web", "--port", "{}", **cli) as log:
        address = re.search(r"127\.0\.0\.1:\d+", log)[0]
        assert "Hello from Django" in urlopen(f"http://{address}/").read().decode()


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


def test_the_env_file_is_data_and_herokus_own_cli_reads_the_same(project, cli):
    (project / ".env").write_text(AS_IT_IS)
    (project / "show.py").write_text(SHOW)
    show = [project / ".venv/bin/python", "show.py", *NAMES]
    evaluated = 'set -eu; sets=$(bin/dotenv); eval "$sets"; exec "$@"'
    ours = json.loads(call("sh", "-c", evaluated, "sh", *show, cwd=project))
    assert "`touch made` $(touch made) $HOME ${HOME}" in ours
    said = call("heroku", "local:run", "--", *show, cwd=project, **cli)
    assert json.loads(said[said.index('["') :]) == ours
    assert not (project / "made").exists()


def test_the_site_runs_with_what_a_windows_editor_wrote(project):
    lines = ("\ufeffNOTE=(a `touch made`); touch made", "export DJANGO_LOG_LEVEL=DEBUG")
    (project / ".env").write_text("\r\n".join(lines), newline="")
    procfile = (project / "Procfile").read_text()
    (project / "Procfile").write_text(procfile, newline="\r\n")
    with serving(project, "bin/run") as log:
        assert "not found" not in log
        assert "level=debug" in log
    assert not (project / "made").exists()


@pytest.mark.parametrize("line", ["A-B=s3cret", "A=s3cret#x", "A='s3cret\n'"])
def test_a_line_of_the_env_file_that_sets_nothing_is_named(project, line):
    (project / ".env").write_text(f"OTHER=1\n\n{line}\n")
    said = refused(project, "bin/run")
    assert "Line 3 of .env is not NAME=value. Fix: " in said
    assert "s3cret" not in said


# bin/lock


def test_a_file_of_another_encoding_is_named(project):
    appended = "B=2\r\n".encode("utf-16-le")  # >> adds no byte order mark
    for content in ("A=é".encode("latin-1"), b"A=1\n" + appended):
        (project / ".env").write_bytes(content)
        assert ".env is not UTF-8: PowerShell" in refused(project, "bin/run")
    (project / "requirements.in").write_bytes(content)
    said = refused(project, "bin/lock")
    assert "requirements.in is not UTF-8: PowerShell" in said and "Fix: " in said


@pytest.mark.parametrize(
    ("fix", "lines"),
    [
        ("PIP_EXTRA_INDEX_URL", ["  --index-url=https://example.com", "-e ./library"]),
        ("COMMIT.zip", ["shop @ git+https://x.org", "./x", "shop @ file:///srv/shop"]),
    ],
)
def test_the_lock_refuses_what_plain_pip_cannot_install(project, fix, lines):
    before = (project / "requirements.txt").read_bytes()
    append(project / "requirements.in", "\n".join(lines))
    said = refused(project, "bin/lock")
    for words in (fix, *lines):
        assert words in said
    assert (project / "requirements.txt").read_bytes() == before


def test_no_other_line_of_the_requirements_is_refused(project):
    lines = "-c limits.in\n-r more.in\n# a git+https URL\nidna # from ./x\n"
    append(project / "requirements.in", lines)
    said = refused(project, "bin/lock", PATH=f"{TOOLS}:/usr/bin:/bin")
    assert "limits.in" in said
    assert "Fix: remove" not in said and "Fix: name" not in said


def test_the_lock_names_what_it_chose_where_no_version_is_named(project):
    append(project / "requirements.in", "SQLParse\npackaging>=25\n")
    append(project / "requirements-test.in", "dj_database_url  # reads DATABASE_URL\n")
    said = call("bin/lock", cwd=project, **UV)
    lock = (project / "requirements-test.txt").read_text()
    chosen = re.findall(r"Chose (\S+) ((\d+\.\d+)\S*), .* Fix: (\S+)", said)
    assert [name for name, *_ in chosen] == ["dj-database-url", "sqlparse"]
    for name, version, short, fix in chosen:
        assert f"\n{name}=={version}" in lock and fix == f"{name}~={short}"
