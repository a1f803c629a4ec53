"""The version, its changelog, and what a release attaches."""

import re
import shutil

import heroku
from projects import append, call, run


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
    names = [name for name in names.split() if not name.startswith(".template/")]
    assert {re.sub("^mysite/", "", name).count("mysite") for name in names} == {0}
