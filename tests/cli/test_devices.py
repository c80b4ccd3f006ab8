"""Devices of the command line: members of any family, own data, noise of every kind, and what is refused."""

from __future__ import annotations

import csv
import itertools
import json
import math

import pytest

import sdpbound as sb
from sdpbound.bell.families import FAMILIES, family_named

ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
T = sb.SingletSelfTest(1.0, 1.5, 2.6)
CHSH = ["--family", "chsh"]
LOW = ["--level", "1+AB"]
BOX = ["--model", "no-signaling"]


def bell(member, visibility: float = 1.0, noise: sb.Noise | None = None) -> sb.Observations:
    behaviour = member.behaviour(visibility) if noise is None else member.behaviour(noise=noise)
    return sb.Observations.bell_value(member.expression, member.expression.value(behaviour))


@pytest.fixture
def table(tmp_path):
    """CHSH behaviours of two visibilities in a CSV file."""
    file = tmp_path / "data.csv"
    with file.open("w", newline="") as stream:
        write = csv.writer(stream).writerow
        write(["name", "a", "b", "x", "y", "p"])
        for name, visibility in (("good", 1.0), ("noisy", 0.95)):
            p = family_named("chsh").member().behaviour(visibility).p
            for place in itertools.product(range(2), repeat=4):
                write([name, *place, repr(float(p[place]))])
    return file


# --- families --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, at, values",
    [
        ("chsh", [], {}),
        ("tilted_chsh", ["beta=0.5"], {"beta": 0.5}),
        ("tilted_chsh", ["beta=1/2, alpha=1.2"], {"beta": 0.5, "alpha": 1.2}),
        ("asymmetric_chsh", ["alpha=1.5"], {"alpha": 1.5}),
        ("chained", ["settings=3"], {"settings": 3}),
        ("cglmp", ["d=3"], {"d": 3}),
        ("singlet", ["theta=1", "phi=1.5,omega=2.6"], {"theta": 1.0, "phi": 1.5, "omega": 2.6}),
    ],
)
def test_value_of_a_family(answer, name, at, values):
    words = [word for text in at for word in ("--at", text)]
    found = answer("value", "--family", name, *words, *LOW)
    member = family_named(name).member(**values)
    bound = sb.maximize(member.expression, sb.Quantum("1+AB"))
    assert found["maximum"]["value"] == bound.value
    assert found["family"] == name and found["parameters"] == member.values
    closed = found["closed_forms"]
    assert closed["quantum_bound"] == member.quantum_bound and closed["local_bound"] == member.local_bound
    assert closed["strategy_value"] == member.strategy_value and closed["chsh"] == member.chsh
    assert closed["strategy_value"] <= bound.value + 1e-9


def test_value_of_a_family_in_words(call):
    done = call("value", "--family", "tilted_chsh", "--at", "beta=0.5", *LOW)
    assert done.status == 0 and done.out.startswith("tilted_chsh(beta=0.5, alpha=1)   (Acin, Massar and Pironio")
    assert "quantum bound    2.91547594742\n" in done.out and "local bound      2.5\n" in done.out
    assert "Eq. (" not in done.out and "condition" not in done.out


def test_arguments_of_a_family_change_its_axes(answer):
    at = ["settings=[1, 2], complex=true", "theta=pi/4", "a0=0,b0=pi/2, b1=0, b1_azimuth=45 deg"]
    words = [word for text in at for word in ("--at", text)]
    found = answer("guess", "--family", "two_qubit", *words, *BOX)
    assert found["structure"] == {"settings": [1, 2], "complex": True}
    assert found["parameters"]["b1_azimuth"] == math.pi / 4 and found["parameters"]["a0_azimuth"] == 0.0
    of = answer("value", "--family", "see_saw", "--at", "of=tilted_chsh(0.5, 1),restarts=3", "--model", "local")
    assert of["structure"]["of"] == "tilted_chsh(0.5, 1)" and of["maximum"]["value"] == pytest.approx(2.5, abs=1e-12)


