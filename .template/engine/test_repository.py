"""Files of the repository that must agree, also with those of Django."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "mysite/settings.py").read_text()


def pins(name):
    """Return the packages and versions in a lock."""
    text = (ROOT / name).read_text()
    return dict(re.findall(r"(?m)^([\w.-]+)(?:\[.*\])?==(\S+)", text))


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_the_lock_has_what_the_source_says_now(name):
    locked = pins(f"{name}.txt")
    source = (ROOT / f"{name}.in").read_text()
    for line in re.findall(r"(?m)^[A-Za-z][^#\n]*", source):
        wanted = Requirement(line.strip())
        assert locked[wanted.name] in wanted.specifier, f"{line}: run bin/lock"


def test_the_tests_run_on_the_versions_that_are_deployed():
    assert pins("requirements.txt").items() <= pins("requirements-test.txt").items()


def test_git_leaves_out_files_of_secrets(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    secrets = [".env", ".env.production", "production.env"]
    ask = ["git", "check-ignore", ".env.example", *secrets]
    ignored = subprocess.run(ask, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert ignored.stdout.split() == secrets


# What comes from config vars here, by how Django's line begins; and its comments.
OTHER = ("SECRET_KEY =", "DEBUG =", '"ENGINE":', '"NAME": BASE_DIR', "STATIC_URL =")
OTHER += ('"BACKEND": "django.core.mail', "#")


def test_settings_have_what_djangos_startproject_writes_in_its_order(tmp_path):
    """If this fails after an upgrade, take over what has changed in Django's template.

    Or name the difference above.
    """
    command = [sys.executable, "-m", "django", "startproject", "mysite", "."]
    subprocess.run(command, cwd=tmp_path, check=True)
    text = (tmp_path / "mysite/settings.py").read_text().replace("'", '"')
    _, docstring, code = text.split('"""')
    lines = [line.strip(" ,[]{}") for line in code.splitlines()]
    theirs = [line for line in lines if line and not line.startswith(OTHER)]
    missing = [line for line in theirs if line not in SETTINGS]
    assert not missing, f"Django {django.__version__} writes, and we do not: {missing}"
    places = [SETTINGS.index(line) for line in dict.fromkeys(theirs)]
    assert places == sorted(places)


def test_the_links_lead_to_the_documentation_of_this_django():
    versions = set(re.findall(r"djangoproject\.com/en/([\d.]+)/", SETTINGS))
    assert versions == {".".join(map(str, django.VERSION[:2]))}
