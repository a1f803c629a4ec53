"""The words of every message that dyno writes while a site starts, runs or is released.

The source is read, not run: what a logger logs at WARNING or above, and what a command,
a start or the settings fail with. A value in a message becomes "…".
"""

import ast
import re
from pathlib import Path

DYNO = Path(__file__).resolve().parent.parent.parent / "dyno"
LOGGED = {"warning", "error", "exception", "critical"}
RAISED = {"CommandError", "ImproperlyConfigured", "SystemExit", "exit", "add_note"}
COMMAND = re.compile(r" ?(Fix|Then): |  \(docs/")
PLACEHOLDER = re.compile(r"%[.\d]*[sd]|\{\w*\}")


class Module:
    """What the names of a module stand for: expressions, or what functions return."""

    def __init__(self, path):
        self.tree = ast.parse(path.read_text())
        self.values = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                self.add(node.targets[0], node.value)
            elif isinstance(node, ast.NamedExpr):
                self.add(node.target, node.value)
            elif isinstance(node, ast.FunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return):
                        self.add(ast.Name(node.name), inner.value)

    def add(self, name, value):
        if isinstance(name, ast.Name):
            self.values.setdefault(name.id, []).append(value)


MODULES = [Module(path) for path in DYNO.rglob("*.py")]


def name_of(node):
    """Return the name of a variable, of a function, or of either in another module."""
    return getattr(node, "attr", getattr(node, "id", ""))


def texts(node, module, seen=()):
    """Yield each text that an expression may be or hold, as far as the source says."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield PLACEHOLDER.sub("…", node.value)
    elif isinstance(node, ast.JoinedStr):
        constants = [
            part.value if isinstance(part, ast.Constant) else "…"
            for part in node.values
        ]
        yield "".join(constants)
        for part, before in zip(node.values, ["", *constants], strict=False):
            if COMMAND.search(before):
                break
            if isinstance(part, ast.FormattedValue):
                yield from texts(part.value, module, seen)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, module, seen)
        yield from texts(node.orelse, module, seen)
    elif isinstance(node, ast.Call) and name_of(node.func) == "format":
        yield from texts(node.func.value, module, seen)
    elif isinstance(node, ast.Call):
        yield from texts(node.func, module, seen)
    elif isinstance(node, ast.Name | ast.Attribute):
        name = name_of(node)
        for other in [module, *MODULES]:
            if name in other.values and name not in seen:
                for value in other.values[name]:
                    yield from texts(value, other, (*seen, name))
                return


def messages():
    """Return every message without its command."""
    found = set()
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and name_of(node.func) in LOGGED | RAISED:
                for argument in node.args:
                    found.update(texts(argument, module))
    causes = {COMMAND.split(text)[0] for text in found}
    # A command, or a mere frame for another text, is nothing to search for.
    return {
        cause
        for cause in causes
        if len(re.findall(r"\w", cause)) > 10 and not cause.startswith("heroku ")
    }


def constants():
    """Return every text of dyno."""
    nodes = [(node, module) for module in MODULES for node in ast.walk(module.tree)]
    return {text for node, module in nodes for text in texts(node, module)}
