"""HAProxy, by default set up as Heroku's router."""

import socket

from programs import Part, free_port, need

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

# The same for a dyno that sees it at an address of its own, as in another container.
REUSE = "  http-reuse always\n"
FROM_ANOTHER_ADDRESS = ROUTER.replace(REUSE, f"  source 127.0.0.9\n{REUSE}")


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
