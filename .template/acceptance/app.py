"""An app as `git push` finds it: heroku.py's steps, one after the other."""

import socketserver
import subprocess
import sys
import threading
from pathlib import Path

from heroku import Dyno, Refused, build, release

HOOK = """#!{python}
import json, os, pathlib, socket, subprocess, sys
old, new, ref = sys.stdin.read().split()[:3]
if ref not in ("refs/heads/master", "refs/heads/main"):
    sys.exit("Pushed to a branch other than [main, master]: nothing is deployed.")
source = pathlib.Path({folder!r}, "sources", new)
source.mkdir(parents=True, exist_ok=True)
git = subprocess.run(["git", "archive", new], check=True, capture_output=True)
subprocess.run(["tar", "-x", "-C", source], input=git.stdout, check=True)
with socket.socket(socket.AF_UNIX) as app:
    app.connect({address!r})
    app.sendall(f"{{source}}\\n".encode())
    for line in app.makefile():
        if line.startswith("exit "):
            sys.exit(int(line.split()[1]))
        print(line, end="", flush=True)
sys.exit(1)
"""


class App:
    """An app with its git remote, config vars, formation and router.

    A push to `remote` is built, released and booted; then the router is switched and
    the old dynos are told to stop (preboot). Where a step fails the push is declined.
    """

    def __init__(self, folder, router, config_vars):
        self.folder, self.router, self.config_vars = folder, router, config_vars
        self.formation, self.dynos, self.live, self.version = {"web": 1}, [], None, 0
        self.remote = folder / "app.git"
        git = ["git", "init", "--quiet", "--bare", self.remote]
        subprocess.run(git, check=True)
        address = str(router.folder / f"{folder.name}.push")
        hook = self.remote / "hooks/pre-receive"
        names = {"folder": str(folder), "address": address, "python": sys.executable}
        hook.write_text(HOOK.format(**names))
        hook.chmod(0o755)

        class Push(socketserver.StreamRequestHandler):
            def handle(handler):  # noqa: N805
                source = Path(handler.rfile.readline().decode().strip())

                def echo(line):
                    handler.wfile.write(f"{line}\n".encode())

                try:
                    self.deploy(source, echo)
                except Refused as refused:
                    echo(f" !     Push rejected. {refused}")
                    echo("exit 1")
                else:
                    echo("exit 0")

        self.server = socketserver.ThreadingUnixStreamServer(address, Push)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def deploy(self, source, echo=print):
        """Do what a push does, or raise Refused."""
        self.version += 1
        slug = build(source, self.folder / f"v{self.version}", self.config_vars, echo)
        release(slug, self.config_vars, echo)
        echo(f"-----> Released v{self.version}")
        self.boot(slug)

    def boot(self, slug):
        """Start the formation on a slug, switch the router, stop the old dynos."""
        label = {"HEROKU_RELEASE_VERSION": slug.name}
        old, self.dynos = self.dynos, []
        for process_type, count in self.formation.items():
            for number in range(1, count + 1):
                name = f"{process_type}.{number}"
                self.dynos.append(Dyno(slug, self.config_vars, name, **label))
        web = [dyno for dyno in self.dynos if dyno.name.startswith("web.")]
        self.router.route([dyno.wait_until_up().port for dyno in web])
        self.live = slug
        stops = [threading.Thread(target=dyno.stop) for dyno in old]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        for dyno in self.dynos:
            dyno.__exit__()
