"""What is reported to other projects is still so; if not, the report can go."""

import re
import socket
import subprocess
import sys
from pathlib import Path

REPORTS = Path(__file__).resolve().parent.parent / "upstream"


def test_gunicorn_waits_in_its_main_thread_for_clients_that_stay(tmp_path):
    text = (REPORTS / "gunicorn-lingering-close.md").read_text()
    program = re.search(r"```python\n(import .*?)```", text, re.DOTALL)[1]
    (tmp_path / "reproduce.py").write_text(program)
    listener = socket.create_server(("127.0.0.1", 0))
    options = ["--worker-class", "gthread", "--threads", "40", "-c", "/dev/null"]
    options += ["--no-control-socket", "--bind", f"fd://{listener.fileno()}"]
    command = [sys.executable, "-m", "gunicorn", *options, "reproduce:app"]
    server = subprocess.Popen(command, cwd=tmp_path, pass_fds=[listener.fileno()])

    def seconds(others):
        port = str(listener.getsockname()[1])
        ask = [sys.executable, "reproduce.py", port, others]
        return float(subprocess.check_output(ask, cwd=tmp_path))

    with listener, server:
        try:
            seconds("0")  # until it has started
            assert seconds("0") < 1.5 < seconds("2")
        finally:
            server.terminate()
