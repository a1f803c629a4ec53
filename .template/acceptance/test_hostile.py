"""Bodies that Django refuses: the answer is the site's own, and memory stays small."""

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from formation import children
from wire import COOKIE, FORM, REFERER, ask, is_ours, request, talk

MULTIPART = "multipart/form-data; boundary=end"


@pytest.fixture(scope="module")
def dyno(rehearsal):
    """A web dyno with a database."""
    with rehearsal.dyno() as dyno:
        yield dyno


def test_an_address_that_cannot_be_redirected_is_no_error(dyno):
    for line, scheme in (("GET /admin?%s", "https"), ("GET /nothing?%s", "http")):
        answer = ask(dyno, line % (7_000 * '"'), scheme=scheme)
        assert answer.status == 400
        assert "level=error" not in "".join(answer.log)


def multipart(*contents, filename=None):
    """Return a multipart body; its boundary is "end"."""
    file = f'; filename="{filename}"' if filename else ""
    disposition = f'Content-Disposition: form-data; name="a"{file}'
    found = "".join(f"--end\r\n{disposition}\r\n\r\n{text}\r\n" for text in contents)
    return f"{found}--end--\r\n"


BODIES = {
    "1,001 fields": (FORM, "&".join(f"a{number}=" for number in range(1_001))),
    "2.7 MB": (FORM, "a=" + "x" * 2_700_000),
    "a part of 2.7 MB": (MULTIPART, multipart("x" * 2_700_000)),
    "101 files": (MULTIPART, multipart(*101 * ["x"], filename="f")),
    "no boundary": ("multipart/form-data", multipart("x")),
    "no end": (MULTIPART, multipart("x")[:-9]),
    "a NUL byte": (FORM, "a=%00&%00=b"),
    "JSON": ("application/json", "{"),
}


@pytest.mark.parametrize("cookie", [[], [COOKIE]], ids=["no cookie", "cookie"])
@pytest.mark.parametrize("path", ["/no-such-page", "/admin/login/"])
@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_django_refuses_is_no_error_of_the_site(dyno, body, path, cookie):
    kind, text = BODIES[body]
    headers = [f"Content-Type: {kind}", REFERER, *cookie]
    answer = ask(dyno, f"POST {path}", *headers, body=text)
    assert answer.status in (400, 403, 404, 413)
    is_ours(answer)


def memory(dyno):
    """Return the memory of a dyno's processes in MB, what they share counted once."""
    total = 0
    for pid in (dyno.process.pid, *children(dyno)):
        with contextlib.suppress(OSError):  # it has just ended
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
    return total // 1024


FILLING = {
    "2.6 MB": (FORM, 866_000 * "%41"),
    "names": (FORM, 166_000 * "&%41"),
    "a part": (MULTIPART, multipart("x" * 9_000_000)),
    "in memory": (MULTIPART, multipart(*2 * ["x" * 2_400_000], filename="f")),
}


@pytest.mark.parametrize("body", FILLING)
def test_what_a_stranger_posts_does_not_fill_the_memory(rehearsal, body):
    kind, text = FILLING[body]
    headers = [f"Content-Type: {kind}", COOKIE, REFERER, "Connection: close"]
    headers.append(f"Content-Length: {len(text)}")
    sent = request("POST /admin/login/ HTTP/1.1", *headers, body=text)
    with rehearsal.dyno() as dyno, ThreadPoolExecutor(30) as pool:
        most = memory(dyno)
        answers = [pool.submit(talk, dyno, sent, 60) for _ in range(30)]
        while not all(answer.done() for answer in answers):
            most = max(most, memory(dyno))
            time.sleep(0.01)
        assert most < 300
        statuses = {answer.result()[9:12] for answer in answers}
        assert statuses <= {b"400", b"403", b"413", b"503"}
        assert "Traceback" not in dyno.log
