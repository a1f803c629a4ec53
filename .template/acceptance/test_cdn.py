"""A CDN for the static files, and proxies in front of the whole site."""

import re
import socket
from contextlib import ExitStack

import heroku
import parts
import pytest
from selenium.webdriver.common.by import By

CDN_HOST = "cdn.example.com"
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a-password-for-root",
}

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


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """The site with DJANGO_STATIC_HOST: its router, and the CDN that asks it."""
    with ExitStack() as stack:
        router = stack.enter_context(parts.HAProxy())
        router.cdn = stack.enter_context(parts.HAProxy(CDN, origin=router.tls_port))
        router.origin = f"https://{CDN_HOST}:{router.cdn.tls_port}"
        project = copy_project("cdn").build(
            DATABASE_URL=postgres.create("cdn"),
            EMAIL_URL="smtp://user:password@127.0.0.1:1",
            DJANGO_STATIC_HOST=f"{router.origin}/",
        )
        create = "python manage.py createsuperuser --noinput"
        project.release().run(create, **OWNER)
        dyno = stack.enter_context(project.dyno())
        router.route([dyno.port])
        yield router


def visitor(router):
    return heroku.Client(router.tls_port, router.certificate)


def complaints(chromium):
    return [
        entry["message"]
        for entry in chromium.get_log("browser")
        if entry["level"] in ("WARNING", "SEVERE")
    ]


def test_a_page_loads_its_files_from_the_cdn_and_the_console_is_silent(chromium, site):
    complaints(chromium)
    chromium.get(f"https://{heroku.HOST}:{site.tls_port}/")
    parts.wait_until(lambda: "<dd>waiting" not in chromium.page_source)
    assert complaints(chromium) == []
    urls = chromium.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    files = [url for url in urls if "/static/" in url]
    assert {url.rpartition(".")[2] for url in files} >= {"css", "js", "svg"}
    assert all(url.startswith(site.origin) for url in files)


def test_modules_and_data_load_from_the_cdn_too(chromium, site):
    """Browsers ask for these by CORS, as for fonts."""
    chromium.get(f"https://{heroku.HOST}:{site.tls_port}/")
    url = chromium.execute_script("return document.querySelector('script').src")
    assert url.startswith(site.origin)
    for load in ("import(arguments[0])", "fetch(arguments[0])"):
        said = chromium.execute_script(f"return {load}.then(() => 'ok', String)", url)
        assert said == "ok"
    assert complaints(chromium) == []


def test_the_admin_works_with_its_files_on_the_cdn(chromium, site):
    chromium.get(f"https://{heroku.HOST}:{site.tls_port}/admin/")
    chromium.find_element(By.NAME, "username").send_keys("root")
    chromium.find_element(By.NAME, "password").send_keys("a-password-for-root")
    chromium.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    parts.wait_until(lambda: "Site administration" in chromium.page_source)
    chromium.get(f"https://{heroku.HOST}:{site.tls_port}/admin/mysite/user/add/")
    assert chromium.find_element(By.NAME, "password1").is_displayed()
    assert complaints(chromium) == []


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


def test_without_a_cdn_no_other_site_may_embed_the_files(dyno):
    client = heroku.Client(dyno.port)
    path = re.search(r"/static/\S+css", client.get("/").text)[0]
    assert client.get(path).headers["Access-Control-Allow-Origin"] is None
    policy = client.get(path).headers["Cross-Origin-Resource-Policy"]
    assert policy == "same-origin"


@pytest.mark.parametrize(
    "path", ["/", "/ready", "/up", "/admin/", "/admin/login/", "/nothing", "/static/no"]
)
def test_a_shared_cache_may_keep_nothing_but_files(site, path):
    answer = visitor(site).get(path)
    said = answer.headers["Cache-Control"]
    assert "private" in said or "no-store" in said, said


def test_a_shared_cache_may_keep_no_page_of_a_logged_in_user(site):
    client = visitor(site)
    form = client.get("/admin/login/").text
    token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
    login = f"csrfmiddlewaretoken={token}&username=root&password=a-password-for-root"
    answer = client.post(
        "/admin/login/?next=/admin/",
        login,
        Referer=f"https://{heroku.HOST}/admin/login/",
    )
    assert answer.status == 302 and "private" in answer.headers["Cache-Control"]
    for path in ("/admin/", "/"):
        page = client.get(path)
        assert page.status == 200
        assert "private" in page.headers["Cache-Control"]


def chain(port, path, proto, forwarded):
    """Send to a dyno what a chain of proxies would; return the answer's head."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {heroku.HOST}\r\nConnection: close\r\n"
        f"X-Forwarded-Proto: {proto}\r\nX-Forwarded-For: {forwarded}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize("proto", ["https", "https,http", "https, http", "https,https"])
def test_the_first_hops_https_is_no_redirect_loop(dyno, proto):
    for path in ("/", "/ready", "/static/nothing"):
        head = chain(dyno.port, path, proto, "192.0.2.1")
        assert not re.match(r"HTTP/1.1 30\d", head), head


@pytest.mark.parametrize("proto", ["http", "http,https", "", "ftp,http"])
def test_plain_http_at_the_first_hop_is_redirected(dyno, proto):
    head = chain(dyno.port, "/", proto, "192.0.2.1")
    assert head.startswith("HTTP/1.1 301") and f"https://{heroku.HOST}/" in head


ADDRESS = """
from django.http import HttpResponse
from dyno.proxies import client_address

def address(request):
    return HttpResponse(client_address(request))
"""


@pytest.fixture(scope="module")
def addressed(copy_project):
    """A project with a page that says the client's address."""
    project = copy_project("address").append("mysite/views.py", ADDRESS)
    return project.add_route("address", "address").build()


@pytest.mark.parametrize(
    "hops, seen", [("1", "198.51.100.9"), ("2", "203.0.113.7"), ("0", "127.0.0.1")]
)
def test_the_clients_address_is_as_many_hops_away_as_the_owner_says(
    addressed, hops, seen
):
    """A client may begin the list as it likes; a CDN and the router add one each."""
    with addressed.dyno(DJANGO_TRUSTED_HOPS=hops) as dyno:
        sent = "6.6.6.6, 203.0.113.7, 198.51.100.9"
        head = chain(dyno.port, "/address", "https", sent)
    assert head.endswith(seen)
