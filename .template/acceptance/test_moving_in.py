"""Projects with data move in by the commands and changes of docs/moving-in.md."""

import json
import re
import shutil
from functools import partial
from types import SimpleNamespace

import heroku
import pytest
import recipes
from deployment import OWNER, PASSWORD, post
from project import Project
from projects import ME, append, call, change, packages, run, substitute
from scripts import apply, blocks, serving

FOLDER = heroku.ROOT / ".template/acceptance/moving"
SECTIONS = recipes.sections("moving-in.md")

# What the settings of the old projects have below those that startproject made.
OLD_SETTINGS = """
import os
import dj_database_url

url = os.environ.get("OLD_DATABASE_URL", f"sqlite:///{BASE_DIR}/db.sqlite3")
DATABASES["default"] = dj_database_url.parse(url)
"""

# Code as it is in old projects, for the step that lints.
OLD_CODE = "import os, sys\n\n\ndef is_none(l):\n    return l == None\n"


def line(section, start):
    """Return the line of code within a text that begins so."""
    return re.search(rf"`({start}[^`]+)`", SECTIONS[section])[1]


def change_by(section, project):
    """Change files by the diff of a section."""
    [text] = blocks(SECTIONS[section], "diff")
    apply(text.replace("NAME", project.name), project.joinpath)


def follow(project, section, number=0, cwd=None, **more):
    """Run a block of commands in a project as its owner does; return what is said.

    `heroku` is no more than the config var of the database.
    """
    command = blocks(SECTIONS[section], "sh")[number].replace("NAME", project.name)
    shell = 'heroku() { echo "$HEROKU_DATABASE_URL"; }\n' + command
    local = {"DJANGO_LOCAL": "1", **ME, **more}
    local["PATH"] = f"{project}/.venv/bin:{heroku.shell()['PATH']}"
    return call("bash", "-euc", shell, cwd=cwd or project, **local)


def startproject(name, folder, python, apps):
    """Make a project of a shape that there was before this template."""
    project = folder / name
    project.mkdir(parents=True)
    call(python, "-m", "django", "startproject", name, ".", cwd=project)
    for app in apps:
        call(python, "manage.py", "startapp", app, cwd=project)
    shutil.copytree(FOLDER / name, project, dirs_exist_ok=True)
    return project


def old_project(name, folder, url):
    """Make a project with data on SQLite and on PostgreSQL; return its folder."""
    app = APPS[name]
    python = heroku.installed("3.13", FOLDER / "requirements.txt") / "bin/python"
    project = startproject(name, folder, python, app.apps)
    settings = project / name / "settings.py"
    append(settings, f"{OLD_SETTINGS}INSTALLED_APPS += {app.apps}\n{app.settings}")
    if name == "gallery":  # from before there was a DEFAULT_AUTO_FIELD
        for path in [settings, *project.glob("*/apps.py")]:
            substitute(path, "(?im)^ *default_auto_field = .*\n", "")
    call(python, "manage.py", "makemigrations", cwd=project)
    shutil.copy(FOLDER / "requirements.txt", project)
    append(project / app.apps[0] / "old.py", OLD_CODE)
    append(project / ".gitignore", "*.pyc\ndb.sqlite3\n")
    heroku.commit(project, "The old project")
    for env in ({}, {"OLD_DATABASE_URL": url}):
        manage = partial(call, python, "manage.py", cwd=project, **env)
        manage("migrate")
        manage("createsuperuser", "--noinput", **OWNER)
        manage("shell", "--command", app.fill)
    return project


def replace_pages(project, imported, *routes):
    """Put an owner's routes above ours, in place of our pages."""
    start = "urlpatterns = [\n"
    lines = "".join(f"    {route},\n" for route in routes)
    change(
        project / project.name / "urls.py",
        ("from . import views\n", ""),
        ('    path("", views.home, name="home"),\n', ""),
        ('    path("robots.txt", views.robots, name="robots"),\n', ""),
        ("from dyno.views", f"{imported}\nfrom dyno.views"),
        (start, start + lines),
    )


FINDERS = """
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
"""


def gallery_moves(project):
    settings = project / "gallery/settings.py"
    apps = '    "dyno",\n    "people",\n    "photos",\n    "compressor",\n'
    key = line("The settings", "DEFAULT_AUTO_FIELD = ")
    finders = line("The settings", "COMPRESS_ENABLED = F") + FINDERS
    change(
        settings,
        ('    "dyno",\n', apps),
        ("LANGUAGE_CODE", f"{key}\nLANGUAGE_CODE"),
        ("MEDIA_URL", f"{finders}MEDIA_URL"),
    )
    follow(project, "Users")
    change(settings, ('"gallery.User"', '"people.User"'))
    photos = 'path("photos/", photos)'
    replace_pages(project, "from photos.views import photos", photos)
    call("git", "restore", "--source", "before", "templates/404.html", cwd=project)


def orders_moves(project):
    settings = project / "orders/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "events",\n'))
    call("git", "restore", "--source", "before", "orders/__init__.py", cwd=project)
    for command in (["bin/run"], [".venv/bin/python", "manage.py", "release"]):
        refused = run(*command, cwd=project, DJANGO_LOCAL="1")
        assert refused.returncode and "docs/moving-in.md#users" in refused.stdout
        assert "Traceback" not in refused.stdout
    follow(project, "Users")
    change(settings, (f'AUTH_USER_MODEL = "{project.name}.User"\n', ""))
    index = 'path("", events.index, name="index")'
    webhook = 'path("webhook", events.webhook)'
    replace_pages(project, "from events import views as events", index, webhook)
    change_by("The content security policy", project)
    limit = line("APIs and webhooks", "DATA_UPLOAD")
    change(settings, ("DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024", limit))
    change_by("Tasks and Celery", project)


