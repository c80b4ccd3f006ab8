"""A rate with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.attacks.all_channels import ChannelAttack
from sdpbound.attacks.all_flips import KeyAttack
from sdpbound.attacks.average_attack import AverageAttack
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import Merge, Settings, key_words
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import AverageEntropy
from sdpbound.bounds.rounding import rounded
from sdpbound.rates.postprocessing.attacked import ProcessedAttack
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.shown import Shown

__all__ = ["Rate"]


@dataclass(frozen=True, eq=False)
class Rate(Shown):
    """A rate in bits per round; it may be negative, nothing is clipped.

    Attributes
    ----------
    value : float
    side : "lower" or "upper": which side of the best achievable rate is proven
    kind : "key" or "randomness"
    entropy : Bound on Eve's conditional entropy
    error_correction : H(A|B,X=x,Y=y) in bits, of the behaviour; 0 for randomness
    settings : (x, y); y is None for local randomness. Of more parties, and of keys that x and y do not name, one entry
        for each party, None where its outcome is not used
    security : the theorem that makes the number a rate and its conditions, or "individual attacks"
    assumptions : what else is assumed
    sdp : for a closed form, the rate from the certified program beside it
    attack : of a bound from above, the explicit attack; of one for any flips the attacks that leave ``value`` together
    preprocessing : probability with which Alice flips her key bit, or the channel that it passes
    exact : of a bound from above, whether every attack that it rests on has the tested data, not only approximately
    merge : the key's value for each outcome, where it is a function of the outcomes
    postprocessing : what was done with outcomes before, with all that was chosen of it
    """

    value: float
    side: str
    kind: str
    entropy: Bound
    error_correction: float
    settings: Settings
    security: str
    assumptions: tuple[str, ...]
    sdp: Rate | None = None
    attack: EntropyAttack | KeyAttack | ChannelAttack | AverageAttack | ProcessedAttack | None = None
    preprocessing: Preprocessing = 0.0
    exact: bool = True
    merge: Merge | None = None
    postprocessing: PostProcessing | None = None

    def __float__(self) -> float:
        return self.value

    @property
    def is_closed_form(self) -> bool:
        return self.entropy.status == "closed form"

    @property
    def data(self) -> str:
        """Which data the rate is about: "exact" or "measured", as in :attr:`Bound.data`."""
        return self.entropy.data

    def __repr__(self) -> str:
        at = key_words(self.settings)[1].replace(",", ", ")
        at += "" if self.merge is None else f", outcomes merged {''.join(map(str, self.merge))}"
        at += f", preprocessing {self.preprocessing:.6g}" if self.preprocessing else ""
        if self.postprocessing is not None:
            at = repr(self.postprocessing)
        elif isinstance(self.entropy.merit, AverageEntropy):
            at = "settings drawn at random"
        how = f"closed form, {self.entropy.source}" if self.is_closed_form else f"certified from {self.entropy.figure}"
        how += f"; {self.data} data"
        if self.attack is not None:
            how = f"explicit attack, {self.attack.data}"
        sign = "<=" if self.side == "upper" else ">="
        rate = f"{self.kind} rate {sign} {rounded(self.value, self.side)} bits a round"
        return f"{rate} ({self.side} bound at {at};\n  {how}; security: {self.security})"
