"""What stands between a request that was read and the endpoint that answers it: may this caller ask this?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.server.auth.access import Access, refused
from stageline.server.auth.endpoint_rules import RULES
from stageline.server.auth.homes import Homes
from stageline.server.caller import Caller
from stageline.server.failures import Refused

if TYPE_CHECKING:
    from stageline.server.auth.endpoint_rules import Rule
    from stageline.server.endpoint import Call, Endpoint
    from stageline.server.replica import Replica
    from stageline.serving.asgi import Scope


class Guard:
    """Of one worker whose callers are known. Safe from many threads."""

    def __init__(self, replica: Replica) -> None:
        self.homes = Homes(replica)

    def caller(self, scope: Scope) -> Caller:
        """Who asks. Raises `Refused` if nobody found that out: then something let the request past the sign-in."""
        found = (scope.get("state") or {}).get("caller")
        if not isinstance(found, Caller):
            raise Refused(401, "UNAUTHENTICATED", "Nobody knows who sends this request")
        return found

    def asked(self, caller: Caller, endpoint: Endpoint, ask: Any, *, waits: bool = True) -> Any:
        """What the endpoint is to be asked for this caller: the same, or of a search, less.

        Raises:
            Refused: the caller may not.
            NotFound: what is named is not there.
            NotKnown: the store has to be asked, and this does not wait.
        """
        rule = self._rule(caller, endpoint)
        if rule is None or caller.may_all(rule.right):
            return ask
        return rule.check(Access(self.homes, caller, waits=waits), rule.right, ask)

    def shown(self, caller: Caller, endpoint: Endpoint, answer: Any) -> Any:
        """The answer, without what the caller may not read."""
        rule = self._rule(caller, endpoint)
        if rule is None or rule.shown is None or caller.may_all("read"):
            return answer
        return rule.shown(Access(self.homes, caller), answer)

    def answered(self, caller: Caller, endpoint: Endpoint, call: Call, ask: Any) -> Any:
        """The answer to what the caller may ask, as they may see it. Belongs in a thread."""
        return self.shown_answer(caller, endpoint, call, self.asked(caller, endpoint, ask))

    def shown_answer(self, caller: Caller, endpoint: Endpoint, call: Call, ask: Any) -> Any:
        """The endpoint's answer, as the caller may see it."""
        return self.shown(caller, endpoint, endpoint.answer(call, ask))

    def _rule(self, caller: Caller, endpoint: Endpoint) -> Rule | None:
        """What is demanded; None if the caller may all. Raises `Refused`."""
        if caller.is_unlimited:
            return None
        rule = RULES.get((endpoint.method, endpoint.path))
        if rule is None:
            raise refused(caller, "use", f"{endpoint.method} {endpoint.path}")
        if not caller.may(rule.right):
            raise refused(caller, rule.right)
        return rule
