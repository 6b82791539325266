"""Transitions that a person decides, on Airflow's page of required actions; the registry keeps who said what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param

from airflow_provider_stageline.links import ModelVersionLink, RunLink
from airflow_provider_stageline.operators.operator import failing_for_good, tell
from airflow_provider_stageline.reaching import CONN_ID, find_version, registry_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from stageline.tasks import Gate

NOBODY = "airflow:timeout"


class ApproveTransitionOperator(ApprovalOperator):
    """Asks that a version may enter a stage, and waits until a person has answered in Airflow.

    The page of required actions shows the gate's rules with what was measured, and the metrics beside those of what
    holds the stage. The answer is the person's in the registry too: an approval moves the version once the stage's
    policy has enough of them (the task asks again until then), a rejection closes the request and skips what is
    downstream. Whom the policy does not let decide is not heard, and the question is asked again. A request that is
    answered elsewhere, such as by the command line, counts by that answer, once somebody clicks.

    Args:
        model: Name of the registered model.
        version: Its number, `latest`, a stage, or an alias with its `@`.
        stage: Where it should go.
        archive_existing: Move the versions that hold the stage to Archived, in the same instant.
        comment: Why it should, for whoever answers.
        stageline_conn_id: Connection of type `stageline`.
        actor: Who asks; default: `airflow:<dag_id>`. A policy without `allow_self_approval` keeps whoever asks from
            answering: `actor="{{ dag_run.triggering_user_name }}"` makes that the person who started the DAG run.
        kwargs: Those of `ApprovalOperator`: `assigned_users`, `response_timeout`, `notifiers`, `fail_on_reject` ...
    """

    template_fields: Sequence[str] = (
        "model", "version", "stage", "comment", "stageline_conn_id", "actor",
        *ApprovalOperator.template_fields,
    )  # fmt: skip
    operator_extra_links: Sequence[BaseOperatorLink] = (RunLink(), ModelVersionLink())
    told: Mapping[str, Any] | None = None

    def __init__(
        self,
        *,
        model: str,
        version: int | str,
        stage: str,
        archive_existing: bool = False,
        comment: str | None = None,
        stageline_conn_id: str = CONN_ID,
        actor: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("subject", "May this version enter the stage?")
        kwargs.setdefault(
            "params", {"comment": Param("", type="string", title="Comment", description="Why")}
        )
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        if self.APPROVE in (self.defaults or ()):
            raise ValueError(
                "defaults='Approve' would let a version in because nobody answered: expected 'Reject'"
            )
        self.model = model
        self.version = version
        self.stage = stage
        self.archive_existing = archive_existing
        self.comment = comment
        self.stageline_conn_id = stageline_conn_id
        self.actor = actor

    def execute(self, context: Context) -> Any:
        """Ask in the registry, and then in Airflow."""
        gate = self._gate(context)
        if gate.is_behind:
            self.log.info("version %s is in %s already", gate.version, self.stage)
            return tell(self, context, gate.registry.get_version(self.model, gate.version))
        with failing_for_good():
            request = gate.find_request() or gate.ask(self.comment)
        context["ti"].xcom_push(key="request", value=request.number)
        self._describe(gate, request)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Bring the answer into the registry; on a yes go on, on a no skip what is downstream."""
        from stageline.tasks import is_granted, is_open

        gate = self._gate(context)
        ti = context["ti"]
        number = ti.xcom_pull(key="request", task_ids=self.task_id, map_indexes=ti.map_index)
        request = gate.registry.get_request(self.model, number)
        if "error" in event:
            if is_open(request) and request.requested_by == gate.registry.actor.name:
                gate.withdraw(request, "nobody answered in time")
            return super().execute_complete(context, event)
        if is_open(request):
            request = self._answered(gate, request, event)
        if is_open(
            request
        ):  # whoever answered may not, or the policy wants somebody else's yes too
            self._describe(gate, request)
            return super().execute(context)
        # What the registry says counts, also where somebody else has answered there meanwhile.
        option = self.APPROVE if is_granted(request) else self.REJECT
        answer = super().execute_complete(context, {**event, "chosen_options": [option]})
        found = gate.registry.get_version(self.model, gate.version)
        answered = {"request": number, "status": str(request.status), **_plain(answer)}
        return tell(self, context, found, **answered)

    def _gate(self, context: Context) -> Gate:
        from stageline.tasks import Gate

        registry = registry_of(self, context)
        return Gate(
            registry=registry,
            model=self.model,
            version=find_version(registry, self.model, self.version).version,
            stage=self.stage,
            archive_existing=self.archive_existing,
        )

    def _answered(self, gate: Gate, request: Any, event: dict[str, Any]) -> Any:
        from stageline.errors import InvalidInput, NotAllowed
        from stageline.tasks import Answer, GateRefused

        person = event.get("responded_by_user") or {}
        answer = Answer(
            approves=event["chosen_options"] == [self.APPROVE],
            by=str(person.get("name") or person.get("id") or NOBODY),
            comment=(event.get("params_input") or {}).get("comment") or "",
        )
        try:
            return gate.answer(request, answer)
        except GateRefused as error:  # approved, and by now a rule does not hold
            raise AirflowFailException(str(error)) from error
        except (InvalidInput, NotAllowed) as error:
            self.log.warning("%s. The question is asked again", error)
            return gate.standing(request)

    def _describe(self, gate: Gate, request: Any) -> None:
        from airflow_provider_stageline.hooks import StagelineHook
        from stageline.tasks import transition_markdown

        hook = StagelineHook(self.stageline_conn_id)
        shown = transition_markdown(
            hook.workspace(),
            self.model,
            gate.version,
            gate.decide(),
            page=hook.ui_url(model=self.model, version=gate.version) or "",
        )
        said = [f"Request {request.number}, by `{request.requested_by}`", request.comment]
        self.body = "\n\n".join(text for text in (shown, *said, self.body) if text)

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The version in, what is in the stage out."""
        from airflow_provider_stageline.openlineage import moved_lineage

        return moved_lineage(self)


def _plain(answer: Any) -> dict[str, Any]:
    return {
        "chosen_options": list(answer["chosen_options"]),
        "responded_by": answer["responded_by_user"],
        "responded_at": answer["responded_at"].isoformat(),
    }
