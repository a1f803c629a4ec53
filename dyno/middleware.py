"""The middleware that Django has no setting for."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render

GetResponse = Callable[[HttpRequest], HttpResponse]

# A shared cache, such as a CDN's, keeps a page only if its view says so.
CACHE_CONTROL = "max-age=0, private, must-revalidate"


def default_headers(get_response: GetResponse) -> GetResponse:
    """Add SECURITY_HEADERS, nosniff and Cache-Control to each response without them."""
    headers = {"Cache-Control": CACHE_CONTROL, "X-Content-Type-Options": "nosniff"}
    headers |= getattr(settings, "SECURITY_HEADERS", {})

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def security_headers() -> dict[str, str]:
    """Return a page's headers over HTTPS, for what is answered before Django."""
    page = SecurityMiddleware(lambda request: HttpResponse())
    page = ContentSecurityPolicyMiddleware(default_headers(page))
    request = HttpRequest()
    request.is_secure = lambda: True
    headers = dict(page(request).headers)
    del headers["Cache-Control"]
    del headers["Content-Type"]
    return headers


class CompressPages(GZipMiddleware):
    """Django's compression, but not of streams: a download has a Content-Length."""

    def process_response(self, request: HttpRequest, response: HttpResponse):
        if response.streaming:
            return response
        return super().process_response(request, response)


def refuse_bad_requests(get_response: GetResponse) -> GetResponse:
    """Refuse requests that the server and Django accept but a view could not survive.

    settings.REQUEST_MAX_BYTES (default 10 MB) limits the body, in bytes.
    """
    most = getattr(settings, "REQUEST_MAX_BYTES", 10 * 1024 * 1024)

    def middleware(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        cookies = "".join(request.COOKIES.values())
        if "%00" in query or "\0" in request.path_info + query + cookies:
            # PostgreSQL raises on it, which would be a 500.
            raise BadRequest("A NUL byte in the path, the query or a cookie")
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            # Django would see an empty body and answer 200.
            return render(request, "411.html", status=411)
        if int(request.META.get("CONTENT_LENGTH") or 0) > most:
            return render(request, "413.html", status=413)
        return get_response(request)

    return middleware
