"""The ASGI application: Django's own, with the request's id in its log lines."""

from typing import Any

from django.core import asgi

from dyno import checks, logs


def get_asgi_application() -> Any:
    """Return Django's ASGI application, for requests over HTTP.

    Exits with a message for each fault that the first visitor would otherwise see.
    """
    django = asgi.get_asgi_application()
    checks.refuse_to_boot()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        sent_id = dict(scope.get("headers", ())).get(b"x-request-id", b"")
        logs.request_id.set(logs.clean_request_id(sent_id.decode("latin-1")))
        await django(scope, receive, send)

    return application
