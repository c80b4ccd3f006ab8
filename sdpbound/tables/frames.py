"""Tables as data frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdpbound.tables.columns import FEW
from sdpbound.tables.files import needed
from sdpbound.tables.parquet import to_arrow

if TYPE_CHECKING:
    import pandas

__all__ = ["Chunks", "to_pandas"]


Chunks = Iterable[Sequence[tuple[Any, ...]]]


def to_pandas(chunks: Chunks, facts: Mapping[str, Any]) -> pandas.DataFrame:
    """Return rows as a data frame, with ``attrs["provenance"]``.

    Missing numbers are NaN, missing settings and texts NA.
    """
    table = to_arrow(chunks, facts)
    integers = {needed("pyarrow").int64(): needed("pandas").Int64Dtype()}
    frame: pandas.DataFrame = table.to_pandas(categories=list(FEW), types_mapper=integers.get)
    frame.attrs["provenance"] = json.loads(table.schema.metadata[b"sdpbound"])
    return frame
