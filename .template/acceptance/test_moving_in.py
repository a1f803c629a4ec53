"""Three projects with data move in by the commands and lines of docs/moving-in.md."""

import json
import re
import shutil
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlencode

import heroku
import pytest
from moving_in import FOLDER, ME, apply, blocks, follow, line, startproject
from projects import call, change, packages, run
from scripts import serving

ADA = {
    "DJANGO_SUPERUSER_USERNAME": "ada",
    "DJANGO_SUPERUSER_EMAIL": "ada@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "an-old-password",
}

BUCKET = {
    "AWS_STORAGE_BUCKET_NAME": "gallery",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
}

# Code as it is in old projects, for the step that lints.
OLD_CODE = "import os, sys\n\n\ndef is_none(l):\n    return l == None\n"


def old_project(name, folder, python, url):
    """Make a project with data on SQLite and on PostgreSQL; return its folder."""
    app = APPS[name]
    project = startproject(name, folder, python, app.apps)
    shutil.copy(FOLDER / "requirements.txt", project)
    (project / app.apps[0] / "old.py").write_text(OLD_CODE)
    (project / ".gitignore").write_text("*.pyc\ndb.sqlite3\n")
    heroku.commit(project, "The old project")
    said = call(python, "manage.py", "test", cwd=project)
    assert f"Ran {app.tests} test" in said and "OK" in said
    for env in ({}, {"OLD_DATABASE_URL": url}):
        manage = partial(call, python, "manage.py", cwd=project, **env)
        manage("migrate")
        manage("createsuperuser", "--noinput", **ADA)
        manage("shell", "--command", app.fill)
    return project


def routes(project, *lines, without=("home", "robots")):
    """Put an owner's routes above ours, and delete some of ours."""
    urls = project / project.name / "urls.py"
    text = urls.read_text()
    for name in without:
        text = re.sub(f'    path\\(.+name="{name}"\\),\n', "", text)
    if {"home", "robots"} <= {*without}:
        text = text.replace("from . import views\n", "")
    imported, *paths = lines
    text = text.replace("from dyno.views", f"{imported}\nfrom dyno.views", 1)
    start = "urlpatterns = [\n"
    urls.write_text(text.replace(start, start + "".join(f"    {p},\n" for p in paths)))


def club_moves(project):
    settings = project / "club/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "members",\n'))
    follow(project, "Users")
    change(settings, (f'AUTH_USER_MODEL = "{project.name}.User"\n', ""))
    routes(project, "from members.views import members", 'path("", members)')


def gallery_moves(project):
    settings = project / "gallery/settings.py"
    apps = '    "dyno",\n    "people",\n    "photos",\n    "compressor",\n'
    finders = f"""{line("The settings", "COMPRESS_ENABLED = F")}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
"""
    change(settings, ('    "dyno",\n', apps), ("MEDIA_URL", f"{finders}MEDIA_URL"))
    key = line("The settings", "DEFAULT_AUTO_FIELD = ")
    change(settings, ("LANGUAGE_CODE", f"{key}\nLANGUAGE_CODE"))
    follow(project, "Users")
    change(settings, ('"gallery.User"', '"people.User"'))
    photos = 'path("photos/", photos)'
    routes(project, "from photos.views import photos", photos)
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
    routes(project, "from events import views as events", index, webhook)
    apply(project, "The content security policy")
    limit = line("APIs and webhooks", "DATA_UPLOAD")
    change(settings, ("DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024", limit))
    apply(project, "Tasks and Celery")


APPS = {
    "club": SimpleNamespace(
        apps=["members"],
        packages="",
        tests=1,
        moves=club_moves,
        fill="from members.models import *; "
        "Member.objects.create(user=User.objects.get(), motto='Onwards')",
        page=("/", "ada: Onwards"),
    ),
    "gallery": SimpleNamespace(
        apps=["people", "photos"],
        packages="django-compressor~=4.6\ndjango-storages[s3]~=1.14\n",
        tests=30,
        moves=gallery_moves,
        fill="from django.core.management import call_command; "
        "call_command('loaddata', 'photos')",
        page=("/photos/", 'alt="Sea"'),
    ),
    "orders": SimpleNamespace(
        apps=["events"],
        packages="celery[redis]~=5.5\n",
        tests=1,
        moves=orders_moves,
        fill="from events.models import *; Event.objects.create(kind='old', size=1)",
        page=("/", "old of 1 bytes"),
    ),
}


