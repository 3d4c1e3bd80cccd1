"""Statistics that SQL has not: distribution functions, and bootstrap intervals that are
the same on every machine.

The models call them as functions of DuckDB (``winnow/warehouse/sql_functions.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

BUCKETS = 4096
"""The most groups that a resample draws from: users up to so many, and beyond that
buckets of users (``models/evaluation/comparisons/comparison_sums.sql`` forms them).
"""

_EXACT = 2.0**53
"""Whole numbers below it are exact as doubles, and so are their sums in any order."""

_BATCH = 1024
"""Resamples that are summed at once: 32 MB of weights with all buckets."""


def student_t_p_values(t: Floats, degrees: Floats) -> Floats:
    """Two-sided p-values of Student's t with so many degrees of freedom."""
    return np.asarray(2 * special.stdtr(degrees, -np.abs(t)))


def student_t_quantiles(shares: Floats, degrees: Floats) -> Floats:
    """The t below which a share (0 to 1) of the distribution lies."""
    return np.asarray(special.stdtrit(degrees, shares))


def normal_shares(z: Floats) -> Floats:
    """The share of the standard normal distribution below z."""
    return np.asarray(special.ndtr(z))


def normal_quantiles(shares: Floats) -> Floats:
    """The z below which a share (0 to 1) of the standard normal distribution lies."""
    return np.asarray(special.ndtri(shares))


def chi_square_p_values(statistics: Floats, degrees: Floats) -> Floats:
    """The share of the chi-square distribution above the statistic."""
    return np.asarray(special.chdtrc(degrees, statistics))


@lru_cache(maxsize=4096)
def sequential_p_values(shares: tuple[float, ...], level: float) -> tuple[float, ...]:
    """How small the p-value of each of several looks at growing data must be, so that a
    difference that is not there is found by any of them with probability ``level``.

    ``shares`` are the shares of all users that had come by each look, rising to 1. By
    share t each side may have spent 2 (1 - Phi(z / sqrt(t))), where z is the quantile
    at 1 - level / 4 (Lan and DeMets, Discrete sequential boundaries for clinical
    trials, Biometrika 70, 1983; the spending function that is like O'Brien and
    Fleming's). The chance of not having crossed a bound is carried from look to look by
    numerical integration (Armitage, McPherson and Rowe, J. R. Statist. Soc. A 132,
    1969).
    Raises ValueError where the shares do not rise from above 0 to 1.
    """
    if not shares or shares[-1] > 1 or np.any(np.diff([0.0, *shares]) <= 0):
        raise ValueError("The shares of users must rise from above 0 to at most 1.")
    z = float(special.ndtri(level / 4))
    spent = 4 * special.ndtr(z / np.sqrt(shares))
    limits: list[float] = []
    # What has not crossed yet, a grid of it: its places, their weights times densities.
    places, mass, share_before = np.zeros(1), np.ones(1), 0.0
    for look, share in enumerate(shares):
        step = float(np.sqrt(share - share_before))
        budget = spent[look] - (spent[look - 1] if look else 0.0)
        bound = _bound(places, mass, step, float(budget), 40 * float(np.sqrt(share)))
        limits.append(float(2 * special.ndtr(-bound / np.sqrt(share))))
        reach = min(bound, 9 * float(np.sqrt(share)))
        grid, weights = _simpson(reach, 401)
        density = np.exp(-(((grid[:, None] - places) / step) ** 2) / 2) @ mass
        places, mass = grid, weights * density / (step * np.sqrt(2 * np.pi))
        share_before = share
    return tuple(limits)


def _bound(
    places: Floats, mass: Floats, step: float, budget: float, highest: float
) -> float:
    """The bound that what stands at the places crosses with the given chance, by
    bisection.
    """
    low, high = 0.0, highest
    for _ in range(80):
        middle = (low + high) / 2
        beyond = special.ndtr((places - middle) / step)
        beyond += special.ndtr((-places - middle) / step)
        if float(beyond @ mass) > budget:
            low = middle
        else:
            high = middle
    return high


