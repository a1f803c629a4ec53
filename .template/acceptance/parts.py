"""The real parts around the site, each a context manager on free loopback ports."""

import contextlib
import os
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

# Who runs what refuses to be root.
NOBODY = "nobody" if os.geteuid() == 0 else None

ROUTER = """
global
  stats socket {folder}/control level admin
defaults
  mode http
  timeout connect 5s
  timeout client 90s
  timeout server 30s
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
  server-template dyno 1-16 127.0.0.1:1 disabled
"""


def lacks(what):
    """Skip the test, or fail it in CI."""
    outcome = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    outcome(what)


def need(program):
    """Return where a program is, which must be installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))  # not on PATH
    if found:
        return str(found[-1])
    return shutil.which(program) or lacks(f"no {program}: see .template/apt-packages")


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


def wait_until(condition, seconds=30):
    """Return the first true value of a function; TimeoutError after some seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
    return value


def listens(port):
    """Say whether something accepts connections on a port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def children(running):
    """Return the processes that the process of a part or a dyno has made."""
    pid = running.process.pid
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def launch(command, log, **options):
    """Start a program that writes into a log, and return its process."""
    with log.open("w") as output:
        streams = {"stdout": output, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **streams, **options)


def certificate(folder):
    """Write server.key and server.crt, self-signed, and server.pem with both."""
    names = "subjectAltName=DNS:localhost,DNS:*.herokuapp.com,IP:127.0.0.1"
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", "server.key", "-out", "server.crt", "-addext", names]
    command = [need("openssl"), *command.split(), *files]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    pair = [(folder / name).read_text() for name in ("server.crt", "server.key")]
    (folder / "server.pem").write_text("".join(pair))


class Part:
    """One program with a folder of its own; `command()` runs in the foreground."""

    stop_signal = signal.SIGTERM
    user = None  # another user than the tests'

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        certificate(self.folder)
        self.log = self.folder / "log"
        self.process = None
        self.options = {"cwd": self.folder, "user": self.user}
        if self.user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self.user)

    def is_up(self):
        """Say whether it answers."""
        return listens(self.port)

    def start(self):
        """Start it and return once it answers."""
        self.process = launch(self.command(), self.log, **self.options)

        def is_up():
            assert self.process.poll() is None, self.log.read_text()
            return self.is_up()

        wait_until(is_up)
        return self

    def stop(self):
        """Stop it and return once it has gone. It keeps its port and its data."""
        if self.process and self.process.poll() is None:
            self.resume()
            self.process.send_signal(self.stop_signal)
            self.process.wait(20)

    def restart(self):
        """Stop it and start it again."""
        self.stop()
        self.start()

    def signal_all(self, number):
        for pid in (self.process.pid, *children(self)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self):
        """Freeze all of it: the kernel still accepts connections and data."""
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        """Let all of it go on."""
        self.signal_all(signal.SIGCONT)

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
    """PostgreSQL that takes TCP connections over TLS alone, as Heroku's does."""

    stop_signal = signal.SIGINT  # "fast": it does not wait for its clients
    user = NOBODY

    def __init__(self, **settings):
        self.settings, self.port = settings, free_port()
        super().__init__()
        options = self.options | {"check": True, "capture_output": True, "text": True}
        make = [need("initdb"), "-D", "data", "-U", "postgres", "-A", "trust"]
        subprocess.run([*make, "-E", "UTF8", "--no-sync"], **options)
        rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        (self.folder / "data/pg_hba.conf").write_text(rules)
        role = f"CREATE ROLE dyno LOGIN CREATEDB PASSWORD '{PASSWORD}'\n"
        alone = [need("postgres"), "--single", "-D", "data", "postgres"]
        subprocess.run(alone, input=role, **options)

    def command(self):
        # A worker of autovacuum would be one more in what tests count of a database.
        options = f"""-D data -p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off
        -c ssl=on -c ssl_cert_file=../server.crt -c ssl_key_file=../server.key
        -c autovacuum=off"""
        settings = [f"-c{name}={value}" for name, value in self.settings.items()]
        return [need("postgres"), *options.split(), *settings]

    def is_up(self):
        ready = [need("pg_isready"), "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(ready).returncode == 0

    def psql(self, sql, database="postgres"):
        """Run SQL as the superuser and return the rows as text."""
        where = f"host={self.folder} port={self.port} user=postgres dbname={database}"
        command = [need("psql"), "-XAtqc", sql, where]
        return subprocess.check_output(command, text=True).strip()

    @contextlib.contextmanager
    def holding(self, sql, database):
        """Keep a session open that takes a lock by SQL."""
        psql = [need("psql"), "-XAtq", self.url(database)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(psql, **pipes) as session:
            print(sql, "\\g /dev/null", "\n\\echo held", file=session.stdin, flush=True)
            assert session.stdout.readline() == "held\n"
            yield

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
    """Redis with a password, over TLS alone."""

    def __init__(self):
        self.port = free_port()
        self.url = f"rediss://:{PASSWORD}@127.0.0.1:{self.port}"
        super().__init__()

    def command(self):
        options = f"""--bind 127.0.0.1 --port 0 --tls-port {self.port}
        --tls-cert-file server.crt --tls-key-file server.key --tls-auth-clients no
        --requirepass {PASSWORD}"""
        return [need("redis-server"), *options.split(), "--save", ""]


class HAProxy(Part):
    """HAProxy, by default as Heroku's router: HTTP on `port`, HTTPS on `tls_port`.

    A config text of one's own may name {folder}, {port}, {tls_port} and `options`.
    """

    def __init__(self, config=ROUTER, **options):
        self.port, self.tls_port, self.routed = free_port(), free_port(), []
        super().__init__()
        self.certificate = self.folder / "server.crt"
        names = {"folder": self.folder, "port": self.port, "tls_port": self.tls_port}
        (self.folder / "haproxy.cfg").write_text(config.format(**names, **options))

    def command(self):
        return [need("haproxy"), "-db", "-f", "haproxy.cfg"]

    def control(self, command):
        """Send a command to its control socket, which closes once that is done."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "control"))
            control.sendall(f"{command}\n".encode())
            control.makefile().read()

    def route(self, ports):
        """Send new requests to the dynos on these ports; those under way go on."""
        old = self.routed
        free = [slot for slot in range(1, 17) if slot not in old]
        self.routed = free[: len(ports)]
        for slot, port in zip(self.routed, ports, strict=True):
            self.control(f"set server dynos/dyno{slot} addr 127.0.0.1 port {port}")
            self.control(f"set server dynos/dyno{slot} state ready")
        for slot in old:
            self.control(f"set server dynos/dyno{slot} state maint")
