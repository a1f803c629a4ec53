"""Files of the repository that must agree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def lines(name):
    """Return the lines of a file that name a package, each in one piece."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    return re.findall(r"(?m)^[A-Za-z].*", text)


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_the_lock_has_what_the_source_says_now_with_hashes(name):
    locked = {}
    for line in lines(f"{name}.txt"):
        pin, _, hashes = line.partition(" ")
        assert "--hash=sha256:" in hashes
        package, _, version = pin.partition("==")
        locked[package] = version
    for line in lines(f"{name}.in"):
        wanted = Requirement(line.partition("#")[0].strip())
        assert locked[wanted.name] in wanted.specifier, f"{line}: run bin/lock"


def test_the_tests_run_on_the_versions_that_are_deployed():
    deployed = {line.split()[0] for line in lines("requirements.txt")}
    assert deployed <= {line.split()[0] for line in lines("requirements-test.txt")}


def test_runtime_txt_and_python_version_name_the_same_python():
    runtime = (ROOT / "runtime.txt").read_text().strip()
    version = (ROOT / ".python-version").read_text().strip()
    assert runtime == f"python-{version}"


def test_a_file_of_secrets_gets_neither_into_git_nor_into_an_image(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    secrets = [".env", ".env.production", "production.env"]
    ask = ["git", "check-ignore", ".env.example", *secrets]
    ignored = subprocess.run(ask, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert ignored.stdout.split() == secrets
    patterns = re.findall(r"(?m)^!?[.*].*env.*$", (ROOT / ".gitignore").read_text())
    assert {*patterns} <= {*(ROOT / ".dockerignore").read_text().split()}
