"""The version, its changelog, and the archive that a release attaches."""

import re
import shutil

import heroku
import pytest
from projects import append, archive, call, install, run, served, start


@pytest.fixture(scope="module")
def template(repository, tmp_path_factory):
    """The archive that a release attaches."""
    return archive(repository, tmp_path_factory.mktemp("archive") / "template.zip")


def entries():
    """Return the text of each entry of the changelog by its version, in their order."""
    text = (heroku.ROOT / ".template/CHANGELOG.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_newest_entry_of_the_changelog_is_the_version_and_each_has_what_to_do():
    init = (heroku.ROOT / "dyno/__init__.py").read_text()
    version = re.search(r'^__version__ = "(.+)"$', init, re.MULTILINE)[1]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert next(iter(entries())) == version
    for entry, text in entries().items():
        assert text.count("**What to do:**") == 1, entry


def test_a_release_holds_tag_and_version_together_and_attaches_the_archive(repository):
    text = (heroku.ROOT / ".github/workflows/release.yml").read_text()
    check = re.search(r"run: (grep .*)", text)[1]
    version = next(iter(entries()))
    for tag, status in ((f"v{version}", 0), (f"v{version}1", 1)):
        result = run("sh", "-c", check, cwd=heroku.ROOT, GITHUB_REF_NAME=tag)
        assert result.returncode == status
    check = re.search(r"run: (test .*)", text)[1]
    last = call("git", "log", "-1", "--format=%H", cwd=repository).strip()
    call("sh", "-c", check, cwd=repository, GITHUB_SHA=last)
    assert run("sh", "-c", check, cwd=repository, GITHUB_SHA="0" * 40).returncode == 1
    assert ".template/build template.zip" in text
    assert re.search(r"gh release create .* template\.zip", text)


def test_no_workflow_of_the_template_runs_in_a_clone():
    workflows = [*(heroku.ROOT / ".github/workflows").glob("*.yml")]
    assert workflows
    for path in workflows:
        jobs = path.read_text().partition("\njobs:\n")[2]
        count = len(re.findall(r"^  \S+:$", jobs, re.MULTILINE))
        assert jobs.count("    if: vars.TEMPLATE_CI == '1'\n") == count, path.name


def test_the_archive_at_the_address_of_the_newest_release_gives_a_package_of_that_name(
    template, tmp_path
):
    path = tmp_path / "releases/latest/download/template.zip"
    path.parent.mkdir(parents=True)
    shutil.copy(template, path)
    with served(tmp_path) as url:
        address = f"{url}/releases/latest/download/template.zip"
        project = start(address, "bookshop", tmp_path / "made")
    python = install(project)
    said = call(python, "manage.py", "check", cwd=project, DJANGO_LOCAL="1")
    assert "no issues" in said
    assert (project / "bookshop/settings.py").is_file()
    assert not (project / "mysite").exists()


@pytest.mark.parametrize("name", ["docs", "admin", "Static"])
def test_a_name_that_cannot_work_is_refused_before_a_static_file_is_collected(
    template, tmp_path, name
):
    # Over a file that is there, startproject itself refuses to write.
    try:
        project = start(template, name, tmp_path)
    except AssertionError as refused:
        assert "already exists" in str(refused)
        return
    python = install(project)
    for command in ("collectstatic", "runserver", "migrate"):
        result = run(python, "manage.py", command, "--noinput", cwd=project)
        assert result.returncode == 1
        assert f"A project cannot have the name {name}" in result.stdout
        assert "Fix: " in result.stdout
    assert not (project / "staticfiles/staticfiles.json").exists()


def test_the_archive_is_not_built_if_another_file_than_python_says_the_name(
    repository, tmp_path
):
    folder = shutil.copytree(repository, tmp_path / "changed")
    append(folder / "bin/check", "# mysite\n")
    heroku.commit(folder, "Say the name")
    result = run(".template/build", tmp_path / "template.zip", cwd=folder)
    assert result.returncode == 1 and "bin/check" in result.stdout
    assert not (tmp_path / "template.zip").exists()


def test_no_other_path_than_the_packages_bears_the_name(repository):
    """bin/upgrade renames that folder, and no more."""
    names = call("git", "ls-tree", "-r", "--name-only", "HEAD", cwd=repository)
    bearing = [n for n in names.split("\n") if "mysite" in n.partition("/")[2]]
    assert not [n for n in bearing if not n.startswith(".template/")]
    tops = {n.split("/")[0] for n in names.split("\n") if "mysite" in n.split("/")[0]}
    assert tops == {"mysite"}
