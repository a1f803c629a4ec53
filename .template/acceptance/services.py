"""Stand-ins for what a site asks for over HTTP, on one loopback port."""

import json
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import flask
from werkzeug.serving import make_server

app = flask.Flask(__name__)
received = []


@app.before_request
def note():
    request = flask.request
    received.append((request.path, request.headers, request.get_data()))


# A front end of another origin.
@app.get("/front-end")
def show_page():
    return '<!doctype html><link rel="icon" href="data:,"><title>Front</title>'


# A language model.
@app.post("/v1/chat/completions")
def think():
    """Think for two seconds, then answer with three words, one a second."""
    if flask.request.json["messages"][0]["content"] == "fail":
        flask.abort(500)
    time.sleep(2)
    return flask.Response(words(), content_type="text/event-stream")


def words():
    for word in ("Forty", "-", "two"):
        choice = {"index": 0, "delta": {"content": word}}
        chunk = {"object": "chat.completion.chunk", "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\n\n"
        time.sleep(1)
    yield "data: [DONE]\n\n"


# A mail provider and an error tracker.
@app.post("/email")
@app.post("/api/1/envelope/")
def take():
    return {"ErrorCode": 0, "MessageID": "1", "Message": "OK", "To": "a@b.c"}


# A provider of OpenID Connect, with one client and one user, who is logged in there.
@app.get("/.well-known/openid-configuration")
def openid_configuration():
    """Name the pages by their address, whatever the host that the site asks."""
    paths = ("authorization", "token", "userinfo")
    return {f"{path}_endpoint": f"{app.config['URL']}/{path}" for path in paths}


@app.get("/authorization")
def authorize():
    query = flask.request.args
    assert query["client_id"] == "a-client" and "code_challenge" in query
    back = urlencode({"code": "a-code", "state": query["state"]})
    return flask.redirect(f"{query['redirect_uri']}?{back}")


@app.post("/token")
def give_token():
    form = flask.request.form
    assert form["code"] == "a-code" and form["client_secret"] == "a-secret"
    assert "code_verifier" in form
    return {"access_token": "a-token", "token_type": "Bearer"}


@app.get("/userinfo")
def tell_user():
    assert flask.request.headers["Authorization"] == "Bearer a-token"
    return {"sub": "1", "email": "max@example.com", "email_verified": True}


@contextmanager
def serve():
    """Serve them all, and yield the server: its `url`, and what it has `received`."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.received = received
    server.url = app.config["URL"] = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
