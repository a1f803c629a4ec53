"""The middleware that Django has no setting for."""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.middleware.csp import get_nonce
from django.shortcuts import render
from django.utils.csp import build_policy


def plain_headers():
    """Return SECURITY_HEADERS and, if there is one, the policy of SECURE_CSP."""
    policy = build_policy(settings.SECURE_CSP or {})
    return settings.SECURITY_HEADERS | (
        {"Content-Security-Policy": policy} if policy else {}
    )


def security_headers(get_response):
    """Put SECURITY_HEADERS on every response that has not set its own, and SECURE_CSP.

    Django's middleware, around this one, builds the policy anew for each response, but
    leaves one alone that is there. What a view overrides or uses a nonce in is its job.
    """
    headers, with_policy = settings.SECURITY_HEADERS, plain_headers()

    def middleware(request):
        response = get_response(request)
        own_policy = get_nonce(request) or hasattr(response, "_csp_config")
        for name, value in (headers if own_policy else with_policy).items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def front_door(get_response):
    """Refuse what the server and Django let through and a view could not survive.

    And what a view could do to the server: sys.exit() would end the whole process.
    """

    def middleware(request):
        environ = request.META
        query = environ.get("QUERY_STRING", "")
        cookies = "".join(request.COOKIES.values())
        if "%00" in query or "\0" in request.path_info + query + cookies:
            # PostgreSQL raises on it, which would be a 500.
            raise BadRequest("A NUL byte in the path, the query or a cookie")
        if environ.get("HTTP_TRANSFER_ENCODING"):
            # Django would see an empty body and answer 200.
            return render(request, "411.html", status=411)
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            raise BadRequest("A Content-Length that is no number") from None
        if length > settings.REQUEST_MAX_BYTES:
            return render(request, "413.html", status=413)
        try:
            return get_response(request)
        except SystemExit as error:
            raise RuntimeError("A view called sys.exit()") from error

    return middleware
