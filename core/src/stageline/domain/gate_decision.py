"""What a gate answers: a table with a row for each rule, and the error that carries it."""

from __future__ import annotations

import msgspec

from stageline.errors import NotAllowed

APPROVALS = "approvals"
MAY_TRANSITION = "may transition"
CHECK = "check "
"""Before the name of a custom check, which is a row's rule."""
_PEOPLE = (APPROVALS, MAY_TRANSITION)


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a decision."""

    rule: str
    passed: bool
    measured: str
    required: str
    blocks: bool = True

    @property
    def told(self) -> str:
        """The row as part of a sentence. A custom check has said by itself what it wants."""
        if self.rule.startswith(CHECK):
            return f"{self.rule}: {self.measured}"
        return f"{self.rule} is {self.measured}, required {self.required}"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a version may enter a stage, and why: printed, the table."""

    version: int
    from_stage: str
    to_stage: str
    allowed: bool
    results: tuple[RuleResult, ...] = ()

    @property
    def failures(self) -> list[RuleResult]:
        """What stands in the way."""
        return [result for result in self.results if not result.passed and result.blocks]

    @property
    def warnings(self) -> list[RuleResult]:
        """What does not hold and does not block."""
        return [result for result in self.results if not result.passed and not result.blocks]

    @property
    def lacks_only_approval(self) -> bool:
        """Whether asking for approval would be enough."""
        return bool(self.failures) and all(one.rule in _PEOPLE for one in self.failures)

    def __str__(self) -> str:
        rows = [("rule", "measured", "required", "")]
        rows += [(one.rule, one.measured, one.required, _verdict(one)) for one in self.results]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        verdict = "allowed" if self.allowed else "refused"
        lines = [f"version {self.version}: {self.from_stage} -> {self.to_stage} is {verdict}"]
        for row in rows if self.results else ():
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*cells, row[3]]).rstrip())
        return "\n".join(lines)


class GateRefused(NotAllowed):
    """A version may not enter a stage; `decision` is the whole table."""

    code = "not_allowed"

    def __init__(self, message: str, decision: Decision | None = None) -> None:
        super().__init__(message)
        self.decision = decision


def _verdict(result: RuleResult) -> str:
    if result.passed:
        return "passes"
    return "FAILS" if result.blocks else "warns"
