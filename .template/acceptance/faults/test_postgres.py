"""PostgreSQL restarts, stops, hangs, or refuses its clients."""

import time

from formation import CONNECTION_LIMIT
from parts import wait_until


def test_postgresql_is_restarted_during_queries(formation, fault):
    with fault("PostgreSQL restarted during queries") as seen:
        statuses = formation.ask_at_once("/rehearsal/query?seconds=10", 3)
        time.sleep(0.5)
        formation.postgres.restart()
        seen.restored()
        wait_until(lambda: len(statuses) == 3, 5)
        time.sleep(3)
    assert statuses == [503] * 3


def test_postgresql_is_stopped_during_a_task(formation, fault):
    """Its result could not be stored, so it is run again; no worker ends."""
    formation.begin("outage", 3)
    with fault("PostgreSQL stopped for 10 s") as seen:
        formation.postgres.stop()
        time.sleep(10)
        formation.postgres.start()
        seen.restored()
        time.sleep(3)
    assert seen.unavailable
    wait_until(lambda: formation.recorded("outage end") == 1, 40)
    assert formation.recorded("outage begin") == 2
    assert all(dyno.is_alive() for dyno in formation.workers)


def test_other_clients_take_every_connection(formation, fault):
    formation.restart_web()  # each process tells one cause a minute
    with fault("Connections exhausted for 5 s") as seen:
        formation.postgres.psql("ALTER ROLE dyno CONNECTION LIMIT 0")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        formation.postgres.psql(f"{cut} WHERE usename = 'dyno'")
        time.sleep(5)
        limit = f"ALTER ROLE dyno CONNECTION LIMIT {CONNECTION_LIMIT}"
        formation.postgres.psql(limit)
        seen.restored()
        time.sleep(3)
    assert seen.unavailable
    assert "too many connections" in formation.logs()


def test_postgresql_is_frozen(formation, fault):
    with fault("PostgreSQL frozen for 15 s", recovered=3, hangs=17) as seen:
        formation.postgres.pause()
        try:
            statuses = formation.ask_at_once("/rehearsal/data", 36)
            time.sleep(15)
        finally:
            formation.postgres.resume()
        seen.restored()
        wait_until(lambda: len(statuses) == 36)
        time.sleep(4)
    assert {200, 503} >= set(statuses)
    assert formation.json("/ready")["database"] == "ok"
