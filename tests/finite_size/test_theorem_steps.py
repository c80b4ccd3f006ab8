"""Steps 2 and 7 of the proof in docs/finite_size.md, on random devices with memory, and step 4 of the first one in
docs/finite_size_renyi.md: they are stated for any algebra of Eve, and hold for matrices in particular.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

SEEDS = range(6)


def power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a positive matrix on its support."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-13 * values.max()
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].conj().T


def complex_normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def instrument(rng: np.random.Generator, outcomes: int, memory: int) -> np.ndarray:
    """Kraus operators [outcome, which, out, in] of a device that keeps a memory: their squares add up to one."""
    kraus = complex_normal(rng, outcomes, 2, memory, memory) * rng.choice([1.0, 0.3], size=(outcomes, 2, 1, 1))
    total = np.einsum("akij,akil->jl", kraus.conj(), kraus)
    return kraus @ power(total, -0.5)


def used(kraus: np.ndarray, state: np.ndarray) -> np.ndarray:
    """States [outcome] of memory and Eve, indices (memory, Eve, memory, Eve), after one use of the device."""
    return np.einsum("akij,jelf,akml->aiemf", kraus, state, kraus.conj())


def of_eve(state: np.ndarray) -> np.ndarray:
    return np.einsum("...iejf,ij->...ef", state, np.eye(state.shape[-2]))


def sandwiched(parts: np.ndarray, reference: np.ndarray, alpha: float) -> float:
    """Sum over outcomes of Tr (s^(-1/2 alpha') p s^(-1/2 alpha'))^alpha, 1/alpha + 1/alpha' = 1."""
    root = power(reference, (1 - alpha) / (2 * alpha))
    return float(sum((np.linalg.eigvalsh(root @ part @ root).clip(0) ** alpha).sum() for part in parts))


@pytest.mark.parametrize("alpha", [1.05, 1.5, 2.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_chain_rule_is_an_identity(seed: int, alpha: float) -> None:
    """Two uses of a device: Q of both outcomes is Q of the first times Q of the second, for a state that Eve's filter
    G = X^((alpha - 1)/2) s^(-(alpha - 1)/(2 alpha)) makes of the true one. The second factor is a round of the same
    device.
    """
    rng = np.random.default_rng(seed)
    memory, eve = 3, 4
    vector = complex_normal(rng, memory, eve)
    start = np.einsum("ie,jf->iejf", vector, vector.conj()) / np.sum(np.abs(vector) ** 2)
    first, second = instrument(rng, 2, memory), instrument(rng, 3, memory)
    after_one = used(first, start)
    whole = of_eve(start)
    root = power(whole, (1 - alpha) / (2 * alpha))
    both = np.concatenate([of_eve(used(second, state)) for state in after_one])
    one = sandwiched(of_eve(after_one), whole, alpha)
    filtered = []
    for state in after_one:
        x = root @ of_eve(state) @ root
        keep = power(x, (alpha - 1) / 2) @ root
        filtered.append(np.einsum("ge,iejf,hf->igjh", keep, state, keep.conj()) / one)
        assert of_eve(filtered[-1]) == pytest.approx(power(x, alpha) / one, abs=1e-9)
    assert sum(np.trace(of_eve(state)).real for state in filtered) == pytest.approx(1.0)
    other = sum(sandwiched(of_eve(used(second, state)), of_eve(state), alpha) for state in filtered)
    assert sandwiched(both, whole, alpha) == pytest.approx(one * other, rel=1e-9)
    unfiltered = sum(sandwiched(of_eve(used(second, state)), of_eve(state), alpha) for state in after_one)
    assert abs(other - unfiltered) > 1e-9  # the filter matters


@pytest.mark.parametrize("alpha", [1.2, 2.0, 8.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_smoothing_by_a_contraction(seed: int, alpha: float) -> None:
    """For every k the state G r G* is at most k s, and its fidelity with r at least 1 - d, where d = Tr (r - k s)_+
    is at most Q k^(1 - alpha).
    """
    rng = np.random.default_rng(seed)
    outcomes, side = 3, 4
    roots = complex_normal(rng, outcomes, side, side) * rng.choice([1.0, 0.05], size=(outcomes, 1, side))
    parts = roots @ np.swapaxes(roots.conj(), 1, 2) * rng.dirichlet(np.ones(outcomes))[:, None, None]
    parts /= np.einsum("aii->", parts).real
    eve = parts.sum(axis=0)
    q = sandwiched(parts, eve, alpha)
    cut = []
    for k in np.geomspace(0.05, 1.0, 8):
        moved, kept, weight = [], 0.0, 0.0
        for part in parts:
            values, vectors = np.linalg.eigh(part - k * eve)
            above = (vectors * values.clip(0)) @ vectors.conj().T
            total = k * eve + above
            contraction = power(k * eve, 0.5) @ power(total, -0.5)
            assert np.linalg.norm(contraction, 2) <= 1 + 1e-9
            moved.append(contraction @ part @ contraction.conj().T)
            assert np.linalg.eigvalsh(k * eve - moved[-1]).min() > -1e-9
            kept += float(np.trace(part @ contraction).real)  # at most the fidelity of part and moved
            weight += float(np.trace(above).real)
        assert kept >= 1 - weight - 1e-9
        assert weight <= q * k ** (1 - alpha) + 1e-9
        bound = math.sqrt(max(0.0, 1 - max(0.0, 1 - weight) ** 2))
        distance = sum(np.abs(np.linalg.eigvalsh(m - p)).sum() for m, p in zip(moved, parts, strict=True)) / 2
        assert distance <= bound + 1e-9
        cut.append(weight)
    assert cut[0] > 0.1 > cut[-1]  # from where much is cut off to where nearly nothing is


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("alpha", [1.05, 1.4, 2.0])
def test_leftover_hashing_without_smoothing(alpha: float, length: int) -> None:
    """Step 4 of theorem 1 in docs/finite_size_renyi.md: all linear hashes of three bits, Eve with 3 x 3 matrices."""
    rng, side, theta = np.random.default_rng(7), 3, (alpha - 1.0) / alpha
    factors = complex_normal(rng, 8, side, side) * rng.choice([1.0, 0.1], size=(8, 1, 1))
    of_outcomes = factors @ factors.conj().swapaxes(1, 2)
    of_outcomes /= np.trace(of_outcomes.sum(axis=0)).real
    reference = of_outcomes.sum(axis=0)
    half = power(reference, -theta / 2.0)
    q = sum(np.trace(power(half @ p @ half, alpha)).real for p in of_outcomes)
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    distances = []
    for matrix in np.ndindex(*(2,) * (3 * length)):
        values = (bits @ np.reshape(matrix, (3, length)) % 2) @ (1 << np.arange(length))
        off = [of_outcomes[values == z].sum(axis=0) - reference / 2.0**length for z in range(2**length)]
        distances.append(sum(float(np.abs(np.linalg.eigvalsh(r)).sum()) for r in off))
    assert 0.0 < np.mean(distances) <= 2.0 ** (2.0 / alpha - 1.0 + length * theta) * q ** (1.0 / alpha)
