"""What would be a 500 at the first visit: static files and templates."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Node, TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates
from django.template.base import FilterExpression

from dyno.checks.databases import is_ours
from dyno.checks.registry import Problems, check, is_local, problem


@check("configuration")
def static_files() -> Problems:
    """Find that nothing was collected: each page that names a file is then a 500."""
    backend = settings.STORAGES["staticfiles"]["BACKEND"]
    if is_local() or "Manifest" not in backend:
        return
    if not Path(settings.STATIC_ROOT, "staticfiles.json").is_file():
        fix = "python manage.py collectstatic --noinput; on Heroku, push again"
        yield problem("E030", "No static files were collected: no manifest.", fix)


@check()
def error_pages() -> Problems:
    """Find a URLconf that lost its error pages: a 503 is then a 500 without a code."""
    urls = import_module(settings.ROOT_URLCONF)
    for status in (400, 403, 404, 500):
        if not hasattr(urls, f"handler{status}"):
            fix = "copy the handlers of docs/errors.md into that file"
            yield problem("W045", f"{urls.__name__} has no handler{status}.", fix)
            return


def project_templates() -> Iterator[tuple[DjangoTemplates, str, Path]]:
    """Yield the engine, the name and the file of each template of the project."""
    for engine in engines.all():
        if not isinstance(engine, DjangoTemplates):
            continue
        for folder in filter(is_ours, engine.template_dirs):
            for path in sorted(Path(folder).rglob("[!.]*")):
                name = path.relative_to(folder).as_posix()
                is_rendered = path.suffix in (".html", ".txt", ".xml")
                if is_rendered and "jinja2/" not in name:
                    yield engine, name, path


def constants(nodes: Any) -> Iterator[tuple[str, str]]:
    """Yield each constant that a tag names, not in a variable, after its tag."""
    for node in nodes.get_nodes_by_type(Node):
        for value in vars(node).values():
            is_constant = isinstance(value, FilterExpression) and not value.is_var
            if is_constant and node.token and not value.filters:
                yield node.token.contents.split()[0], value.var


@check()
def templates() -> Problems:
    """Find templates that do not compile, or name what does not exist."""
    are_collected = not any(static_files())
    for engine, name, _ in project_templates():
        try:
            nodes = engine.get_template(name).template.nodelist
        except (TemplateSyntaxError, UnicodeDecodeError) as mistake:
            cause = f"The template {name} does not compile: {mistake}."
            yield problem("E032", cause, "correct the template, commit and push")
            continue
        for tag, other in constants(nodes):
            try:
                if tag == "static" and are_collected:
                    staticfiles_storage.url(other)
                elif tag in ("extends", "include"):
                    engine.get_template(other)
            except (TemplateSyntaxError, UnicodeDecodeError):
                pass  # and reported for that template
            except (TemplateDoesNotExist, ValueError):
                cause = f"The template {name} names {other}, which does not exist."
                yield problem("E031", cause, "correct the name or add the file")
