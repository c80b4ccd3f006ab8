"""The table of families, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from sdpbound.bell.families.behaviour_table import BehaviourTable
from sdpbound.bell.families.cglmp_family import Cglmp
from sdpbound.bell.families.chained_family import Chained
from sdpbound.bell.families.chsh_families import AsymmetricChsh, Chsh, TiltedChsh
from sdpbound.bell.families.eberhard_family import Eberhard
from sdpbound.bell.families.family import Family
from sdpbound.bell.families.ghz_families import Ghz, W
from sdpbound.bell.families.photon_pairs import PhotonPairs
from sdpbound.bell.families.see_saw_family import SeeSaw
from sdpbound.bell.families.singlet_family import Singlet
from sdpbound.bell.families.two_qubit import TwoQubit
from sdpbound.errors import InvalidInput
from sdpbound.registry import Registry, concrete, near

__all__ = ["FAMILIES", "family_from", "family_named", "structure_names"]


#: One line for each family. Other packages add theirs by an entry point of this group.
FAMILIES: Registry[type[Family]] = Registry(
    "a family",
    "sdpbound.families",
    {
        family.name: family
        for family in (
            Singlet,
            Chsh,
            TiltedChsh,
            AsymmetricChsh,
            Chained,
            Cglmp,
            TwoQubit,
            Eberhard,
            PhotonPairs,
            SeeSaw,
            Ghz,
            W,
            BehaviourTable,
        )
    },
    fits=concrete(Family),
    wanted="a subclass of sdpbound.Family with all its methods",
)


def structure_names(family: type[Family]) -> tuple[str, ...]:
    """The arguments that say which family of a class it is: its dataclass fields that are arguments."""
    return tuple(f.name for f in fields(family) if f.init)  # type: ignore[arg-type]


def family_from(data: Mapping[str, Any]) -> Family:
    """A family from its ``kind`` and structure as plain data, such as :meth:`~sdpbound.Family.to_dict` gives.

    >>> family_from({"kind": "two_qubit", "settings": [2, 3], "complex": False}).settings
    (2, 3)
    """
    kind = FAMILIES.named(data.get("kind"), "kind", InvalidInput)
    return kind.from_dict({key: value for key, value in data.items() if key != "kind"})


def family_named(name: str, **structure: Any) -> Family:
    """A family by its name and structure, such as ``family_named("two_qubit", settings=(2, 3), complex=True)``.

    Raises
    ------
    InvalidInput, InvalidParameter
        The name or an argument of the structure is unknown, is missing, or has no such value.

    >>> family_named("tilted_chsh").member(beta=0.5).values
    {'beta': 0.5, 'alpha': 1.0}
    """
    family = FAMILIES.named(name, "family", InvalidInput)
    known = structure_names(family)
    for key in structure:
        if key not in known:
            which = f"it has {', '.join(known)}" if known else "it has none"
            raise InvalidInput(f"the family '{name}' has no argument '{key}', {which}{near(key, known)}")
    for f in fields(family):  # type: ignore[arg-type]
        if f.init and f.default is MISSING and f.default_factory is MISSING and f.name not in structure:
            raise InvalidInput(f"the family '{name}' needs {f.name}: {family.text}.")
    return family(**structure)
