"""bin/upgrade merges a newer template into a project, whatever that was made from."""

import re
import shutil

import heroku
import pytest
from projects import ME, append, archive, call, change, files, run, start, substitute

KEY = re.compile(b'"django-insecure-.+"')
LOCKS = ("requirements.txt", "requirements-test.txt")

# The one line that both changed. Git adds the name of a commit.
CONFLICT = """<<<<<<< HEAD
(TIME_ZONE = "Asia/Seoul"
)=======
TIME_ZONE = "Europe/London"
>>>>>>> .+
"""


def commit_version(template, version, news, to_do):
    """Commit all that changed in the template as a version, with its entry."""
    substitute(template / "dyno/__init__.py", '"[0-9.]+"', f'"{version}"')
    new = f"## {version}\n\n{news}\n\n**What to do:** {to_do}\n\n## "
    change(template / ".template/CHANGELOG.md", ("## ", new))
    heroku.commit(template, f"Version {version}")


@pytest.fixture(scope="module")
def oldest(source, tmp_path_factory):
    """The template at version 1.0.0: leave it as it is."""
    folder = tmp_path_factory.mktemp("oldest") / "template"
    shutil.copytree(source, folder)
    commit_version(folder, "1.0.0", "The first.", "nothing.")
    return folder


@pytest.fixture(scope="module")
def template(oldest, tmp_path_factory):
    """The template two versions later, and `released` beside it: leave it as it is.

    Its code makes a file `ran` there if it runs.
    """
    folder = tmp_path_factory.mktemp("newer") / "template"
    shutil.copytree(oldest, folder)
    change(folder / "dyno/middleware.py", ('"""The middleware', '"""All middleware'))
    append(folder / "dyno/added.py", '"""A new module."""\n')
    commit_version(folder, "1.1.0", "More in dyno/.", "take a breath.")

    settings = folder / "mysite/settings.py"
    change(settings, ("\nROOT_URLCONF =", "\n# A new comment\nROOT_URLCONF ="))
    change(settings, ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/London"'))
    footer = "  <footer>A new footer</footer>\n</body>"
    change(folder / "templates/site.html", ("</body>", footer))
    change(folder / "docs/removing.md", ("# Taking parts out", "# Removing parts"))
    append(folder / "mysite/added.py", '"""Of mysite."""\n')
    (folder / "docs/errors.md").rename(folder / "docs/faults.md")
    (folder / "static/site.js").unlink()
    append(folder / ".github/added.yml", "of: the template\n")
    append(folder / "bin/upgrade", "# A new last line.\n")
    ran = folder.with_name("ran")
    for name in ("install", "lock", "run", "test", "check"):
        change(folder / "bin" / name, ("set -eu\n", f"set -eu\ntouch {ran}\n"))
    for name in ("manage.py", "conftest.py", "dyno/apps.py", "mysite/urls.py"):
        append(folder / name, f'open("{ran}", "w").close()\n')
    for name in LOCKS:
        append(folder / name, "# Of a new package.\n")
    commit_version(folder, "2.0.0", "A footer.", "look at it.")
    shutil.copytree(folder, folder.with_name("released"))
    change(folder / "templates/site.html", ("A new footer", "An unfinished footer"))
    heroku.commit(folder, "Work on the next version")
    return folder


def make_project(template, folder):
    """Make a project and its owner's edits; one is on a line of the template's too."""
    project = start(archive(template, folder / "template.zip"), "bookshop", folder)
    heroku.commit(project, "Start")
    settings = project / "bookshop/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "blog",\n'))
    substitute(settings, 'TIME_ZONE = ".+"', 'TIME_ZONE = "Asia/Seoul"')
    append(project / "blog/__init__.py", "")
    append(project / "Procfile", "clock: python clock.py\n")
    for page in ("errors", "faults"):  # the later name of the same page
        if (project / f"docs/{page}.md").exists():
            append(project / f"docs/{page}.md", "What I learned.\n")
    (project / "docs/removing.md").unlink()
    heroku.commit(project, "Make it mine")
    return project


@pytest.fixture(scope="module")
def made(oldest, tmp_path_factory):
    """A project of the oldest version: leave it as it is."""
    return make_project(oldest, tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path):
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "bookshop")


def without_locks(project):
    """Return each file but the locks, with the same key in each."""
    found = {}
    for name, (text, mode) in files(project).items():
        if name not in LOCKS:
            found[name] = (KEY.sub(b"key", text), mode)
    return found


