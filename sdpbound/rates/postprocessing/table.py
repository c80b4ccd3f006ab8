"""The table of post-processings, and how one is read from plain data or from a text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sdpbound.errors import InvalidInput
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.rates.postprocessing.random_basis import RandomBasis
from sdpbound.rates.postprocessing.repetition import RepetitionCode
from sdpbound.rates.postprocessing.selection import PostSelection
from sdpbound.registry import Registry, concrete

__all__ = ["POSTPROCESSINGS", "postprocessing_from", "postprocessing_named"]

#: One line for each post-processing. Other packages add theirs by an entry point of this group.
POSTPROCESSINGS: Registry[type[PostProcessing]] = Registry(
    "a post-processing",
    "sdpbound.postprocessings",
    {cls.kind: cls for cls in (RandomBasis, RepetitionCode, PostSelection)},
    fits=concrete(PostProcessing),
    wanted="a subclass of sdpbound.rates.postprocessing.PostProcessing with all its methods",
)
EXAMPLE = "'random_basis, keys = [[0, 2], [1, 3]]'"


def postprocessing_from(data: Mapping[str, Any]) -> PostProcessing:
    """A post-processing from plain data: a table with its ``kind`` and parameters.

    Raises
    ------
    InvalidInput, InvalidParameter, InvalidSettings

    >>> postprocessing_from({"kind": "repetition_code", "block": 3}).label
    'repetition_code block = 3'
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a post-processing must be a table with a kind, not {data!r:.60}.")
    cls = POSTPROCESSINGS.named(data.get("kind"), "kind of a post-processing")
    given = {str(k): _fixed(v) for k, v in data.items() if k != "kind"}
    own = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(given) - set(own))
    if unknown:
        raise InvalidInput(f"{cls.kind} has no parameter {unknown[0]!r}; it has {', '.join(own)}.")
    try:
        return cls(**given)
    except TypeError:
        raise InvalidInput(
            f"{cls.kind} cannot be made of {given!r:.80}; its parameters are {', '.join(own)}, such as {EXAMPLE}."
        ) from None


def postprocessing_named(text: str) -> PostProcessing:
    """A post-processing from a text: its kind and, behind commas, its parameters as in a study file.

    >>> postprocessing_named('random_basis, keys = [[0, 2], [1, 3]], preprocessing = "best"').label
    'random_basis keys = [[0, 2], [1, 3]] preprocessing = best'
    """
    kind, _, rest = text.partition(",")
    try:
        given = tomllib.loads(f"own = {{{rest}}}")["own"] if "\n" not in text else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidInput(
            f"the post-processing {text!r:.80} cannot be read: write its kind and parameters, such as {EXAMPLE}."
        )
    return postprocessing_from({"kind": kind.strip(), **given})


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list | tuple) else value