def test_every_command_speaks_of_families(answer):
    member = family_named("tilted_chsh").member(beta=0.2)
    own = ["--family", "tilted_chsh", "--at", "beta=0.2", "--visibility", "0.97"]
    qubit = ["--method", "qubit", "--tolerance", "1e-2"]
    data = sb.Observations.correlators(member.behaviour(0.97))
    guess = answer("guess", *own, *LOW)
    assert guess["guessing_probability"]["value"] == sb.guessing_probability(data, sb.Quantum("1+AB"), 0).value
    entropy = answer("entropy", *own, *qubit)
    how = sb.VonNeumann("qubit", tolerance=1e-2)
    assert entropy["lower"]["value"] == sb.conditional_entropy(data, 0, None, how).value
    assert answer("finite", *own, *qubit, "--rounds", "1e9")["lengths"][0]["length"] > 0.0
    key = answer("rate", "key", *own, *LOW)
    assert key["rate"] == sb.key_rate(member.behaviour(0.97), data, entropy=sb.VonNeumann(level="1+AB")).value
    key = answer("rate", "key", *own, *LOW, "--entropy", "min")
    rate = sb.key_rate(member.behaviour(0.97), data, entropy=sb.MinEntropy(sb.Quantum("1+AB")))
    assert key["rate"] == rate.value and key["settings"] == {"x": rate.settings[0], "y": rate.settings[1]}
    local = answer("rate", "randomness", *own, *LOW, "--local")
    assert local["rate"] > 0.0
    for found in (guess, entropy, key, local):
        assert found["family"] == "tilted_chsh" and found["parameters"] == {"beta": 0.2, "alpha": 1.0}


@pytest.mark.parametrize("name", ["visibility", "efficiency"])
def test_thresholds_of_a_family(answer, name):
    options = ["--method", "qubit", "--tolerance", "1e-2", "--resolution", "2e-2"]
    found = answer("threshold", name, *CHSH, "--observed", "bell", "--x", "0", "--y", "0", *options)
    member = family_named("chsh").member()
    search = sb.critical_visibility if name == "visibility" else sb.critical_efficiency
    how = sb.VonNeumann("qubit", tolerance=1e-2)
    own = search(member.strategy, member.expression, 0, 0, entropy=how, tolerance=2e-2)
    assert found["alive"] == own.alive and found["dead"] == own.dead and 0.9 < found["alive"] < 1.0


def test_full_data_where_outcomes_are_not_two(answer, refused):
    d3 = ["--family", "cglmp", "--at", "d=3", "--visibility", "0.9", *BOX]
    assert answer("guess", *d3)["observed"] == "full"
    assert answer("guess", *CHSH, *BOX)["observed"] == "correlators"
    refused(["guess", *d3, "--observed", "correlators"], "outcomes")
    one = answer(
        "guess", *CHSH, *BOX, "--observed", "full without B1"
    )  # of one setting of Bob's there are local models
    assert one["observed"] == "full without B1" and one["guessing_probability"]["value"] == pytest.approx(1.0)
    refused(["guess", *CHSH, "--observed", "full without B2"], "B2")


def test_inequalities_are_listed(answer, call):
    every = {entry["name"]: entry for entry in answer("list", "inequalities")["inequalities"]}
    assert set(every) == {found.key for found in sb.inequalities()}
    (one,) = answer("list", "inequalities", "A14")["inequalities"]
    found = sb.inequality("A14")
    assert one == every["A14"] and one["coefficients"] == found.coefficients.tolist()
    assert one["quantum"] == {"value": 0.4759513, "side": "lower", "source": found.quantum.source, "error": 5e-8}
    assert one["outcomes"] == [[2] * 4, [2] * 5] and (one["local"], one["no_signaling"]) == (0.0, 2.0)
    table = call("list", "inequalities").out.splitlines()
    assert len(table) == 1 + len(every)
    text = call("list", "inequalities", "sliwa18", "cglmp(7)").out
    assert "quantum       >= 5.753788748" in text and "cglmp(7): CGLMP(7)   (Collins et al., quant-ph/0106024)" in text
    assert [f["name"] for f in answer("list", "families")["families"]] == list(FAMILIES)


