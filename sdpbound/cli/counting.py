"""The command that certifies the counts of an experiment for a protocol that was fixed before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, finite
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
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
        typer.Option("--bits", help="Extract randomness of the length, as a text of 0 and 1.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Certified key or randomness of an experiment's counts, for a protocol that was fixed before them: a lower bound.

    Exit status 1 if the run does not pass; then nothing is certified, and nothing extracted.
    """
    if bits is not None and (bits.exists() or not bits.absolute().parent.is_dir()):
        raise InvalidInput(f"the bits cannot be written to '{bits}': give a new file name in an existing folder.")
    fixed = sb.read_protocol(protocol)
    found = sb.Counts.from_csv(counts, fixed.length.behaviour.scenario)
    certified = sb.certify(found, fixed)
    if bits is not None and certified.accepted:
        output = sb.extract(found, fixed)
        with bits.open("xb") as file:
            file.write((output.bits + ord("0")).tobytes())
    checks = _checks(found, fixed)
    emit(_facts(certified, found, bits) | checks, _lines(certified, found, checks, bits), as_json)
    if not certified.accepted:
        raise typer.Exit(REFUSED)


def _checks(counts: Counts, protocol: FixedProtocol) -> dict[str, Any]:
    """The p-values of what is assumed, and of local models where the eight CHSH expressions are to be had."""
    drawn = protocol.length.test_distribution
    found: dict[str, Any] = {
        "no_signaling_p_value": counts.no_signaling_test().p_value,
        "inputs_p_value": counts.inputs_test(drawn).p_value,
        "local_p_value": None,
    }
    if counts.scenario == sb.Scenario.bipartite(2, 2) and drawn.all() and counts.tested:
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
        "most_sent": certified.sent if certified.kind == "key" else None,
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
        lines.append(f"  if error correction sends at most {certified.sent:.6g} bits; it is not done here")
    if bits is not None:
        lines.append(f"bits written to {bits}")
    return [*lines, f"theorem: {length.theorem}", *(f"assumed: {text}" for text in length.assumptions)]
