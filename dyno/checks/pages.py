"""What would be a 500 at the first visit: static files and templates."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates

from dyno.checks.databases import is_ours
from dyno.checks.registry import Problems, check, error, is_local

COLLECT = "python manage.py collectstatic --noinput --clear; on Heroku, push again"
MANIFEST = "staticfiles.json"

# In brackets, so that `startproject` does not take them for its own tags.
COMMENTS = re.compile(
    r"[{]#.*?#[}]|[{]% comment.*?[{]% endcomment %[}]|[{]% verbatim.*?endverbatim %[}]",
    re.DOTALL,
)
NAMES = re.compile(r"[{]%\s*(static|extends|include)\s+(['\"])([^'\"|]+)\2\s")


def manifest() -> Path:
    """Return where collectstatic lists its files."""
    return Path(settings.STATIC_ROOT or "", MANIFEST)


def uses_manifest() -> bool:
    """Return whether static files are to be looked up in the manifest."""
    return "Manifest" in settings.STORAGES["staticfiles"]["BACKEND"] and not is_local()


@check("configuration")
def static_files() -> Problems:
    """Find a manifest that is missing or old: pages that name a file are then 500s."""
    if not uses_manifest():
        return
    if not manifest().is_file():
        yield error(30, "No static files were collected: no manifest.", COLLECT)
        return
    collected = manifest().stat().st_mtime
    for folder in map(Path, settings.STATICFILES_DIRS):
        for path in filter(Path.is_file, folder.rglob("*")):
            if path.stat().st_mtime > collected:
                cause = f"The collected static files are old: {path.name} changed."
                yield error(30, cause, COLLECT)
                return


def project_templates() -> Iterator[tuple[DjangoTemplates, str, str]]:
    """Yield the engine, the name and the text of each template of the project."""
    for engine in engines.all():
        if not isinstance(engine, DjangoTemplates):
            continue
        for folder in filter(is_ours, engine.template_dirs):
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    text = path.read_text("utf-8", "replace")
                    yield engine, path.relative_to(folder).as_posix(), text


def exists(engine: DjangoTemplates, tag: str, name: str) -> bool:
    """Return whether the static file or the template that a tag names exists."""
    try:
        if tag != "static":
            engine.get_template(name)
        elif uses_manifest() and manifest().is_file():
            staticfiles_storage.url(name)
        else:
            path = name.partition("#")[0].partition("?")[0]
            return path.endswith("/") or bool(finders.find(path))
    except TemplateSyntaxError:
        return True
    except (TemplateDoesNotExist, ValueError):
        return False
    return True


@check()
def templates() -> Problems:
    """Find templates that do not compile, or name what does not exist."""
    for engine, name, text in project_templates():
        try:
            engine.get_template(name)
        except (TemplateSyntaxError, UnicodeDecodeError) as mistake:
            if isinstance(mistake, TemplateSyntaxError):
                cause = f"The template {name} does not compile: {mistake}."
                yield error(32, cause, "correct the template, commit and push")
            continue
        for tag, _, other in NAMES.findall(COMMENTS.sub("", text)):
            if not exists(engine, tag, other):
                cause = f"The template {name} names {other}, which does not exist."
                yield error(31, cause, "correct the name or add the file")
