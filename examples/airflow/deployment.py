"""What is done with a version of the diabetes model once it is in Production, whoever brought it there."""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_provider_stageline.assets import model_asset, transitions_of


@dag(schedule=[model_asset("diabetes", "Production", poll_interval_s=5)], tags=["stageline"])
def diabetes_deployment() -> None:
    @task
    def transitions() -> list[dict[str, Any]]:
        """Those that started this run; a run that was started by hand has none."""
        return transitions_of(get_current_context())

    @task
    def deploy(transition: dict[str, Any]) -> str:
        """Put the version where it serves; here that is only noted in the registry."""
        from airflow_provider_stageline.hooks import StagelineHook

        model, version = transition["model"], transition["version"]
        registry = StagelineHook().workspace().registry.acting("airflow:diabetes_deployment")
        registry.set_deployment(model, version, "serving")
        return f"{transition['uri']} serves: {transition['actor']} promoted it"

    deploy.expand(transition=transitions())


diabetes_deployment()
