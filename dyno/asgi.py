"""The ASGI application: Django's own, which knows a request's id and its visitor."""

from typing import Any

from django.core import asgi

from dyno import checks, logs, proxies

FORWARDED = b"x-forwarded-for"


def get_asgi_application() -> Any:
    """Return Django's ASGI application, for requests over HTTP.

    Exits with a message for each fault that the first visitor would otherwise see.
    """
    django = asgi.get_asgi_application()
    checks.refuse_to_boot()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name: text.decode("latin-1") for name, text in scope["headers"]}
        sent_id = headers.get(b"x-request-id")
        logs.request_id.set(logs.clean_request_id(sent_id))
        address = proxies.visitor(headers.get(FORWARDED, ""))
        # A server believes a trusted proxy only that HTTPS was used. One that ends TLS
        # itself needs TRUSTED_HOPS = 0: docs/growing.md#websockets-and-async
        if address and scope.get("scheme") == "https":
            others = [pair for pair in scope["headers"] if pair[0] != FORWARDED]
            forwarded = (FORWARDED, address.encode())
            more = {"client": (address, 0), "headers": [*others, forwarded]}
            scope = scope | more
        await django(scope, receive, send)

    return application