def test_families_are_listed(answer, call):
    found = {family["name"]: family for family in answer("families")["families"]}
    assert set(FAMILIES) <= set(found)
    theta = found["singlet"]["axes"][0]
    assert theta == {
        "name": "theta",
        "unit": "rad",
        "low": None,
        "high": None,
        "whole": False,
        "default": None,
        "text": "angle of A1",
    }
    assert [axis["name"] for axis in found["two_qubit"]["axes"]] == ["theta", "a0", "a1", "b0", "b1"]
    assert found["table"]["arguments"] == [{"name": "file", "needed": True, "default": None}]
    text = call("families", "tilted_chsh").out
    assert text.startswith("tilted_chsh: ") and "arXiv:1107.2754" in text
    assert "a number from 0 to 1000000" in text and "default 1\n" in text and "singlet" not in text


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_that_needs_no_file_can_be_chosen_from_its_list(answer, name):
    """What ``families`` says of axes is enough to choose a member."""
    if name == "table":
        return
    (listed,) = answer("families", name)["families"]
    at = [] if name != "see_saw" else ["of=chsh"]
    for axis in listed["axes"]:
        if axis["default"] is None:
            low, high = (1.0 if end is None else end for end in (axis["low"], axis["high"]))
            at.append(f"{axis['name']}={min(max(low, 0.5), high)}")
    words = [word for text in at for word in ("--at", text)]
    assert answer("guess", "--family", name, *words, "--model", "no-signaling", "--visibility", "0.9")["family"] == name


# --- own data --------------------------------------------------------------------------------------------------------


def test_own_data(answer, table):
    member = family_named("chsh").member()
    found = answer("rate", "key", "--behaviour", str(table), "--at", "row=noisy", *LOW)
    own = answer("rate", "key", *CHSH, "--visibility", "0.95", *LOW)
    assert found["rate"] == pytest.approx(own["rate"], abs=1e-9) and found["family"] == "table"
    by_number = answer("rate", "key", "--behaviour", str(table), "--at", "row=1", *LOW)
    assert by_number["rate"] == found["rate"]
    lossy = answer("guess", "--behaviour", str(table), "--at", "row=good", "--efficiency", "0.98,0.97", *BOX)
    data = sb.Observations.correlators(member.behaviour(noise=sb.DetectionInefficiency(0.98, 0.97)))
    expected = sb.guessing_probability(data, sb.NoSignaling(), 0).value
    assert lossy["guessing_probability"]["value"] == pytest.approx(expected, abs=1e-9)


def test_own_data_with_one_row_in_another_layout(answer, tmp_path):
    file = tmp_path / "pr.csv"
    places = list(itertools.product(range(2), repeat=4))
    header = [f"p({a}{b}|{x}{y})" for a, b, x, y in places]
    file.write_text(",".join(header) + "\n" + ",".join(str(0.5 * ((a ^ b) == x * y)) for a, b, x, y in places) + "\n")
    found = answer("guess", "--behaviour", str(file), *BOX)
    assert found["guessing_probability"]["value"] == pytest.approx(0.5, abs=1e-9)


