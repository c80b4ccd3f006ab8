"""The JSON schema of study files, with which editors complete keys."""

from __future__ import annotations

import json
from typing import Any

from sdpbound.study.file.spec import StudySpec

__all__ = ["schema_text", "study_schema"]


def study_schema() -> dict[str, Any]:
    """Return the JSON schema of a study file, made from the models that check the file.

    The schema describes each key alone. :func:`~sdpbound.study.file.spec.read_spec` checks limits that depend on
    several keys. The schema is of draft 7 without the parts that draft 4 lacks, because editors' TOML plugins know no
    more.

    >>> study_schema()["properties"]["certificates"]["type"]
    'boolean'
    """
    schema = StudySpec.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    found: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A study of sdpbound",
        **_plain(schema),
        "description": "What is computed: at which points, of which data, against which adversaries.",
        "definitions": {name: _plain(definition) for name, definition in sorted(definitions.items())},
    }
    found["required"].remove("name")  # a study without a name has the name of its file
    return found


def schema_text() -> str:
    """Return the schema as it is printed, and as docs/study.schema.json has it."""
    return json.dumps(study_schema(), indent=2, ensure_ascii=False)


def _plain(schema: Any) -> Any:
    """Return a schema without titles made of names and without null, which TOML lacks; each meaning has one form."""
    if isinstance(schema, list):
        return [_plain(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "definitions"):
            plain[key] = {name: _plain(entry) for name, entry in value.items()}
        elif key == "default":
            if value is not None:
                plain[key] = _said(value)
        elif key in ("examples", "enum"):
            plain[key] = value
        elif key == "const":
            plain["enum"] = [value]
        elif key == "anyOf":
            options = [_plain(option) for option in value if option != {"type": "null"}]
            plain |= options[0] if len(options) == 1 else {"anyOf": options}
        elif key != "title":
            plain[key] = _plain(value)
    if "$ref" in plain and len(plain) > 1:
        plain = {"allOf": [{"$ref": plain.pop("$ref")}], **plain}  # other keys beside a reference are ignored
    return plain


def _said(value: Any) -> Any:
    """Return a default without the keys that are absent."""
    if isinstance(value, list):
        return [_said(entry) for entry in value]
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
