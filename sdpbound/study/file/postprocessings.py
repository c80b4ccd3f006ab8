"""Post-processings in a study file: tables with a kind and its parameters."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from sdpbound.errors import InvalidInput
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.rates.postprocessing.table import POSTPROCESSINGS, postprocessing_from
from sdpbound.study.file.validators import fail, quote

__all__ = ["AnyPostProcessing"]


def _read(value: object) -> PostProcessing:
    """Read a table of a kind and its parameters; the kind alone may be a text."""
    if isinstance(value, PostProcessing):
        return value
    data = {"kind": value} if isinstance(value, str) else value
    if not isinstance(data, dict):
        raise fail(f"must be a table with a kind, such as {{kind = 'repetition_code', block = 2}}, not {quote(value)}")
    try:
        return postprocessing_from(data)
    except InvalidInput as error:
        raise fail(f"cannot be used: {str(error).rstrip('.')}") from None


_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": list(POSTPROCESSINGS)},
        {
            "type": "object",
            "properties": {
                "kind": {"description": "what is done; other packages may add more", "enum": list(POSTPROCESSINGS)}
            },
            "required": ["kind"],
            "additionalProperties": True,
        },
    ]
}
AnyPostProcessing = Annotated[
    PostProcessing,
    PlainValidator(_read),
    PlainSerializer(lambda found: found.entry, dict[str, Any]),
    WithJsonSchema(_SCHEMA),
]
