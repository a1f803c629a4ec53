"""The real parts around the site, each on free loopback ports and stopped afterwards.

Each is a context manager: `with Postgres(max_connections=20) as postgres: ...`.
"""

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

PASSWORD = "a-password"


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


class Postgres(Part):
    """PostgreSQL that takes TCP connections over TLS alone, as Heroku's does.

    Keyword arguments are its own settings; change `settings` before `restart()`.
    """

    stop_signal = signal.SIGINT  # "fast": it does not wait for its clients
    user = "nobody"  # neither initdb nor postgres runs as root

    def __init__(self, **settings):
        self.settings, self.port = settings, free_port()
        initdb = [need("initdb"), "-D", "data", "-U", "postgres", "-A", "trust"]
        super().__init__()
        try:
            subprocess.run(
                [*initdb, "-E", "UTF8", "--no-sync"],
                check=True,
                capture_output=True,
                **self.options(),
            )
            (self.folder / "data/pg_hba.conf").write_text(
                "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
            )
            self.start()
            self.psql(f"CREATE ROLE dyno LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        except BaseException:
            self.__exit__()
            raise
        self.stop()

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "ssl": "on",
            "ssl_cert_file": self.folder / "server.crt",
            "ssl_key_file": self.folder / "server.key",
            "fsync": "off",
            **self.settings,
        }
        options = [f"-c{name}={value}" for name, value in settings.items()]
        return [need("postgres"), "-D", "data", "-p", str(self.port), *options]

    def is_up(self):
        ready = [need("pg_isready"), "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(ready).returncode == 0

    def signal_all(self, number):
        """Signal the server and each of its processes, one for each connection."""
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (pid, *map(int, found)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def pause(self):
        """Freeze all of it: the kernel still accepts connections and data."""
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        """Let all of it go on."""
        self.signal_all(signal.SIGCONT)

    def psql(self, sql, database="postgres"):
        """Run SQL as the superuser and return the rows as text."""
        where = ["-h", self.folder, "-p", str(self.port), "-U", "postgres", database]
        command = [need("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, *where]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(result.stderr)
        return result.stdout.strip()

    def create(self, database):
        """Make a database, anew if it is there, and return its URL."""
        self.drop(database)
        self.psql(f'CREATE DATABASE "{database}" OWNER dyno')
        return self.url(database)

    def drop(self, database):
        """Remove a database, whoever is connected to it."""
        self.psql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def url(self, database):
        """Return the DATABASE_URL of a database, for a role that is no superuser."""
        return f"postgres://dyno:{PASSWORD}@127.0.0.1:{self.port}/{database}"


class Redis(Part):
    """Redis with a password; `url` is over TLS, `plain_url` is not."""

    def __init__(self):
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"rediss://:{PASSWORD}@127.0.0.1:{self.tls_port}"
        self.plain_url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}"
        super().__init__()

    def command(self):
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "tls-port": self.tls_port,
            "tls-cert-file": "server.crt",
            "tls-key-file": "server.key",
            "tls-auth-clients": "no",
            "requirepass": PASSWORD,
            "save": "",
        }
        words = [str(word) for k, v in options.items() for word in (f"--{k}", v)]
        return [need("redis-server"), *words]


ROUTER = """
global
  stats socket {folder}/control level admin
defaults
  mode http
  timeout connect 5s
  timeout client 90s
  timeout server 30s
  timeout http-keep-alive 90s
  timeout queue 30s
frontend visitors
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/server.pem
  unique-id-format %[uuid()]
  acl named req.hdr(X-Request-Id) -m found
  http-request set-header X-Request-Id %[unique-id] unless named
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Request-Start %[date(0,ms)]
  http-request set-header Via "1.1 vegur"
  option forwardfor
  default_backend dynos
backend dynos
  balance random
  http-reuse always
  option redispatch
  retries 2
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or {{ method HEAD OPTIONS PUT DELETE }}
  server-template dyno 1-{slots} 127.0.0.1:1 disabled
"""


class HAProxy(Part):
    """HAProxy, by default as Heroku's router: HTTP on `port`, HTTPS on `tls_port`.

    A config text of one's own may name {folder}, {port}, {tls_port} and `options`.
    """

    slots = 8

    def __init__(self, config=ROUTER, **options):
        self.port, self.tls_port = free_port(), free_port()
        super().__init__()
        self.certificate = self.folder / "server.crt"
        names = {"slots": self.slots, **options}
        ports = {"port": self.port, "tls_port": self.tls_port}
        text = config.format(folder=self.folder, **ports, **names)
        (self.folder / "haproxy.cfg").write_text(text)

    def command(self):
        return [need("haproxy"), "-db", "-f", "haproxy.cfg"]

    def control(self, command):
        """Send a command to its control socket and return the answer."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "control"))
            control.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: control.recv(4096), b"")).decode()

    def route(self, ports):
        """Send new requests to the dynos on these ports; those under way go on."""
        old, new = getattr(self, "routed", []), []
        free = [n for n in range(1, self.slots + 1) if n not in old]
        for slot, port in zip(free, ports, strict=False):
            server = f"set server dynos/dyno{slot}"
            self.control(f"{server} addr 127.0.0.1 port {port}")
            self.control(f"{server} state ready")
            new.append(slot)
        if len(new) < len(ports):
            raise ValueError(f"more than {self.slots} dynos at once")
        for slot in old:
            self.control(f"set server dynos/dyno{slot} state maint")
        self.routed = new