def test_two_versions_are_merged_and_nothing_of_the_owner_is_lost(
    project, template, tmp_path
):
    before = files(project)
    settings = project / "bookshop/settings.py"
    key = KEY.search(settings.read_bytes())[0]
    ran = template.with_name("ran")
    result = run("bin/upgrade", template, cwd=project)
    assert not ran.exists(), "code of the new version was run"
    run("bin/install", cwd=project)
    assert ran.exists()

    # The one true conflict is marked, and nothing else is left to do but the locks.
    said = result.stdout
    assert result.returncode == 1
    assert "Merged version 2.0.0 into 1.0.0" in said
    assert "Resolve the conflicts in: bookshop/settings.py" in said
    assert "\nbin/lock --upgrade\n" in said
    substitute(settings, CONFLICT, r"\1")
    for name in LOCKS:
        assert (project / name).read_bytes() == before[name][0]

    # All the rest is as if the owner had edited a project of the new version.
    assert key in settings.read_bytes()
    wanted = make_project(template.with_name("released"), tmp_path / "new")
    assert without_locks(project) == without_locks(wanted)

    # The changelog's entries in between are printed, the newest first.
    assert said.index("**What to do:** look at it.") < said.index("take a breath.")
    assert "The first." not in said
    heroku.commit(project, "Upgrade")
    assert "Nothing to do" in call("bin/upgrade", template, cwd=project)


@pytest.mark.parametrize(
    "commands, cause",
    [
        (
            "echo '# mine' | tee -a dyno/mail.py >dyno/mine.py\n"
            "git add --all; git commit --quiet --message Mine",
            "move your changes out of dyno/mail.py dyno/mine.py",
        ),
        (
            "echo /bookshop/added.py/ >>.gitignore; git commit --all --message Ignore\n"
            "mkdir bookshop/added.py; touch bookshop/added.py/notes",
            "The new version has bookshop/added.py too",
        ),
        (
            "sed -i s/1.0.0/0.9.0/ dyno/__init__.py; git commit --all --message Older",
            'no version "0.9.0"',
        ),
        ("touch new.py", "Not everything is committed"),
        ("touch .git/index.lock", "index.lock"),  # at git's last step
        (
            "rm -r ../other; git init --quiet ../other\n"
            "git -C ../other commit --allow-empty --message Empty",
            "That is not a template.",
        ),
    ],
)
def test_a_refused_upgrade_changes_nothing(project, template, commands, cause):
    other = shutil.copytree(template, project.parent / "other")
    call("sh", "-euc", commands, cwd=project, **ME)
    before = files(project)
    result = run("bin/upgrade", other, cwd=project)
    assert result.returncode == 1
    assert cause in result.stdout and "Nothing was changed" in result.stdout
    assert files(project) == before


def test_the_newest_tag_is_taken_where_there_are_tags(project, template, tmp_path):
    tagged = shutil.copytree(template, tmp_path / "tagged")
    log = call("git", "log", "--format=%s %H", cwd=tagged)
    commits = dict(re.findall(r"^Version (\S+) (\w+)$", log, re.MULTILINE))
    call("git", "tag", "v0.9.0", cwd=tagged)
    said = call("bin/upgrade", tagged, cwd=project)
    assert "Nothing to do: the project has version 1.0.0" in said

    # The project's own version is looked up by its tag too.
    call("git", "tag", "v1.0.0", commits["1.1.0"], cwd=tagged)
    call("git", "tag", "v9.0.0", commits["1.1.0"], cwd=tagged)
    call("git", "tag", "v10.0.0", commits["2.0.0"], cwd=tagged)
    call("git", "tag", "v11.0.0-rc1", cwd=tagged)
    commit_version(tagged, "12.0.0", "Not tagged yet.", "wait.")
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "move your changes out of dyno/__init__.py dyno/added.py" in said
    call("git", "tag", "--delete", "v1.0.0", cwd=tagged)
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "Merged version 10.0.0 into 1.0.0" in said
    assert "A new footer" in (project / "templates/site.html").read_text()


def test_a_project_of_the_folder_is_upgraded_in_a_folder_of_a_repository(
    oldest, template, tmp_path
):
    """`startproject` gives a project that it makes of the folder no package's name."""
    project = start(oldest, "shop", tmp_path / "all")
    substitute(project / "mysite/settings.py", "UTC", "Asia/Seoul")
    (project / "docs/removing.md").unlink()
    append(tmp_path / "all/manage.py", "Of another project\n")
    heroku.commit(tmp_path / "all", "Two projects")
    said = run("bin/upgrade", template, cwd=project).stdout
    assert "Resolve the conflicts in: mysite/settings.py\n" in said
    changed = call("git", "diff", "--name-only", "HEAD", cwd=tmp_path / "all").split()
    assert {"shop/dyno/added.py", "shop/mysite/added.py"} <= {*changed}
    assert {name.split("/")[0] for name in changed} == {"shop"}
    assert not (project / "docs/removing.md").exists()
