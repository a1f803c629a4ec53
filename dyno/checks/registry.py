"""How a check is registered, and what it reports."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks

Problems = Iterator[checks.CheckMessage]
Check = Callable[[], Problems]


def is_local() -> bool:
    """Return settings.LOCAL, False by default: development on this machine."""
    return getattr(settings, "LOCAL", False)


def on_heroku() -> bool:
    """Return whether this is a build, Heroku CI or a dyno."""
    return "DYNO" in os.environ


def problem(code: str, cause: str, fix: str) -> checks.CheckMessage:
    """Return an error (E…) or a warning (W…) with its cause and what to do about it."""
    kind = {"E": checks.Error, "W": checks.Warning}[code[0]]
    hint = f"Fix: {fix}  (docs/errors.md#{code.lower()})"
    return kind(cause, id=f"deploy.{code}", hint=hint)


def check(*tags: str, deploy: bool = True) -> Callable[[Check], Check]:
    """Register a generator of problems, by default as a deployment check."""

    def decorate(generator: Check) -> Check:
        def run(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
            return list(generator())

        checks.register(run, *tags, deploy=deploy)
        return generator

    return decorate


def refuse_to_boot() -> None:
    """Exit with every serious problem that the "configuration" checks find, if any."""
    found = checks.run_checks(tags=["configuration"], include_deployment_checks=True)
    serious = [m for m in found if m.is_serious() and not m.is_silenced()]
    lines = [f"{m.id}: {m.msg} {m.hint}" for m in serious]
    if lines and not (on_heroku() or is_local()):
        lines.append("For development on this machine: export DJANGO_LOCAL=1")
    if lines:
        sys.exit("\n".join(lines))
