"""Tables as Apache Arrow in memory and as Parquet files, with units, provenance and a hash of the rows."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdpbound.errors import InvalidStudy
from sdpbound.tables.columns import Row, by_column, check_format, table_columns, table_notes, wanted_columns
from sdpbound.tables.files import as_json, needed, replacing
from sdpbound.tables.provenance import Summary, described

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_parquet", "to_arrow", "write_parquet"]

#: Rows in one group of a file.
GROUP = 100_000
KEY = b"sdpbound"

Chunks = Iterable[Sequence[tuple[Any, ...]]]


def _schema(facts: Mapping[str, Any], columns: Mapping[str, type]) -> pyarrow.Schema:
    """Return the columns of a table with their units and descriptions."""
    pa = needed("pyarrow")
    kinds = {float: pa.float64(), int: pa.int64(), str: pa.string()}
    notes = {name: {"unit": note.unit, "description": note.text} for name, note in table_notes(facts).items()}
    return pa.schema([pa.field(name, kinds[kind], metadata=notes[name]) for name, kind in columns.items()])


class _Stream:
    """Rows that are turned into Arrow batches, counted and hashed."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        as_json(facts)  # a provenance that cannot be written is refused before the work
        self._facts = facts
        self._columns = table_columns(facts)
        self._summary, self._digest = Summary(), _Digest(self._columns)
        self.schema = _schema(facts, self._columns)

    def batches(self, chunks: Chunks) -> Iterator[pyarrow.RecordBatch]:
        pa = needed("pyarrow")
        for chunk in filter(None, chunks):
            columns = by_column(chunk, self._columns)
            self._summary.add(columns)
            # NaN stays NaN, None is null
            arrays = [
                pa.array(values, field.type, from_pandas=False)
                for values, field in zip(columns, self.schema, strict=True)
            ]
            batch = pa.record_batch(arrays, schema=self.schema)
            self._digest.add(batch)
            yield batch

    def described(self) -> pyarrow.Schema:
        """Return the schema with the provenance.

        All rows must have passed.
        """
        content = described(self._facts, self._summary) | {"sha256": self._digest.hexdigest()}
        return self.schema.with_metadata({KEY: as_json(content).encode()})


class _Digest:
    """A SHA-256 of rows.

    The hash does not depend on how the rows are cut into batches, encoded or compressed. The hash is over the hashes of
    two streams for each column. The first stream says which entries are null or, for a column of texts, the lengths of
    the texts in bytes. The second stream has the entries: 8-byte little-endian numbers (zero for null), or UTF-8.
    """

    def __init__(self, columns: Mapping[str, type]) -> None:
        self._kinds = columns
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in columns}

    def add(self, batch: pyarrow.RecordBatch) -> None:
        compute = needed("pyarrow.compute")
        for (name, kind), array in zip(self._kinds.items(), batch.columns, strict=True):
            first, second = self._columns[name]
            if kind is str:
                lengths = compute.fill_null(compute.binary_length(array), -1).to_numpy()
                first.update(lengths.astype("<i4"))
                filled = compute.fill_null(array, "")
                _, offsets, texts = filled.buffers()
                ends = np.frombuffer(offsets, np.int32)[filled.offset :]
                if texts is not None:
                    second.update(memoryview(texts)[ends[0] : ends[len(filled)]])
            else:
                first.update(array.is_null().to_numpy(zero_copy_only=False))
                numbers = compute.fill_null(array, kind(0)).to_numpy()
                second.update(numbers.astype("<f8" if kind is float else "<i8"))

    def hexdigest(self) -> str:
        parts = [[n, self._kinds[n].__name__, a.hexdigest(), b.hexdigest()] for n, (a, b) in self._columns.items()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def to_arrow(chunks: Chunks, facts: Mapping[str, Any]) -> pyarrow.Table:
    """Return rows as an Arrow table.

    The metadata of a field has its unit, and that of the schema has the provenance.
    """
    pa = needed("pyarrow")
    stream = _Stream(facts)
    batches = list(stream.batches(chunks))
    return pa.Table.from_batches(batches, stream.schema).cast(stream.described())


def write_parquet(path: str | os.PathLike[str], chunks: Chunks, facts: Mapping[str, Any]) -> Path:
    """Write rows as Parquet.

    The metadata are those of :func:`to_arrow`, with a hash that is checked on reading.
    """
    target = Path(path)
    pa, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    stream = _Stream(facts)
    with replacing(target) as (output,):
        writer = parquet.ParquetWriter(
            output, stream.schema, compression="zstd", write_page_checksum=True, store_schema=False
        )
        with writer:
            group: list[pyarrow.RecordBatch] = []
            for batch in stream.batches(chunks):
                group.append(batch)
                if sum(len(b) for b in group) >= GROUP:
                    writer.write_table(pa.Table.from_batches(group), GROUP)
                    group = []
            if group:
                writer.write_table(pa.Table.from_batches(group), GROUP)
            # The hash is known only now, and with it the schema. Arrow keeps the schema under a key of its own.
            schema = stream.described()
            arrow = base64.b64encode(schema.serialize()).decode()
            writer.add_key_value_metadata({"ARROW:schema": arrow, KEY.decode(): schema.metadata[KEY].decode()})
    return target


def read_parquet(
    path: Path, size: int, wanted: tuple[str, ...] | None = None
) -> Iterator[tuple[tuple[Row, ...], dict[str, Any]]]:
    """Yield the rows of a Parquet file, ``size`` at a time, each time with its provenance; no rows if there are none.

    Raises InvalidStudy if rows and provenance do not fit each other, before any row is given out.
    """
    pa, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    try:
        with path.open("rb") as file:
            try:
                with parquet.ParquetFile(file, page_checksum_verification=True) as source:
                    content = json.loads((source.schema_arrow.metadata or {}).get(KEY, b"null"))
                    expected, own = check_format(content, str(path))
                    if not source.schema_arrow.equals(_schema(content, own)):
                        raise ValueError
                    names = wanted_columns(table_columns(content), wanted)
                    digest = _Digest(own)
                    for batch in source.iter_batches(GROUP):
                        digest.add(batch)
                    if digest.hexdigest() != expected:
                        raise InvalidStudy(
                            f"'{path}' is damaged or was edited: its rows do not have their SHA-256; export it again."
                        )
                    found = False
                    read = [name for name in own if names[name]]
                    for batch in source.iter_batches(size, columns=read):
                        values = dict(zip(batch.schema.names, batch.columns, strict=True))
                        columns = [
                            values[name].to_pylist() if name in values else repeat(None, len(batch)) for name in names
                        ]
                        texts: dict[str | None, str | None] = {}  # each text is once in a part
                        for i, name in enumerate(names):
                            if name in values and own[name] is str:
                                columns[i] = map(texts.setdefault, columns[i], columns[i])
                        yield tuple(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)), content
                        found = True
                    if not found:
                        yield (), content
            except (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
                if isinstance(error, InvalidStudy):
                    raise
                raise InvalidStudy(f"'{path}' is damaged: it is not a whole Parquet file; export it again.") from None
    except OSError as error:
        raise InvalidStudy(f"'{path}' cannot be read: {error.strerror}; export it first.") from None
