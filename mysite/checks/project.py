"""The project's own files, as they are about to be deployed."""

import contextlib
import functools
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import Error, Warning
from django.core.files.storage import storages
from django.core.management import get_commands
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates
from django.template.loader_tags import ExtendsNode, IncludeNode
from django.templatetags.static import StaticNode

from mysite.checks.registry import check, problem
from mysite.checks.server import gunicorn_settings

LOCK = "bin/lock, then commit requirements.txt"
COLLECT = "python manage.py collectstatic --noinput --clear; on Heroku, push again"

# `name == version`, or a URL that ends in a commit or a hash.
EXACT = re.compile(r"===?\s*[^\s*,;]+\s*(;.*)?|@\s*\S+(@|sha256=)[0-9a-f]{40,64}\b.*")
NEEDED = ("gunicorn", "whitenoise", "psycopg")


def read(name):
    """Return the text of a file of the project, or "" where there is none."""
    path = Path(settings.BASE_DIR, name)
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def is_ours(folder):
    """Return whether this is the project's own folder, and no installed package's."""
    inside = folder.is_relative_to(settings.BASE_DIR)
    return inside and "site-packages" not in folder.parts


@check()
def python_versions():
    """The classic buildpack reads runtime.txt, the Cloud Native one .python-version."""
    pattern = r"^\s*(?:python-)?(\d+\.\d+)"
    files = {}
    for name in ("runtime.txt", ".python-version"):
        if text := read(name):
            match = re.search(pattern, text, re.MULTILINE)
            files[name] = match[1] if match else "no version"
    versions = set(files.values())
    running = "{}.{}".format(*sys.version_info)
    if len(versions) > 1 or "no version" in versions:
        told = ", ".join(f"{name} says {version}" for name, version in files.items())
        yield problem(Error, 22, f"Which Python? {told}.", "make the two files agree")
    elif versions and versions != {running}:
        cause = (
            f"Python {running} runs here, and {versions.pop()} where it is deployed."
        )
        yield problem(Warning, 23, cause, "rm -r .venv, then bin/run")


@check()
def package_managers():
    """The buildpack refuses to guess which of two lists of packages is meant."""
    others = ("Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock")
    found = [name for name in others if Path(settings.BASE_DIR, name).is_file()]
    if found and Path(settings.BASE_DIR, "requirements.txt").is_file():
        cause = f"{' and '.join(found)} beside requirements.txt: the build will fail."
        yield problem(Error, 24, cause, f"git rm {' '.join(found)}")


def requirements(name):
    """Return the lines of a requirements file: no comments, options or hashes."""
    text = re.sub(r"\\\n|\s--hash=\S+", " ", read(name))
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line and not re.match("-(?!e)", line)]


@check()
def exact_requirements():
    """Only exact versions make two builds of one commit the same."""
    for name in ("requirements.txt", "requirements-test.txt"):
        for line in requirements(name):
            package, rest = re.match(r"([\w.-]*\s*(?:\[.*?\])?)\s*(.*)", line).groups()
            if not EXACT.fullmatch(rest):
                cause = f"{name} does not say which version exactly: {package or line}."
                yield problem(Error, 27, cause, LOCK)


@check()
def needed_requirements():
    """What is installed here may not be there after the next build."""
    lines = requirements("requirements.txt")
    if not lines and any(map(read, ("uv.lock", "poetry.lock", "Pipfile.lock"))):
        return
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in lines}
    for name in NEEDED:
        if not any(candidate.startswith(name) for candidate in names):
            cause = f"requirements.txt lacks {name}, without which no dyno works."
            yield problem(Error, 28, cause, f"name it in requirements.in; {LOCK}")


@check()
def committed_by_mistake():
    """A virtual environment fits one machine only; a .env holds that one's secrets."""
    root = Path(settings.BASE_DIR)
    command = ["git", "ls-files", "*pyvenv.cfg", ".env"]
    try:
        git = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True
        )
        found = git.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        # A slug is no repository, and holds nothing but what was committed.
        paths = [*root.glob("*/pyvenv.cfg"), *root.glob(".env")]
        slug = settings.ON_HEROKU
        found = [path.relative_to(root).as_posix() for path in paths if slug]
    for name in found:
        folder = name.removesuffix("/pyvenv.cfg")
        cause = f"{folder} is in the repository."
        if folder == ".env":
            cause += " Change every secret in it, for git does not forget."
        yield problem(Error, 29, cause, f"git rm -r --cached {folder}; git commit")


def processes():
    """Return the commands of the Procfile by process type."""
    lines = re.findall(r"^([\w-]+):[ \t]*(\S.*)$", read("Procfile"), re.MULTILINE)
    return dict(lines)


@check()
def web_process():
    """Without it no dyno serves: H14. Django's own server is for a laptop."""
    commands = processes()
    command = "web: gunicorn, in the Procfile"
    if "web" not in commands:
        yield problem(Error, 25, "The Procfile has no process type `web`.", command)
    for name, line in commands.items():
        if "runserver" in line:
            cause = f"The Procfile's `{name}` is runserver, which is for a laptop."
            yield problem(Error, 25, cause, command)


def gunicorn_app(arguments):
    """Return the app that a command line of gunicorn names, or its settings file."""
    try:
        from gunicorn.config import Config

        parser = Config().parser()
    except (ImportError, ValueError):  # it reads config vars: see E010 and E036
        return None
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            named = parser.parse_args(arguments).args
        except SystemExit:
            return None
    return named[0] if named else gunicorn_settings().get("wsgi_app")


