"""bin/lock refuses what a build could not install, and names the line."""

import os
import re
import sys
from pathlib import Path

import pytest
from projects import append, call
from scripts import POWERSHELL, installed, refused

UV = Path(sys.executable).parent


@pytest.fixture
def project(source, tmp_path):
    """A copy of the repository whose .venv is installed already."""
    return installed(source, tmp_path / "project")


def test_requirements_of_another_encoding_are_named(project):
    path = project / "requirements.in"
    before = path.read_bytes()
    for content in POWERSHELL:
        path.write_bytes(before + content)
        said = refused(project, "bin/lock")
        assert "requirements.in is not UTF-8: PowerShell" in said and "Fix: " in said


def test_a_lock_edited_by_hand_is_named(project):
    append(project / "requirements.txt", "colorama==0.4.6\n")
    said = refused(project, "bin/run")
    assert "Fix: edit requirements.in, not the .txt, then bin/lock" in said


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("  --index-url=https://pypi.example.com/simple", "PIP_EXTRA_INDEX_URL"),
        ("-i https://pypi.example.com/simple", "PIP_EXTRA_INDEX_URL"),
        ("-e ./library", "Fix: "),
        ("shop @ git+https://github.com/shop/shop@main", "archive/COMMIT.zip"),
        ("./library", "archive/COMMIT.zip"),
        ("shop @ file:///srv/shop", "archive/COMMIT.zip"),
    ],
)
def test_the_lock_refuses_what_plain_pip_cannot_install(project, line, fix):
    before = (project / "requirements.txt").read_bytes()
    append(project / "requirements.in", f"{line}\n")
    said = refused(project, "bin/lock")
    assert line in said
    assert fix in said
    assert (project / "requirements.txt").read_bytes() == before


def test_no_other_line_of_the_requirements_is_refused(project):
    lines = "-c limits.in\n-r more.in\n# a git+https URL\nidna # from ./x\n"
    append(project / "requirements.in", lines)
    said = refused(project, "bin/lock", PATH=f"{UV}:/usr/bin:/bin")
    assert "limits.in" in said
    assert "Fix: remove" not in said
    assert "Fix: name" not in said


def test_the_lock_names_what_it_chose_where_no_version_is_named(project):
    append(project / "requirements.in", "SQLParse\npackaging>=25\n")
    append(project / "requirements-test.in", "dj_database_url  # reads DATABASE_URL\n")
    said = call("bin/lock", cwd=project, PATH=f"{UV}:{os.environ['PATH']}")
    lock = (project / "requirements-test.txt").read_text()
    chosen = [line for line in said.splitlines() if "Chose" in line]
    assert len(chosen) == 2
    for line, name in zip(chosen, ("dj-database-url", "sqlparse"), strict=True):
        version = re.search(rf"^{name}==(\S+)", lock, re.MULTILINE)[1]
        short = ".".join(version.split(".")[:2])
        assert f"Chose {name} {version}, " in line and f"Fix: {name}~={short}" in line