APPS = {
    "gallery": SimpleNamespace(
        apps=["people", "photos"],
        settings='AUTH_USER_MODEL = "people.User"\n',
        packages="django-compressor~=4.6\ndjango-storages[s3]~=1.14\n",
        moves=gallery_moves,
        fill="from django.core.management import call_command; "
        "call_command('loaddata', 'photos')",
        page=("/photos/", 'alt="Sea"'),
        config_vars={
            "AWS_STORAGE_BUCKET_NAME": "gallery",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
        },
    ),
    "orders": SimpleNamespace(
        apps=["events"],
        settings="",
        packages="celery[redis]~=5.5\n",
        moves=orders_moves,
        fill="from events.models import *; Event.objects.create(kind='old', size=1)",
        page=("/", "old of 1 bytes"),
        config_vars={},
    ),
}


@pytest.fixture(scope="module", params=APPS)
def moved(request, repository, tmp_path_factory, postgres):
    """A project after all sections up to the data, and its old database."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    old_url = postgres.create(f"old_{name}")
    project = old_project(name, folder, old_url)
    clone = shutil.copytree(repository, folder / "template", symlinks=True)
    follow(project, "The files", cwd=clone)
    follow(project, "The files", 1)
    append(project / "requirements.in", APPS[name].packages)
    follow(project, "The packages")
    APPS[name].moves(project)
    said = follow(project, "URLs")
    assert "no issues" in said and "No changes detected" in said
    said = follow(project, "Tests and lint")
    assert "Everything is in order" in said
    assert "deploy.W" not in said
    return SimpleNamespace(name=name, project=project, old_url=old_url)


def visit(name, port):
    """Return a client that has found the old data and logged in as its user."""
    client = heroku.Client(port)
    path, words = APPS[name].page
    assert words in client.get(path).text
    fields = {"username": "root", "password": PASSWORD}
    assert post(client, "/admin/login/", fields).status == 302
    return client


def test_the_old_database_serves_the_site_on_sqlite_and_moves_to_postgresql(
    moved, postgres
):
    # The client asks for the host that a dyno has.
    hosts = {"DJANGO_ALLOWED_HOSTS": heroku.HOST}
    with serving(moved.project, "bin/run", **hosts) as log:
        visit(moved.name, int(re.search(r"http://127.0.0.1:(\d+)", log)[1]))
    url = postgres.create(f"copied_{moved.name}")
    said = follow(moved.project, "The data", 2, HEROKU_DATABASE_URL=url)
    assert said.split()[-1] == "1"


def test_the_old_database_serves_the_site_on_postgresql(
    moved, tmp_path, postgres, redis, secret_key
):
    url = postgres.create(f"new_{moved.name}")
    urls = {"OLD_DATABASE_URL": moved.old_url, "HEROKU_DATABASE_URL": url}
    follow(moved.project, "The data", 1, **urls)
    call("git", "clone", "--quiet", moved.project, tmp_path / "clone", cwd=tmp_path)
    project = Project(tmp_path / "clone", tmp_path, DJANGO_SECRET_KEY=secret_key)
    project.config_vars |= APPS[moved.name].config_vars
    project.build().release(DATABASE_URL=url, REDIS_URL=redis.url)
    with project.dyno() as dyno:
        client = visit(moved.name, dyno.port)
        if moved.name == "orders":
            the_webhook_is_recorded_by_celery(project, client)
        if moved.name == "gallery":
            assert "X-Amz-Signature" in client.get("/photos/").text
            assert "This picture is gone" in client.get("/no-such-page").text
        assert "level=error" not in dyno.log


def the_webhook_is_recorded_by_celery(project, client):
    assert "cdn.jsdelivr.net" in client.get("/").headers["Content-Security-Policy"]
    with project.dyno("celery.1"):
        body = json.dumps({"kind": "paid", "padding": "x" * 1_000_000})
        headers = {"Content_Type": "application/json"}
        assert client.request("POST", "/webhook", body, **headers).status == 202
        heroku.wait_until(lambda: "paid of 1000" in client.get("/").text)


def test_only_parts_serve_a_project_of_herokus_own_shape(
    repository, tmp_path, postgres, secret_key
):
    name = "gettingstarted"
    clone = shutil.copytree(repository, tmp_path / "template", symlinks=True)
    python = packages(clone) / "bin/python"
    old = startproject(name, tmp_path, python, ["hello"])
    settings = old / name / "settings.py"
    append(settings, (old / name / "more_settings.py").read_text())
    call(python, "manage.py", "makemigrations", cwd=old)
    follow(old, "The files", cwd=clone)
    follow(old, "Only parts")
    middleware = '    "whitenoise.middleware.WhiteNoiseMiddleware",\n'
    change(settings, (middleware, ""))
    change_by("Only parts", old)
    parts = SECTIONS["Only parts"]
    append(settings, blocks(parts, "python")[0])
    append(old / name / "urls.py", 'handler500 = "dyno.views.server_error"\n')
    (old / "Procfile").write_text(blocks(parts, "text")[0])
    for file in ("requirements.txt", "runtime.txt"):
        shutil.copy(clone / file, old)
    project = Project(old, tmp_path, DJANGO_SECRET_KEY=secret_key)
    project.build().release(DATABASE_URL=postgres.create(name))
    with project.dyno() as dyno:
        client = heroku.Client(dyno.port)
        style = re.search(r"/static/hello\.\w+\.css", client.get("/").text)[0]
        assert "immutable" in client.get(style).headers["Cache-Control"]
        assert "1 greetings" in client.get("/db/").text
        assert "16 database connections at most" in dyno.log
        assert "logger=access" in dyno.log and "level=error" not in dyno.log
