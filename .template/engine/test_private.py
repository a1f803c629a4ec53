"""The private names of others that dyno uses: dyno/README.md gives the reasons."""

import inspect
import re
from pathlib import Path

from django.contrib.staticfiles.storage import HashedFilesMixin
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.graph import MigrationGraph
from django.template import Engine, Node
from django.template.base import FilterExpression
from django_tasks_db.models import DBTaskResult
from gunicorn.workers import base
from psycopg_pool import pool
from sites import tag

README = Path(__file__).resolve().parents[2] / "dyno/README.md"


def test_the_readme_lists_six():
    table = README.read_text().partition("## Names that are not public")[2]
    rows = re.findall(r"^\| .*`.*$", table, re.MULTILINE)
    assert len(rows) == 6


def test_gunicorn_logs_a_refused_request_in_the_words_that_the_log_looks_for():
    assert '"Invalid request from ip={ip}: ' in inspect.getsource(base)


def test_djangos_manifest_storage_asks_hashed_name_for_each_file():
    parameters = inspect.signature(HashedFilesMixin.hashed_name).parameters
    assert list(parameters) == ["self", "name", "content", "filename"]
    assert "self.hashed_name(" in inspect.getsource(HashedFilesMixin)


def test_a_compiled_template_tells_its_tags_and_their_constants():
    tags = map(tag, ["if a", "include 'b'", "include c|lower", "endif"])
    template = Engine().from_string("".join(["text", *tags]))
    nodes = template.nodelist.get_nodes_by_type(Node)
    tags = [node.token.contents for node in nodes]
    assert tags == ["text", "if a", "include 'b'", "include c|lower"]
    constant, variable = nodes[2].template, nodes[3].template
    assert isinstance(constant, FilterExpression)
    assert (constant.is_var, constant.var, constant.filters) == (False, "b", [])
    assert variable.is_var and variable.filters


def test_the_results_of_tasks_have_what_recovers_them():
    fields = {field.name for field in DBTaskResult._meta.get_fields()}
    assert fields >= {"status", "worker_ids", "args_kwargs", "task_path", "traceback"}
    for name in ("ready", "running", "finished"):
        assert callable(getattr(DBTaskResult.objects.all(), name))
    assert isinstance(DBTaskResult.task, property)


def test_a_connection_can_be_copied_with_its_settings():
    copy = connection.copy("other")
    assert copy.alias == "other"
    assert copy.settings_dict == connection.settings_dict


def test_djangos_executor_says_what_is_unapplied():
    assert list(inspect.signature(MigrationExecutor).parameters)[0] == "connection"
    assert callable(MigrationExecutor.migration_plan)
    assert callable(MigrationGraph.leaf_nodes)


def test_the_pool_of_a_database_can_be_closed():
    assert list(inspect.signature(DatabaseWrapper.close_pool).parameters) == ["self"]


def test_a_pool_logs_a_failed_connection_in_the_words_that_the_log_looks_for():
    assert '"error connecting in %r: ' in inspect.getsource(pool)