def _simpson(reach: float, points: int) -> tuple[Floats, Floats]:
    """An odd number of places from -reach to reach, and Simpson's weights."""
    grid = np.linspace(-reach, reach, points)
    weights = np.full(points, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return grid, weights * (grid[1] - grid[0]) / 3


@lru_cache(maxsize=1)
def resample_counts(seed: int, groups: int, resamples: int) -> NDArray[np.uint16]:
    """How often each resample holds each group: one row per resample, whose sum is
    ``groups``.

    It depends on the arguments alone: 32 bits of numpy's PCG64, whose stream is fixed
    for good, seeded by the md5 of the three, and multiply and shift, which favours no
    group by more than ``groups`` / 2^32. The newest result is kept, because DuckDB asks
    for a few comparisons at a time.
    """
    digest = hashlib.md5(
        f"{seed}\x1fbootstrap\x1f{groups}\x1f{resamples}".encode(),
        usedforsecurity=False,
    ).digest()
    generator = np.random.PCG64(int.from_bytes(digest, "big"))
    counts = np.empty((resamples, groups), dtype=np.uint16)
    for start in range(0, resamples, _BATCH):
        rows = min(_BATCH, resamples - start)
        words = np.asarray(generator.random_raw((rows * groups + 1) // 2))
        bits = np.empty(2 * len(words), dtype=np.uint64)
        bits[0::2] = words >> np.uint64(32)
        bits[1::2] = words & np.uint64(0xFFFFFFFF)
        drawn = (bits[: rows * groups] * np.uint64(groups)) >> np.uint64(32)
        places = drawn.astype(np.int64).reshape(rows, groups)
        places += np.arange(rows)[:, None] * groups
        counted = np.bincount(places.ravel(), minlength=rows * groups)
        counts[start : start + rows] = counted.reshape(rows, groups)
    return counts


def bootstrap_means(
    sums: Floats, sizes: Floats, seed: int, resamples: int
) -> tuple[Floats, Floats]:
    """The means of resamples of groups, one row per comparison and one column per
    resample, and the means of the data.

    ``sums`` has one row per comparison and one column per group: what the differences
    of its users add up to, in whole units; ``sizes`` has the number of its users. Sums
    are cut to as many bits as can be added exactly, so that neither the order in
    which a library adds them nor the number of its threads can be seen: 41 bits with
    all buckets, more with fewer.
    """
    comparisons, groups = sums.shape
    _, excess = np.frexp(np.abs(sums).max(axis=1, initial=0.0) * groups / _EXACT)
    scale = np.ldexp(1.0, np.maximum(excess, 0))
    cut = np.rint(sums / scale[:, None])
    means = np.empty((comparisons, resamples))
    counts = resample_counts(seed, groups, resamples)
    for start in range(0, resamples, _BATCH):
        weights = counts[start : start + _BATCH].astype(np.float64)
        users = weights @ sizes.T
        means[:, start : start + _BATCH] = ((weights @ cut.T) / users).T
    observed = cut.sum(axis=1) / sizes.sum(axis=1)
    return means * scale[:, None], observed * scale


def bca_intervals(
    sums: Floats,
    sizes: Floats,
    accelerations: Floats,
    seed: int,
    resamples: int,
    confidence: float = 0.95,
) -> Floats:
    """Bias-corrected and accelerated bootstrap intervals of means, one row per
    comparison: its lower and its upper end, NaN where all groups are equal.

    ``accelerations`` are the jackknife's: for a mean, sum(x³) / (6 sum(x²)^1.5) over
    the users' deviations x from it. Efron and Tibshirani, An Introduction to the
    Bootstrap, 14.3; ties with the data's own mean count by half, and ends between two
    resamples are interpolated, as in scipy.stats.bootstrap.
    """
    tail = float(special.ndtri((1 - confidence) / 2))
    ends = np.full((len(sums), 2), np.nan)
    for rows in _portions(len(sums)):
        means, observed = bootstrap_means(sums[rows], sizes[rows], seed, resamples)
        below = (means < observed[:, None]).sum(axis=1)
        not_above = (means <= observed[:, None]).sum(axis=1)
        bias = special.ndtri((below + not_above) / (2 * resamples))
        for place in range(len(means)):
            z = bias[place] + np.array([tail, -tail])
            accelerated = 1 - accelerations[rows][place] * z
            if not np.isfinite(bias[place]) or (means[place] == means[place, 0]).all():
                continue
            shares = special.ndtr(bias[place] + z / accelerated)
            ends[rows.start + place] = np.quantile(means[place], shares)
    return ends


def _portions(comparisons: int) -> Iterator[slice]:
    """So many comparisons at a time that their resamples take 40 MB or so."""
    for start in range(0, comparisons, 512):
        yield slice(start, min(start + 512, comparisons))
