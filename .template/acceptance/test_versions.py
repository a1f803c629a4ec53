"""The version, its changelog, and what a release attaches."""

import re

import heroku
from projects import call, run


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