# --- noise -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, noise",
    [
        (["--efficiency", "0.99,0.98"], sb.DetectionInefficiency(0.99, 0.98)),
        (["--efficiency", "0.99, 0.99"], sb.DetectionInefficiency(0.99)),
        (["--dephasing", "0.01,0.02", "--axis", "x"], sb.Dephasing(0.01, 0.02, "x")),
        (["--dephasing", "0,0.02"], sb.Dephasing(0.0, 0.02)),
        (["--misalignment", "0.01"], sb.Misalignment(0.01, 0.0)),
        (["--misalignment", "0.01:0.02,-0.01"], sb.Misalignment((0.01, 0.02), -0.01)),
        (["--misalignment", "1 deg, 0"], sb.Misalignment(math.pi / 180, 0.0)),
        (["--efficiency", "0.9:0.95,0.97"], sb.DetectionInefficiency((0.9, 0.95), 0.97)),
        (
            ["--noise", "detection_inefficiency:eta_a=0.9,binning=true/true:true"],
            sb.DetectionInefficiency(0.9, binning=(True, (True, True))),
        ),
        (["--noise", "misalignment:a=0.01:0.02,b=0,axis=x"], sb.Misalignment((0.01, 0.02), 0.0, "x")),
        (
            ["--efficiency", "0.99", "--noise", "dephasing:a=0.01,axis=y", "--noise", "white_noise:visibility=0.98"],
            sb.Dephasing(0.01, axis="y") + sb.WhiteNoise(0.98) + sb.DetectionInefficiency(0.99),
        ),
    ],
)
def test_noise_of_each_party_and_setting(answer, words, noise):
    found = answer("guess", *ANGLES, "--visibility", "0.95", *words, "--observed", "bell", *BOX)
    assert found["noise"] == noise.name and found["visibility"] == 0.95
    data = bell(T, noise=sb.WhiteNoise(0.95) + noise)
    assert found["guessing_probability"]["value"] == sb.guessing_probability(data, sb.NoSignaling(), 0).value


def test_noise_is_the_same_of_every_command(answer):
    noise = ["--visibility", "0.98", "--efficiency", "0.99,0.98", "--misalignment", "0.01"]
    name = answer("guess", *CHSH, *noise, *BOX)["noise"]
    assert name == "misalignment(0.01,0,z)+detection(0.99,0.98,binned)"
    assert answer("rate", "randomness", *CHSH, *noise, *BOX, "--local")["noise"] == name
    assert answer("entropy", *CHSH, *noise, "--method", "qubit", "--tolerance", "1e-2")["noise"] == name


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["value"], ["--family", "--theta, --phi, --omega", "--behaviour", "sdpbound value --help"]),
        (["rate", "key", "--theta", "1", "--omega", "1"], ["--phi", "sdpbound rate key --help"]),
        (["value", "--at", "beta=1"], ["--at beta=1", "--family"]),
        (["value", "--family", "tilted_chs"], ["--family", "'tilted_chs'", "did you mean 'tilted_chsh'?"]),
        (["families", "tilted"], ["'tilted'", "did you mean 'tilted_chsh'?"]),
        (["list", "inequalities", "A90"], ["number = 90", "from 2 to 89"]),
        (["list", "inequalities", "svetlichni(3)"], ["did you mean 'svetlichny'?"]),
        (["value", "--family", "tilted_chsh"], ["beta", "a number from 0"]),
        (["value", "--family", "tilted_chsh", "--at", "bta=1"], ["'bta'", "beta, alpha", "did you mean 'beta'?"]),
        (["value", "--family", "tilted_chsh", "--at", "beta=-1"], ["beta = -1", "from 0"]),
        (["value", "--family", "tilted_chsh", "--at", "beta=x"], ["beta = 'x'", "sqrt"]),
        (["value", "--family", "tilted_chsh", "--at", "beta"], ["'beta'", "AXIS=VALUE"]),
        (["value", "--family", "tilted_chsh", "--at", "beta=1,"], ["AXIS=VALUE"]),
        (["value", "--family", "tilted_chsh", "--at", "beta=1", "--at", "beta=2"], ["beta twice", "1", "2"]),
        (["value", "--family", "chained", "--at", "settings=2.5"], ["settings = 2.5", "an integer from 2"]),
        (["value", "--family", "tilted_chsh", "--theta", "1"], ["--theta", "--family tilted_chsh"]),
        (["value", "--family", "see_saw"], ["see_saw", "of ="]),
        (["value", "--family", "see_saw", "--at", "of=i332"], ["i332", "did you mean 'i3322'?"]),
        (["value", "--family", "two_qubit", "--at", "theta=0,a0=0,a1=0,b0=0,b1=0"], ["no Bell expression"]),
        (["value", "--theta", "45", "--phi", "1", "--omega", "1"], ["theta = 45", "degrees", "deg'", "rad'"]),
        (["guess", *CHSH, "--misalignment", "90"], ["misalignment = 90", "degrees"]),
        (["guess", *CHSH, "--misalignment", "1,2,3"], ["misalignment = '1,2,3'", "Alice's and Bob's"]),
        (["guess", *CHSH, "--misalignment", "0.1:0.2:0.3"], ["3 angles", "2 settings"]),
        (["guess", *CHSH, "--dephasing", "0.01:0.02"], ["dephasing", "not for each setting"]),
        (["guess", *CHSH, "--efficiency", "0.9:0.8:0.7"], ["3 efficiencies", "2 settings"]),
        (["guess", *CHSH, "--efficiency", "0.9,1.2"], ["1.2", "between 0 and 1"]),
        (["guess", *CHSH, "--noise", "dephasin:a=0.1"], ["'dephasin'", "dephasing"]),
        (["guess", *CHSH, "--noise", "detection_inefficiency:eta_a=0.9,binning=true/no"], ["'true/no'", "slash"]),
        (["guess", *CHSH, "--noise", "dephasing:q=0.1"], ["dephasing", "'q'", "axis"]),
        (["guess", *CHSH, "--noise", "dephasing:a"], ["--noise", "KIND:NAME=VALUE"]),
        (["guess", *CHSH, "--noise", "dephasing"], ["dephasing needs its parameters"]),
        (["guess", "--behaviour", "absent.csv"], ["absent.csv", "cannot be read"]),
        (["guess", "--behaviour", "absent.txt"], ["absent.txt", ".csv or .parquet"]),
        (["guess", "--behaviour", "a.csv", *CHSH], ["--family chsh", "--behaviour a.csv"]),
        (["guess", "--behaviour", "a.csv", "--theta", "1"], ["--theta", "--behaviour a.csv"]),
        (["threshold", "efficiency", *CHSH, "--efficiency", "0.9"], ["--efficiency"]),
    ],
)
def test_bad_devices(refused, arguments, words):
    refused(arguments, *words)


