"""bin/upgrade merges a newer template into a project, whatever that was made from."""

import os
import re
import shutil
import sys
from pathlib import Path

import heroku
import pytest
from projects import archive, call, change, install, run, start, tree

FROM = {"folder": "mysite", "zip": "mysite", "archive": "bookshop"}
TEST = '''"""What the owner says of the site."""


def test_home_page(client):
    """It shows the owner's greeting and the new template's footer."""
    page = client.get("/").content.decode()
    assert "Welcome to my shop" in page and "A new footer" in page


def test_csp(client):
    """The owner's source is allowed."""
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "https://cdn.example.com" in policy
'''


# The one line that both changed. Git adds the name of a commit to the last of these.
CONFLICT = """<<<<<<< HEAD
TIME_ZONE = "Asia/Seoul"
=======
TIME_ZONE = "Europe/London"
>>>>>>> (template)
"""

# uv compiles the locks; without one on PATH, bin/lock would get it from PyPI each time.
UV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def commit_version(template, version, *entry):
    """Commit all that changed in the template as a version, with its entry."""
    path = template / "dyno/__init__.py"
    path.write_text(re.sub('"[0-9.]+"', f'"{version}"', path.read_text()))
    log = template / ".template/CHANGELOG.md"
    text = log.read_text()
    new = f"## {version}\n\n{entry[0]}\n\n**What to do:** {entry[1]}\n\n## "
    log.write_text(text.replace("## ", new, 1))
    heroku.commit(template, f"Version {version}")


@pytest.fixture(scope="module")
def oldest(source, tmp_path_factory):
    """The template at version 1.0.0, whose lock has an old release of a package."""
    folder = tmp_path_factory.mktemp("templates") / "oldest"
    shutil.copytree(source, folder)
    shutil.rmtree(folder / "tests", ignore_errors=True)
    with (folder / ".gitattributes").open("a") as file:
        file.write("/NOTES export-ignore\n")
    (folder / "NOTES").write_text("Of the template\n")
    for name in ("requirements.txt", "requirements-test.txt"):
        path = folder / name
        text = re.sub(r"(?m)^sqlparse==[0-9.]+", "sqlparse==0.5.2", path.read_text())
        path.write_text(text)
    init = folder / "dyno/__init__.py"
    init.write_text(re.sub('"[0-9.]+"', '"0.1.0"', init.read_text()))
    heroku.commit(folder, "Before there were versions")
    commit_version(folder, "1.0.0", "The first.", "nothing.")
    return folder


@pytest.fixture(scope="module")
def template(oldest, tmp_path_factory):
    """The template two versions later: leave it as it is."""
    folder = shutil.copytree(oldest, tmp_path_factory.mktemp("newer") / "template")
    growing = folder / "docs/growing.md"
    growing.write_text(growing.read_text() + "\nA new section.\n")
    change(folder / "dyno/middleware.py", ('"""The middleware', '"""All middleware'))
    (folder / "dyno/added.py").write_text('"""A new module."""\n')
    commit_version(folder, "1.1.0", "More in dyno/.", "take a breath.")

    # Beside the owner's lines, and once on one of them.
    with (folder / "mysite/models.py").open("a") as file:
        file.write("\n    # a new comment\n")
    change(
        folder / "mysite/settings.py",
        ("\nROOT_URLCONF =", "\n# A new comment\nROOT_URLCONF ="),
        ('    "connect-src": OWN,', '    "connect-src": [CSP.SELF],'),
        ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/London"'),
    )
    footer = "  <footer>A new footer</footer>\n</body>"
    change(folder / "templates/site.html", ("</body>", footer))
    change(folder / "README.md", ("\n## ", "\nA new paragraph.\n\n## "))
    change(folder / "docs/removing.md", ("# Taking parts out", "# Removing parts"))
    change(
        folder / "requirements.in",
        ("# The packages that run", "# All the packages that run"),
    )
    (folder / "mysite/added.py").write_text('"""Of mysite."""\n')
    (folder / "docs/errors.md").rename(folder / "docs/faults.md")
    (folder / "static/site.js").unlink()
    script = "<script src=\"{% static 'site.js' %}\" defer></script>"
    change(folder / "templates/home.html", (script, ""))
    (folder / ".github/added.yml").write_text("of: the template\n")
    with (folder / "NOTES").open("a") as file:
        file.write("More of the template\n")
    script = (folder / "bin/upgrade").read_text()
    (folder / "bin/upgrade").write_text(script + "# A new last line.\n")
    for name in ("requirements.txt", "requirements-test.txt"):
        shutil.copy(heroku.ROOT / name, folder)
    commit_version(folder, "2.0.0", "A footer.", "look at it.")
    change(folder / "templates/site.html", ("A new footer", "An unfinished footer"))
    heroku.commit(folder, "Work on the next version")
    return folder


@pytest.fixture(scope="module")
def made(oldest, tmp_path_factory):
    """A project of each kind, from the oldest version: leave them as they are."""
    folder = tmp_path_factory.mktemp("made")
    whole = folder / "whole.zip"
    call("git", "archive", "--prefix=t/", "-o", whole, "HEAD", cwd=oldest)
    own = archive(oldest, folder / "template.zip")
    kinds = {"folder": oldest, "zip": whole, "archive": own}
    return {k: start(kinds[k], "bookshop", folder / k) for k in kinds}


def unname_the_commit(path):
    """Take out of the conflicts in a file what is another name each time."""
    text = re.sub(r"(?m)^>>>>>>> \w+ ", ">>>>>>> ", path.read_text())
    path.write_text(text)


