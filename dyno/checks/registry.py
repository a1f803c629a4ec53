"""How a check is registered, and what it reports."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks

Problems = Iterator[CheckMessage]


def is_local() -> bool:
    """Return settings.LOCAL, False by default: development on this machine."""
    return getattr(settings, "LOCAL", False)


def on_heroku() -> bool:
    """Return whether this is a build, Heroku CI or a dyno."""
    return "DYNO" in os.environ


def error(number: int, cause: str, fix: str) -> CheckMessage:
    """Return an Error with its id, its cause and what to do about it."""
    return Error(cause, id=f"deploy.E{number:03}", hint=hint(f"e{number:03}", fix))


def warning(number: int, cause: str, fix: str) -> CheckMessage:
    """Return a Warning with its id, its cause and what to do about it."""
    return Warning(cause, id=f"deploy.W{number:03}", hint=hint(f"w{number:03}", fix))


def hint(anchor: str, fix: str) -> str:
    """Return the command and the place in the docs that says more."""
    return f"Fix: {fix}  (docs/errors.md#{anchor})"


def check(*tags: str) -> Callable[[Callable[[], Problems]], Callable[[], Problems]]:
    """Register a generator of problems as a deployment check."""

    def decorate(generator: Callable[[], Problems]) -> Callable[[], Problems]:
        def run(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
            return list(generator())

        register(run, *tags, deploy=True)
        return generator

    return decorate


def refuse_to_boot() -> None:
    """Exit with every serious problem that the "configuration" checks find, if any."""
    found = run_checks(tags=["configuration"], include_deployment_checks=True)
    serious = [m for m in found if m.is_serious() and not m.is_silenced()]
    if serious:
        lines = [f"{m.id}: {m.msg} {m.hint}" for m in serious]
        if not (on_heroku() or is_local()):
            lines.append("For development on this machine: export DJANGO_LOCAL=1")
        sys.exit("\n".join(lines))
