"""A script for `DagRuns.do`: runs a DAG whose approval people answer by Airflow's own REST API, in one process."""

from __future__ import annotations

SCRIPT = """
import threading, time

from airflow.sdk.definitions import dag as dags

answers, asked = {answers!r}, []
put_down = threading.Semaphore(0)
run_task = dags._run_task


def run_and_put_down(**of_task):
    # The task waits from within `run_task` on, but what that writes last is the state it knows: an answer before then
    # would be written over, and waited for without end.
    done = run_task(**of_task)
    put_down.release()
    return done


def clients_of(users):
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    app, clients = create_app("core"), {{}}
    for user in users:
        clients[user] = TestClient(app, base_url="http://localhost")
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role="admin"))
        clients[user].headers["Authorization"] = f"Bearer {{token}}"
    return clients


def answer_all():
    for user, option, comment in answers:
        put_down.acquire(timeout=90)
        give_up = time.monotonic() + 90
        while time.monotonic() < give_up:
            found = clients[user].get(
                "/api/v2/dags/pipeline/dagRuns/~/hitlDetails", params={{"response_received": "false"}}
            ).json()["hitl_details"]
            waits = [one for one in found if one["task_instance"]["state"] == "awaiting_input"]
            if waits:
                break
            time.sleep(0.1)
        (detail,) = waits
        asked.append(detail["body"])
        ti = detail["task_instance"]
        page = f"/api/v2/dags/pipeline/dagRuns/{{ti['dag_run_id']}}/taskInstances/{{ti['task_id']}}/-1/hitlDetails"
        said = clients[user].patch(page, json={{"chosen_options": [option], "params_input": {{"comment": comment}}}})
        said.raise_for_status()


dags._run_task = run_and_put_down
# Before anything else runs: what the app imports adds to SQLAlchemy's mappers, and it and a query in another thread
# would each hold the lock that the other one waits for.
clients = clients_of({{user for user, _, _ in answers}})
thread = threading.Thread(target=answer_all, daemon=True)
thread.start()
found = run("pipeline")
thread.join(10)
answer = {{**found, "asked": asked}}
"""


def answered(*answers: tuple[str, str, str]) -> str:
    """The script that answers so, one after the other: who, `Approve` or `Reject`, and a comment."""
    return SCRIPT.format(answers=list(answers))
