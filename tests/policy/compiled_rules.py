"""What a plain system can carry out, to hold the linear programme against."""

import numpy as np

from facette.policy.allocation import Classes

LOWEST = -1e12  # a gain below all others


def by_rules(classes: Classes, among: tuple[int, ...] | None = None) -> np.ndarray:
    """Whole customers (c, m) by compiled rules: the classes with most to gain are served first.

    What a plain system can carry out: each pair of class and model in the order of its gain a
    customer over being served on request, as many customers as the resources still allow, and a
    model not at all where the money does not reach for its fixed cost.
    """
    gain = classes.gain if among is None else _only(classes.gain, among)
    last = gain.shape[1] - 1
    better = gain[:, :last] - np.where(np.isfinite(gain[:, [last]]), gain[:, [last]], LOWEST)
    order = np.argsort(-better, axis=None, kind="stable")
    whole, left = np.zeros(gain.shape, dtype=np.int64), classes.most.astype(float)
    waiting, new = classes.customers.copy(), np.ones(last, dtype=bool)
    money = np.arange(len(left)) == len(left) - 1
    for c, m in zip(*np.unravel_index(order, better.shape), strict=True):
        if not better[c, m] > 0:
            break
        use, room = classes.use[:, c, m], left - (money * classes.fixed[m] if new[m] else 0.0)
        bound = min((room[r] / use[r] for r in np.flatnonzero(use > 0)), default=np.inf)
        given = int(min(waiting[c], np.floor(max(bound, 0) + 1e-9))) if room[-1] >= 0 else 0
        if given:
            whole[c, m], waiting[c], new[m] = given, waiting[c] - given, False
            left = room - given * use
    whole[:, last] += waiting
    return whole


def _only(gain: np.ndarray, among: tuple[int, ...]) -> np.ndarray:
    kept = gain.copy()
    others = [m for m in range(gain.shape[1] - 1) if m not in among]
    kept[:, others] = -np.inf
    return kept
