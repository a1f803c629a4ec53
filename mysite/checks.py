"""
System checks that speak Heroku: the release phase runs them, and on a laptop
`python manage.py check --deploy` does, before the push.

Each names the cause, then the command that mends it; docs/errors.md says more under
the check's id. Those tagged "configuration" also keep a server from starting.
"""

import os
import re
import sys
from urllib.parse import urlsplit

from dj_database_url import ENGINE_SCHEMES
from django.conf import settings
from django.core.checks import Error, Warning, register, run_checks

ATTACH = "heroku addons:create heroku-postgresql:essential-0"
HOST = re.compile(r"[^:/]*|[^:/]+:\d+|\[[0-9A-Fa-f:]+\](:\d+)?")
NEW_KEY = 'heroku config:set DJANGO_SECRET_KEY="$(openssl rand -base64 48)"'


def problem(kind, number, cause, command):
    """Return an Error or a Warning (`kind`) with its id, its cause and its cure."""
    id = f"deploy.{kind.__name__[0]}{number:03}"
    return kind(cause, hint=f"{command}  (docs/errors.md#{id.lower()})", id=id)


def check(*tags):
    """Register a generator of problems as a deployment check."""

    def decorate(generator):
        def run(app_configs, **kwargs):
            return list(generator())

        register(run, *tags, deploy=True)
        return generator

    return decorate


def refuse_to_boot():
    """Exit with every serious problem of the configuration, if there is one."""
    found = run_checks(tags=["configuration"], include_deployment_checks=True)
    if serious := [message for message in found if message.is_serious()]:
        sys.exit("\n".join(f"{m.id}: {m.msg} Mend it: {m.hint}" for m in serious))


@check("configuration")
def secret_key():
    """The key signs sessions and password resets: missing, public or guessable."""
    if settings.LOCAL:
        return
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    if not key:
        cause = "DJANGO_SECRET_KEY is not set or empty."
    elif key == settings.DEVELOPMENT_SECRET_KEY or key.startswith("django-insecure-"):
        cause = "DJANGO_SECRET_KEY is the development key, which is public."
    elif len(key) < 50 or len(set(key)) < 5:
        cause = "DJANGO_SECRET_KEY is weak: under 50 characters, or under 5 kinds."
    else:
        return
    yield problem(Error, 1, cause, NEW_KEY)


@check("configuration")
def laptop_settings():
    """A laptop's settings on a dyno answer nobody but the dyno itself."""
    if settings.LOCAL and os.environ.get("DYNO", "").startswith(("web.", "release.")):
        cause = "DJANGO_LOCAL is set: plain HTTP, public key, for a laptop only."
        yield problem(Error, 2, cause, "heroku config:unset DJANGO_LOCAL DJANGO_DEBUG")


@check("configuration")
def hosts():
    """Off Heroku nobody but the owner knows the site's names."""
    if not settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is empty, so every request would be refused."
        yield problem(Error, 3, cause, "DJANGO_ALLOWED_HOSTS=www.example.com")


def database_url_problem(url):
    """Return what is wrong with a DATABASE_URL in half a sentence, or None.

    Nothing of the URL but its scheme is repeated, for the rest may be a password.
    """
    scheme = url.partition("://")[0]
    if not url:
        return "is empty"
    if scheme == url:
        return "is not a URL: it has no scheme such as postgres://"
    if scheme not in ENGINE_SCHEMES:
        return f"has the unknown scheme {scheme}://, where postgres:// is expected"
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if "#" in url or "@" in parts.path + parts.query or not HOST.fullmatch(host):
        return (
            "has a character in the password that must be escaped "
            "(# as %23, / as %2F, ? as %3F, @ as %40)"
        )
    if scheme != "sqlite" and not parts.path.strip("/"):
        return "names no database: its path is empty"


@check("configuration")
def database_url():
    """The one config var that the whole site hangs on."""
    if "DATABASE_URL" in os.environ:
        if cause := database_url_problem(os.environ["DATABASE_URL"]):
            command = (
                "heroku config:set DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"
            )
            yield problem(Error, 4, f"DATABASE_URL {cause}.", command)
    elif not settings.LOCAL:
        cause = "DATABASE_URL is not set: pages that need a database answer 503."
        yield problem(Warning if settings.ON_HEROKU else Error, 5, cause, ATTACH)
