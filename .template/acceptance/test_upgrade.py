"""bin/upgrade merges a newer template into a project, whatever that was made from."""

import re
import shutil

import heroku
import pytest
import upgrades
from projects import archive, call, change, install, run, start, tree

FROM = {"folder": "mysite", "zip": "mysite", "archive": "bookshop"}


@pytest.fixture(scope="module")
def oldest(source, tmp_path_factory):
    """The template at version 1.0.0: leave it as it is."""
    return upgrades.make_oldest(source, tmp_path_factory.mktemp("templates") / "oldest")


@pytest.fixture(scope="module")
def template(oldest, tmp_path_factory):
    """The template two versions later: leave it as it is."""
    return upgrades.make_newer(oldest, tmp_path_factory.mktemp("newer") / "template")


@pytest.fixture(scope="module")
def made(oldest, tmp_path_factory):
    """A project of each kind, from the oldest version: leave them as they are."""
    folder = tmp_path_factory.mktemp("made")
    whole = folder / "whole.zip"
    call("git", "archive", "--prefix=t/", "-o", whole, "HEAD", cwd=oldest)
    own = archive(oldest, folder / "template.zip")
    kinds = {"folder": oldest, "zip": whole, "archive": own}
    return {k: start(kinds[k], "bookshop", folder / k) for k in kinds}


@pytest.mark.parametrize("kind", FROM)
def test_two_versions_are_merged_and_nothing_of_the_owner_is_lost(
    made, template, tmp_path, kind
):
    project = shutil.copytree(made[kind], tmp_path / "bookshop")
    package = FROM[kind]
    before = upgrades.edit(project, package)
    install(project)
    result = run("bin/upgrade", template, cwd=project)
    said = result.stdout
    upgrades.unname_the_commit(project / package / "settings.py")
    after = tree(project)

    # The one true conflict is marked, and nothing else is left to do.
    settings = after[f"{package}/settings.py"].decode()
    assert upgrades.CONFLICT in settings
    marked = [name for name, text in after.items() if b"<<<<<<<" in text]
    assert marked == [f"{package}/settings.py"]
    assert result.returncode == 1
    assert f"Resolve the conflicts in: {package}/settings.py" in said

    # The owner's edits and the template's are both there.
    for words in ('    "blog",\n', '"https://cdn.example.com"]', "blog.middleware"):
        assert words in settings
    for words in ("# A new comment", '"connect-src": [CSP.SELF]'):
        assert words in settings
    assert '"django-insecure-&|mine' in settings
    assert after["README.md"].startswith(b"# My shop")
    assert b"A new paragraph." in after["README.md"]
    assert after["Procfile"] == before["Procfile"]
    assert b"What I learned." in after["docs/faults.md"]
    assert b"A new section." in after["docs/growing.md"]
    assert b"Welcome to my shop" in after["templates/home.html"]
    assert b"<script" not in after["templates/home.html"]
    assert after["bin/upgrade"].endswith(b"# A new last line.\n")
    assert after["dyno/added.py"] and b"All middle" in after["dyno/middleware.py"]
    assert after[f"{package}/added.py"] == f'"""Of {package}."""\n'.encode()

    # What the template dropped is gone, what is the owner's is not touched, and what
    # is the workshop's or unfinished has not come.
    assert set(before) - set(after) == {"docs/errors.md", "static/site.js"}
    added = {"docs/faults.md", "dyno/added.py", f"{package}/added.py"}
    assert set(after) - set(before) == added
    for name in ("blog/middleware.py", "tests/test_owner.py", "docs/mine.md"):
        assert after[name] == before[name]
    assert after.get("NOTES") == before.get("NOTES")
    assert b"unfinished" not in after["templates/site.html"]

    # The locks are left to the owner, who compiles them.
    for name in ("requirements.txt", "requirements-test.txt"):
        assert after[name] == before[name]
    (lock,) = re.findall(r"^bin/lock .+", said, re.MULTILINE)
    call(*lock.split(), cwd=project, **upgrades.UV)
    lock = (project / "requirements-test.txt").read_text()
    assert "sqlparse==0.5.2" not in lock and "humanize==4." in lock
    assert "All the packages" in after["requirements.in"].decode()

    # The changelog's entries in between are printed, the newest first.
    assert said.index("**What to do:** look at it.") < said.index("take a breath.")
    assert "The first." not in said

    resolved = (upgrades.CONFLICT, "TIME_ZONE = 'UTC'\n")
    change(project / package / "settings.py", resolved)
    call(".venv/bin/python", "-m", "pytest", "-q", "tests/test_owner.py", cwd=project)
    call(*(".venv/bin/python", "manage.py", "check"), cwd=project, DJANGO_LOCAL="1")
    heroku.commit(project, "Upgrade")
    last = tree(project)
    assert "Nothing to do" in call("bin/upgrade", template, cwd=project)
    assert tree(project) == last


