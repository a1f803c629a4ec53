"""`startproject --template` makes a project, whatever the template comes as."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from urllib.request import urlopen

import heroku
import pytest
from parts import free_port, listens, wait_until
from projects import call

NAMES = ("x", "bookshop", "community_garden_planner")
KEY = re.compile('"(django-insecure-.{50})"')


@pytest.fixture(scope="module")
def template(repository, tmp_path_factory):
    """Return the template in the shape of this name."""
    folder = tmp_path_factory.mktemp("templates")
    github = folder / "github.zip"
    prefix = "--prefix=repository-HEAD/"
    call("git", "archive", prefix, "-o", github, "HEAD", cwd=repository)
    call(sys.executable, ".template/build", folder / "own.zip", cwd=repository)
    files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/github.zip"
    own = folder / "own.zip"
    yield {"directory": repository, "zip": github, "url": url, "archive": own}.get
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def create(template, source, tmp_path_factory):
    """Create a project once and return its folder."""
    version = (source / "runtime.txt").read_text().strip().removeprefix("python-")
    packages = heroku.installed(version, source / "requirements-test.txt")

    @functools.cache
    def make(shape, name):
        folder = tmp_path_factory.mktemp("created")
        admin = packages / "bin/django-admin"
        options = ("--template", template(shape), name)
        call(admin, "startproject", *options, cwd=folder, PATH="/usr/bin:/bin")
        return folder / name

    make.python = packages / "bin/python"
    return make


WAYS = [("directory", "shop"), ("zip", "shop"), ("url", "shop")]
WAYS += [("archive", name) for name in NAMES]
ways = pytest.mark.parametrize(("shape", "name"), WAYS)


def files(folder):
    """Return the files in a folder by name."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def is_executable(path):
    return bool(path.stat().st_mode & 0o100)


@ways
def test_a_project_has_each_file_of_the_source_and_nothing_else(
    create, repository, tmp_path, shape, name
):
    if shape == "directory":
        whole = repository
    else:  # without what .gitattributes keeps out of archives
        call("git", "archive", "-o", tmp_path / "all.tar", "HEAD", cwd=repository)
        call("tar", "-xf", "all.tar", "--one-top-level=all", cwd=tmp_path)
        whole = tmp_path / "all"
    package = name if shape == "archive" else "mysite"
    project = create(shape, name)
    key = KEY.search((project / package / "settings.py").read_text())[1]
    result = files(project)
    for path, origin in files(whole).items():
        if any(part.startswith(".") for part in Path(path).parts[:-1]):
            continue
        made = result.pop(path.replace("mysite", package))
        text = origin.read_text()
        if path.endswith(".py"):
            text = text.replace("mysite", package).replace("{{ secret_key }}", key)
        assert made.read_text() == text
        assert is_executable(made) == is_executable(origin)
    assert not result


@ways
def test_a_project_bears_no_trace_of_another_name(create, shape, name):
    package = name if shape == "archive" else "mysite"
    others = {"mysite", "project_name", "{{", *NAMES[1:]} - {package}
    for path, made in files(create(shape, name)).items():
        assert "project_name" not in path
        if path.endswith(".py"):
            assert not [word for word in others if word in made.read_text()]


@ways
def test_black_finds_nothing_to_change(create, shape, name):
    black = Path(sys.executable).parent / "black"
    call(black, "--check", "--diff", ".", cwd=create(shape, name))


@ways
def test_ruff_finds_nothing_to_change(create, shape, name):
    ruff = Path(sys.executable).parent / "ruff"
    call(ruff, "check", "--no-cache", cwd=create(shape, name))
    call(ruff, "format", "--no-cache", "--check", "--diff", cwd=create(shape, name))


