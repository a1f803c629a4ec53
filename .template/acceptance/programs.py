"""Programs that the tests run, each on free loopback ports and stopped afterwards."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def need(program):
    """Return where a program is; without it skip the test, or fail it in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))  # not on PATH
    if path := found[-1] if found else shutil.which(program):
        return str(path)
    lacks = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    lacks(f"{program} is not installed: see .template/apt-packages")


def free_port():
    """Return a port that nothing listens on.

    It is none that the kernel gives to a connection, which could take the port while a
    part is restarted, and each process of the tests has a thousand of its own.
    """
    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = 20_000 + int(process) % 10 * 1000
    while True:
        port = random.randrange(first, first + 1000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def wait_until(condition, seconds=30, step=0.05):
    """Return the first true value of a function; TimeoutError after some seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(step)
    return value


def listens(port):
    """Say whether something accepts connections on a port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def certificate(folder):
    """Write server.key and server.crt, self-signed, and server.pem with both."""
    names = "subjectAltName=DNS:localhost,DNS:*.herokuapp.com,IP:127.0.0.1"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", "server.key", "-out", "server.crt"]
    command = [need("openssl"), *command.split()[1:], "-addext", names, *files]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    pair = [(folder / name).read_text() for name in ("server.crt", "server.key")]
    (folder / "server.pem").write_text("".join(pair))
    (folder / "server.key").chmod(0o600)


class Part:
    """One program with a folder and a certificate of its own."""

    stop_signal = signal.SIGTERM
    user = None  # whom to be where root is refused

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        certificate(self.folder)
        self.log = self.folder / "log"
        self.process = None
        self.other_user = self.user and os.geteuid() == 0
        if self.other_user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self.user)

    def command(self):
        """Return the command that runs in the foreground."""
        raise NotImplementedError

    def is_up(self):
        """Say whether it answers."""
        return listens(self.port)

    def options(self):
        """Return what subprocess needs: the folder, and the user."""
        if not self.other_user:
            return {"cwd": self.folder}
        group = pwd.getpwnam(self.user).pw_gid
        return {"cwd": self.folder, "user": self.user, "group": group}

    def start(self):
        """Start it and return once it answers."""
        with self.log.open("a") as log:
            output = {"stdout": log, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(self.command(), **output, **self.options())

        def up():
            if self.process.poll() is not None:
                raise RuntimeError(f"it did not start: {self.log.read_text()[-2000:]}")
            return self.is_up()

        wait_until(up)
        return self

    def stop(self):
        """Stop it and return once it has gone. It keeps its port and its data."""
        if self.process and self.process.poll() is None:
            self.resume()
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        """Stop it and start it again."""
        self.stop()
        self.start()

    def pause(self):
        """Let it keep its connections and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Let it answer again."""
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
