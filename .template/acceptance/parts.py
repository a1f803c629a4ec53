"""The real parts around the site, each a context manager.

`with Postgres(max_connections=20) as postgres: ...`
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from programs import Part, certificate, free_port, listens, need, wait_until
from router import HAProxy

__all__ = [
    "PASSWORD",
    "HAProxy",
    "Part",
    "Postgres",
    "Redis",
    "certificate",
    "free_port",
    "listens",
    "need",
    "wait_until",
]

PASSWORD = "a-password"


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
