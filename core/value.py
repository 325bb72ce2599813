"""What the values that travel through Kefu are made of. All are frozen, made by names, and written as JSON."""

from __future__ import annotations

from typing import Any, Self, cast

import msgspec
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is made, stored and read in each turn: checked when it is read from JSON, and by mypy where it is made.

    Unknown fields are ignored, so that a newer writer does not break an older reader, and what is as usual is not
    written. msgspec makes, writes and reads them several times as fast as pydantic. None of them may be a part of
    itself: they are not looked at by the garbage collector.
    """

    def replace(self, **changes: Any) -> Self:
        """The same with other fields."""
        return msgspec.structs.replace(self, **changes)

    def to_json(self) -> str:
        return _encode(self).decode()

    def to_builtins(self) -> dict[str, Any]:
        """As to_json(), of Python's own types."""
        return cast(dict[str, Any], msgspec.to_builtins(self))

    @classmethod
    def from_json(cls, json: str | bytes) -> Self:
        """Raises ValueError: it is no such value."""
        try:
            return msgspec.json.decode(json, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no {cls.__name__}: {error}") from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As a part of a pydantic model; there all its fields are written."""
        written = core_schema.plain_serializer_function_ser_schema(_in_full)
        return core_schema.no_info_plain_validator_function(cls._part, serialization=written)

    @classmethod
    def _part(cls, given: object) -> Self:
        if isinstance(given, cls):
            return given
        try:
            return msgspec.convert(given, cls)
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error


_encode = msgspec.json.Encoder().encode


def _in_full(value: object) -> object:
    if isinstance(value, Value):
        return {name: _in_full(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_in_full(one) for one in value]
    return value


class CheckedValue(BaseModel):
    """What comes from outside, or is kept in files: checked whenever it is made. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