def app_problem(app):
    """Return why `module:name` cannot be imported, or None."""
    module, _, name = app.partition(":")
    try:
        found = importlib.import_module(module)
    except SystemExit:  # refuse_to_boot: the same problems are listed already
        return None
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        return type(error).__name__  # what it says may hold a config var
    name = re.match(r"\w*", name)[0] or "application"
    return None if hasattr(found, name) else f"it has no {name}"


@check()
def processes_start():
    """A module that does not import would be an H10 in front of the visitors."""
    for process, line in processes().items():
        told = f"The Procfile's `{process}`"
        try:
            words = shlex.split(re.sub(r"\$\w+|\$\{.*?\}", "1", line))
        except ValueError:
            words = line.split()
        named = [w for w in words if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", w)]
        if "gunicorn" in words:
            named = [gunicorn_app(words[words.index("gunicorn") + 1 :])]
        for app in filter(None, named):
            if cause := app_problem(app):
                module = app.partition(":")[0]
                cause = f"{told} cannot import {app}: {cause}."
                yield problem(Error, 26, cause, f'python -c "import {module}"')
        for before, command in zip(words, words[1:], strict=False):
            if before.endswith("manage.py") and command not in get_commands():
                cause = (
                    f"The Procfile's `{process}` runs {command}, which is no command."
                )
                yield problem(Error, 26, cause, "python manage.py help")


@check()
def unmade_migrations():
    """A model that was changed alone asks the database for what no migration adds.

    As `makemigrations --check` with the names of the project's apps, so for one without
    migrations too: the release makes no table for its models. One whose tables are all
    another's to make needs none.
    """
    # Here, for each web dyno that starts loads this file and needs neither.
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.questioner import MigrationQuestioner

    ours = {
        app.label
        for app in apps.get_app_configs()
        if is_ours(Path(app.path)) and any(m._meta.managed for m in app.get_models())
    }
    try:
        loader = MigrationLoader(None)
    except NodeNotFoundError as error:
        cause = f"A migration is not there: {error}."
        yield problem(Error, 34, cause, "git status, then commit it and push")
        return
    before, now = loader.project_state(), ProjectState.from_apps(apps)
    # Not the one for non-interactive use: it exits where a column needs a default.
    questioner = MigrationQuestioner(specified_apps=ours)
    detector = MigrationAutodetector(before, now, questioner)
    changes = detector.changes(loader.graph, convert_apps=ours)
    for label in sorted(ours & changes.keys()):
        first, *others = (o for made in changes[label] for o in made.operations)
        more = f" and {len(others)} more" if others else ""
        cause = f"A change in {label} has no migration: {first.describe()}{more}."
        command = f"python manage.py makemigrations {label}, then commit and push"
        yield problem(Error, 34, cause, command)


def stale_file(storage):
    """Return a static file that changed after it was collected, or None."""
    manifest = Path(storage.manifest_storage.path(storage.manifest_name))
    collected = manifest.stat().st_mtime
    ignored = apps.get_app_config("staticfiles").ignore_patterns
    for finder in finders.get_finders():
        for path, source in finder.list(ignored):
            name = Path(getattr(source, "prefix", None) or "", path).as_posix()
            newer = os.stat(source.path(path)).st_mtime > collected
            if newer or name not in storage.hashed_files:
                return name
    return None


@check()
def manifest():
    """A page that names a static file the manifest lacks is a 500."""
    storage = storages.create_storage(settings.STORAGES["staticfiles"])
    if settings.LOCAL or not hasattr(storage, "hashed_files"):
        return
    if not storage.hashed_files:
        cause = "No static files were collected: their manifest is missing."
        yield problem(Error, 30, cause, COLLECT)
    elif name := stale_file(storage):
        cause = f"The collected static files are stale: {name} changed since."
        yield problem(Error, 30, cause, COLLECT)


def project_templates():
    """Yield the engine and the name of each template of the project itself."""
    for engine in engines.all():
        if not isinstance(engine, DjangoTemplates):
            continue
        for folder in filter(is_ours, map(Path, engine.template_dirs)):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    yield engine, path.relative_to(folder).as_posix()


def is_template(engine, name):
    with contextlib.suppress(TemplateSyntaxError, UnicodeDecodeError):
        try:
            engine.get_template(name)
        except TemplateDoesNotExist:
            return False
    return True


def dead_names(engine, template, is_static):
    """Yield the names in a template, of static files and templates, that lead nowhere.

    Only those that are written out: what a variable will hold is not known.
    """
    nodes = template.nodelist
    static_files = [node.path for node in nodes.get_nodes_by_type(StaticNode)]
    others = [node.template for node in nodes.get_nodes_by_type(IncludeNode)]
    others += [node.parent_name for node in nodes.get_nodes_by_type(ExtendsNode)]
    is_other = functools.partial(is_template, engine)
    for expressions, exists in ((static_files, is_static), (others, is_other)):
        for expression in expressions:
            name = expression.var
            if isinstance(name, str) and not expression.filters and not exists(name):
                yield name


@check()
def templates():
    """What would be a 500 at the first visit: a mistake in a template."""
    storage = storages.create_storage(settings.STORAGES["staticfiles"])
    collected = not settings.LOCAL and getattr(storage, "hashed_files", None)
    is_known = collected.__contains__ if collected else finders.find

    def is_static(name):
        path = urlsplit(unquote(name)).path.strip()  # as Django's storage has it
        return path.endswith("/") or is_known(path)

    for engine, name in project_templates():
        try:
            template = engine.get_template(name).template
        except TemplateSyntaxError as error:
            cause = f"The template {name} does not compile: {error}."
            yield problem(Error, 32, cause, "mend the template, commit and push")
        except UnicodeDecodeError:
            pass  # no text, so no page
        else:
            for dead in dead_names(engine, template, is_static):
                cause = f"The template {name} names {dead}, which does not exist."
                yield problem(Error, 31, cause, "correct the name or add the file")
