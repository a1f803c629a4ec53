"""The finer points of HTTP: what caches and clients are told."""

import re
import time

import heroku
import pytest


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
def kinds(copy_project):
    """A dyno with views that answer other things than pages."""
    project = copy_project("kinds").append("mysite/views.py", KINDS)
    with project.add_route("kind/<name>", "kind").build().dyno() as dyno:
        yield heroku.Client(dyno.port)


@pytest.mark.parametrize(
    "path, coding",
    [
        ("sized?type=text/plain", "gzip"),
        ("sized?type=application/json", "gzip"),
        ("sized?type=application/ld%2Bjson", "gzip"),
        ("sized?type=image/svg%2Bxml", "gzip"),
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
