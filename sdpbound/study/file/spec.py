"""The study file: what a TOML file may contain, and an error of one sentence for anything else."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    FailFast,
    Field,
    PlainValidator,
    StrictBool,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from sdpbound.bell.families.behaviour_table import BehaviourTable
from sdpbound.bell.tested import left_out
from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.study.file.entropy import MIN, VON_NEUMANN, EntropySettings, NamedEntropy
from sdpbound.study.file.family import BestOf, Curve, Family, Grid, Model
from sdpbound.study.file.members import Members
from sdpbound.study.file.noise_kinds import AnyNoise, few
from sdpbound.study.file.noises import Condition, Imperfections, without
from sdpbound.study.file.numbers import Entry, ExpressionText, FileContext, evaluated, numbers, read_constants, said
from sdpbound.study.file.product import Distinct, Part, Product, Texts
from sdpbound.study.file.questions import (
    AdversarySettings,
    Observed,
    Quantity,
    QuantityName,
    SolverSettings,
    expanded,
)
from sdpbound.study.file.strategy import StrategySearch
from sdpbound.study.file.tables import content_of
from sdpbound.study.file.validators import VISIBILITY, fail, listed, named, pattern, quote, several
from sdpbound.study.quantities.kind import SEARCHED
from sdpbound.tables.columns import ANGLES, COLUMNS, OF_NOISE, Column

__all__ = [
    "AdversarySettings",
    "BestOf",
    "Condition",
    "Curve",
    "EntropySettings",
    "Grid",
    "Imperfections",
    "Quantity",
    "SolverSettings",
    "StudySpec",
    "parse_spec",
    "read_spec",
    "read_spec_and_text",
]

#: Names of studies and of figures. Files have these names, with up to 80 characters more.
NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
FIGURE = "[A-Za-z_][A-Za-z0-9_]{0,127}"
#: Names that Windows keeps for devices, whatever follows behind a dot.
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))})
#: Most bytes of a study file. A file of all numbers that one axis may have is about as large.
BYTES = 2**24
#: Most parts of a dotted key. A study has keys of two parts; reading a key takes the square of its parts.
PARTS = 16
#: More parts than that, joined by dots.
_DOTTED = re.compile(rf"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{PARTS}}}""")
_Name = Annotated[str, Field(pattern=f"^{NAME}$")]
_Figure = Annotated[str, Field(pattern=f"^{FIGURE}$")]
#: Most cells of a study.
CELL_LIMIT = 1_000_000_000


def _visibilities(value: object, info: ValidationInfo) -> tuple[Entry, ...]:
    family = info.data.get("family")
    names = ("s", *ANGLES) if family is None else family.names
    return numbers(VISIBILITY, names, empty=bool(info.data.get("noises")))(value, info)


def _noted(family: Product, info: ValidationInfo) -> Product:
    """Return the family, after noting its numbers of settings, which limit the keys that are read later."""
    if isinstance(info.context, FileContext):
        with suppress(InvalidInput):  # a point that cannot exist is reported later, when all points are checked
            info.context.settings = family.settings
    return family


def _named_file(expression: str, meaning: str) -> Callable[[object], str]:
    """Return a validator of a name that files have."""
    fits = pattern(expression, f"{meaning}, and at most 128 characters")

    def check(value: object) -> str:
        name = fits(value)
        if name.lower() in DEVICES:
            raise fail("is the name of a device on Windows; choose another name")
        return name

    return check


def _entries(value: object) -> object:
    return () if value == [] or value == () else several(value)


def _with_entropy(quantities: tuple[Quantity, ...], info: ValidationInfo) -> tuple[Quantity, ...]:
    """Return the quantities.

    Each that takes an entropy and names none gets the study's entropy. Where the study names none too, it is von
    Neumann's against quantum devices and min-entropy against other adversaries; where members are searched along a
    curve, it is min-entropy, by which such a search goes.
    """
    default, models = info.data.get("entropy"), {one.model for one in info.data.get("adversaries", ())}
    family = info.data.get("family")
    if default is None and isinstance(family, Curve) and family.best_of is not None:
        default = MIN
    found = []
    for quantity in quantities:
        takes = quantity.entropy is None and "entropy" in quantity.keys
        if takes and default is None and quantity.kind.group == "data" and "quantum" in models:
            named = quantity.model_copy(update={"entropy": VON_NEUMANN})
            found += [named] if all(one.identity != named.identity for one in quantities) else []
            if models == {"quantum"} or quantity.preprocessing:
                continue
        elif takes and default is not None and (default != MIN or quantity.kind.group == "data"):
            quantity = quantity.model_copy(update={"entropy": default})
        if quantity.group == "data" and quantity.preprocessing:
            raise fail(f"has {quantity.name} with preprocessing, which takes entropy = 'von Neumann'; say so")
        found.append(quantity)
    return tuple(found)