@ways
def test_the_library_is_the_same_in_every_project_byte_for_byte(
    create, repository, shape, name
):
    ours, theirs = files(repository / "dyno"), files(create(shape, name) / "dyno")
    ours = {
        path: f.read_bytes() for path, f in ours.items() if "__pycache__" not in path
    }
    theirs = {p: f.read_bytes() for p, f in theirs.items() if "__pycache__" not in p}
    assert theirs == ours


@ways
def test_no_model_of_a_project_lacks_a_migration(create, shape, name):
    check = ("manage.py", "makemigrations", "--check", "--dry-run")
    project = create(shape, name)
    said = call(create.python, "-B", *check, cwd=project, DJANGO_LOCAL="1")
    assert said == "No changes detected\n"


def test_each_project_has_a_secret_key_of_its_own(create):
    keys = [
        KEY.search(next(create(*way).glob("*/settings.py")).read_text())[1]
        for way in WAYS
    ]
    assert len({*keys}) == len(keys)


def test_the_same_commit_gives_the_same_archive(repository, tmp_path):
    for name in ("a/template.zip", "b/template.zip"):
        (tmp_path / name).parent.mkdir()
        call(".template/build", tmp_path / name, cwd=repository)
    first, second = (p.read_bytes() for p in tmp_path.rglob("*.zip"))
    assert first == second
    names = zipfile.ZipFile(tmp_path / "a/template.zip").namelist()
    assert {name.split("/")[0] for name in names} == {"template"}


@pytest.mark.parametrize(
    ("shape", "name"), [("directory", "shop"), ("archive", "x"), ("archive", NAMES[2])]
)
def test_a_project_passes_its_own_tests(create, shape, name):
    call(create.python, "-m", "pytest", "-q", cwd=create(shape, name))


def change(path, *pairs):
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def test_what_the_documents_tell_to_change_leaves_the_tests_green(create, tmp_path):
    project = tmp_path / "x"
    shutil.copytree(create("archive", "x"), project)
    change(
        project / "x/settings.py",
        ('"script-src": OWN', '"script-src": [*OWN, "https://example.com"]'),
        ('[*OWN, "data:"]', '[*OWN, "data:", "https://example.com"]'),
        ('LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "de"'),
    )
    change(
        project / "x/views.py",
        (
            "require_safe\n\n\n",
            "require_safe\n\nfrom .models import User\n\n\n",
        ),
        ('{"release": release}', '{"release": User.objects.count()}'),
    )
    script = "<script src="
    home = project / "templates/home.html"
    lines = home.read_text().splitlines(keepends=True)
    home.write_text("".join(line for line in lines if script not in line))
    (project / "static/site.js").unlink()
    (project / "runtime.txt").unlink()
    call(create.python, "-m", "pytest", "-q", cwd=project)


@ways
def test_a_project_builds_releases_and_serves_its_home_page(
    create, tmp_path, secret_key, shape, name
):
    config_vars = {"DJANGO_SECRET_KEY": secret_key}
    slug = heroku.build(create(shape, name), tmp_path / "slug", config_vars)
    heroku.release(slug, config_vars)
    with heroku.Dyno(slug, config_vars) as dyno:
        page = heroku.Client(dyno.port).get("/")
        assert page.status == 200 and "Hello from Django" in page.text


def test_a_newcomers_two_commands_test_and_serve_a_project(template, tmp_path, create):
    folder = create("archive", "bookshop")
    assert " passed" in call("bin/test", cwd=folder)
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        env = heroku.shell(PORT=str(port))
        site = subprocess.Popen(["bin/run"], cwd=folder, env=env, stdout=log)
    try:
        wait_until(lambda: site.poll() is not None or listens(port), 120)
        page = urlopen(f"http://127.0.0.1:{port}/").read().decode()
    finally:
        site.terminate()
        site.wait()
    assert "Hello from Django" in page
    # A folder that was moved: its .venv still names the old place.
    moved = shutil.copytree(folder, tmp_path / "moved", symlinks=True)
    assert "Making .venv" in call("bin/test", "tests/test_settings.py", cwd=moved)
