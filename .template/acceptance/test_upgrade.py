"""bin/upgrade merges a newer template into a project, whatever that was made from."""

import re
import shutil

import heroku
import pytest
import upgrades
from projects import append, call, change, install, run, substitute, tree


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
    """Projects of the oldest version: leave them as they are."""
    return upgrades.make_projects(oldest, tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize("package", ["mysite", "bookshop"])
def test_two_versions_are_merged_and_nothing_of_the_owner_is_lost(
    made, template, tmp_path, package
):
    project = shutil.copytree(made[package], tmp_path / "bookshop")
    upgrades.edit(project, package)
    install(project)
    before = tree(project)
    settings = project / package / "settings.py"
    key = upgrades.KEY.search(settings.read_bytes())[0]
    ran = template.with_name("ran")
    ran.unlink(missing_ok=True)
    result = run("bin/upgrade", template, cwd=project)
    said = result.stdout
    assert not ran.exists(), "code of the new version was run"

    # The one true conflict is marked, and nothing else is left to do.
    assert result.returncode == 1
    assert "Merged version 2.0.0 into 1.0.0" in said
    assert f"Resolve the conflicts in: {package}/settings.py" in said
    substitute(settings, upgrades.CONFLICT, 'TIME_ZONE = "Asia/Seoul"\n')

    # All the rest is as if the owner had edited a project of the new version.
    assert key in settings.read_bytes()
    projects = upgrades.make_projects(template.with_name("released"), tmp_path / "new")
    wanted = upgrades.without_locks(upgrades.edit(projects[package], package))
    assert upgrades.without_locks(project) == wanted

    # The changelog's entries in between are printed, the newest first.
    assert said.index("**What to do:** look at it.") < said.index("take a breath.")
    assert "The first." not in said

    # The locks are left to the owner, who compiles them.
    for name in upgrades.LOCKS:
        assert (project / name).read_bytes() == before[name]
    (lock,) = re.findall(r"^bin/lock .+", said, re.MULTILINE)
    call(*lock.split(), cwd=project, **upgrades.UV)
    lock = (project / "requirements-test.txt").read_text()
    assert "sqlparse==0.5.2" not in lock and "humanize==4." in lock
    assert ran.exists()

    call(".venv/bin/python", "-m", "pytest", "-q", "tests/test_owner.py", cwd=project)
    call(*(".venv/bin/python", "manage.py", "check"), cwd=project, DJANGO_LOCAL="1")
    heroku.commit(project, "Upgrade")
    last = tree(project)
    assert "Nothing to do" in call("bin/upgrade", template, cwd=project)
    assert tree(project) == last


@pytest.fixture
def project(made, tmp_path):
    """A project with its owner's edits, committed."""
    folder = shutil.copytree(made["bookshop"], tmp_path / "bookshop")
    upgrades.edit(folder, "bookshop")
    return folder


def change_the_library(project):
    append(project / "dyno/mail.py", "# mine\n")
    append(project / "dyno/mine.py", "")
    heroku.commit(project, "Change what is the template's")
    return "move your changes out of dyno/mail.py dyno/mine.py"


def ignore_a_folder_in_the_way(project):
    append(project / ".gitignore", "/bookshop/added.py/\n")
    heroku.commit(project, "Ignore a folder")
    append(project / "bookshop/added.py/notes", "mine")
    return "The new version has bookshop/added.py too"


def say_another_version(project):
    change(project / "dyno/__init__.py", ('"1.0.0"', '"0.9.0"'))
    heroku.commit(project, "Say another version")
    return 'no version "0.9.0"'


def leave_a_change_uncommitted(project):
    change(project / "Procfile", ("web:", "web: nice"))
    return "Not everything is committed"


def leave_a_file_untracked(project):
    append(project / "new.py", "")
    return "Not everything is committed"


def break_the_repository(project):
    shutil.rmtree(project / ".git")
    append(project / ".git", "")
    return "Not everything is committed"


def stop_git_at_its_last_step(project):
    append(project / ".git/index.lock", "")
    return "index.lock"


FAULTS = (
    change_the_library,
    ignore_a_folder_in_the_way,
    say_another_version,
    leave_a_change_uncommitted,
    leave_a_file_untracked,
    break_the_repository,
    stop_git_at_its_last_step,
)


def assert_nothing_changes(project, source, cause):
    """Assert that the upgrade is refused for this cause."""
    before = tree_of_all(project)
    result = run("bin/upgrade", source, cwd=project)
    assert result.returncode == 1
    assert cause in result.stdout and "Nothing was changed" in result.stdout
    assert tree_of_all(project) == before


def tree_of_all(project):
    """Return the content of each file that is there, but for git's own."""
    paths = [path for path in project.rglob("*") if path.is_file()]
    kept = [path for path in paths if ".git" not in path.relative_to(project).parts]
    return {path: path.read_bytes() for path in kept}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_refused_upgrade_changes_nothing(project, template, fault):
    cause = fault(project)
    assert_nothing_changes(project, template, cause)


def test_an_address_that_is_no_template_changes_nothing(project, tmp_path):
    assert_nothing_changes(project, "nowhere", "does not exist")
    append(tmp_path / "other/a", "a")
    heroku.commit(tmp_path / "other", "Something else")
    assert_nothing_changes(project, tmp_path / "other", "That is not a template.")


def test_the_newest_tag_is_taken_where_there_are_tags(project, template, tmp_path):
    tagged = shutil.copytree(template, tmp_path / "tagged")
    log = call("git", "log", "--format=%s %H", cwd=tagged)
    commits = dict(re.findall(r"^Version (\S+) (\w+)$", log, re.MULTILINE))
    call("git", "tag", "v0.9.0", cwd=tagged)
    said = call("bin/upgrade", tagged, cwd=project)
    assert "Nothing to do: the project has version 1.0.0" in said

    for version in ("1.1.0", "2.0.0"):
        call("git", "tag", f"v{version}", commits[version], cwd=tagged)
    call("git", "tag", "v9-nightly", cwd=tagged)
    upgrades.commit_version(tagged, "2.1.0", "Not tagged yet.", "wait.")
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "Merged version 2.0.0 into 1.0.0" in said
    assert "A new footer" in (project / "templates/site.html").read_text()
    call("git", "reset", "--hard", "--quiet", cwd=project)

    # An older version is looked up by its tag too, and ten is more than nine.
    call("git", "tag", "v1.0.0", commits["1.1.0"], cwd=tagged)
    call("git", "tag", "v10.0.0", cwd=tagged)
    result = run("bin/upgrade", tagged, cwd=project)
    assert "move your changes out of dyno/__init__.py dyno/added.py" in result.stdout
    call("git", "tag", "--force", "v1.0.0", commits["1.0.0"], cwd=tagged)
    said = run("bin/upgrade", tagged, cwd=project).stdout
    assert "Merged version 10.0.0 into 1.0.0" in said


def test_a_project_in_a_folder_of_a_repository_is_upgraded_there(
    project, template, tmp_path
):
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(project, tmp_path / "all/shop", ignore=no_git)
    append(tmp_path / "all/manage.py", "Of another project\n")
    heroku.commit(tmp_path / "all", "Two projects")
    said = run("bin/upgrade", template, cwd=tmp_path / "all/shop").stdout
    assert "Resolve the conflicts in: bookshop/settings.py\n" in said
    changed = call("git", "diff", "--name-only", "HEAD", cwd=tmp_path / "all")
    assert "shop/dyno/added.py" in changed
    assert {name.split("/")[0] for name in changed.split()} == {"shop"}
    assert not (tmp_path / "all/shop/docs/removing.md").exists()