class StudySpec(Part):
    """A study as its file describes it.

    Numbers that are the same at all points are evaluated.
    """

    name: Annotated[
        str,
        BeforeValidator(_named_file(NAME, "letters, digits, '_' and '-'"), json_schema_input_type=_Name),
    ] = Field(description="the study's name, which its results have; absent: the name of the file")
    title: str = Field(default="", description="a line for people")
    figure: (
        Annotated[str, BeforeValidator(_named_file(FIGURE, "the name of a figure"), json_schema_input_type=_Figure)]
        | None
    ) = Field(default=None, description="the script in figures/ that draws the table")
    # the constants come before everything that may mention them
    constants: Annotated[
        dict[str, float], BeforeValidator(read_constants, json_schema_input_type=dict[str, float | ExpressionText])
    ] = Field(
        default={},
        description="names for numbers, for use in expressions; may be expressions of each other",
    )
    family: Annotated[Family, AfterValidator(_noted)] = Field(
        description="the points: a grid of angles, a curve by its CHSH values, or members of another family"
    )
    noises: Annotated[
        tuple[AnyNoise, ...],
        FailFast(),
        BeforeValidator(_entries, json_schema_input_type=listed(AnyNoise)),
        Distinct,
        AfterValidator(few),
    ] = Field(default=(), description="other noise, alone or with white noise: detectors, dephasing, misalignment")
    visibilities: Annotated[
        tuple[Entry, ...], PlainValidator(_visibilities, json_schema_input_type=said(VISIBILITY)), Texts
    ] = Field(
        default_factory=lambda data: () if data.get("noises") else (1.0,),
        description='visibilities under white noise alone; may depend on the point: "1 - 0.01*theta"',
        json_schema_extra={"default": [1.0]},
    )
    observed: Annotated[
        tuple[Observed, ...],
        FailFast(),
        BeforeValidator(several, json_schema_input_type=listed(Observed)),
        Distinct,
    ] = Field(
        default=("correlators",),
        description="what is tested of the behaviour; 'full without B2' leaves a setting to the key",
    )
    adversaries: Annotated[
        tuple[Annotated[AdversarySettings, BeforeValidator(named("model"))], ...],
        FailFast(),
        BeforeValidator(several, json_schema_input_type=listed(AdversarySettings | Model)),
        Distinct,
    ] = Field(
        default=(AdversarySettings(model="quantum"),),
        description="the adversaries: models, or tables of model and level",
    )
    entropy: NamedEntropy | None = Field(
        default=None,
        description="the entropy of rates that name none; absent: von Neumann's against quantum devices, and "
        "min-entropy against other adversaries and where members are searched along a curve",
    )
    quantities: Annotated[
        tuple[Annotated[Quantity, BeforeValidator(named("name"))], ...],
        FailFast(),
        BeforeValidator(expanded, json_schema_input_type=listed(Quantity | QuantityName)),
        AfterValidator(_with_entropy),
        Distinct,
    ] = Field(
        default=("guess_local", "key_rate"),
        validate_default=True,
        description="what is computed: names, or tables with a name and settings",
    )
    solver: SolverSettings = Field(default=SolverSettings(), description="the solver, its tolerance and time")
    certificates: StrictBool = Field(default=True, description="whether certificates are stored, to be verified")

    @model_validator(mode="after")
    def _tests(self) -> StudySpec:
        if "bell" in self.observed and any(quantity.kind.of_chsh for quantity in self.quantities):
            raise fail("has key_rate_tested and observed = 'bell', and its test is of CHSH; test correlators or full")
        return self

    @model_validator(mode="after")
    def _searches(self) -> StudySpec:
        """Refuse questions of which no best strategies are searched."""
        if self.strategies is None:
            for quantity in self.quantities:
                alone = quantity.kind.attack or quantity.rounds is not None
                if alone and quantity.preprocessing in SEARCHED:
                    raise fail(
                        f"has {quantity.name} with preprocessing = {quantity.preprocessing!r}, which is that of a "
                        "strategy searched for the key; give a number, or family.best_of = 'strategy'"
                    )
            return self
        if self.strategies.begin != 1.0 and all(quantity.group != "threshold" for quantity in self.quantities):
            raise fail(
                f"has family.best_of.begin = {self.strategies.begin:g}, where the search of a critical value begins, "
                "and no critical value; leave it out, or ask for critical_efficiency or critical_visibility"
            )
        for observed in self.observed:
            kind, left = left_out(observed) or ("", ())
            if not kind or any(party != 1 for party, _ in left):
                raise fail(
                    f"has family.best_of and observed = {observed!r}; strategies are searched for tests of correlators "
                    "or full, where settings of Bob alone are left out"
                )
        for quantity in self.quantities:
            if not quantity.kind.searched:
                raise fail(
                    f"has family.best_of and {quantity.title}, of which no best strategy is searched; those are "
                    "key_rate, randomness_local, randomness_global, their attacks, critical values, and finite lengths"
                )
            if quantity.merge is not None:
                raise fail(f"has family.best_of and {quantity.name} with merge, which a search leaves out; give points")
            if quantity.group not in ("entropy", "threshold"):
                raise fail(f"has family.best_of and {quantity.name} of min-entropy; say entropy = 'von Neumann'")
        return self

    @model_validator(mode="after")
    def _size(self) -> StudySpec:
        if self.cells > CELL_LIMIT:
            raise fail(f"asks for {self.cells} numbers; at most {CELL_LIMIT} are allowed: use coarser grids")
        return self

    @property
    def strategies(self) -> StrategySearch | None:
        """The search for best strategies; None where the points are those of the file."""
        return self.family.best_of if isinstance(self.family, Members) else None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The noise: visibilities of white noise alone, then the products of ``noises``."""
        others = (condition for entry in self.noises for condition in entry.conditions())
        return (*((v, None) for v in self.visibilities), *others)

    def lines(self, driven: str) -> tuple[tuple[Entry | None, Imperfections | None], ...]:
        """Return the noise without the number whose critical value is looked for.

        A visibility is then None.
        """
        lines: list[tuple[Entry | None, Imperfections | None]] = []
        for visibility, what in self.conditions:
            lines.append((None, what) if driven == "visibility" else (visibility, without(what, driven)))
        return tuple(dict.fromkeys(lines))

    @property
    def cells(self) -> int:
        """The number of cells: for each point, the cells of each quantity."""
        return self.family.count * sum(map(self.cells_of, self.quantities))

    def cells_of(self, quantity: Quantity) -> int:
        """Return the number of cells of a quantity at one point."""
        noises, tested = len(self.conditions), len(self.observed)
        if quantity.group == "threshold":
            return len(self.lines(quantity.kind.driven)) * tested
        adversaries = sum(quantity.is_against(one.model) for one in self.adversaries)
        counts = {"point": 1, "expression": adversaries, "entropy": noises * tested, "no-signaling": noises * tested}
        return counts.get(quantity.group, noises * tested * adversaries)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the study adds to those of every table: axes of its family, and numbers of its noise."""
        found = {
            axis.name: Column(axis.name, float, axis.unit, axis.text, False, axis=axis.label, symbol=axis.symbol)
            for axis in self.family.of.axes
            if axis.name not in COLUMNS
        }
        for name in dict.fromkeys(name for _, what in self.conditions if what is not None for name in what.added):
            if name not in found:
                unit = "rad" if name.startswith("misalignment") else "1"
                found[name] = Column(name, float, unit, f"{name.replace('_', ' ')} {OF_NOISE}", False)
                found[name] = replace(found[name], axis=name.replace("_", " ") + (" (rad)" if unit == "rad" else ""))
        return tuple(found.values())

    def to_store(self) -> dict[str, Any]:
        """Return the study as plain data with the content of the table of its behaviours.

        So a store needs no file besides it.
        """
        found: dict[str, Any] = self.model_dump(mode="json")
        content = content_of(self.family.of) if isinstance(self.family.of, BehaviourTable) else None
        if content is not None:
            found["family"]["content"] = content
        return found

    def axes(self) -> dict[str, tuple[float, ...]]:
        """Return the free axes of the family and their numbers, the slowest first: theta, phi, omega, or phi, s."""
        return self.family.axes()

    def visibilities_at(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Return the visibilities at a point, given all its values: theta, phi, omega, and s of a curve's point.

        Raises
        ------
        InvalidStudy
            A derived visibility does not exist or leaves [0, 1].
        """
        return evaluated("visibilities", self.visibilities, VISIBILITY, values)


# -- reading ------------------------------------------------------------------------------------------------------


def read_spec(path: str | os.PathLike[str]) -> StudySpec:
    """Read and check a study file.

    Raises InvalidStudy with one sentence for anything wrong with it.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "mine.toml"
    >>> _ = path.write_text('name = "mine"\\nquantities = ["chsh"]\\n[family]\\nkind = "chsh"\\n')
    >>> read_spec(path).name
    'mine'
    """
    return read_spec_and_text(path)[0]


def read_spec_and_text(path: str | os.PathLike[str]) -> tuple[StudySpec, str]:
    """Return a study and the text of its file.

    Raises InvalidStudy with one sentence for anything wrong with it.
    """
    file = Path(path)
    text = _text_of(file)
    found = _DOTTED.search(text)
    if found:
        raise InvalidStudy(f"study file '{path}' has more than {PARTS} names joined by dots, {found[0][:40]!r}...")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidStudy(f"study file '{path}' is not valid TOML: {error}; correct that line.") from None
    own = re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).strip("_-")[:128]
    data.setdefault("name", own or "study")
    return parse_spec(data, str(path), file.parent), text


def _text_of(file: Path) -> str:
    """Return the text of a study file."""
    try:
        with file.open("rb") as stream:
            content = stream.read(BYTES + 1)
        if len(content) > BYTES:
            raise InvalidStudy(f"study file '{file}' has more than {BYTES} bytes; write ranges in place of long lists.")
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InvalidStudy(f"study file '{file}' does not exist{_other_file(file)}") from None
    except UnicodeDecodeError:
        raise InvalidStudy(f"study file '{file}' is not UTF-8 text; save it as UTF-8.") from None
    except InvalidStudy:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidStudy(f"study file '{file}' cannot be read: {reason}; give a readable file.") from None


def parse_spec(
    data: dict[str, Any], source: str = "study", folder: str | os.PathLike[str] = ".", stored: bool = False
) -> StudySpec:
    """Return a study from the content of a file in a folder, or from what :meth:`StudySpec.to_store` gives.

    ``stored`` says that the folder is that of a store.
    """
    try:
        # the context has the constants, once they are read
        return StudySpec.model_validate(data, context=FileContext(Path(folder), stored))
    except ValidationError as error:
        raise InvalidStudy(f"{source}: {_sentence(error.errors()[0])}") from None


def _other_file(file: Path) -> str:
    try:
        names = sorted(p.name for p in file.parent.iterdir() if p.suffix == ".toml")
    except OSError:
        return "; give the path of a TOML file."
    near = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
    return f"; did you mean '{file.parent / near[0]}'?" if near else "; give the path of a TOML file."


def _sentence(error: ErrorDetails) -> str:
    """Return one sentence: where the error is, what was found, and what is allowed."""
    where = ""
    for step in error["loc"]:
        if isinstance(step, int):
            where += f"[{step}]"
        elif not step.startswith("<"):
            where += f".{step}" if where else step
    kind, found = error["type"], error["input"]
    if kind == "at":
        key = error["ctx"]["key"]
        where, found = f"{where}.{key}" if where else key, found.get(key)
    if kind == "unknown_key":
        return f"{error['msg']}" + (f" (in {where})." if where else ".")
    if kind == "missing":
        curve = ", or give at_chsh and phi" if error["loc"][-2:] == ("<grid>", "theta") else ""
        return f"the key '{where}' is missing; add it{curve}."
    expected = {
        "study": error["msg"],
        "at": error["msg"],
        "bool_type": "must be true or false",
        "string_type": "must be a text in quotes",
        "model_type": "must be a table of keys",
        "model_attributes_type": "must be a table of keys",
    }.get(kind, f"cannot be used: {error['msg'][:1].lower()}{error['msg'][1:]}")
    shown = "" if isinstance(found, (dict, BaseModel)) or not where else f" = {quote(found)}"
    end = "" if expected.endswith("?") else "."
    return f"{where or 'the study'}{shown} {expected}{end}"
