"""Random changes of certificates, for tests of the checker."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

Path = tuple[Any, ...]
Certificate = dict[str, Any]


def leaves(entry: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all entries that hold no others."""
    if isinstance(entry, dict | list) and entry:
        for key, value in entry.items() if isinstance(entry, dict) else enumerate(entry):
            yield from leaves(value, (*path, key))
    else:
        yield path


def nodes(entry: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all lists and objects."""
    if isinstance(entry, dict | list):
        yield path
        for key, value in entry.items() if isinstance(entry, dict) else enumerate(entry):
            yield from nodes(value, (*path, key))


def at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def put(data: Any, path: Path, value: Any) -> None:
    at(data, path[:-1])[path[-1]] = value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def choose(rng: random.Random, found: list[Any]) -> Any:
    return rng.choice(found) if found else None


def _near(rng: random.Random, data: Certificate) -> list[Path]:
    """Places in one part of a certificate: the large proofs do not hide the small questions and claims."""
    part = rng.choice([key for key in ("question", "question", "proof", "claim", "claim") if key in data])
    inner = data[part]
    if part == "proof" and isinstance(inner, dict) and rng.random() < 0.5 and inner:
        key = rng.choice(sorted(inner))
        return [(part, key, *path) for path in leaves(inner[key])]
    return [(part, *path) for path in leaves(inner)]


def _exact(value: Any) -> Fraction | None:
    """A number, or the fraction of a string; None if it is neither."""
    try:
        return Fraction(value) if is_number(value) or isinstance(value, str) else None
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _written(rng: random.Random, value: Fraction) -> Any:
    """As an integer, a float or a string."""
    if value.denominator == 1 and rng.random() < 0.5:
        return int(value)
    return float(value) if rng.random() < 0.5 else f"{value.numerator}/{value.denominator}"


def change_number(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """Scaled by a power of two, turned round, moved a little or much, or zero."""
    path = choose(rng, [path for path in _near(rng, data) if is_number(at(data, path))])
    if path is None:
        return
    value = at(data, path)
    changes: list[Callable[[], Any]] = [
        lambda: value * 2 ** rng.randint(1, 4),
        lambda: value * 2.0 ** -rng.randint(1, 60),
        lambda: -value,
        lambda: value * (1 + rng.choice([-1, 1]) * 10.0 ** -rng.randint(1, 15)),
        lambda: value + rng.choice([-1, 1]) * 10.0 ** -rng.randint(0, 13),
        lambda: value + rng.choice([-1, 1]),
        lambda: value + rng.choice([-1, 1]) * 2**70,
        lambda: 2 ** rng.choice([64, 100, 199]),
        lambda: 0,
        lambda: 1,
    ]
    put(data, path, rng.choice(changes)())


def drown(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """A huge constant added to a tested expression and to its value, and taken out of the functional's constant."""
    observed = data.get("question", {}).get("observed")
    item = choose(rng, observed) if isinstance(observed, list) else None
    if item is None:
        return
    huge = rng.choice([2**30, 2**70, 2**100, -(2**70), 1])
    place = item["coefficients"]
    while isinstance(place[0], list):
        place = place[0]
    if _exact(place[0]) is None or _exact(item["value"]) is None:
        return
    place[0] = _written(rng, _exact(place[0]) + huge)
    item["value"] = _written(rng, _exact(item["value"]) + huge)
    functional = data["claim"].get("functional")
    if isinstance(functional, dict) and rng.random() < 0.8:
        j = next(j for j, other in enumerate(observed) if other is item)
        slope = _exact(functional["multipliers"][j]) if j < len(functional["multipliers"]) else None
        constant = _exact(functional["constant"])
        if slope is not None and constant is not None:
            functional["constant"] = str(constant - slope * huge)


def stronger(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """The value and the functional's constant are moved together."""
    claim, question = data.get("claim"), data.get("question")
    if not isinstance(claim, dict) or not isinstance(question, dict) or _exact(claim.get("value")) is None:
        return
    step = Fraction(10.0 ** rng.uniform(-12, 1)) * rng.choice([1, 1, 1, -1])
    move = step if question.get("side") == "lower" else -step
    claim["value"] = _written(rng, _exact(claim["value"]) + move)
    functional = claim.get("functional")
    if isinstance(functional, dict) and _exact(functional.get("constant")) is not None and rng.random() < 0.8:
        functional["constant"] = str(_exact(functional["constant"]) + move)


def data_and_claim(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """A tested value is moved, and the claim by what the functional says."""
    observed = data.get("question", {}).get("observed")
    claim = data.get("claim")
    if not isinstance(observed, list) or not observed or not isinstance(claim, dict):
        return
    j = rng.randrange(len(observed))
    step = Fraction(rng.choice([-1, 1]) * 10.0 ** rng.uniform(-12, 1))
    value, claimed = _exact(observed[j].get("value")), _exact(claim.get("value"))
    slopes = claim.get("functional", {}).get("multipliers", [])
    if value is None or claimed is None:
        return
    observed[j]["value"] = _written(rng, value + step)
    slope = _exact(slopes[j]) if j < len(slopes) else None
    if slope is not None:
        claim["value"] = str(claimed + slope * step)


def swap(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """Two entries of a list change places, or all are shuffled."""
    path = choose(rng, [path for path in nodes(data) if isinstance(at(data, path), list) and len(at(data, path)) > 1])
    if path is None:
        return
    entries = at(data, path)
    if rng.random() < 0.3:
        rng.shuffle(entries)
    else:
        i, j = rng.sample(range(len(entries)), 2)
        entries[i], entries[j] = entries[j], entries[i]


def swap_numbers(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """Two numbers from anywhere change places."""
    first, second = choose(rng, _near(rng, data)), choose(rng, _near(rng, data))
    if first and second and is_number(at(data, first)) and is_number(at(data, second)):
        one, other = at(data, first), at(data, second)
        put(data, first, other)
        put(data, second, one)


def drop(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """An entry of a list or an object is left out, or a list loses all."""
    path = choose(rng, [path for path in nodes(data) if at(data, path)])
    if path is None:
        return
    entries = at(data, path)
    if isinstance(entries, list) and rng.random() < 0.2:
        entries.clear()
    else:
        del entries[rng.choice(sorted(entries)) if isinstance(entries, dict) else rng.randrange(len(entries))]


def duplicate(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    path = choose(rng, [path for path in nodes(data) if isinstance(at(data, path), list) and at(data, path)])
    if path is not None:
        entries = at(data, path)
        entries.insert(rng.randrange(len(entries) + 1), _copy(rng.choice(entries)))


def untest(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """A tested expression is dropped, doubled or moved everywhere, so that the file stays well formed."""
    observed = data.get("question", {}).get("observed")
    if not isinstance(observed, list) or not observed:
        return
    lists = [observed]
    for path in (("proof", "multipliers"), ("claim", "functional", "multipliers")):
        try:
            entries = at(data, path)
        except (KeyError, TypeError, IndexError):
            continue
        if isinstance(entries, list) and len(entries) == len(observed):
            lists.append(entries)
    i, j = rng.randrange(len(observed)), rng.randrange(len(observed))
    how = rng.randrange(3)
    for entries in lists:
        if how == 0:
            del entries[i]
        elif how == 1:
            entries.insert(j, _copy(entries[i]))
        else:
            entries[i], entries[j] = entries[j], entries[i]


def other_question(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """Settings, side, model, outcomes, flips, tolerances."""
    question = data.get("question")
    if not isinstance(question, dict) or not isinstance(question.get("figure"), dict):
        return
    figure = question["figure"]
    of = figure.get("of") if isinstance(figure.get("of"), dict) else figure

    def set_figure(key: str, value: Any) -> None:
        if key in of:
            of[key] = value

    def set_outcomes() -> None:
        rows = question.get("scenario", {}).get("outcomes")
        row = choose(rng, rows) if isinstance(rows, list) else None
        if isinstance(row, list) and row:
            row[rng.randrange(len(row))] = rng.choice([1, 2, 3])

    def add_setting() -> None:
        rows = question.get("scenario", {}).get("outcomes")
        row = choose(rng, rows) if isinstance(rows, list) else None
        if isinstance(row, list):
            row.append(rng.choice([1, 2, 3]))

    def set_tolerance() -> None:
        item = choose(rng, question.get("observed") or [])
        if isinstance(item, dict):
            item["tolerance"] = rng.choice([0, 1e-12, 1e-6, 0.1, 10, -1e-12])

    models = [{"kind": "quantum", "level": "9"}, {"kind": "no-signaling"}, {"kind": "local"}, {"kind": "classical"}]
    kinds = ["guessing_probability", "blind_guessing_probability", "separation", "bell_value", "conditional_entropy"]
    changes: list[Callable[[], Any]] = [
        lambda: set_figure("x", rng.choice([0, 1, 2])),
        lambda: set_figure("y", rng.choice([None, 0, 1, 2])),
        lambda: set_figure("preprocessing", rng.choice([0, 0.01, 0.1, 0.3, 0.5, 0.6, 1])),
        lambda: set_figure("blind", rng.choice([True, False])),
        lambda: set_figure("registers", rng.choice(["classical", "sharp", "quantum"])),
        lambda: set_figure("kind", rng.choice(kinds)),
        lambda: question.update(side=rng.choice(["upper", "lower", "both"])),
        lambda: question.update(model=rng.choice(models)),
        set_outcomes,
        add_setting,
        set_tolerance,
    ]
    rng.choice(changes)()


def splice(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """A part of another certificate, from the same place or from one of the same name."""
    other = rng.choice(others)
    path = rng.choice([path for path in nodes(data) if path and len(path) < 5] or [("claim",)])
    try:
        found = at(other, path)
    except (KeyError, TypeError, IndexError):
        same = [p for p in nodes(other) if p and p[-1] == path[-1]]
        if not same:
            return
        found = at(other, rng.choice(same))
    put(data, path, _copy(found))


def other_type(rng: random.Random, data: Certificate, others: list[Certificate]) -> None:
    """Something that is no number, or hardly one."""
    values = [None, True, False, "", "1/0", "nan", "NaN", "inf", "1e3", "0x10", " 1", "1/3", "-1/2", [], {}, [[]], [1]]
    values += [
        {"kind": "local"},
        10**40,
        -(10**400),
        10**5000,
        float("nan"),
        float("inf"),
        -float("inf"),
        5e-324,
        "9" * 500,
    ]
    path = choose(rng, _near(rng, data) if rng.random() < 0.7 else [p for p in nodes(data) if p])
    if path:
        put(data, path, rng.choice(values))


CHANGES = (
    change_number,
    change_number,
    change_number,
    drown,
    stronger,
    stronger,
    data_and_claim,
    swap,
    swap_numbers,
    drop,
    duplicate,
    untest,
    other_question,
    other_question,
    splice,
    other_type,
)


def mutate(data: Certificate, seed: int, others: list[Certificate]) -> list[str]:
    """Change a certificate one to three times, in place; the names of the changes."""
    rng = random.Random(seed)
    names = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        change = rng.choice(CHANGES)
        names.append(change.__name__)
        try:
            change(rng, data, others)
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError, ValueError):
            names[-1] += " (does not apply)"  # to what an earlier change has left
    return names


def _copy(entry: Any) -> Any:
    """Deep, of plain data."""
    if isinstance(entry, dict):
        return {key: _copy(value) for key, value in entry.items()}
    return [_copy(value) for value in entry] if isinstance(entry, list) else entry
