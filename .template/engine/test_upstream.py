"""What is reported to other projects is still so; if not, the report can go."""

import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

REPORTS = Path(__file__).resolve().parent.parent / "upstream"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_gunicorn_waits_in_its_main_thread_for_clients_that_stay(tmp_path):
    text = (REPORTS / "gunicorn-lingering-close.md").read_text()
    program = re.search(r"```python\n(import .*?)```", text, re.DOTALL)[1]
    (tmp_path / "reproduce.py").write_text(program)
    port = str(free_port())
    options = ["--worker-class", "gthread", "--threads", "40", "-c", "/dev/null"]
    options += ["--no-control-socket", "--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", *options, "reproduce:app"]
    server = subprocess.Popen(command, cwd=tmp_path)
    try:
        for _ in range(100):
            time.sleep(0.1)
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
        seconds = {}
        for others in ("0", "2"):
            ask = [sys.executable, "reproduce.py", port, others]
            said = subprocess.run(ask, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
            seconds[others] = float(said.stdout)
    finally:
        server.terminate()
        server.wait()
    assert seconds["0"] < 1.5 < seconds["2"]
