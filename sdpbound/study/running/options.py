"""The options of a run of a study: where the run computes, and which part of the study."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.study.running.dask_connect import Tls

__all__ = ["RunChanges", "RunOptions"]

#: Most parts of a study.
SHARD_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of a run: where the run computes, and which part of the study.

    Parameters
    ----------
    scheduler, scheduler_file : address of a Dask scheduler, or its scheduler file; the study then runs on its cluster
    tls : certificates for a scheduler at a ``tls://`` address
    retry : whether to compute only cells that failed and, if the study keeps certificates, cells that lack one
    shard : (k, n) for the k-th of n parts of the study, with a store of its own

    Raises
    ------
    InvalidInput
        TLS certificates are given without a scheduler.
    InvalidParameter
        The shard is no part (k, n) with 1 <= k <= n.

    >>> RunOptions(shard=(1, 4)).shard  # for run_study(path, options=...): the first of four parts
    (1, 4)
    """

    scheduler: str | None = None
    scheduler_file: str | os.PathLike[str] | None = None
    tls: Tls | None = None
    retry: bool = False
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.tls is not None and not self.distributed:
            raise InvalidInput("TLS certificates are for a Dask cluster: give its scheduler too, or leave them out.")
        if self.shard is not None:
            k, n = self.shard
            whole = all(isinstance(value, int) and not isinstance(value, bool) for value in self.shard)
            if not whole or not 1 <= k <= n <= SHARD_LIMIT:
                raise InvalidParameter(f"shard = {k}/{n} must be K/N with 1 <= K <= N <= {SHARD_LIMIT}, such as 3/64.")

    @property
    def distributed(self) -> bool:
        """Whether the run computes on a Dask cluster."""
        return self.scheduler is not None or self.scheduler_file is not None

    @property
    def file(self) -> Path | None:
        """The scheduler file as a path."""
        return None if self.scheduler_file is None else Path(self.scheduler_file)


class RunChanges(TypedDict, total=False):
    """Single options of a run, by the names of :class:`RunOptions`."""

    scheduler: str | None
    scheduler_file: str | os.PathLike[str] | None
    tls: Tls | None
    retry: bool
    shard: tuple[int, int] | None