@pytest.fixture(scope="module", params=APPS)
def moved(request, repository, tmp_path_factory, postgres):
    """A project after all sections up to the data, and its old database."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    python = heroku.installed("3.13", FOLDER / "requirements.txt", str) / "bin/python"
    old_url = postgres.create(f"old_{name}")
    project = old_project(name, folder, python, old_url)
    clone = shutil.copytree(repository, folder / "template", symlinks=True)
    command = blocks("The files", "sh")[0].replace("NAME", name)
    call("bash", "-euc", command, cwd=clone, **ME)
    follow(project, "The files", 1)
    with (project / "requirements.in").open("a") as file:
        file.write(APPS[name].packages)
    follow(project, "The packages")
    APPS[name].moves(project)
    said = follow(project, "URLs")
    assert "no issues" in said and "No changes detected" in said
    said = follow(project, "Tests and lint")
    assert "Everything is in order" in said
    assert "deploy.W" not in said
    return SimpleNamespace(name=name, project=project, old_url=old_url)


@pytest.fixture(scope="module")
def slug(moved, tmp_path_factory):
    """What a push of the moved project builds."""
    source = tmp_path_factory.mktemp("push") / "source"
    call("git", "clone", "--quiet", moved.project, source, cwd=moved.project)
    return heroku.build(source, source.with_name("slug"), {})


@pytest.fixture(scope="module")
def config_vars(moved, postgres, redis, secret_key):
    """The config vars of an app whose database is filled as the document says."""
    url = postgres.create(f"new_{moved.name}")
    urls = {"OLD_DATABASE_URL": moved.old_url, "HEROKU_DATABASE_URL": url}
    follow(moved.project, "The data", 1, **urls)
    always = {"DJANGO_SECRET_KEY": secret_key, "DATABASE_URL": url}
    always |= {"EMAIL_URL": "smtp://user:password@127.0.0.1:1"}
    if moved.name == "gallery":
        return always | BUCKET
    return always | {"REDIS_URL": redis.url}


def log_in(client):
    """Return the status of the log-in with the old password."""
    form = client.get("/admin/login/").text
    token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
    user = ADA["DJANGO_SUPERUSER_USERNAME"], ADA["DJANGO_SUPERUSER_PASSWORD"]
    form = dict(zip(("username", "password"), user, strict=True))
    form = urlencode({"csrfmiddlewaretoken": token} | form)
    return client.post("/admin/login/", form, Referer=f"https://{client.host}/").status


def test_the_old_database_serves_the_site_on_sqlite(moved):
    path, words = APPS[moved.name].page
    with serving(moved.project, "bin/run") as log:
        port = int(re.search(r"http://127.0.0.1:(\d+)", log)[1])
        client = heroku.Client(port, visitor=True, host=f"127.0.0.1:{port}")
        assert words in client.get(path).text
        assert log_in(client) == 302


def test_the_old_database_serves_the_site_on_postgresql(moved, slug, config_vars):
    heroku.release(slug, config_vars)
    path, words = APPS[moved.name].page
    with heroku.Dyno(slug, config_vars) as dyno:
        client = heroku.Client(dyno.port)
        assert words in client.get(path).text
        assert log_in(client) == 302
        assert client.get("/ready").status == 200
        if moved.name == "orders":
            the_webhook_is_recorded_by_celery(slug, config_vars, client)
        if moved.name == "gallery":
            assert "X-Amz-Signature" in client.get(path).text
            assert "This picture is gone" in client.get("/no-such-page").text
        assert "level=error" not in dyno.log


def the_webhook_is_recorded_by_celery(slug, config_vars, client):
    assert "cdn.jsdelivr.net" in client.get("/").headers["Content-Security-Policy"]
    with heroku.Dyno(slug, config_vars, "celery.1"):
        body = json.dumps({"kind": "paid", "padding": "x" * 1_000_000})
        headers = {"Content_Type": "application/json"}
        assert client.request("POST", "/webhook", body, **headers).status == 202
        heroku.wait_until(lambda: "paid of 1000" in client.get("/").text)


def test_sqlites_data_move_to_postgresql(moved, postgres):
    url = postgres.create(f"copied_{moved.name}")
    said = follow(moved.project, "The data", 2, HEROKU_DATABASE_URL=url)
    assert said.split()[-1] == "1"


def test_only_parts_serve_a_project_of_herokus_own_shape(
    repository, tmp_path, postgres, secret_key
):
    name = "gettingstarted"
    clone = shutil.copytree(repository, tmp_path / "template", symlinks=True)
    new = blocks("The files", "sh")[0].replace("NAME", name)
    call("bash", "-euc", new, cwd=clone, **ME)
    python = packages(clone) / "bin/python"
    project = startproject(name, tmp_path, python, ["hello"])
    follow(project, "Only parts")
    middleware = '    "whitenoise.middleware.WhiteNoiseMiddleware",\n'
    settings = project / name / "settings.py"
    change(settings, (middleware, ""))
    apply(project, "Only parts")
    with settings.open("a") as file:
        file.write(blocks("Only parts", "python")[0])
    with (project / name / "urls.py").open("a") as urls:
        urls.write('handler500 = "dyno.views.server_error"\n')
    (project / "Procfile").write_text(blocks("Only parts", "text")[0])
    for file in ("requirements.txt", "runtime.txt"):
        shutil.copy(clone / file, project)
    config_vars = {"DJANGO_SECRET_KEY": secret_key}
    config_vars["DATABASE_URL"] = postgres.create(name)
    slug = heroku.build(project, tmp_path / "slug", config_vars)
    heroku.release(slug, config_vars)
    with heroku.Dyno(slug, config_vars) as dyno:
        client = heroku.Client(dyno.port)
        style = re.search(r"/static/hello\.\w+\.css", client.get("/").text)[0]
        assert "immutable" in client.get(style).headers["Cache-Control"]
        assert "1 greetings" in client.get("/db/").text
        assert "16 database connections at most" in dyno.log
        assert "logger=access" in dyno.log and "level=error" not in dyno.log
