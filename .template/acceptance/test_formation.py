"""The formation of a grown site: what dynos share, and what a deploy may not lose."""

import json
import threading
import time
from contextlib import contextmanager

import heroku
import pytest
from formation import CONNECTION_LIMIT, Formation
from parts import wait_until
from traffic import Traffic


@pytest.fixture(scope="module")
def formation(tmp_path_factory, source, secret_key):
    folder = tmp_path_factory.mktemp("formation")
    with Formation(folder, source, secret_key) as formation:
        yield formation


def test_dynos_share_sessions_and_the_cache(formation):
    visitor = formation.visitor()
    visits = [json.loads(visitor.get("/rehearsal/visit").text) for _ in range(12)]
    assert [visit["visits"] for visit in visits] == list(range(1, 13))
    assert len({visit["dyno"] for visit in visits}) > 1
    cached = [formation.json("/rehearsal/cached?key=shared") for _ in range(12)]
    assert len({answer["first"] for answer in cached}) == 1
    assert len({answer["dyno"] for answer in cached}) > 1


def test_two_workers_share_the_tasks_and_run_each_once(formation):
    for number in range(60):
        formation.enqueue(f"task{number}.", 0.05)
    assert formation.json("/ready")["queued"] > 0
    wait_until(lambda: formation.json("/ready")["queued"] == 0)
    wait_until(lambda: not formation.unfinished())
    begun = [formation.recorded(f"task{number}. begin") for number in range(60)]
    assert begun == [1] * 60
    workers = formation.sql(
        "SELECT DISTINCT worker_ids::text FROM django_tasks_database_dbtaskresult"
    )
    assert len(workers) == 2


def test_a_failed_task_is_in_the_log_with_the_id_of_its_request(formation):
    task_id = formation.enqueue("fail")
    wait_until(lambda: "fail was to fail" in formation.logs())
    log = formation.logs().splitlines()
    failure = next(line for line in log if "fail was to fail" in line)
    assert "Traceback" in failure and task_id in failure
    request_id = failure.partition("request_id=")[2].split()[0]
    assert request_id != "-"
    of_request = [line for line in log if f"request_id={request_id} " in line]
    [access] = [line for line in of_request if "logger=access" in line]
    assert "method=POST path=/rehearsal/enqueue" in access


def test_a_batch_runs_what_another_that_was_killed_has_left(formation):
    formation.remove_workers(formation.workers)
    formation.enqueue("left")
    formation.sql(
        "UPDATE django_tasks_database_dbtaskresult SET status = 'RUNNING',"
        """ worker_ids = '["scheduler.1-killed"]' WHERE status = 'READY'"""
    )
    batch = "python manage.py worker --batch"
    heroku.run(formation.slug, formation.config_vars, batch)
    assert formation.recorded("left end") == 1
    formation.add_workers(2)


@pytest.fixture
def nothing_fails(formation):
    """Hold a change under traffic to no failed request and the plan's connections."""

    @contextmanager
    def watch(change):
        most = [0]
        ended = threading.Event()

        def count_connections():
            while not ended.wait(0.02):
                most[0] = max(most[0], formation.connections())

        counter = threading.Thread(target=count_connections)
        refused = formation.postgres.log.read_text().count("too many connections")
        with Traffic(formation, threads=6, every=0.05) as traffic:
            with traffic.watch() as seen:
                counter.start()
                yield
                time.sleep(1)
            ended.set()
            counter.join()
        failed = [answer for answer in seen.answers if not answer.good]
        print(
            f"{change}: {len(seen.answers)} requests, {len(failed)} failed, the slowest"
            f" {seen.slowest:.2f} s, {most[0]} of {CONNECTION_LIMIT} connections"
        )
        assert len(seen.answers) > 100
        assert not failed
        assert most[0] <= CONNECTION_LIMIT
        log = formation.postgres.log.read_text()
        assert log.count("too many connections") == refused
        assert not traffic.lost()

    return watch


def test_scaling_down_and_up_loses_no_request(formation, nothing_fails):
    with nothing_fails("Scaled from 3 web dynos to 1 and back"):
        formation.remove_web(formation.web[1:])
        time.sleep(1)
        formation.add_web(2)


MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    operations = [migrations.RunSQL("CREATE TABLE rehearsal_extra (id integer)")]
"""


def test_a_deploy_and_a_rollback_past_its_migration_lose_no_request(
    formation, nothing_fails
):
    old = formation.slug
    folder = formation.source / "rehearsal/migrations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "0001_initial.py").write_text(MIGRATION)
    config_vars = formation.config_vars
    new = heroku.build(formation.source, formation.folder / "v2", config_vars)
    with nothing_fails("Deploy of 3 web dynos and 2 workers, then a rollback"):
        for formation.slug in (new, old):
            heroku.release(formation.slug, config_vars)
            formation.restart_workers()
            formation.restart_web()
