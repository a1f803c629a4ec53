"""Podman, and containers of an image as a host with strict rules runs them.

What the Dockerfile calls python:3.13-slim is Debian's unstable here, with Python 3.14:
Debian has no 3.13 for every release that this runs on, and the image's own is not to be
had without a registry. Its layout is the same: `python` and `pip` in /usr/local/bin.
"""

import os
import subprocess
import sys

import heroku
import parts
from packages import CACHE, capture

BASE = "docker.io/library/python:3.13-slim"

# As a host with strict rules runs it. The tests' PostgreSQL and HAProxy listen on this
# machine's loopback; this kernel may refuse the limits that podman would set.
STRICTLY = """--rm --network host --read-only --read-only-tmpfs=false --cap-drop all
--security-opt no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=1024:1024"""


class Podman:
    """Podman with a store of its own, in which the base image and layers are kept."""

    def __init__(self, folder):
        if os.geteuid():
            parts.lacks("containers are built and run as root here")
        self.folder = folder
        parts.need("debootstrap")
        places = [f"--root={CACHE}/containers", "--runroot=/run/rehearsal"]
        options = ["--cgroup-manager=cgroupfs", "--events-backend=none"]
        options.append(f"--runtime={parts.need('runc')}")
        self.command = [parts.need("podman"), *places, *options]

    def __call__(self, *words, check=True):
        """Run a command of podman and return what it says, with stderr."""
        result = capture([*self.command, *map(str, words)])
        assert result.returncode == 0 or not check, result.stdout
        return result.stdout.strip()

    def make_base(self):
        """Make the base image of Debian's unstable, unless it is there."""
        if self("images", "--quiet", BASE):
            return
        script = heroku.ROOT / ".template/debian-root"
        root = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True)
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        pack = ["tar", "--create", "--directory", root.stdout.strip(), "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
            load = [*self.command, "import", "--change", path, "-", BASE]
            subprocess.run(load, stdin=tar.stdout, check=True, capture_output=True)

    def build(self, source):
        """Build a folder's Dockerfile: return the image's id and what was said.

        pip gets the packages outside, as it does on this machine.
        """
        wheels = self.folder / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels]
        pip += ["--python-version", "3.14", "--only-binary", ":all:"]
        lock = ["--require-hashes", "-r", source / "requirements.txt"]
        subprocess.run([*pip, *lock], check=True, capture_output=True)
        config = self.folder / "pip.conf"
        config.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        options = ["--layers", "--isolation=chroot", "--network=host"]
        options.append(f"--volume={wheels}:/wheels:ro")
        options.append(f"--volume={config}:/etc/pip.conf:ro")
        file = self.folder / "id"
        said = self("build", *options, f"--iidfile={file}", source)
        return file.read_text(), said


class Container(heroku.Dyno):
    """A container of the image, with its log in a file; a context manager."""

    def __init__(self, podman, image, config_vars, *command, options=(), **more):
        self.podman, self.port = podman, parts.free_port()
        self.name = f"site-{os.getpid()}-{self.port}"
        self.log_path = podman.folder / f"{self.name}.log"
        config_vars = {"PORT": str(self.port)} | config_vars | more
        env = [f"--env={name}={value}" for name, value in config_vars.items()]
        words = ["run", f"--name={self.name}", *STRICTLY.split(), *options, *env]
        command = [*podman.command, *words, image, *command]
        self.process = parts.launch(command, self.log_path)

    def signal(self, number):
        """Signal its first process."""
        self.podman("kill", f"--signal={number}", self.name)

    def __exit__(self, *_):
        self.podman("rm", "--force", "--ignore", "--time=0", self.name)
        self.process.wait()
