"""Projects with data move in by the commands and changes of docs/moving-in.md."""

import re
import shutil

import heroku
import pytest
import recipes
from deployment import OWNER, PASSWORD, policy, post
from project import Project
from projects import ME, append, call, change, run, substitute
from scripts import apply, blocks, serving

FOLDER = heroku.ROOT / ".template/acceptance/moving"
SECTIONS = recipes.sections("moving-in.md")

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


def django(project, *words, **environ):
    """Run a command of Django 5.2, which the old projects had."""
    python = heroku.installed("3.13", FOLDER / "requirements.txt") / "bin/python"
    environ["DJANGO_SETTINGS_MODULE"] = f"{project.name}.settings"
    call(python, "-m", "django", *words, cwd=project, **environ)


def make_old(folder, name, *apps):
    """Make a project of a shape that there was before this template."""
    project = folder / name
    project.mkdir()
    django(project, "startproject", name, ".")
    for app in apps:
        django(project, "startapp", app)
    shutil.copytree(FOLDER / name, project, dirs_exist_ok=True)
    append(project / name / "settings.py", f"INSTALLED_APPS += {[*apps]}\n")
    return project


def fill(project, *words):
    """Make the tables and the user of an old project, and data by a command."""
    django(project, "makemigrations")
    django(project, "migrate")
    django(project, "createsuperuser", "--noinput", **OWNER)
    django(project, *words)


@pytest.fixture
def clone(repository, tmp_path):
    """A clone of the template beside the old project."""
    return shutil.copytree(repository, tmp_path / "template", symlinks=True)


def begin(project, clone, packages):
    """Follow the page's first two sections."""
    append(project / "old.py", OLD_CODE)
    append(project / ".gitignore", "*.pyc\ndb.sqlite3\n")
    heroku.commit(project, "The old project")
    follow(project, "The files", cwd=clone)
    follow(project, "The files", 1)
    append(project / "requirements.in", packages)
    follow(project, "The packages")


def check(project):
    """Ask for what the page's checks promise, and commit."""
    said = follow(project, "URLs")
    assert "no issues" in said and "No changes detected" in said
    said = follow(project, "Tests and lint")
    assert "Everything is in order" in said
    assert "deploy.W" not in said


def push(project, **config_vars):
    """Build and release what is committed."""
    clone = project.with_name("clone")
    call("git", "clone", "--quiet", project, clone, cwd=project)
    return Project(clone, project.parent, **config_vars).build().release()


def visit(port, path, words):
    """Return a client that has found the old data and logged in as its user."""
    client = heroku.Client(port)
    assert words in client.get(path).text
    fields = {"username": "root", "password": PASSWORD}
    assert post(client, "/admin/login/", fields).status == 302
    return client


