"""PgBouncer in transaction mode before a real PostgreSQL, on a free loopback port."""

import subprocess

import parts

CONFIG = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users.txt
admin_users = dyno
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
server_round_robin = {turns}
server_tls_sslmode = require
client_tls_sslmode = {tls}
client_tls_key_file = server.key
client_tls_cert_file = server.crt
"""


class PgBouncer(parts.Part):
    """A pooler of `size` server connections; like Heroku's it demands TLS by default.

    `tls="disable"` makes it the buildpack's, which runs on the dyno itself. It gives
    out its servers in turn, or with `turns=0` the one used last first, as by default.
    """

    user = "nobody"  # it refuses to run as root

    def __init__(self, postgres, size=20, tls="require", mode="transaction", turns=1):
        self.port = parts.free_port()
        super().__init__()
        ports = {"port": self.port, "server": postgres.port}
        config = CONFIG.format(size=size, tls=tls, mode=mode, turns=turns, **ports)
        (self.folder / "pgbouncer.ini").write_text(config)
        (self.folder / "users.txt").write_text(f'"dyno" "{parts.PASSWORD}"\n')

    def command(self):
        return [parts.need("pgbouncer"), "pgbouncer.ini"]

    def url(self, database):
        """Return the URL of a database through the pooler."""
        return f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{self.port}/{database}"

    def psql(self, *statements, database="pgbouncer"):
        """Run statements through it, or ask the pooler itself; return the rows."""
        psql = [parts.need("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        for sql in statements:
            psql += ["-c", sql]
        rows = subprocess.check_output([*psql, self.url(database)], text=True)
        return rows.splitlines()

    def count(self, what, database):
        """Return how many connections its CLIENTS or SERVERS have for a database."""
        rows = [row.split("|") for row in self.psql(f"SHOW {what}")]
        return sum(row[2] == database for row in rows)
