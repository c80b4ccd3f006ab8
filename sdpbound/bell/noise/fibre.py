"""Distance: light lost in fibres, and sources whose herald says that it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdpbound.arguments import real
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import Binning, binning_label, binning_name, binning_of
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise, noise_number, require_behaviour, require_strategy
from sdpbound.bell.noise.settings import both_labelled
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tables import require_probability
from sdpbound.errors import InvalidParameter

__all__ = ["FibreLoss", "Heralded"]


@dataclass(frozen=True)
class _Fibres(Noise):
    """A fibre on each side."""

    km_a: float
    km_b: float | None = None
    db_per_km: float = 0.2
    reads_state: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "km_a", _length(self.km_a, "km_a"))
        given = self.km_a if self.km_b is None else self.km_b
        object.__setattr__(self, "km_b", _length(given, "km_b"))
        object.__setattr__(self, "db_per_km", _length(self.db_per_km, "db_per_km", "a loss in dB per km"))

    @property
    def lengths(self) -> tuple[float, float]:
        """(km_a, km_b)."""
        assert self.km_b is not None
        return self.km_a, self.km_b

    @property
    def efficiencies(self) -> tuple[float, float]:
        """The probabilities ``10^(-db_per_km km / 10)`` that light arrives at Alice's and at Bob's end."""
        a, b = (10.0 ** (-self.db_per_km * km / 10.0) for km in self.lengths)
        return a, b

    @property
    def _numbers(self) -> str:
        return ",".join(map(noise_number, (*self.lengths, self.db_per_km)))

    @property
    def _distances(self) -> str:
        return f"${both_labelled('L', *self.lengths)}$ km"


@dataclass(frozen=True)
class FibreLoss(_Fibres):
    """Light lost in a fibre to each party: a photon arrives with probability ``10^(-db_per_km km / 10)``.

    What does not arrive is no click. With detectors that are inefficient, too, both losses are one, whose efficiency is
    the product, and the binning is that of the detectors: ``FibreLoss(5) + DetectionInefficiency(0.9, binning=...)``.

    Parameters
    ----------
    km_a, km_b : lengths in km of the fibres from the source to Alice and to Bob; km_b None: the same as km_a
    db_per_km : attenuation in dB per km; 0.2 is that of telecom fibres at 1550 nm
    binning : as of :class:`DetectionInefficiency`

    >>> noise = FibreLoss(10, 0)
    >>> [round(eta, 6) for eta in noise.efficiencies]
    [0.630957, 1.0]
    >>> noise.name
    'fibre(10,0,0.2,binned)'
    """

    binning: Binning = True
    kind: ClassVar[str] = "fibre_loss"
    own_stage: ClassVar[str] = "measurement"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "binning", binning_of(self.binning))

    @property
    def name(self) -> str:
        return f"fibre({self._numbers},{binning_name(self.binning)})"

    @property
    def label(self) -> str:
        return self._distances + binning_label(self.binning)

    @property
    def no_clicks(self) -> Binning | None:
        return self.binning

    @property
    def loss(self) -> DetectionInefficiency:
        """As the inefficiency of detectors."""
        return DetectionInefficiency(*self.efficiencies, self.binning)

    def merged(self, later: Noise) -> Noise | None:
        second = later.loss if isinstance(later, FibreLoss) else later
        if not isinstance(second, DetectionInefficiency):
            return None
        a, b = (
            tuple(own * eta for eta in more) if isinstance(more, tuple) else own * more
            for own, more in zip(self.efficiencies, second.efficiencies, strict=True)
        )
        return DetectionInefficiency(a, b, second.binning)

    def apply_to(self, strategy: Strategy) -> Strategy:
        return self.loss.apply_to(strategy)

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return self.loss.on_behaviour(behaviour)


@dataclass(frozen=True)
class Heralded(_Fibres):
    """A source whose herald says that light arrived from both sides: losses before it cost attempts, not clicks.

    As where the light of two distant atoms, or of two pairs, meets in the middle. Rounds are heralded attempts alone,
    and nothing else changes: an attempt is heralded before settings are chosen, so that nothing is selected by them.
    Rates are of rounds; ``rate.value * noise.success_probability`` is per attempt. What a false herald does to the
    state is not in here; that is noise of the state, such as :class:`WhiteNoise`.

    Parameters
    ----------
    km_a, km_b : lengths in km of the fibres from Alice and from Bob to the herald; km_b None: the same as km_a
    db_per_km : attenuation in dB per km
    success : probability of the herald if light arrives from both sides; 1/2 for a Bell measurement by linear optics

    >>> noise = Heralded(25)
    >>> round(noise.success_probability, 9)
    0.05
    """

    success: float = 0.5
    kind: ClassVar[str] = "heralded"
    own_stage: ClassVar[str] = "state"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "success", require_probability(self.success, "success"))

    @property
    def name(self) -> str:
        return f"heralded({self._numbers},{noise_number(self.success)})"

    @property
    def label(self) -> str:
        return f"heralded, {self._distances}"

    @property
    def own_success(self) -> float:
        a, b = self.efficiencies
        return a * b * self.success

    def apply_to(self, strategy: Strategy) -> Strategy:
        return require_strategy(strategy)

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return require_behaviour(behaviour)


def _length(value: object, name: str, what: str = "a length in km") -> float:
    number = real(value, name, what)
    if number < 0.0:
        raise InvalidParameter(f"{name} = {number:g} must be {what} of at least 0; give 0 where there is none.")
    return number