@pytest.fixture
def project(made, tmp_path):
    """A project with its owner's edits, committed."""
    folder = shutil.copytree(made["archive"], tmp_path / "bookshop")
    upgrades.edit(folder, "bookshop")
    install(folder)
    return folder


def test_a_project_that_keeps_djangos_own_users_keeps_them(project, template):
    """One that was moved by hand from the layout before there were versions."""
    settings = project / "bookshop/settings.py"
    change(settings, ('AUTH_USER_MODEL = "bookshop.User"\n', ""))
    for name in ("models.py", "admin.py", "migrations"):
        path = project / "bookshop" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    heroku.commit(project, "Keep auth.User")
    run("bin/upgrade", template, cwd=project)
    assert "AUTH_USER_MODEL" not in settings.read_text()
    assert not (project / "bookshop/models.py").exists()
    assert not (project / "bookshop/migrations").exists()


def test_an_owners_change_in_dyno_is_named_and_nothing_is_merged(project, template):
    with (project / "dyno/mail.py").open("a") as file:
        file.write("# mine\n")
    (project / "dyno/mine.py").write_text("")
    heroku.commit(project, "Change what is the template's")
    before = tree(project)
    result = run("bin/upgrade", template, cwd=project)
    assert result.returncode == 1 and "Nothing was changed" in result.stdout
    assert "dyno/mail.py" in result.stdout and "dyno/mine.py" in result.stdout
    assert tree(project) == before


def test_an_ignored_folder_in_the_way_of_a_new_file_is_kept(project, template):
    with (project / ".gitignore").open("a") as file:
        file.write("/bookshop/added.py/\n")
    heroku.commit(project, "Ignore a folder")
    (project / "bookshop/added.py").mkdir()
    (project / "bookshop/added.py/notes").write_text("mine")
    before = tree(project)
    result = run("bin/upgrade", template, cwd=project)
    assert result.returncode == 1 and "Nothing was changed" in result.stdout
    assert "The new version has bookshop/added.py too" in result.stdout
    assert (project / "bookshop/added.py/notes").read_text() == "mine"
    assert tree(project) == before


def unknown_version(project):
    change(project / "dyno/__init__.py", ('"1.0.0"', '"0.9.0"'))
    heroku.commit(project, "Say another version")
    return 'no version "0.9.0"'


def dirty_tree(project):
    change(project / "Procfile", ("web:", "web: nice"))
    return "Not everything is committed"


def untracked_file(project):
    (project / "new.py").write_text("")
    return "Not everything is committed"


def no_repository(project):
    shutil.rmtree(project / ".git")
    (project / ".git").write_text("")
    return "Not everything is committed"


@pytest.mark.parametrize(
    "fault", [unknown_version, dirty_tree, untracked_file, no_repository]
)
def test_a_refused_upgrade_changes_nothing(project, template, fault):
    cause = fault(project)
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    result = run("bin/upgrade", template, cwd=project)
    assert result.returncode == 1
    assert cause in result.stdout and "Nothing was changed" in result.stdout
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("address", ["nowhere", "http://127.0.0.1:1/template.git", "."])
def test_a_address_that_is_no_template_changes_nothing(project, address, tmp_path):
    if address == ".":
        address = tmp_path / "empty"
        address.mkdir()
        (address / "a").write_text("a")
        heroku.commit(address, "Something else")
    before = tree(project)
    result = run("bin/upgrade", address, cwd=project)
    assert result.returncode and "Nothing was changed" in result.stdout
    assert tree(project) == before