def edit(project, package):
    """Make an owner's edits; one is on a line that the template changes too."""
    call("git", "init", "--quiet", "--initial-branch=master", cwd=project)
    for name, value in (("user.name", "Owner"), ("user.email", "me@example.com")):
        call("git", "config", name, value, cwd=project)
    heroku.commit(project, "Start")
    middleware = '    "django.middleware.clickjacking.XFrameOptionsMiddleware",\n'
    change(
        project / package / "settings.py",
        ('    "django_tasks_db",\n', '    "django_tasks_db",\n    "blog",\n'),
        ('"script-src": OWN,', '"script-src": [*OWN, "https://cdn.example.com"],'),
        (middleware, middleware + '    "blog.middleware.nothing",\n'),
        ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Asia/Seoul"'),
        ('"django-insecure-', '"django-insecure-&|mine'),
    )
    change(project / package / "views.py", ('"""The pages', '"""My pages'))
    change(project / "templates/home.html", ("Hello from Django", "Welcome to my shop"))
    change(project / "requirements.in", ("redis~=", "humanize~=4.0\nredis~="))
    change(project / "README.md", ("# A Django site", "# My shop\n\nOnce a site"))
    with (project / "Procfile").open("a") as file:
        file.write("clock: python clock.py\n")
    with (project / "docs/errors.md").open("a") as file:
        file.write("\nWhat I learned.\n")
    for name, text in {
        "blog/__init__.py": "",
        "blog/middleware.py": "def nothing(get_response):\n    return get_response\n",
        "tests/test_owner.py": TEST,
        "docs/mine.md": "My own.\n",
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    (project / "docs/removing.md").unlink()
    heroku.commit(project, "Make it mine")
    return tree(project)


@pytest.mark.parametrize("kind", FROM)
def test_two_versions_are_merged_and_nothing_of_the_owner_is_lost(
    made, template, tmp_path, kind
):
    project = shutil.copytree(made[kind], tmp_path / "bookshop")
    package = FROM[kind]
    before = edit(project, package)
    install(project)
    result = run("bin/upgrade", template, cwd=project)
    said = result.stdout
    unname_the_commit(project / package / "settings.py")
    after = tree(project)

    # The one true conflict is marked, and nothing else is left to do.
    settings = after[f"{package}/settings.py"].decode()
    assert CONFLICT in settings
    assert [n for n, text in after.items() if b"<<<<<<<" in text] == [
        f"{package}/settings.py"
    ]
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

    # The locks are left to the owner, who compiles them with what the template bumped.
    for name in ("requirements.txt", "requirements-test.txt"):
        assert after[name] == before[name]
    (lock,) = re.findall(r"^bin/lock .+", said, re.MULTILINE)
    call(*lock.split(), cwd=project, **UV)
    lock = (project / "requirements-test.txt").read_text()
    assert "sqlparse==0.5.2" not in lock and "humanize==4." in lock
    assert "All the packages" in after["requirements.in"].decode()

    # The changelog's entries in between are printed, the newest first.
    assert said.index("**What to do:** look at it.") < said.index("take a breath.")
    assert "The first." not in said

    change(project / package / "settings.py", (CONFLICT, "TIME_ZONE = 'UTC'\n"))
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
    edit(folder, "bookshop")
    install(folder)
    return folder


def test_line_endings_do_not_count_as_changes(project, template):
    (project / ".gitattributes").unlink()  # as in projects of before
    for path in (project / "bookshop").glob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for path in (project / "dyno").rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    heroku.commit(project, "Edit it elsewhere")
    said = run("bin/upgrade", template, cwd=project).stdout
    assert "conflicts in: bookshop/settings.py\n" in said
    unname_the_commit(project / "bookshop/settings.py")
    settings = (project / "bookshop/settings.py").read_text()
    assert settings.count("<<<<<<<") == 1 and CONFLICT in settings
    assert '"blog",' in settings and "# A new comment" in settings


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
    result = run(
        "bin/upgrade", template, cwd=project, PATH=f"{git.parent}:/usr/bin:/bin"
    )
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
    commit_version(newer, "3.0.0", "Code.", "read it.")
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
    commit_version(tagged, "2.1.0", "Not tagged yet.", "wait.")
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


def test_the_python_of_an_older_system_can_run_it(project):
    ruff = Path(sys.executable).parent / "ruff"
    lint = ("check", "--isolated", "--target-version", "py39", "--select", "E9,F")
    call(ruff, *lint, "bin/upgrade", cwd=project)


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


# As it stands in the settings of the versions before 2.0.0.
FILTER = 'DEFAULT_EXCEPTION_REPORTER_FILTER = "dyno.views.ReportFilter"\n'
WORKS = """
from django.conf import settings
from django.utils.module_loading import import_string

import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)
"""


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.2.0", "1.2.1"])
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
        ('LANGUAGE_CODE = "en', f'# Mine\n{FILTER}LANGUAGE_CODE = "en'),
    )
    greeting = ("<h1>Hello from Django</h1>", "<h1>Welcome to my shop</h1>")
    change(project / "templates/home.html", greeting)
    test = TEST.replace(' and "A new footer" in page', "")
    (project / "blog/tests.py").write_text(test)
    heroku.commit(project, "Make it mine")

    call("bin/upgrade", history, cwd=project, **UV)
    assert '"99.0.0"' in (project / "dyno/__init__.py").read_text()
    after = settings.read_text()
    for words in ('    "blog",\n', "https://cdn.example.com", f"# Mine\n{FILTER}"):
        assert words in after
    call("bin/lock", cwd=project, **UV)
    assert "psycopg-pool==" in (project / "requirements.txt").read_text()
    assert "no issues" in call(*manage, "check", cwd=project, **env)
    call(*manage, "shell", "--no-imports", "-c", WORKS, cwd=project, **env)
    call(".venv/bin/python", "-m", "pytest", "-q", "blog/tests.py", cwd=project)