def test_users_of_its_own_and_uploads_move_from_postgresql(
    clone, tmp_path, postgres, secret_key
):
    project = make_old(tmp_path, "gallery", "people", "photos")
    settings = project / "gallery/settings.py"
    old_url = postgres.create("old_gallery")
    append(settings, f'import dj_database_url as d\nD = d.parse("{old_url}")\n')
    append(settings, 'DATABASES["default"] = D\nAUTH_USER_MODEL = "people.User"\n')
    # From before there was a DEFAULT_AUTO_FIELD.
    for path in [settings, *project.glob("*/apps.py")]:
        substitute(path, "(?im)^ *default_auto_field = .*\n", "")
    fill(project, "loaddata", "photos")

    begin(project, clone, "django-compressor~=4.6\ndjango-storages[s3]~=1.14\n")
    key = line("The settings", "DEFAULT_AUTO_FIELD = ")
    compress = line("The settings", "COMPRESS_ENABLED = F")
    apps = '    "dyno",\n    "people",\n    "photos",\n    "compressor",\n'
    change(
        settings,
        ('    "dyno",\n', apps),
        ("LANGUAGE_CODE", f"{key}\nLANGUAGE_CODE"),
        ("MEDIA_URL", f"{compress}\nMEDIA_URL"),
    )
    follow(project, "Users")
    change(settings, ('"gallery.User"', '"people.User"'))
    change(
        project / "gallery/urls.py",
        ("from dyno.views", "from photos.views import photos\nfrom dyno.views"),
        ("urlpatterns = [\n", 'urlpatterns = [\n    path("photos/", photos),\n'),
    )
    call("git", "restore", "--source", "before", "templates/404.html", cwd=project)
    check(project)

    url = postgres.create("gallery")
    urls = {"OLD_DATABASE_URL": old_url, "HEROKU_DATABASE_URL": url}
    follow(project, "The data", 1, **urls)
    bucket = {
        "AWS_STORAGE_BUCKET_NAME": "gallery",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    moved = push(project, DJANGO_SECRET_KEY=secret_key, DATABASE_URL=url, **bucket)
    with moved.dyno() as dyno:
        client = visit(dyno.port, "/photos/", 'alt="Sea"')
        assert "X-Amz-Signature" in client.get("/photos/").text
        assert "This picture is gone" in client.get("/no-such-page").text
        assert "level=error" not in dyno.log


def test_djangos_users_and_celery_move_from_sqlite(
    clone, tmp_path, postgres, redis, secret_key
):
    project = make_old(tmp_path, "orders", "events")
    fill(project, "shell", "--command", "Event.objects.create(size=1)")

    begin(project, clone, "celery[redis]~=5.5\n")
    settings = project / "orders/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "events",\n'))
    call("git", "restore", "--source", "before", "orders/__init__.py", cwd=project)
    for command in (["bin/run"], [".venv/bin/python", "manage.py", "release"]):
        refused = run(*command, cwd=project, DJANGO_LOCAL="1")
        assert refused.returncode and "docs/moving-in.md#users" in refused.stdout
        assert "Traceback" not in refused.stdout
    follow(project, "Users")
    change(settings, ('AUTH_USER_MODEL = "orders.User"\n', ""))
    change(
        project / "orders/urls.py",
        ("from . import views\n", ""),
        ('    path("robots.txt", views.robots, name="robots"),\n', ""),
        ("from dyno.views", "from events import views\nfrom dyno.views"),
        ("views.home", "views.index"),
        ("urlpatterns = [\n", 'urlpatterns = [\n    path("hook", views.webhook),\n'),
    )
    change_by("The content security policy", project)
    limit = line("APIs and webhooks", "DATA_UPLOAD")
    change(settings, ("DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024", limit))
    change_by("Tasks and Celery", project)
    check(project)

    # The client asks for the host that a dyno has.
    with serving(project, "bin/run", DJANGO_ALLOWED_HOSTS=heroku.HOST) as log:
        visit(int(re.search(r"http://127.0.0.1:(\d+)", log)[1]), "/", "<p>1 bytes")
    url = postgres.create("orders")
    said = follow(project, "The data", 2, HEROKU_DATABASE_URL=url)
    assert said.split()[-1] == "1"
    config_vars = {"DATABASE_URL": url, "REDIS_URL": redis.url}
    moved = push(project, DJANGO_SECRET_KEY=secret_key, **config_vars)
    with moved.dyno() as dyno, moved.dyno("celery.1"):
        client = visit(dyno.port, "/", "<p>1 bytes")
        assert "cdn.jsdelivr.net" in policy(client, "/")
        assert client.post("/hook", "x" * 1_000_000).status == 202
        heroku.wait_until(lambda: "1000000 bytes" in client.get("/").text)
        assert "level=error" not in dyno.log


GETTING_STARTED = """
import os

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
DEBUG = os.environ.get("ENVIRONMENT") == "development"
ALLOWED_HOSTS = [".herokuapp.com"]
SECURE_SSL_REDIRECT = not DEBUG
INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "hello",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] = []
STATIC_ROOT = BASE_DIR / "staticfiles"
"""


def test_only_parts_serve_a_project_of_herokus_own_shape(
    clone, tmp_path, postgres, secret_key
):
    old = make_old(tmp_path, "gettingstarted", "hello")
    settings = old / "gettingstarted/settings.py"
    append(settings, GETTING_STARTED)
    follow(old, "The files", cwd=clone)
    follow(old, "Only parts")
    change_by("Only parts", old)
    parts = SECTIONS["Only parts"]
    append(settings, blocks(parts, "python")[0])
    append(old / "gettingstarted/urls.py", line("Only parts", "handler500"))
    (old / "Procfile").write_text(blocks(parts, "text")[0])
    for file in ("requirements.txt", "runtime.txt"):
        shutil.copy(clone / file, old)
    project = Project(old, tmp_path, DJANGO_SECRET_KEY=secret_key)
    project.build().release(DATABASE_URL=postgres.create("gettingstarted"))
    with project.dyno() as dyno:
        client = heroku.Client(dyno.port)
        page = client.get("/").text
        assert "<p>[]</p>" in page  # the tables of a project without models
        style = re.search(r"/static/hello\.\w+\.css", page)[0]
        assert "immutable" in client.get(style).headers["Cache-Control"]
        assert "16 database connections at most" in dyno.log
        assert "logger=access" in dyno.log and "level=error" not in dyno.log
