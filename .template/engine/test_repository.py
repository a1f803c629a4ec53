"""Files of the repository that must agree."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent


def names(text):
    return {
        re.split(r"[\[=~<>; ]", line)[0].lower()
        for line in text.splitlines()
        if re.match(r"[A-Za-z]", line)
    }


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_the_lock_has_every_requirement_at_an_exact_version_with_hashes(name):
    source = (ROOT / f"{name}.in").read_text()
    lock = (ROOT / f"{name}.txt").read_text()
    assert names(source) <= names(lock)
    for line in lock.replace("\\\n", "").splitlines():
        if re.match(r"[A-Za-z]", line):
            assert re.match(r"\S+==\S+ ", line) and "--hash=sha256:" in line


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_the_lock_is_compiled_from_what_the_source_says_now(name):
    lock = (ROOT / f"{name}.txt").read_text()
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if re.match(r"[A-Za-z]", line):
            wanted = Requirement(line.partition("#")[0].strip())
            locked = re.search(rf"(?m)^{wanted.name}==(\S+)", lock)[1]
            assert locked in wanted.specifier, f"{line}: run bin/lock"


def test_the_tests_run_on_the_versions_that_are_deployed():
    deployed = (ROOT / "requirements.txt").read_text()
    tested = (ROOT / "requirements-test.txt").read_text()
    pins = re.findall(r"(?m)^\S+==\S+", deployed)
    assert pins and set(pins) <= set(re.findall(r"(?m)^\S+==\S+", tested))


def test_runtime_txt_and_python_version_name_the_same_python():
    runtime = (ROOT / "runtime.txt").read_text().strip()
    version = (ROOT / ".python-version").read_text().strip()
    assert runtime == f"python-{version}"


def test_the_procfile_has_its_process_types():
    lines = (ROOT / "Procfile").read_text().splitlines()
    types = {}
    for line in lines:
        name, _, command = line.partition(":")
        types[name] = shlex.split(command)
    assert types["web"][0] == "gunicorn"
    assert types["release"] == ["python", "manage.py", "release"]


@pytest.fixture(scope="module")
def is_ignored(tmp_path_factory):
    """Tell whether git leaves a file out: in a repository that has our .gitignore."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copy(ROOT / ".gitignore", folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    ask = ["git", "check-ignore", "--quiet"]
    return lambda name: subprocess.run([*ask, name], cwd=folder).returncode == 0


@pytest.mark.parametrize("name", [".env", ".env.production", "production.env"])
def test_a_file_of_secrets_gets_neither_into_git_nor_into_an_image(is_ignored, name):
    assert is_ignored(name) and not is_ignored(".env.example")
    patterns = re.findall(r"(?m)^!?[.*].*env.*$", (ROOT / ".gitignore").read_text())
    assert {*patterns} <= {*(ROOT / ".dockerignore").read_text().split()}
