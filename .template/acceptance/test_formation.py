"""The formation of a grown site: what dynos share, and what a deploy may not lose."""

import json
import time

from parts import wait_until

NOTHING_FAILS = {"visitors": 12, "recovered": 0, "slowest": 30}


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
        formation.enqueue(f"task{number}.", 0.2)
    assert formation.json("/ready")["queued"] > 0
    wait_until(lambda: formation.json("/ready")["queued"] == 0)
    wait_until(lambda: formation.recorded("task%end") == 60)
    begun = [formation.recorded(f"task{number}. begin") for number in range(60)]
    assert begun == [1] * 60
    workers = formation.sql(
        "SELECT DISTINCT worker_ids::text FROM django_tasks_database_dbtaskresult"
    )
    assert len(workers) == 2


def lines(formation, wanted):
    """Return the lines of its logs that hold a text, once there is one."""
    return wait_until(lambda: [s for s in formation.logs().splitlines() if wanted in s])


def test_a_failed_task_is_in_the_log_with_the_id_of_its_request(formation):
    task_id = formation.enqueue("fail")
    [failure, *_] = lines(formation, "fail was to fail")
    assert "Traceback" in failure and task_id in failure
    request_id = failure.partition("request_id=")[2].split()[0]
    assert request_id != "-"
    [access] = lines(formation, f"logger=access request_id={request_id} ")
    assert "method=POST path=/rehearsal/enqueue" in access


def test_scaling_down_and_up_loses_no_request(formation, fault):
    with fault("Scaled from 3 web dynos to 1 and back", **NOTHING_FAILS):
        formation.remove_web(formation.web[1:])
        time.sleep(1)
        formation.add_web(2)


MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    operations = [migrations.RunSQL("CREATE TABLE rehearsal_extra (id integer)")]
"""


def test_a_deploy_and_a_rollback_past_its_migration_lose_no_request(formation, fault):
    slugs = formation.add_migration(MIGRATION)
    with fault("Deployed 3 web dynos and 2 workers, and rolled back", **NOTHING_FAILS):
        for slug in slugs:
            formation.deploy(slug)
    # Nor has anything before met the plan's limit.
    assert "too many connections" not in formation.postgres.log.read_text()
