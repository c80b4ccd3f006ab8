"""The command ``sdpbound doctor``, which tells whether an installation is sound."""

from __future__ import annotations

import typer

from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, print_error

__all__ = ["doctor_command"]


def doctor_command(as_json: AsJson = False) -> None:
    """Tell whether this installation is sound: versions, BLAS, each solver tried, a certificate made and checked.

    Exit status 0 if it is, 1 if there is a fault; each fault is one sentence.
    """
    from sdpbound.cli.examining import examined

    findings = []
    for finding in examined():
        findings.append(finding)
        if not as_json:  # as they come, for some take seconds
            emit({}, [f"{'ok   ' if finding.sound else 'FAULT'}  {finding.part:16}  {finding.text}"], False)
    faults = [finding for finding in findings if not finding.sound]
    if as_json:
        entries = [{"part": f.part, "sound": f.sound, "text": f.text} for f in findings]
        emit({"command": "doctor", "sound": not faults, "findings": entries}, [], True)
    if faults:
        print_error(f"{len(faults)} of {len(findings)} parts are not sound: {', '.join(f.part for f in faults)}.")
        raise typer.Exit(1)
    if not as_json:
        emit({}, ["this installation is sound"], False)
