"""The command that certifies the counts of an experiment for a protocol that was fixed before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, finite
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sdpbound.experiments import Certified, Counts, FixedProtocol

__all__ = ["certify_command"]

#: Exit status of a run that does not pass.
REFUSED = 1


def certify_command(
    counts: Annotated[
        Path, typer.Argument(help="CSV file: columns x,y,a,b of rounds, or x,y,a,b,count; test is optional.")
    ],
    protocol: Annotated[
        Path, typer.Option("--protocol", help="TOML or JSON file of a protocol fixed before.", metavar="FILE")
    ],
    bits: Annotated[
        Path | None,
        typer.Option("--bits", help="Write the randomness, or the key, as a text of 0 and 1.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Certified key or randomness of an experiment's counts, for a protocol that was fixed before them: a lower bound.

    With --bits a key's errors are corrected and checked, and its length is that for the bits that this has sent.
    Exit status 1 if the run does not pass; then nothing is certified, and nothing extracted.
    """
    if bits is not None and (bits.exists() or not bits.absolute().parent.is_dir()):
        raise InvalidInput(f"the bits cannot be written to '{bits}': give a new file name in an existing folder.")
    fixed = sb.read_protocol(protocol)
    found = sb.Counts.from_csv(counts, fixed.length.behaviour.scenario)
    certified = sb.certify(found, fixed)
    if bits is not None and certified.accepted:
        certified, output = _output(found, fixed, certified)
        if certified.accepted:
            with bits.open("xb") as file:
                file.write((output + ord("0")).tobytes())
    checks = _checks(found, fixed)
    emit(_facts(certified, found, bits) | checks, _lines(certified, found, checks, bits), as_json)
    if not certified.accepted:
        raise typer.Exit(REFUSED)


def _output(counts: Counts, protocol: FixedProtocol, certified: Certified) -> tuple[Certified, NDArray[np.uint8]]:
    """What is proven after error correction, and the bits."""
    if certified.kind == "randomness":
        return certified, sb.extract(counts, protocol).bits
    key = sb.distil_key(counts, protocol)
    if key and not key.keys_equal:
        raise InvalidInput(
            "the keys differ though their hashes agree, which is as rare as the protocol allows; run again."
        )
    if key.certified is None or not key:
        return replace(certified, length=0, accepted=False, reason=key.aborted, sent=key.transcript.leakage), key.alice
    return key.certified, key.alice


def _checks(counts: Counts, protocol: FixedProtocol) -> dict[str, Any]:
    """The p-values of what is assumed, and of local models where the eight CHSH expressions are to be had."""
    drawn = protocol.length.test_distribution
    found: dict[str, Any] = {
        "no_signaling_p_value": counts.no_signaling_test().p_value,
        "inputs_p_value": counts.inputs_test(drawn).p_value,
        "local_p_value": None,
    }
    if counts.scenario == sb.Scenario.bipartite(2, 2) and drawn.all() and counts.tested:
        with suppress(InvalidInput):  # settings that were not drawn as stated say nothing of local models
            found["local_p_value"] = float(counts.local_p_value(inputs=drawn))
    return found


def _facts(certified: Certified, counts: Counts, bits: Path | None) -> dict[str, Any]:
    length, seen = certified.protocol.length, certified.acceptance
    return {
        "command": "certify",
        "kind": certified.kind,
        "accepted": certified.accepted,
        "reason": certified.reason,
        "length": certified.length,
        "side": certified.side,
        "rounds": counts.n,
        "tests": counts.tested,
        "mean_score": finite(seen.mean_score),
        "threshold": seen.threshold,
        "soundness": length.security.soundness,
        "completeness": length.security.completeness,
        "most_sent": certified.sent if certified.kind == "key" and bits is None else None,
        "sent": certified.sent if certified.kind == "key" and bits is not None else None,
        "bits": None if bits is None or not certified.accepted else str(bits),
        "fingerprint": counts.fingerprint,
        "theorem": length.theorem,
        "assumptions": list(length.assumptions),
    }


def _lines(certified: Certified, counts: Counts, checks: dict[str, Any], bits: Path | None) -> list[str]:
    length, seen = certified.protocol.length, certified.acceptance
    local = checks["local_p_value"]
    lines = [
        f"{counts.n} rounds, {counts.tested} of them tests; mean score {seen.mean_score:.9g}, threshold "
        f"{seen.threshold:.9g}",
        f"p-values: no signaling {checks['no_signaling_p_value']:.3g}, settings drawn as stated "
        f"{checks['inputs_p_value']:.3g}" + ("" if local is None else f", local models <= {local:.4g} (upper bound)"),
    ]
    if not certified.accepted:
        return [*lines, f"nothing is certified: {certified.reason}"]
    lines.append(
        f"{certified.kind} of {certified.length} bits or more   (lower bound; soundness "
        f"{length.security.soundness:g}, completeness {length.security.completeness:g})"
    )
    if certified.kind == "key":
        lines.append(
            f"  if error correction sends at most {certified.sent:.6g} bits; --bits does it"
            if bits is None
            else f"  after {certified.sent:.0f} bits that were sent to correct errors and to check the result"
        )
    if bits is not None:
        lines.append(f"bits written to {bits}")
    return [*lines, f"theorem: {length.theorem}", *(f"assumed: {text}" for text in length.assumptions)]