def test_a_failure_while_it_merges_changes_nothing(project, template, tmp_path):
    # A git that fails at the last step before the project is written to.
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    real = shutil.which("git")
    git.write_text(
        '#!/bin/sh\ncase " $* " in *" cherry-pick "*) echo broken >&2; exit 128;; esac'
        f'\nexec {real} "$@"\n'
    )
    git.chmod(0o755)
    before = tree(project)
    path = f"{git.parent}:/usr/bin:/bin"
    result = run("bin/upgrade", template, cwd=project, PATH=path)
    assert result.returncode == 1
    assert "broken" in result.stdout and "Nothing was changed" in result.stdout
    assert tree(project) == before


def test_no_code_of_the_new_version_is_run(project, template, tmp_path):
    newer = shutil.copytree(template, tmp_path / "newer")
    ran = tmp_path / "ran"
    for name in ("install", "lock", "run", "test", "check"):
        change(newer / "bin" / name, ("set -eu\n", f"set -eu\ntouch {ran}\n"))
    for name in ("manage.py", "conftest.py", "dyno/apps.py", "mysite/settings.py"):
        with (newer / name).open("a") as file:
            file.write(f"\nopen({str(ran)!r}, 'w').close()\n")
    upgrades.commit_version(newer, "3.0.0", "Code.", "read it.")
    said = run("bin/upgrade", newer, cwd=project).stdout
    assert "Merged version 3.0.0 into 1.0.0" in said
    assert not ran.exists()
    run("bin/test", cwd=project)
    assert ran.exists()


@pytest.mark.parametrize("prefix", ["", "v"])
def test_the_newest_tag_is_taken_where_there_are_tags(
    project, template, tmp_path, prefix
):
    tagged = shutil.copytree(template, tmp_path / "tagged")
    log = call("git", "log", "--format=%s %H", cwd=tagged)
    commits = dict(re.findall(r"^Version (\S+) (\w+)$", log, re.MULTILINE))
    for version in ("1.1.0", "2.0.0"):
        call("git", "tag", prefix + version, commits[version], cwd=tagged)
    call("git", "tag", "v9-nightly", cwd=tagged)
    upgrades.commit_version(tagged, "2.1.0", "Not tagged yet.", "wait.")
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "Merged version 2.0.0 into 1.0.0" in said
    assert "A new footer" in (project / "templates/site.html").read_text()
    call("git", "reset", "--hard", "--quiet", cwd=project)

    # An older version is looked up by its tag too, and ten is more than nine.
    call("git", "tag", prefix + "1.0.0", commits["1.1.0"], cwd=tagged)
    call("git", "tag", prefix + "10.0.0", cwd=tagged)
    result = run("bin/upgrade", tagged, cwd=project)
    assert "move your changes out of dyno/__init__.py dyno/added.py" in result.stdout
    call("git", "tag", "--force", prefix + "1.0.0", commits["1.0.0"], cwd=tagged)
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "Merged version 10.0.0 into 1.0.0" in said


def test_a_project_that_is_newer_than_the_newest_tag_is_left_alone(
    project, template, tmp_path
):
    tagged = shutil.copytree(template, tmp_path / "tagged")
    call("git", "tag", "v0.9.0", cwd=tagged)
    before = tree(project)
    said = call("bin/upgrade", tagged, cwd=project)
    assert "Nothing to do: the project has version 1.0.0" in said
    assert tree(project) == before


def test_a_project_in_a_folder_of_a_repository_is_upgraded_there(
    project, template, tmp_path
):
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(project, tmp_path / "all/shop", ignore=no_git)
    (tmp_path / "all/manage.py").write_text("Of another project\n")
    heroku.commit(tmp_path / "all", "Two projects")
    said = run("bin/upgrade", template, cwd=tmp_path / "all/shop").stdout
    assert "Resolve the conflicts in: bookshop/settings.py\n" in said
    changed = call("git", "diff", "--name-only", "HEAD", cwd=tmp_path / "all")
    assert "shop/dyno/added.py" in changed
    assert {name.split("/")[0] for name in changed.split()} == {"shop"}
    assert not (tmp_path / "all/shop/docs/removing.md").exists()
