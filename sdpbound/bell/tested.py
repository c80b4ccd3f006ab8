"""What is tested of a behaviour, by name: its correlators or all of it, of all settings or without some.

``"correlators"`` and ``"full"`` are of all settings, ``"full without B2"`` is of all but Bob's third one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import PARTIES
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidSettings

__all__ = ["KINDS", "SettingsTested", "left_out", "observations_named", "pairs_tested", "require_left_out"]

#: For each party the settings that it tests, or None for all; None for all of all parties.
SettingsTested = Sequence[Sequence[int] | None] | None
#: What is tested of the settings.
KINDS = ("correlators", "full")
_FORM = re.compile(r"(correlators|full) without ([A-H]\d{1,4}(?:, ?[A-H]\d{1,4})*)")


def left_out(text: str) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    """The kind of tests of a text, and the settings that it leaves out, as (party, setting); None for other texts.

    >>> left_out("full"), left_out("full without B2"), left_out("bell")
    (('full', ()), ('full', ((1, 2),)), None)
    """
    if text in KINDS:
        return text, ()
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    places = sorted((PARTIES.index(word.strip()[0]), int(word.strip()[1:])) for word in found[2].split(","))
    return found[1], tuple(dict.fromkeys(places))


def require_left_out(scenario: Scenario, text: str) -> tuple[str, SettingsTested]:
    """The kind of tests of a text, and the settings that each party tests, which must be there and be some.

    Raises
    ------
    InvalidParameter, InvalidSettings
    """
    read = left_out(text)
    if read is None:
        raise InvalidParameter(
            f"observed = {text!r:.60} must be 'correlators', 'full', one of them without settings such as "
            "'full without B2', a BellExpression or an Observations."
        )
    kind, places = read
    if not places:
        return kind, None
    for party, setting in places:
        if party >= scenario.parties or setting >= scenario.settings[party]:
            raise InvalidSettings(
                f"observed = {text!r:.60} leaves out {PARTIES[party]}{setting}, and {scenario} has no such setting; "
                "settings are counted from 0."
            )
    tested = tuple(
        tuple(s for s in range(count) if (party, s) not in places) for party, count in enumerate(scenario.settings)
    )
    if not all(tested):
        raise InvalidSettings(f"observed = {text!r:.60} leaves a party without a tested setting; leave out fewer.")
    return kind, tested


def pairs_tested(scenario: Scenario, tested: Sequence[Sequence[int] | None]) -> list[tuple[int, ...]]:
    """All pairs of the settings that each party tests; ``tested`` has one entry for each, None for all of its settings.

    >>> pairs_tested(Scenario.bipartite(2, 3), (None, (0, 1)))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    wrong = InvalidSettings(
        f"tested = {tested!r:.60} must have one entry for each of the {scenario.parties} parties: the settings that it "
        "tests, or None for all of them, such as (None, (0, 1))."
    )
    try:
        entries = [None if own is None else list(own) for own in tested]
    except TypeError:
        raise wrong from None
    if isinstance(tested, str) or len(entries) != scenario.parties:
        raise wrong
    for party, own in enumerate(entries):
        if own is None:
            entries[party] = list(range(scenario.settings[party]))
            continue
        checked = [scenario.require_setting(party, s, f"tested[{party}]") for s in own]
        if not checked or len(set(checked)) != len(checked):
            raise InvalidSettings(f"tested[{party}] = {own!r:.60} must name at least one setting, each once.")
    return list(product(*(own or [] for own in entries)))


def observations_named(behaviour: Behaviour, observed: str, tested: SettingsTested = None) -> Observations:
    """The tests of this name, and their values on the behaviour; ``tested`` as in :func:`pairs_tested`.

    >>> b = Behaviour.from_correlators([[0.7, 0.7, 0.9], [0.7, -0.7, 0.0]])
    >>> len(observations_named(b, "full without B2")), len(observations_named(b, "correlators", (None, (0, 1))))
    (8, 4)
    """
    kind, some = require_left_out(behaviour.scenario, observed)
    if some is not None and tested is not None:
        raise InvalidInput(f"observed = {observed!r:.60} says which settings are tested; leave tested out.")
    own = tested if some is None else some
    pairs = None if own is None else pairs_tested(behaviour.scenario, own)
    if kind == "correlators":
        return Observations.correlators(behaviour, pairs)
    return Observations.full(behaviour, settings=pairs)
