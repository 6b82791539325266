"""What the JSON of `/api/stageline/1` has in common: read off the domain's values, nothing unknown taken in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Of an answer: made from any object with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Ask(BaseModel):
    """Of a request's body: a field that is not known is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", strict=True)
