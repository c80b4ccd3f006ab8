"""The answer to a task, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

__all__ = ["ANSWER", "Answer"]


@dataclass(frozen=True)
class Answer:
    """The answer to a task, as plain data: rows with the columns ``STORED``.

    Attributes
    ----------
    cells : for each quantity of the task its row, followed by the row of a better point if a search found one
    certificates : the certificates that the rows name, compressed, by their names
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants"
    )

    cells: list[list[dict[str, Any]]]
    certificates: dict[str, bytes] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        return sum(row["status"] == "failed" for rows in self.cells for row in rows)


#: Reads and writes answers as JSON.
ANSWER = TypeAdapter(Answer)
