"""How a check is registered, and what it says."""

import sys

from django.conf import settings
from django.core.checks import register, run_checks

ATTACH = "heroku addons:create heroku-postgresql:essential-0"


def problem(kind, number, cause, command):
    """Return an Error or a Warning (`kind`) with its id, its cause and its cure."""
    code = f"{kind.__name__[0]}{number:03}"
    hint = f"{command}  (docs/errors.md#{code.lower()})"
    return kind(cause, hint=hint, id=f"deploy.{code}")


def check(*tags):
    """Register a generator of problems as a deployment check."""

    def decorate(generator):
        def run(app_configs, **kwargs):
            return list(generator())

        register(run, *tags, deploy=True)
        return generator

    return decorate


def refuse_to_boot(tag="configuration"):
    """Exit with every serious problem that the checks of this tag find, if any."""
    found = run_checks(tags=[tag], include_deployment_checks=True)
    serious = [m for m in found if m.is_serious() and not m.is_silenced()]
    if serious:
        told = [f"{m.id}: {m.msg} Mend it: {m.hint}" for m in serious]
        if not (settings.ON_HEROKU or settings.LOCAL):
            told.append("On a laptop none of this is needed: export DJANGO_LOCAL=1")
        sys.exit("\n".join(told))
