"""The finer points of HTTP, and what the strict policy lets an owner build."""

import io
import json
import re
import shutil
import time
import wave

import heroku
import parts
import pytest
from selenium.webdriver.common.by import By

# --- What caches and clients are told -------------------------------------------------


@pytest.fixture(scope="module")
def dyno(slug, secret_key):
    with heroku.Dyno(slug, {"DJANGO_SECRET_KEY": secret_key}) as dyno:
        yield dyno


@pytest.fixture
def client(dyno):
    return heroku.Client(dyno.port)


@pytest.fixture(scope="module")
def css(dyno):
    """The path of a style sheet that has compressed copies."""
    page = heroku.Client(dyno.port).get("/").text
    return re.search(r"/static/\S+\.css", page)[0]


@pytest.mark.parametrize("host", ["..", ".", "-", ""])
def test_a_host_that_is_none_gets_400(client, host):
    answer = client.get("/", Host=host)
    assert answer.status == 400
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["app.herokuapp.com", "app.herokuapp.com:443"])
def test_a_host_of_this_app_gets_200(client, host):
    assert client.get("/", Host=host).status == 200


@pytest.mark.parametrize(
    "accepted, coding",
    [
        ("br, gzip", "br"),
        ("gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("partly", [False, True])
def test_a_file_is_sent_in_a_coding_that_the_client_accepts(
    client, css, accepted, coding, partly
):
    """Both ways that a file is answered: from memory, and by WhiteNoise."""
    more = {"If_None_Match": '"another"'} if partly else {}
    answer = client.get(css, Accept_Encoding=accepted, **more)
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("accepted", ["identity", "br"])
def test_a_page_is_not_compressed_for_who_refuses_it(client, accepted):
    answer = client.get("/", Accept_Encoding=accepted)
    assert answer.headers["Content-Encoding"] is None
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_page_is_compressed_and_a_short_answer_is_not(client):
    assert client.get("/", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
    for path in ("/robots.txt", "/ready"):
        answer = client.get(path, Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] is None


KINDS = """
def kind(request, name):
    import io, time
    from django.http import FileResponse, HttpResponse, StreamingHttpResponse
    def slowly():
        for part in range(3):
            yield f"data: {part}\\n\\n"
            time.sleep(0.5)
    if name == "stream":
        return StreamingHttpResponse(slowly(), content_type="text/event-stream")
    if name == "file":
        return FileResponse(io.BytesIO(b"x" * 5000), content_type="text/csv")
    if name == "public":
        headers = {"Cache-Control": "public, max-age=60"}
        return HttpResponse("x" * 5000, headers=headers)
    return HttpResponse("x" * 5000, content_type=request.GET["type"])
"""


@pytest.fixture(scope="module")
def kinds(source, tmp_path_factory, secret_key):
    """A dyno with views that answer other things than pages."""
    folder = tmp_path_factory.mktemp("kinds")
    copy = shutil.copytree(source, folder / "source")
    views, urls = copy / "mysite/views.py", copy / "mysite/urls.py"
    views.write_text(views.read_text() + KINDS)
    route = 'path("kind/<name>", views.kind),\n    path("robots.txt"'
    urls.write_text(urls.read_text().replace('path("robots.txt"', route))
    slug = heroku.build(copy, folder / "slug", {"DJANGO_SECRET_KEY": secret_key})
    with heroku.Dyno(slug, {"DJANGO_SECRET_KEY": secret_key}) as dyno:
        yield heroku.Client(dyno.port)


@pytest.mark.parametrize(
    "path, coding",
    [
        ("sized?type=text/plain", "gzip"),
        ("sized?type=application/json", "gzip"),
        ("sized?type=application/ld%2Bjson", "gzip"),
        ("sized?type=image/svg%2Bxml", "gzip"),
        ("sized?type=image/png", None),
        ("sized?type=application/zip", None),
        ("sized?type=application/pdf", None),
        ("file", None),
        ("stream", None),
    ],
)
def test_texts_are_compressed_and_what_is_so_already_is_not(kinds, path, coding):
    answer = kinds.get(f"/kind/{path}", Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == coding


def test_a_view_may_let_a_shared_cache_keep_its_page(kinds):
    said = kinds.get("/kind/public").headers["Cache-Control"]
    assert said == "public, max-age=60"


def test_a_stream_is_sent_as_it_comes(kinds):
    kinds.connection.request(
        "GET",
        "/kind/stream",
        headers={
            "Host": heroku.HOST,
            "X-Forwarded-Proto": "https",
            "Accept-Encoding": "gzip",
        },
    )
    with kinds.connection.getresponse() as answer:
        begun = time.monotonic()
        assert answer.read1(100) == b"data: 0\n\n"
        first = time.monotonic() - begun
        answer.read()
        assert time.monotonic() - begun > first + 0.5


def test_the_same_page_has_another_length_each_time_against_breach(client):
    """Django's mitigation: the compressed page holds a name of random length."""
    lengths = {len(client.get("/", Accept_Encoding="gzip").body) for _ in range(30)}
    assert len(lengths) > 3


def test_no_two_codings_share_a_strong_etag(client, css):
    tags = set()
    for coding in ("br", "gzip", "identity"):
        tags.add(client.get(css, Accept_Encoding=coding).headers["ETag"])
    assert len(tags) == 3 or all(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize("coding", ["br", "identity"])
def test_a_file_that_a_cache_has_is_not_sent_again(client, css, coding):
    tag = client.get(css, Accept_Encoding=coding).headers["ETag"]
    answer = client.get(css, If_None_Match=tag, Accept_Encoding=coding)
    assert answer.status == 304 and not answer.body


@pytest.mark.parametrize("wanted", ['"other"', 'W/"other", "more"', ""])
def test_a_file_that_a_cache_has_not_is_sent(client, css, wanted):
    assert client.get(css, If_None_Match=wanted).status == 200


def test_a_page_that_a_browser_has_is_not_sent_again(client):
    first = client.get("/robots.txt")
    again = client.get("/robots.txt", If_None_Match=first.headers["ETag"])
    assert again.status == 304
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/robots.txt", "/nothing", "/static/no.css"])
def test_what_a_view_does_not_say_no_shared_cache_keeps(client, path):
    said = client.get(path).headers["Cache-Control"]
    assert said == "max-age=0, private, must-revalidate"


def test_the_list_of_all_files_is_not_served(client):
    assert client.get("/static/staticfiles.json").status == 404


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/up", 200),
        ("GET", "/nothing", 404),
        ("GET", "/static/no.css", 404),
        ("OPTIONS", "/", 405),
        ("GET", "/?%00", 400),
    ],
)
def test_every_answer_has_hsts_and_nosniff(client, css, method, path, status):
    answer = client.request(method, path.replace("/static/style", css))
    assert answer.status == status
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# --- What an owner builds under the policy --------------------------------------------

OTHER = """
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend other
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/server.pem
  http-request return status 200 content-type text/html string "<p>from afar</p>"
"""
PAGE = """
{% extends 'site.html' %}
{% block head %}
<link rel="manifest" href="{% static 'app.webmanifest' %}">
<script type="module" src="{% static 'main.js' %}"></script>
{% endblock %}
{% block main %}
<iframe src="ORIGIN/"></iframe>
<video src="{% static 'clip.wav' %}"></video>
<form method="post">{% csrf_token %}<button>Pay</button></form>
{% endblock %}
"""
VIEWS = """
def built(request):
    if request.method == "POST":
        from django.shortcuts import redirect
        return redirect("ORIGIN/paid")
    return render(request, "built.html")
"""
FILES = {
    "app.webmanifest": json.dumps({"name": "Built", "start_url": "/built"}),
    "main.js": 'import { word } from "./lib.js";\ndocument.title = word;\n',
    "lib.js": 'export const word = "imported";\n//# sourceMappingURL=lib.js.map\n',
    "pack.css": "p { margin: 0 }\n/*# sourceMappingURL=pack.css.map */\n",
}


def build(source, folder, secret_key, origin, settings):
    """Build a project with the page above and some lines of settings changed."""
    copy = shutil.copytree(source, folder / "source")
    project = copy / "mysite"
    for name, text in FILES.items():
        (copy / "static" / name).write_text(text)
    clip = io.BytesIO()
    with wave.open(clip, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    (copy / "static/clip.wav").write_bytes(clip.getvalue())
    (copy / "templates/built.html").write_text(PAGE.replace("ORIGIN", origin))
    views = project / "views.py"
    views.write_text(views.read_text() + VIEWS.replace("ORIGIN", origin))
    urls = project / "urls.py"
    route = 'path("built", views.built),\n    path("robots.txt"'
    urls.write_text(urls.read_text().replace('path("robots.txt"', route))
    path = project / "settings.py"
    text = path.read_text()
    for line, changed in settings.items():
        assert line in text
        text = text.replace(line, changed)
    path.write_text(text)
    return heroku.build(copy, folder / "slug", {"DJANGO_SECRET_KEY": secret_key})


FORMS = '"form-action": [CSP.SELF],'


@pytest.fixture(scope="module", params=["closed", "opened"])
def built(request, source, tmp_path_factory, secret_key):
    """The address of the page, before and after the owner has opened the policy."""
    folder = tmp_path_factory.mktemp(request.param)
    with parts.HAProxy(OTHER) as other, parts.HAProxy() as router:
        origin = f"https://pay.example.com:{other.tls_port}"
        change = f'"form-action": [CSP.SELF, "{origin}"], "frame-src": ["{origin}"],'
        settings = {FORMS: change} if request.param == "opened" else {}
        slug = build(source, folder, secret_key, origin, settings)
        with heroku.Dyno(slug, {"DJANGO_SECRET_KEY": secret_key}) as dyno:
            router.route([dyno.port])
            router.page = f"https://{heroku.HOST}:{router.tls_port}/built"
            router.opened = request.param == "opened"
            yield router


def complaints(chromium):
    said = chromium.get_log("browser")
    return [e["message"] for e in said if e["level"] in ("WARNING", "SEVERE")]


def test_own_files_work_and_others_once_they_are_named(chromium, built):
    complaints(chromium)
    chromium.get(built.page)
    parts.wait_until(lambda: chromium.title == "imported")  # import "./lib.js"
    state = "return document.querySelector('video').readyState"
    parts.wait_until(lambda: chromium.execute_script(state) >= 2)
    manifest = chromium.execute_cdp_cmd("Page.getAppManifest", {})
    assert json.loads(manifest["data"])["name"] == "Built" and not manifest["errors"]
    chromium.switch_to.frame(chromium.find_element(By.TAG_NAME, "iframe"))
    assert ("from afar" in chromium.page_source) is built.opened
    chromium.switch_to.default_content()
    assert bool(complaints(chromium)) is not built.opened


def test_a_form_leads_to_another_host_once_that_is_named(chromium, built):
    chromium.get(built.page)
    complaints(chromium)
    chromium.find_element(By.TAG_NAME, "button").click()
    if built.opened:
        parts.wait_until(lambda: "from afar" in chromium.page_source)
        assert complaints(chromium) == []
    else:
        said = parts.wait_until(lambda: complaints(chromium))
        assert "form-action" in said[0]


def test_plain_names_are_there_for_packages_that_build_their_own_urls(
    source, tmp_path, secret_key
):
    """And a source map that a package names and does not ship stops no build."""
    slug = build(source, tmp_path, secret_key, "https://pay.example.com", {})
    with heroku.Dyno(slug, {"DJANGO_SECRET_KEY": secret_key}) as dyno:
        answer = heroku.Client(dyno.port).get("/static/lib.js")
    assert answer.status == 200 and "imported" in answer.text
    assert answer.headers["Cache-Control"] == "max-age=60, public"


# --- A tunnel to the development server -----------------------------------------------

TUNNEL = "name.ngrok-free.app"


@pytest.mark.parametrize("trusted", [False, True])
def test_the_console_tells_why_a_tunnel_gets_403_and_one_line_mends_it(
    slug, tmp_path, trusted
):
    copy = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    if trusted:
        with (copy / "mysite/settings.py").open("a") as settings:
            settings.write(f'CSRF_TRUSTED_ORIGINS = ["https://{TUNNEL}"]\n')
    config_vars = {"DJANGO_ALLOWED_HOSTS": TUNNEL, "DJANGO_LOCAL": "1"}
    laptop = "unset DYNO; python manage.py"
    heroku.run(copy, config_vars, f"{laptop} migrate")
    runserver = f"{laptop} runserver $PORT --noreload"
    with heroku.Dyno(copy, config_vars, command=runserver) as dyno:
        client = heroku.Client(dyno.port, visitor=True, host=TUNNEL)
        form = client.get("/admin/login/", X_Forwarded_Proto="https").text
        token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
        answer = client.post(
            "/admin/login/",
            f"csrfmiddlewaretoken={token}&username=nobody&password=wrong",
            Origin=f"https://{TUNNEL}",
        )
    assert answer.status == (200 if trusted else 403)
    reason = f"Origin checking failed - https://{TUNNEL} does not match"
    assert (reason in dyno.log) is not trusted
