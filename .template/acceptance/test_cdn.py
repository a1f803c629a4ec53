"""A CDN for the static files, and proxies in front of the whole site."""

import re
from contextlib import ExitStack

import heroku
import parts
import pytest

CDN_HOST = "cdn.example.com"

# A pull CDN: it asks the site for what it does not have, and keeps what it may. It
# tells the origin that it is asked over HTTPS, and who asks.
CDN = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
cache shared
  total-max-size 8
  max-object-size 200000
frontend cdn
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/server.pem
  http-request cache-use shared
  http-response cache-store shared
  http-response set-header X-Served-By cdn
  option forwardfor
  default_backend origin
backend origin
  http-request set-header Host app.herokuapp.com
  http-request set-header X-Forwarded-Proto https
  server router 127.0.0.1:{origin} ssl verify none
"""


ADDRESS = """
from dyno.proxies import client_address

def address(request):
    return HttpResponse(client_address(request))
"""


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """The site with DJANGO_STATIC_HOST: its router, and the CDN that asks it."""
    with ExitStack() as stack:
        router = stack.enter_context(parts.HAProxy())
        router.cdn = stack.enter_context(parts.HAProxy(CDN, origin=router.tls_port))
        router.origin = f"https://{CDN_HOST}:{router.cdn.tls_port}"
        project = copy_project("cdn").append("mysite/views.py", ADDRESS)
        router.project = project.add_route("address", "address").build(
            DATABASE_URL=postgres.create("cdn"),
            EMAIL_URL="smtp://user:password@127.0.0.1:1",
            DJANGO_STATIC_HOST=f"{router.origin}/",
        )
        dyno = stack.enter_context(project.release().dyno())
        router.route([dyno.port])
        yield router


def visitor(router):
    return heroku.Client(router.tls_port, router.certificate)


def test_pages_modules_and_data_load_from_the_cdn_and_the_console_is_silent(
    browser, site
):
    """Browsers ask for modules and data by CORS, as for fonts."""
    browser.get(f"https://{heroku.HOST}:{site.tls_port}/")
    parts.wait_until(lambda: "<dd>waiting" not in browser.page_source)
    urls = browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    files = [url for url in urls if "/static/" in url]
    assert {url.rpartition(".")[2] for url in files} >= {"css", "js", "svg"}
    assert all(url.startswith(site.origin) for url in files)
    [script] = [url for url in files if url.endswith(".js")]
    for load in ("import(arguments[0])", "fetch(arguments[0])"):
        said = browser.execute_script(f"return {load}.then(() => 'ok', String)", script)
        assert said == "ok"


def test_the_policy_and_the_files_name_the_cdn(site):
    page = visitor(site).get("/")
    policy = page.headers["Content-Security-Policy"]
    for kind in ("script", "style", "img", "font", "media", "manifest", "connect"):
        assert re.search(f"{kind}-src 'self' {site.origin}( data:)?;", policy)
    assert f"form-action 'self' {site.origin}" not in policy
    path = re.search(rf"{site.origin}(/static/\S+css)", page.text)[1]
    file = heroku.Client(site.cdn.tls_port, site.cdn.certificate, host=CDN_HOST)
    answer = file.get(path)
    assert answer.status == 200 and answer.headers["X-Served-By"] == "cdn"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path", ["/", "/ready", "/up", "/admin/", "/admin/login/", "/nothing", "/static/no"]
)
def test_a_shared_cache_may_keep_nothing_but_files(site, path):
    answer = visitor(site).get(path)
    said = answer.headers["Cache-Control"]
    assert "private" in said or "no-store" in said, said


@pytest.mark.parametrize(
    "hops, seen", [("1", "198.51.100.9"), ("2", "203.0.113.7"), ("0", "127.0.0.1")]
)
def test_the_clients_address_is_as_many_hops_away_as_the_owner_says(site, hops, seen):
    """A client may begin the list as it likes; a CDN and the router add one each."""
    with site.project.dyno(DJANGO_TRUSTED_HOPS=hops) as dyno:
        sent = "6.6.6.6, 203.0.113.7, 198.51.100.9"
        answer = heroku.Client(dyno.port).get("/address", X_Forwarded_For=sent)
    assert answer.text == seen