def test_bad_own_data(refused, table, tmp_path):
    own = ["guess", "--behaviour", str(table)]
    refused(own, "row", "an integer from 0 to 1")
    refused([*own, "--at", "row=nois"], "row = 'nois'", "good, noisy", "did you mean 'noisy'?")
    refused([*own, "--at", "row=2"], "row = 2")
    refused([*own, "--at", "row=0", "--observed", "bell"], "--observed bell", "good")
    refused([*own, "--at", "row=0", "--dephasing", "0.1"], "dephasing", "state")
    refused(["value", *own[1:], "--at", "row=0"], "no Bell expression")
    bad = tmp_path / "bad.csv"
    bad.write_text(table.read_text().replace("0.5,", "x,", 1).replace("a,b,x,y,p", "a,b,x,y,q"))
    refused(["guess", "--behaviour", str(bad)], "bad.csv")


def test_an_angle_that_only_looks_like_degrees(answer):
    words = ["--phi", "1.5", "--omega", "2.6", "--model", "local"]
    assert answer("value", "--theta", "45 rad", *words)["theta"] == 45.0
    assert answer("value", "--theta", "45 deg", *words)["theta"] == math.pi / 4
    assert answer("value", "--theta", "45*deg", *words)["theta"] == math.pi / 4
    assert answer("value", "--theta", "10+1", *words)["theta"] == 11.0  # as in study files, an expression is meant


def test_the_singlet_has_its_angles_and_its_family(answer):
    found = answer("value", *ANGLES, "--model", "local")
    assert json.dumps(found["parameters"]) == '{"theta": 1.0, "phi": 1.5, "omega": 2.6}'
    assert (found["theta"], found["phi"], found["omega"], found["family"]) == (1.0, 1.5, 2.6, "singlet")
    assert (
        answer("value", "--family", "singlet", *ANGLES, "--model", "local")["maximum"]["value"]
        == (found["maximum"]["value"])
    )
