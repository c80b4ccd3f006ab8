"""The questions of a study at each point: the tested data, the adversaries, the quantities, and how to solve them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from sdpbound.adversaries import ADVERSARIES, adversary_named
from sdpbound.bell.channel import BEST_CHANNEL
from sdpbound.bell.key import PARTIES
from sdpbound.bell.tested import left_out
from sdpbound.entropies.methods import METHODS
from sdpbound.finite_size.options import FiniteMethod
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.study.file.entropy import MIN, VON_NEUMANN, EntropySettings, NamedEntropy
from sdpbound.study.file.family import Model
from sdpbound.study.file.keys import KeySetting, SaidKey, SaidMerge, read_key, read_merge
from sdpbound.study.file.numbers import number, numbers, said, said_one
from sdpbound.study.file.postprocessings import AnyPostProcessing
from sdpbound.study.file.product import Part
from sdpbound.study.file.validators import (
    FLIP,
    RESOLUTION,
    ROUNDS,
    SECONDS,
    TOLERANCE,
    SaidLevel,
    SaidSolver,
    choice,
    fail,
    quote,
    read_level,
    read_solver,
    registered,
    several,
)
from sdpbound.study.quantities.kind import SEARCHED, Group, QuantityKind
from sdpbound.study.quantities.table import QUANTITIES as TABLE
from sdpbound.study.quantities.table import kind_of

__all__ = [
    "OBSERVED",
    "QUANTITIES",
    "AdversarySettings",
    "Observed",
    "Quantity",
    "QuantityName",
    "SolverSettings",
    "expanded",
]

Named = Literal["bell", "correlators", "full"]
OBSERVED: tuple[Named, ...] = ("bell", "correlators", "full")


def _observed(value: object) -> str:
    """Return a name of tests, with the settings that they leave out in order."""
    read = left_out(value) if isinstance(value, str) else None
    if read is None:
        return choice(OBSERVED)(value)
    kind, places = read
    return f"{kind} without {', '.join(f'{PARTIES[party]}{s}' for party, s in places)}" if places else kind


_Without = Annotated[str, Field(pattern=r"^(correlators|full) without [A-H]\d+(, ?[A-H]\d+)*$")]
Observed = Annotated[str, PlainValidator(_observed, json_schema_input_type=Named | _Without)]
QUANTITIES = tuple(TABLE)
#: What the functions of the library are called in studies.
FUNCTIONS = {
    "guessing_probability": "guess_local",
    "blind_guessing_probability": "guess_blind",
    "conditional_entropy": "entropy_local",
    "conditional_entropy_upper_bound": "entropy_local_attack",
    "key_rate_upper_bound": "key_rate_attack",
    "randomness_rate": "randomness_local",
    "randomness_rate_upper_bound": "randomness_local_attack",
    "maximize": "bell_maximum",
    "minimize": "bell_minimum",
}
#: The names of quantities, for the JSON schema.
QuantityName = Annotated[str, Field(json_schema_extra={"enum": list(QUANTITIES)})]
#: Width of a critical value, if a study gives none.
DEFAULT_WIDTH = 1e-3


_Level = str | tuple[str, ...]


class AdversarySettings(Part):
    """A model of the adversary, and for the quantum one the level of the hierarchy."""

    model: Annotated[Model, BeforeValidator(registered(ADVERSARIES))] = Field(
        description="the set of correlations that the adversary may use"
    )
    level: Annotated[_Level, BeforeValidator(read_level, json_schema_input_type=SaidLevel)] | None = Field(
        default=None, description='the level of the NPA hierarchy, such as "2" or "1+AB"; for the quantum model only'
    )

    @model_validator(mode="after")
    def _consistent(self) -> AdversarySettings:
        if self.level is not None and not ADVERSARIES.named(self.model, "model").takes_level:
            raise fail(f"has a level, and the {self.model} set has none; leave the key level out")
        return self

    @property
    def identity(self) -> str:
        """A text that is the same for two entries with the same meaning."""
        meaning = adversary_named(self.model, self.level).meaning
        return self.model if meaning is None else f"{self.model} {meaning}"


def _flip(value: object, info: ValidationInfo) -> object:
    return value if value in SEARCHED else number(FLIP)(value, info)


_Flip = Annotated[
    float | Literal["best", "best channel"],
    BeforeValidator(_flip, json_schema_input_type=said_one(FLIP) | Literal["best", "best channel"]),
]


def _whole(value: object, info: ValidationInfo) -> float:
    return float(round(number(ROUNDS)(value, info)))


def _theorem(value: object) -> str:
    allowed = get_args(FiniteMethod)
    if value not in allowed and METHODS.find(value) is not None:
        raise fail(f"is a method of entropies, and this one is of finite lengths; say entropy = {{method = {value!r}}}")
    return choice(allowed)(value)


#: The theorems of lengths: the one that is the default, and one whose bounds are its own.
ACCUMULATION, RENYI = "accumulation", "renyi"
#: Most quantities with their numbers of rounds.
ROUNDS_LIMIT = 10_000


def expanded(value: object, info: ValidationInfo) -> object:
    """Return entries of quantities.

    An entry with several numbers of rounds becomes one entry for each number.
    """
    found: list[object] = []
    for entry in several(value):  # type: ignore[attr-defined]
        if isinstance(entry, dict) and isinstance(entry.get("rounds"), (list, tuple, dict)):
            try:
                rounds = numbers(ROUNDS)(entry["rounds"], info)
            except PydanticCustomError as error:
                raise fail(f"has rounds = {quote(entry['rounds'])}, which {error.message()}") from None
            if len(found) + len(rounds) > ROUNDS_LIMIT:
                raise fail(f"has more than {ROUNDS_LIMIT} numbers of rounds; use fewer")
            found += [entry | {"rounds": n} for n in rounds]
        else:
            found.append(entry)
    return tuple(found)


class Quantity(Part):
    """A quantity and its key settings; y is Bob's, for quantities of a pair."""

    name: Annotated[
        QuantityName,
        BeforeValidator(registered(TABLE, FUNCTIONS)),
    ] = Field(description="what is computed")
    x: KeySetting | None = Field(default=None, description="Alice's setting; 0 if absent")
    y: KeySetting | None = Field(default=None, description="Bob's setting, for quantities of a pair")
    key: Annotated[tuple[int | None, ...], BeforeValidator(read_key, json_schema_input_type=SaidKey)] | None = Field(
        default=None, description='of more than two parties, in place of x and y: a setting for each, "-" for none'
    )
    merge: Annotated[tuple[int, ...], BeforeValidator(read_merge, json_schema_input_type=SaidMerge)] | None = Field(
        default=None,
        description="the key's value for each outcome, such as [0, 0, 1, 1], or for each choice of several parties' "
        "outcomes, the last party's fastest; absent: the outcomes themselves",
    )
    entropy: NamedEntropy | None = Field(
        default=None, description="the entropy that a rate is made of; absent: the study's"
    )
    preprocessing: _Flip | None = Field(
        default=None, description='probability with which Alice flips her key bit, "best": searched, or "best channel"'
    )

    postprocessing: AnyPostProcessing | None = Field(
        default=None, description="of a key rate, what is done with outcomes before; it says settings and flips itself"
    )
    resolution: (
        Annotated[float, BeforeValidator(number(RESOLUTION), json_schema_input_type=said_one(RESOLUTION))] | None
    ) = Field(default=None, description="of a critical value, the width aimed at between alive and dead; absent: 1e-3")

    rounds: Annotated[float, BeforeValidator(_whole, json_schema_input_type=said(ROUNDS))] | None = Field(
        default=None, description="of lengths from finitely many rounds, their number; several are several quantities"
    )
    method: Annotated[FiniteMethod, BeforeValidator(_theorem)] | None = Field(
        default=None,
        description="of lengths: accumulation of von Neumann entropies, as if absent; Renyi entropies, which take "
        'seconds a length; or "auto", the longer one',
    )

    @model_validator(mode="after")
    def _consistent(self) -> Quantity:
        kind = self.kind
        if self.rounds is None and "rounds" in kind.keys:
            raise fail(f"lacks the key 'rounds', the number of rounds of {self.name}; add it")
        for key in ("merge", "entropy", "preprocessing", "resolution", "rounds", "method", "postprocessing"):
            if getattr(self, key) is not None and key not in self.keys:
                name = self.name if key in ("postprocessing", "method") else self.title
                raise fail(f"has {key}, and {name} takes none; leave it out")
        if self.postprocessing is not None:
            self._require_processed(self.postprocessing)
            return self
        if kind.group in ("point", "expression"):
            if (self.x, self.y, self.key) != (None, None, None):
                these = "x and y" if self.key is None else "key"
                raise fail(f"has settings, and {self.name} is of the expression or the point; leave {these} out")
            return self
        self._require_key()
        if self.key is None:
            self._fill("x", 0)
        if self.key is not None:
            pass
        elif kind.bob is not None:
            self._fill("y", kind.bob)
        elif self.y is not None:
            raise fail(f"has y = {self.y}, and {self.name} is of Alice's outcome alone; leave y out")
        if kind.group != "data" and self.entropy == MIN:
            raise fail(f"has entropy = 'min', and {self.name} is of von Neumann's; leave it out")
        if self.preprocessing in SEARCHED and "best" not in kind.keys:
            raise fail(f"has preprocessing = {self.preprocessing!r}, and {self.name} has no best one; give a number")
        if self.preprocessing == BEST_CHANNEL and "rounds" in kind.keys:
            raise fail(
                f"has preprocessing = {BEST_CHANNEL!r}, and {self.name} is searched with flips alone; give 'best' or a "
                "number"
            )
        return self

    def _require_processed(self, by: PostProcessing) -> None:
        if (self.x, self.y, self.key) != (None, None, None):
            raise fail("has settings beside a postprocessing, which says itself which are the key's; leave them out")
        if self.entropy == MIN:
            raise fail("has entropy = 'min' and a postprocessing, which has no bound by min-entropy; leave it out")
        if self.kind.attack and by.is_open and not by.of_entropy:
            raise fail(f"has {by.label}, and an attack is on a given one; give a number for what is best")

    def _require_key(self) -> None:
        kind = self.kind
        if self.key is None:
            return
        if not kind.several or not (kind.pair or kind.key):
            raise fail(f"has key, and {self.name} takes none; give x, or choose a quantity of several outcomes")
        if self.x is not None or self.y is not None:
            raise fail("has key, which says of all parties what x and y do; leave x and y out")
        if kind.key and sum(s is not None for s in self.key) < 2:
            raise fail("has a key of one party, and a key is shared; give a second party its setting")

    def _fill(self, key: str, value: object) -> None:
        if getattr(self, key) is None:
            object.__setattr__(self, key, value)

    @cached_property  # a copy of the model keeps it: of the name and the post-processing alone, which no copy changes
    def kind(self) -> QuantityKind:
        """The quantity's entry in the table of quantities, or what stands there for it with a post-processing."""
        own = kind_of(self.name)
        return own if self.postprocessing is None or own.processed is None else own.processed

    @property
    def keys(self) -> frozenset[str]:
        """The further keys that it takes; an entropy only where its accuracy is of effect."""
        by, found = self.postprocessing, self.kind.keys
        has_own = self.method == RENYI or (by is not None and not by.of_entropy)
        return found - {"entropy"} if has_own else found

    @property
    def title(self) -> str:
        """Its name, and what of its own it is with: a post-processing, or the theorem of a length."""
        if self.alone:
            return f"{self.name} with method = {self.method!r}"
        return self.name if self.postprocessing is None else f"{self.name} with a {self.postprocessing.kind}"

    @property
    def alone(self) -> bool:
        """Whether it takes seconds, so that it is a task of its own: a length by Renyi entropies."""
        return self.method not in (None, ACCUMULATION)

    @property
    def shared(self) -> tuple[Any, ...]:
        """What quantities have in common whose strategy one search finds: a rate, its settings, flips and rounds."""
        own = self.preprocessing or 0.0, self.postprocessing, self.width, self.rounds
        return (self.kind.searched, self.x, self.y, *own)

    @property
    def group(self) -> Group:
        """The group of the quantity, which says what it depends on."""
        return "entropy" if self.entropy not in (None, MIN) and self.kind.group == "data" else self.kind.group

    def is_against(self, model: str) -> bool:
        """Whether it is asked against an adversary; a rate of no named entropy is not against quantum devices.

        Against those a rate of von Neumann's entropy stands in its place.
        """
        return model != "quantum" or self.group != "data" or self.entropy is not None or "entropy" not in self.keys

    @property
    def how(self) -> EntropySettings | None:
        """The settings that say how its von Neumann entropy is bounded from below; None if it has no such entropy."""
        if "entropy" not in self.keys or self.group == "data":
            return None
        return self.entropy or VON_NEUMANN

    @property
    def options(self) -> str | None:
        """The options besides settings and rounds, in words; None if there are none."""
        words = [] if self.how is None else [self.how.identity]
        if self.key is not None:
            words.insert(0, f"key {','.join('-' if s is None else str(s) for s in self.key)}")
        if self.merge is not None:
            words.append(f"merge {('' if max(self.merge) < 10 else '.').join(map(str, self.merge))}")
        if self.preprocessing:
            words.append(f"preprocessing {self.preprocessing}")
        if self.postprocessing is not None:
            words.append(self.postprocessing.label)
        if "resolution" in self.kind.keys:
            words.append(f"resolution {self.width:g}")
        if self.alone:
            words.append(f"method {self.method}")
        return ", ".join(words) or None

    @property
    def width(self) -> float:
        """For a critical value, the distance aimed at between the value with a key and the value without one."""
        return DEFAULT_WIDTH if self.resolution is None else self.resolution

    @property
    def identity(self) -> str:
        """A text that is the same for two entries with the same meaning."""
        rounds = None if self.rounds is None else f"{self.rounds:.15g}"
        settings = (f"{k} = {v}" for k, v in (("x", self.x), ("y", self.y), ("rounds", rounds)) if v is not None)
        return ", ".join(filter(None, (self.name, *settings, self.options)))

    @property
    def meaning(self) -> dict[str, Any]:
        """All that gives the quantity its meaning, as plain data.

        Settings that change nothing are left out.
        """
        found: dict[str, Any] = {"name": self.name, "x": self.x, "y": self.y}
        if self.key is not None:
            found["key"] = list(self.key)
        if self.merge is not None:
            found["merge"] = list(self.merge)
        if self.how is not None:
            found["entropy"] = self.how.model_dump() | {"tolerance": self.how.accuracy.hex()}
        if self.preprocessing:
            found["preprocessing"] = given if isinstance(given := self.preprocessing, str) else given.hex()
        if self.postprocessing is not None:
            found["postprocessing"] = self.postprocessing.entry
        if "resolution" in self.kind.keys:
            found["resolution"] = self.width.hex()
        if self.rounds is not None:
            found["rounds"] = self.rounds.hex()
        if self.alone:
            found["method"] = self.method
        return found

    @property
    def settings(self) -> tuple[int, int | None]:
        """Alice's and Bob's settings, for a quantity of the data."""
        assert self.x is not None
        return self.x, self.y

    @property
    def program(self) -> tuple[Any, ...]:
        """A name of the program behind the quantity.

        Quantities with the same program are solved together.
        """
        return self.kind.program(self)

    @property
    def side(self) -> str:
        """The side of the proven number: "upper", "lower", or "exact" for a closed form evaluated in floating point."""
        return self.kind.side


class SolverSettings(Part):
    """The solver, its tolerance, and the time that a task may take."""

    name: Annotated[str, BeforeValidator(read_solver, json_schema_input_type=SaidSolver)] | None = Field(
        default=None, description="the solver; absent: the best installed for the size, and the next where it fails"
    )
    tolerance: Annotated[float, BeforeValidator(number(TOLERANCE), json_schema_input_type=said_one(TOLERANCE))] = Field(
        default=1e-9, description="relative tolerance asked of the solver"
    )
    time_limit: Annotated[float, BeforeValidator(number(SECONDS), json_schema_input_type=said_one(SECONDS))] = Field(
        default=120.0, description="seconds for one task"
    )
