"""What the strict policy lets an owner build, and a tunnel to runserver."""

import json
import re
import wave
from types import SimpleNamespace

import heroku
import parts
import pytest
from deployment import complaints
from projects import append
from selenium.webdriver.common.by import By

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
    "lib.js": 'export const word = "imported";\n',
}
FORMS = '"form-action": [CSP.SELF],'


@pytest.fixture(scope="module", params=["closed", "opened"])
def built(request, copy_project):
    """The page above, before and after the owner has opened the policy."""
    project = copy_project(request.param).add_route("built", "built")
    for name, text in FILES.items():
        project.write(f"static/{name}", text)
    with wave.open(str(project.folder / "static/clip.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with parts.HAProxy(OTHER) as other, parts.HAProxy() as router:
        origin = f"https://pay.example.com:{other.tls_port}"
        project.write("templates/built.html", PAGE.replace("ORIGIN", origin))
        project.append("mysite/views.py", VIEWS.replace("ORIGIN", origin))
        if request.param == "opened":
            named = f'"form-action": [CSP.SELF, "{origin}"], "frame-src": ["{origin}"],'
            project.change("mysite/settings.py", (FORMS, named))
        with project.build().dyno() as dyno:
            router.route([dyno.port])
            yield SimpleNamespace(
                url=f"https://{heroku.HOST}:{router.tls_port}/built",
                is_opened=request.param == "opened",
            )


def test_own_files_work_and_others_once_they_are_named(chromium, built):
    complaints(chromium)
    chromium.get(built.url)
    parts.wait_until(lambda: chromium.title == "imported")  # import "./lib.js"
    state = "return document.querySelector('video').readyState"
    parts.wait_until(lambda: chromium.execute_script(state) >= 2)
    manifest = chromium.execute_cdp_cmd("Page.getAppManifest", {})
    assert json.loads(manifest["data"])["name"] == "Built" and not manifest["errors"]
    chromium.switch_to.frame(chromium.find_element(By.TAG_NAME, "iframe"))
    assert ("from afar" in chromium.page_source) is built.is_opened
    chromium.switch_to.default_content()
    assert bool(complaints(chromium)) is not built.is_opened


def test_a_form_leads_to_another_host_once_that_is_named(chromium, built):
    chromium.get(built.url)
    complaints(chromium)
    chromium.find_element(By.TAG_NAME, "button").click()
    if built.is_opened:
        parts.wait_until(lambda: "from afar" in chromium.page_source)
        assert complaints(chromium) == []
    else:
        said = parts.wait_until(lambda: complaints(chromium))
        assert "form-action" in said[0]


TUNNEL = "name.ngrok-free.app"


@pytest.mark.parametrize("trusted", [False, True])
def test_the_console_tells_why_a_tunnel_gets_403_and_one_line_allows_it(
    pushed, tmp_path, trusted
):
    slug = pushed.copy_slug(tmp_path).slug
    if trusted:
        line = f'CSRF_TRUSTED_ORIGINS = ["https://{TUNNEL}"]\n'
        append(slug / "mysite/settings.py", line)
    config_vars = {"DJANGO_ALLOWED_HOSTS": TUNNEL, "DJANGO_LOCAL": "1"}
    laptop = "unset DYNO; python manage.py"
    (slug / "templates/refused.html").write_text("<p style='color: red'>")
    assert "W042" not in heroku.run(slug, config_vars, f"{laptop} migrate")
    runserver = f"{laptop} runserver $PORT --noreload"
    with heroku.Dyno(slug, config_vars, command=runserver) as dyno:
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
    assert "deploy.W042" in dyno.log  # of all commands, runserver alone says so
