"""The check that the questions of a study fit the members of its family: their settings, outcomes and expressions."""

from __future__ import annotations

from collections.abc import Mapping

from sdpbound.bell.binning import binned_settings
from sdpbound.bell.families.family import Family
from sdpbound.bell.key import key_merge, key_settings
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.tested import KINDS, require_left_out
from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.study.file.entropy import MIN
from sdpbound.study.file.questions import Quantity
from sdpbound.study.file.spec import StudySpec
from sdpbound.study.quantities.whose import named

__all__ = ["require_fit"]


def require_fit(spec: StudySpec, name: str, family: Family, values: Mapping[str, float]) -> None:
    """Raise InvalidStudy unless the questions of a study can be asked at a point."""
    at = f"study '{spec.name}', point {name}: "
    try:
        scenario, expression = family.scenario(values), family.expression(values)
    except InvalidInput as error:
        raise InvalidStudy(f"{at}{error}") from None
    binary = all(outcomes == 2 for party in scenario.outcomes for outcomes in party)
    if "correlators" in spec.observed and not binary:
        raise InvalidStudy(f"{at}observed = 'correlators' needs two outcomes, not {scenario}; test full, or bell.")
    for observed in spec.observed:
        if observed not in (*KINDS, "bell"):
            _require_tested(f"{at}", observed, scenario)
    if "bell" in spec.observed and expression is None:
        raise InvalidStudy(f"{at}observed = 'bell' needs a Bell expression; test correlators or full.")
    for quantity in spec.quantities:
        _require_parties(f"{at}{quantity.name}", quantity, scenario)
        for key, party, who in (("x", 0, "Alice"), ("y", 1, "Bob")):
            setting = getattr(quantity, key)
            if setting is not None and setting >= scenario.settings[party]:
                last = scenario.settings[party] - 1
                raise InvalidStudy(f"{at}{quantity.name} has {key} = {setting}, and {who}'s settings are 0 to {last}.")
        _require_merge(spec, f"{at}{quantity.name}", quantity, scenario)
        kind = quantity.kind
        if kind.of_expression and expression is None:
            raise InvalidStudy(f"{at}{quantity.name} is of a Bell expression, and there is none; leave it out.")
        if kind.of_bits and not binary:
            raise InvalidStudy(f"{at}{quantity.name} is of two outcomes, not of {scenario}; leave it out.")
        if kind.of_chsh and scenario.outcomes != ((2, 2), (2, 2)):
            raise InvalidStudy(f"{at}{quantity.name} is of two settings with two outcomes, not of {scenario}.")
        if quantity.postprocessing is not None:
            _require_processed(spec, f"{at}{quantity.name}", quantity.postprocessing, scenario)
    _require_devices(spec, at, family, values)
    _require_binning(spec, at, scenario)


def _require_tested(at: str, observed: str, scenario: Scenario) -> None:
    """Raise InvalidStudy unless there are the settings that are left out, and enough others."""
    try:
        kind, tested = require_left_out(scenario, observed)
    except InvalidInput as error:
        raise InvalidStudy(f"{at}{error}") from None
    counts = [scenario.outcomes[party][s] for party, own in enumerate(tested or ()) for s in own or ()]
    if kind == "correlators" and any(count != 2 for count in counts):
        raise InvalidStudy(f"{at}observed = {observed!r} needs two outcomes, not {scenario}; test full, or bell.")


def _require_parties(name: str, quantity: Quantity, scenario: Scenario) -> None:
    """Raise InvalidStudy unless a quantity is one of so many parties, and its key of theirs."""
    kind, key = quantity.kind, quantity.key
    if scenario.parties == 2:
        if key is not None:
            raise InvalidStudy(f"{name} has a key, and there are two parties: give x and y instead.")
        return
    if kind.group not in ("point", "expression") and not kind.several:
        raise InvalidStudy(f"{name} is of two parties, not of {scenario}; leave it out, or choose another family.")
    if kind.key and key is None:
        raise InvalidStudy(f"{name} of {scenario.parties} parties needs key, a setting for each of them, '-' for none.")
    if key is None:
        return
    if len(key) != scenario.parties:
        raise InvalidStudy(f"{name} has a key of {len(key)} entries for {scenario.parties} parties; give one for each.")
    for party, setting in enumerate(key):
        if setting is not None and setting >= scenario.settings[party]:
            last = scenario.settings[party] - 1
            raise InvalidStudy(f"{name} has key[{party}] = {setting}, and the settings there are 0 to {last}.")


def _require_merge(spec: StudySpec, name: str, quantity: Quantity, scenario: Scenario) -> None:
    """Raise InvalidStudy unless there are as many outcomes as what merges them has values."""
    if quantity.merge is None or _is_kept(spec):  # a no click may be one more outcome; the row says it then
        return
    try:
        key_merge(scenario, key_settings(scenario, *named(quantity.kind, quantity)), quantity.merge)
    except InvalidInput as error:
        raise InvalidStudy(f"{name}: {error}") from None


def _require_processed(spec: StudySpec, name: str, by: PostProcessing, scenario: Scenario) -> None:
    """Raise InvalidStudy unless a post-processing fits the points, and its theorem covers the adversary."""
    models = {own.model for own in spec.adversaries}
    if spec.entropy == MIN or (models and "quantum" not in models):
        given = "entropy = 'min'" if spec.entropy == MIN else f"adversaries = {sorted(models)}"
        raise InvalidStudy(
            f"{name} has a postprocessing beside {given}, and its theorem covers a quantum adversary, by von Neumann's "
            "entropy; leave that out, or put it into a study of its own."
        )
    try:
        if _is_kept(spec):  # a no click may be one more outcome; the row says it then
            PostProcessing.require_fit(by, scenario)
        else:
            by.require_fit(scenario)
    except InvalidInput as error:
        raise InvalidStudy(f"{name}: {error}") from None


def _require_binning(spec: StudySpec, at: str, scenario: Scenario) -> None:
    """Raise InvalidStudy where choices of binning are not one for each setting."""
    for binning in {what.binning for _, what in spec.conditions if what is not None}:
        for party, own in enumerate(scenario.settings[:2]):
            try:
                binned_settings(binning, party, own)
            except InvalidInput as error:
                raise InvalidStudy(f"{at}{error}") from None


def _is_kept(spec: StudySpec) -> bool:
    return any(what is not None and what.binning is not True for _, what in spec.conditions)


def _require_devices(spec: StudySpec, at: str, family: Family, values: Mapping[str, float]) -> None:
    """Raise InvalidStudy if the noise acts on states or measurements and the member has no strategy."""
    for _, what in spec.conditions:
        if what is not None and what.noise(1.0).needs_strategy and not family.has_strategy(values):
            raise InvalidStudy(
                f"{at}{what.name(None)} acts on a state, and the points are bare behaviours; use visibilities and "
                "efficiencies."
            )
