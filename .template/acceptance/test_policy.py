"""What the strict policy lets an owner build, and a tunnel to runserver."""

import json
import wave

import heroku
import parts
import pytest
from deployment import complaints, post
from projects import served
from selenium.webdriver.common.by import By

PAGE = """
{% extends 'site.html' %}
{% block head %}
<link rel="manifest" href="{% static 'app.webmanifest' %}">
<script type="module" src="{% static 'main.js' %}"></script>
{% endblock %}
{% block main %}
<iframe src="ORIGIN"></iframe>
<video src="{% static 'clip.wav' %}"></video>
<form method="post">{% csrf_token %}<button>Pay</button></form>
{% endblock %}
"""
VIEWS = """
def built(request):
    if request.method == "POST":
        from django.shortcuts import redirect
        return redirect("ORIGIN")
    return render(request, "built.html")
"""
FILES = {
    "app.webmanifest": json.dumps({"name": "Built", "start_url": "/built"}),
    "main.js": 'import { word } from "./lib.js";\ndocument.title = word;\n',
    "lib.js": 'export const word = "imported";\n',
}
FORMS = '"form-action": [CSP.SELF],'


@pytest.mark.parametrize("is_opened", [False, True], ids=["closed", "opened"])
def test_own_files_work_and_another_site_once_it_is_named(
    chromium, copy_project, tmp_path, is_opened
):
    page = '<link rel="icon" href="data:,"><p>from afar</p>'
    (tmp_path / "index.html").write_text(page)
    project = copy_project("built").add_route("built", "built")
    for name, text in FILES.items():
        project.write(f"static/{name}", text)
    with wave.open(str(project.folder / "static/clip.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with served(tmp_path) as origin, parts.HAProxy() as router:
        project.write("templates/built.html", PAGE.replace("ORIGIN", origin))
        project.append("mysite/views.py", VIEWS.replace("ORIGIN", origin))
        if is_opened:
            named = f'"form-action": [CSP.SELF, "{origin}"], "frame-src": ["{origin}"],'
            project.change("mysite/settings.py", (FORMS, named))
        with project.build().dyno() as dyno:
            router.route([dyno.port])
            complaints(chromium)
            chromium.get(f"https://{heroku.HOST}:{router.tls_port}/built")
            parts.wait_until(lambda: chromium.title == "imported")  # import "./lib.js"
            state = "return document.querySelector('video').readyState"
            parts.wait_until(lambda: chromium.execute_script(state) >= 2)
            manifest = chromium.execute_cdp_cmd("Page.getAppManifest", {})
            assert json.loads(manifest["data"])["name"] == "Built"
            assert not manifest["errors"]
            chromium.switch_to.frame(chromium.find_element(By.TAG_NAME, "iframe"))
            assert ("from afar" in chromium.page_source) is is_opened
            chromium.switch_to.default_content()
            assert bool(complaints(chromium)) is not is_opened

            chromium.find_element(By.TAG_NAME, "button").click()
            if is_opened:
                parts.wait_until(lambda: "from afar" in chromium.page_source)
                assert complaints(chromium) == []
            else:
                said = parts.wait_until(lambda: complaints(chromium))
                assert "form-action" in said[0]


@pytest.mark.parametrize(
    "origins, status", [([], 403), ([f"https://{heroku.HOST}"], 200)]
)
def test_the_console_tells_why_a_tunnel_gets_403_and_one_line_allows_it(
    copy_project, origins, status
):
    project = copy_project("tunnel")
    project.append("mysite/settings.py", f"CSRF_TRUSTED_ORIGINS = {origins}\n")
    laptop = {"DJANGO_ALLOWED_HOSTS": heroku.HOST, "DJANGO_LOCAL": "1"}
    runserver = "env -u DYNO python manage.py runserver $PORT --noreload"
    project.write("templates/refused.html", "<p style='color: red'>").build()
    migrate = "env -u DYNO python manage.py migrate"
    assert "W042" not in project.run(migrate, **laptop)
    with project.dyno(command=runserver, **laptop) as dyno:
        client = heroku.Client(dyno.port, visitor=True)
        answer = post(client, "/admin/login/", {}, X_Forwarded_Proto="https")
        reason = f"Origin checking failed - https://{heroku.HOST} does not match"
        assert (reason in dyno.log) is (status == 403)
        assert "deploy.W042" in dyno.log  # of all commands, runserver alone says so
    assert answer.status == status
