"""The clients of the registry: each call is noted with what was asked, what was answered, and when."""

from __future__ import annotations

from clients import Client
from told import Deed
from trouble import Kind

from stageline.errors import StagelineError, StorageFailed

MODELS = ("wine", "beer")
STAGES = ("Staging", "Production", "Archived")


class Registrar(Client):
    """Registers versions and moves them; asks, approves, names, reads. Each entry it makes has a reason of its own."""

    actor = ""

    def __call__(self) -> None:
        for _ in range(self.random.randint(3, 7)):
            deed = self.drawn()
            self.do(deed)
            if deed.outcome == "unknown" and self.random.random() < 0.5:
                self.do(self.deed(deed.verb, deed.name, **deed.given))
            if self.random.random() < 0.3:
                self.think(20)

    def drawn(self) -> Deed:
        verb = self.random.choices(
            ("register", "transition", "request", "answer", "alias", "versions"), (4, 5, 2, 2, 2, 2)
        )[0]
        name = MODELS[0] if self.random.random() < 0.8 else MODELS[1]
        version = self.random.randint(1, 4)
        given = {
            "register": {},
            "transition": {
                "version": version, "stage": self.random.choice(STAGES),
                "expected": self.random.choice((None, None, "None", "Staging")),
                "archive": self.random.random() < 0.5,
            },
            "request": {"version": version, "stage": self.random.choice(STAGES)},
            "answer": {"request": self.random.randint(1, 3), "yes": self.random.random() < 0.7},
            "alias": {"version": version, "alias": "champion"},
            "versions": {},
        }[verb]  # fmt: skip
        return self.deed(verb, name, **given)

    def deed(self, verb: str, name: str, **given: object) -> Deed:
        deed = Deed(
            len(self.told.deeds), self.process.name, self.actor or self.process.name, verb, name, given,
            len(self.disk.trace),
        )  # fmt: skip
        self.told.deeds.append(deed)
        return deed

    def do(self, deed: Deed) -> None:
        try:
            deed.answer = self.answer(deed)
            deed.outcome = "done"
        except StorageFailed as error:
            deed.outcome, deed.error = "unknown", repr(error)
        except StagelineError as error:
            deed.outcome, deed.error = "refused", repr(error)
        deed.ended = len(self.disk.trace)
        deed.listings_lied = Kind.STALE_LISTING in self.disk.trouble.chances

    def answer(self, deed: Deed) -> object:
        registry = self.workspace.registry.acting(deed.actor, reason=deed.reason)
        name, given = deed.name, deed.given
        match deed.verb:
            case "register":
                made = registry.register(name, source=f"s3://models/{deed.number}", again=True)
                return made.version
            case "transition":
                moved = registry.transition(
                    name, given["version"], given["stage"], archive_existing=given["archive"],
                    expected_stage=given["expected"],
                )  # fmt: skip
                return moved.current_stage
            case "request":
                return registry.request_transition(
                    name, given["version"], given["stage"], comment=deed.reason
                ).number
            case "answer":
                answer = registry.approve if given["yes"] else registry.reject
                return str(answer(name, given["request"], comment=deed.reason).status)
            case "alias":
                registry.set_alias(name, given["alias"], given["version"])
                return given["version"]
            case _:
                return {v.version: v.current_stage for v in registry.versions(name)}


class Twin(Registrar):
    """One of two that do the very same in the same name: what they write differs by nothing but its `txn`."""

    actor = "twin"

    def drawn(self) -> Deed:
        return self.deed("register", MODELS[0], reason="twins")

    def answer(self, deed: Deed) -> object:
        registry = self.workspace.registry.acting("twin", reason="twins")
        made = registry.register(deed.name, source="s3://models/twins", again=True)
        return made.version
