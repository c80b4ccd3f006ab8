"""The explorer without its page: texts, the three sets in a plane, numbers, files, messages."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.families.table import family_named
from sdpbound.cli import run
from sdpbound.errors import Infeasible, InvalidInput
from sdpbound.explore.drawing import map_svg, rates_svg, slice_svg
from sdpbound.explore.giving import figure_bytes, python_code, study_file
from sdpbound.explore.looks import ends_html, numbers_html
from sdpbound.explore.messages import Asked, File, MapDone, Move, Screen, Stop
from sdpbound.explore.numbers import Estimates, certified, exact
from sdpbound.explore.offered import FAMILIES, OWN, TABLE
from sdpbound.explore.point import read
from sdpbound.explore.slices import is_quantum, slice_of
from sdpbound.explore.state import State, sliders, value_of
from sdpbound.explore.values import Axis, Map, MapPlan, Number, shown
from sdpbound.explore.worker import Inbox, Work
from sdpbound.study import read_spec

#: Settings, in the order of tables.
XY = ((0, 0), (0, 1), (1, 0), (1, 1))

# -- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_state_that_can_be_read_and_linked(name):
    state = State.of_family(name)
    point = read(state)
    assert State.from_query(state.to_query()) == state
    assert State.from_query(f"http://127.0.0.1:1/?token=x&{state.to_query()}") == state
    for slider in sliders(name):
        value = value_of(slider.name, state.texts[slider.name])
        assert slider.low <= value <= slider.high and slider.step > 0
    assert point.behaviour.scenario.parties == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("theta", "nonsense", "theta = 'nonsense'"),
        ("theta", "90", "looks like degrees"),
        ("theta", "1" * 200, "200 characters"),
        ("theta", "1/0", "theta = '1/0'"),
        ("visibility", "1.1", "from 0 to 1"),
        ("efficiency", "", "efficiency = ''"),
        ("flips", "0.7", "from 0 to 0.5"),
        ("observed", "all", "must be correlators"),
        ("level", "9", "must be 1"),
        ("key", "0", "with a comma"),
        ("random", "0,7", "does not exist"),
    ],
)
def test_a_bad_value_is_one_sentence(name, text, says):
    with pytest.raises(InvalidInput, match=r".") as found:
        read(State().changed(name, text))
    assert says in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize("query", ["family=unheard", "colour=red", "family=chsh&theta=1", "x" * 5000])
def test_a_bad_link_is_one_sentence(query):
    with pytest.raises(InvalidInput):
        State.from_query(query if "=" in query else f"theta={query}")


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != OWN])
def test_the_fields_of_a_family_are_its_axes(name):
    axes = family_named(name).axes
    assert [(a.name, a.text) for a in axes] == [(s.name, s.text) for s in FAMILIES[name]]
    for axis, slider in zip(axes, FAMILIES[name], strict=True):
        assert axis.low <= slider.low < slider.high <= axis.high and (not axis.whole or slider.step == 1)
        assert axis.default is None or name in ("tilted_chsh", "two_qubit") or float(slider.start) == axis.default


def test_the_page_loads_no_physics():
    """The page is there before the families are: its modules import neither them nor numpy."""
    code = "import sys; import sdpbound.explore.looks, sdpbound.explore.session; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "sdpbound.explore.state" in loaded and not {"numpy", "scipy", "sdpbound.bell"} & set(loaded)


def test_own_data_are_read():
    state = State.of_family(OWN).changed("visibility", "0.9")
    probabilities = sb.SingletSelfTest(1.0, 1.4, 2.5).behaviour(0.95)
    table = "\n".join(" ".join(f"{probabilities.p[a, b, x, y]:.17g}" for a in (0, 1) for b in (0, 1)) for x, y in XY)
    full = read(state.changed(TABLE, table).changed("visibility", "1")).behaviour
    assert np.allclose(full.p, probabilities.p, atol=1e-15)
    means = read(state.changed(TABLE, "0.1, 0, 0 0.2; 0.5 0.5 0.5 -1/2")).behaviour
    assert means.p.sum(axis=1)[0, 0, 0] == pytest.approx((1 + 0.9 * 0.1) / 2)
    point = read(state.changed(TABLE, "1/sqrt(2) 1/sqrt(2)\n1/sqrt(2) -1/sqrt(2)"))
    assert point.behaviour.chsh == pytest.approx(0.9 * 8**0.5)
    assert State.from_query(point.state.to_query()) == point.state
    names = {}
    exec(compile(python_code(point).partition("entropy =")[0], "explored.py", "exec"), names)
    assert np.allclose(names["behaviour"].p, point.behaviour.p)
    known = exact(point)
    assert known["bell_dead"].value == pytest.approx(0.5**0.5)
    lost = sb.DetectionInefficiency(known["bell_lost"].value, known["bell_lost"].value)
    assert lost.on_behaviour(point.behaviour).chsh == pytest.approx(2.0)
    for text, says in (("1 2", "has 2 numbers"), ("0.9 x 0.9 0.9", "'x'"), ("1 " * 16, "add up"), ("2 0 0 0", "2")):
        with pytest.raises(InvalidInput, match=r".") as found:
            read(state.changed(TABLE, text))
        assert says in str(found.value) and "\n" not in str(found.value)
    with pytest.raises(InvalidInput, match="take the Python code"):
        study_file(point)


def test_angles_stay_exact():
    point = read(State())
    assert point.member.phi == sb.Angle.of("pi/2 - 0.1") and isinstance(point.member.phi, sb.Angle)


# -- the three sets -------------------------------------------------------------------------------------------------


def test_boundaries_of_the_slice_are_those_of_the_programs():
    """A little inside each boundary the program of the set is feasible, and a little outside it is not."""
    point = read(State().changed("efficiency", "0.97"))
    ideal = point.member.behaviour()
    cut = slice_of(point.behaviour, ideal, point.member.expression)
    c, best = point.behaviour.correlators.reshape(4), ideal.correlators.reshape(4)
    up = cut.signs / 2.0
    across = (c - best) - up * (up @ (c - best))
    across *= (cut.behaviour[0] - cut.ideal[0]) / float(across @ across)
    origin = c - across / float(across @ across) * cut.behaviour[0] - up * cut.behaviour[1] / 2.0
    frame = np.stack([across / float(across @ across), up / 2.0])
    assert origin + cut.ideal @ frame == pytest.approx(best)
    for corners, model in (
        (cut.local, sb.Local()),
        (cut.quantum, sb.Quantum("1")),
        (cut.no_signaling, sb.NoSignaling()),
    ):
        middle = corners.mean(axis=0)
        for corner in corners[:: max(len(corners) // 3, 1)]:
            inside, outside = (origin + (middle + s * (corner - middle)) @ frame for s in (0.995, 1.005))
            assert _allows(model, inside) and not _allows(model, outside)


def _allows(model, correlators):
    if np.abs(correlators).max() > 1.0:
        return False
    tests = [(sb.BellExpression.from_correlators(np.eye(4)[k].reshape(2, 2)), correlators[k]) for k in range(4)]
    try:
        sb.maximize(sb.chsh(), model, sb.Observations.bell_values(tests))
    except Infeasible:
        return False
    return True


def test_a_tsirelson_point_is_quantum_and_no_more_is():
    best = np.array([1.0, 1.0, 1.0, -1.0]) / math.sqrt(2.0)
    assert is_quantum(best, 1e-12) and is_quantum(0.999 * best) and not is_quantum(1.001 * best)


def test_the_slice_is_of_the_behaviour():
    point = read(State())
    cut = slice_of(point.behaviour, point.member.behaviour(), point.member.expression)
    assert cut.behaviour[1] == pytest.approx(point.behaviour.chsh) and cut.ideal[1] == pytest.approx(point.member.chsh)
    a, b, c = cut.expression
    assert a * cut.behaviour[0] + b * cut.behaviour[1] + c == pytest.approx(
        point.member.expression.value(point.behaviour)
    )


# -- numbers --------------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_library_and_estimates_are_near():
    point = read(State().changed("flips", "0.02").changed("efficiency", "0.99"))
    known = exact(point)
    guessed, found = Estimates().of(point, known), dict(certified(point))
    for name in ("key", "random", "local"):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        assert (low.side, high.side) == ("lower", "upper") and low.value <= high.value <= low.value + 2e-3
        assert guessed[f"{name}_low"].side == "estimate" and abs(guessed[f"{name}_low"].value - low.value) < 1e-3
    assert found["guess_quantum"].value == pytest.approx(guessed["guess_quantum"].value, abs=1e-5)
    assert found["guess_quantum"].value <= found["guess_no_signaling"].value
    rate = sb.key_rate(point.behaviour, x=0, y=0, preprocessing=0.02)
    assert found["key_low"].value == pytest.approx(rate.value, abs=2e-3)
    # where it ends: the rate is proven there, an attack ends it, and S is 2 where the violation ends
    alive, dead, end = found["key_alive"].value, found["key_dead"].value, known["bell_dead"].value
    losses = sb.DetectionInefficiency(0.99, 0.99)

    def at(v):
        return point.member.behaviour(noise=sb.WhiteNoise(v) + losses)

    assert dead < alive and sb.key_rate(at(alive), x=0, y=0, preprocessing=0.02).value > 0.0
    assert sb.key_rate_upper_bound(at(dead), x=0, y=0, preprocessing=0.02).value <= 1e-9
    assert at(end).chsh == pytest.approx(2.0)
    # and the same as losses grow, the white noise as it is
    kept, lost = found["key_kept"].value, found["key_lost"].value

    def with_losses(eta):
        return point.member.behaviour(noise=sb.WhiteNoise(0.99) + sb.DetectionInefficiency(eta, eta))

    assert lost < kept < 1.0 and sb.key_rate(with_losses(kept), x=0, y=0, preprocessing=0.02).value > 0.0
    assert sb.key_rate_upper_bound(with_losses(lost), x=0, y=0, preprocessing=0.02).value <= 1e-9
    assert with_losses(known["bell_lost"].value).chsh == pytest.approx(2.0)


def test_shown_numbers_are_rounded_to_their_side():
    assert shown(Number(0.1 + 0.2, "lower")) == "≥ 0.30000" and shown(Number(0.1 + 0.2, "upper")) == "≤ 0.30001"
    assert shown(Number(-0.000001, "lower")) == "≥ -0.00001" and shown(Number(-0.0, "exact")) == "= 0.00000"


def test_tables_and_pictures_are_well_formed_and_escape():
    evil = {"key_low": Number(None, "none", "<script>alert(1)</script>"), "chsh": Number(2.5, "exact")}
    for stage in ("quick", "done"):
        for text in (numbers_html(evil, 3, stage), ends_html(evil, stage)):
            ET.fromstring(f"<div>{text}</div>")
            assert "<script" not in text
    for state in (State(), State.of_family("tilted_chsh"), State.of_family("chsh").changed("visibility", "0.6")):
        point = read(state)
        cut = slice_of(point.behaviour, point.member.behaviour(), point.member.expression)
        ET.fromstring(slice_svg(cut, point))
    ET.fromstring(rates_svg({}))
    plan = MapPlan(State(), "chsh", Axis("theta", 0, 1, 2), Axis("visibility", 0.5, 1, 2))
    for values in (np.full((2, 2), np.nan), np.array([[1.0, -1.0], [np.nan, 0.5]])):
        ET.fromstring(map_svg(Map(plan, values, 2)))


# -- what is taken away ---------------------------------------------------------------------------------------------


def test_code_and_study_have_the_same_numbers(tmp_path, capsys):
    state = State.of_family("tilted_chsh").changed("flips", "0.01").changed("efficiency", "0.995")
    point, names = read(state), {}
    exec(compile(python_code(point), "explored.py", "exec"), names)
    assert "key rate >=" in capsys.readouterr().out
    assert np.array_equal(names["behaviour"].p, point.behaviour.p)
    found = {}
    for name, number in certified(point):
        found[name] = number.value
        if name == "random_high":
            break
    ours = {"key_low": "key", "key_high": "key_above", "random_low": "randomness", "random_high": "randomness_above"}
    for name, other in ours.items():
        assert found[name] == pytest.approx(names[other].value, abs=1e-4)
    path = tmp_path / "explored.toml"
    path.write_text(study_file(point), encoding="utf-8")
    assert read_spec(path).name == "explored"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != OWN])
def test_studies_of_all_families_can_run(name, tmp_path):
    path = tmp_path / "explored.toml"
    path.write_text(study_file(read(State.of_family(name))), encoding="utf-8")
    assert run(["check", str(path)]) == 0


@pytest.mark.parametrize(
    ("kind", "starts"),
    [
        ("pdf", b"%PDF"),
        pytest.param("svg", b"<?xml", marks=pytest.mark.slow),
        pytest.param("png", b"\x89PNG", marks=pytest.mark.slow),
    ],
)
def test_figures_are_the_same_each_time(kind, starts):
    point = read(State())
    numbers = {
        "key_low": Number(0.66, "lower"),
        "key_high": Number(0.67, "upper"),
        "local_low": Number(0.7, "estimate"),
    }
    first = figure_bytes(point, numbers, kind)
    assert first.startswith(starts)
    assert kind == "pdf" or first == figure_bytes(point, numbers, kind)


# -- messages -------------------------------------------------------------------------------------------------------


def test_the_newest_move_is_answered_and_a_bad_one_hurts_nothing():
    inbox, told = Inbox(), []
    work = Work(inbox, told.append)
    for serial, text in enumerate(("0.9", "0.8", "wrong")):
        inbox.put(Move(serial, State().changed("visibility", text)))
    work.step()
    assert [(reply.serial, reply.stage) for reply in told] == [(2, "wrong")]
    inbox.put(Asked("python"))
    work.step()
    assert isinstance(told[-1], File) and told[-1].sentence
    inbox.put(Move(3, State()))
    work.step()
    assert [reply.stage for reply in told[2:]] == ["quick", "estimates"] and told[-2].slice_svg.startswith("<svg")
    inbox.put(Asked("study"))
    work.step()
    assert b'kind = "singlet"' in told[-1].content


def test_a_move_ends_proofs_and_a_stop_ends_a_map():
    inbox, told = Inbox(), []

    def tell(reply):
        told.append(reply)
        if isinstance(reply, Screen) and reply.stage == "proving":
            inbox.put(Move(1, State().changed("theta", "1.1")))
        if isinstance(reply, MapDone) and not reply.ended:
            inbox.put(Stop())

    work = Work(inbox, tell)
    inbox.put(Move(0, State()))
    work.step()
    work.step()  # proves, until the move comes
    assert [reply.stage for reply in told] == ["quick", "estimates", "proving"]
    work.step()
    assert told[-1].serial == 1
    inbox.put(MapPlan(State(), "chsh", Axis("theta", 0.8, 1.2, 3), Axis("visibility", 0.9, 1.0, 3)))
    work.step()
    assert told[-1].ended and told[-1].found.rows == 1 and told[-1].sentence == "the map was stopped."


def test_a_map_has_the_numbers_of_its_points():
    inbox, told = Inbox(), []
    plan = MapPlan(State(), "key_low", Axis("theta", 0.9, 1.1, 2), Axis("visibility", 0.95, 1.0, 2))
    inbox.put(plan)
    Work(inbox, told.append).step()
    assert [(reply.found.rows, reply.ended) for reply in told] == [(1, False), (2, True)]
    point = read(State().changed("theta", "1.1").changed("visibility", "0.95"))
    assert told[-1].found.values[0, 1] == pytest.approx(sb.key_rate(point.behaviour, x=0, y=0).value, abs=2e-3)
    assert len(told[-1].found.csv().splitlines()) == 5


def test_maps_that_cannot_be_are_refused():
    x, y = Axis("theta", 0, 1, 2), Axis("visibility", 0, 1, 2)
    for make in (
        lambda: MapPlan(State(), "unheard", x, y),
        lambda: MapPlan(State(), "chsh", x, x),
        lambda: MapPlan(State(), "chsh", x, replace(y, name="beta")),
        lambda: Axis("theta", 1.0, 1.0, 5),
        lambda: Axis("theta", 0.0, math.inf, 5),
        lambda: Axis("theta", 0.0, 1.0, 500),
    ):
        with pytest.raises(InvalidInput):
            make()


# -- the command ----------------------------------------------------------------------------------------------------


def test_without_the_extra_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("sdpbound.cli.exploring.find_spec", lambda name: None)
    assert run(["explore"]) == 2
    assert "install sdpbound[explore]" in capsys.readouterr().err
