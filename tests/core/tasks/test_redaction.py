"""Secrets never reach the store, wherever they are planted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from orchestra import Orchestra
from pydantic import BaseModel, SecretBytes, SecretStr

from stageline.domain.redaction import Redactor
from stageline.errors import InvalidInput
from stageline.tasks import Tracking, tracked_call
from stageline.tasks.params import show

SECRET = "hunter2-zq8"


@dataclass
class Login:
    user: str
    password: str


class Config(BaseModel):
    url: str
    key_id: SecretStr


class Vault:
    """An orchestrator's stored credential."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Vault({self.text})"


def vault_texts(value: Any) -> list[str] | None:
    return [value.text] if isinstance(value, Vault) else None


PLANTED: dict[str, Any] = {
    "password": SECRET,
    "api_key": SECRET,
    "apiKey": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "hf_token": SECRET,
    "db_credentials": {"user": "me", "value": SECRET},
    "pin_code_secret": SECRET.encode(),
    "plain_str": SecretStr(SECRET),
    "plain_bytes": SecretBytes(SECRET.encode()),
    "vault": Vault(SECRET),
    "login": Login("me", SECRET),
    "config": Config(url=f"https://u:{SECRET}@host/x", key_id=SecretStr(SECRET)),
    "nested": {"a": [{"deep": ({"token": SECRET},)}]},
    "url": f"postgresql://me:{SECRET}@db:5432/x",
    "signed": f"https://bucket/x?X-Amz-Credential=abc&X-Amz-Signature={SECRET}&part=2",
    "sas": f"https://acc.blob.core.windows.net/c?sv=1&sig={SECRET}",
    "dsn_text": f"host=db user=me password={SECRET}",
    "header": f"Authorization: Bearer {SECRET}",
    "azure": f"DefaultEndpointsProtocol=https;AccountKey={SECRET};EndpointSuffix=x",
    "my_own": SECRET,
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_secret_argument_is_in_no_byte_of_the_store(orchestra: Orchestra, name: str):
    def task(**given: Any) -> None:
        raise ValueError(f"can not log in with {SECRET} as {given}")

    tracking = Tracking(redact=["my_own"], run_name=f"{{task}} {{{name}}}")
    call = orchestra.call(tracking=tracking, secret_texts=vault_texts)
    with pytest.raises(ValueError, match="can not log in"):
        tracked_call(task, (), {name: PLANTED[name], "other": 1}, call)
    run = orchestra.run_of(call)
    assert run.data.params["other"] == "1"
    assert name in run.data.params
    assert "ValueError: can not log in with" in run.info.reason
    if name not in ("url", "signed", "sas", "dsn_text", "header", "azure"):
        assert SECRET.encode() not in orchestra.bytes_of_store()
    else:  # there the secret is told by its looks, and the message repeats it bare
        assert SECRET not in str(run.data)


def test_a_secret_in_tags_is_masked(orchestra: Orchestra):
    tracking = Tracking(
        tags={"api_token": SECRET, "note": f"see https://me:{SECRET}@host", "team": "ml"}
    )
    call = orchestra.call(tracking=tracking)
    tracked_call(lambda: None, (), {}, call)
    assert SECRET.encode() not in orchestra.bytes_of_store()
    assert orchestra.run_of(call).data.tags["team"] == "ml"


def test_what_only_looks_like_a_secret_is_shown():
    redactor = Redactor()
    shown = {
        "tokenizer": "bert",
        "max_tokens": 512,
        "key": "a",
        "author": "me",
        "monkey": 1,
        "n_keys": 3,
    }
    assert not [name for name, value in shown.items() if redactor.is_secret_name(name, value)]
    text = "rmse=0.5, see https://host/a?x=1&page=2 (token count 7)"
    assert redactor.text(text) == text


def test_a_wrong_pattern_is_refused_at_once():
    with pytest.raises(InvalidInput, match=re.escape("redact='('")):
        Tracking(redact=["("])


def test_an_array_is_told_by_shape_and_digest_never_by_content():
    ones = show(np.ones((200, 3)), Redactor())
    assert re.fullmatch(r"numpy\.ndarray shape=\(200, 3\) dtype=float64 sha256=[0-9a-f]{16}", ones)
    assert ones != show(np.zeros((200, 3)), Redactor())


def test_a_frame_is_told_by_shape_and_digest():
    import pandas as pd

    one = show(pd.DataFrame({"a": [1, 2]}), Redactor())
    assert re.fullmatch(r"pandas\S*DataFrame shape=\(2, 1\) sha256=[0-9a-f]{16}", one)
    assert one != show(pd.DataFrame({"a": [1, 3]}), Redactor())


def test_an_object_is_never_asked_for_its_repr(orchestra: Orchestra):
    class Model:
        def __repr__(self) -> str:
            raise AssertionError("asked")

    call = orchestra.call()
    tracked_call(lambda model, models: None, (Model(), [Model()]), {}, call)
    assert "Model" in orchestra.run_of(call).data.params["model"]


def test_plain_text_that_the_orchestrator_knows_to_be_secret_is_taken_out() -> None:
    redactor = Redactor((), lambda value: [value] if value == "correct-horse" else None)
    redactor.learn({"phrase": "correct-horse", "other": "battery"})
    assert redactor.text("say correct-horse to the battery") == "say *** to the battery"
