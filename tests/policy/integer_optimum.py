"""Small allocations, and the best whole numbers for them, found by branch and bound over all."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from facette.policy.allocation import Allocation, Classes, curve, rounded


def small_classes(seed: int) -> Classes:
    """20 to 60 customers of 2 to 5 classes, 3 or 4 models, 2 or 3 resources, the last one money."""
    rng = np.random.default_rng(seed)
    n, m, r, c = (int(rng.integers(*ends)) for ends in ((20, 61), (3, 5), (2, 4), (2, 6)))
    gain = np.column_stack([rng.normal(20, 15, (c, m - 1)), np.zeros(c)])
    gain[rng.random(gain.shape) < 0.15] = -np.inf
    gain[:, -1] = 0.0
    use = np.zeros((r, c, m))
    for i in range(r - 1):
        use[i, :, rng.integers(0, m - 1)] = rng.choice([0.25, 0.5, 0.75, 1.0, 1.3])
    use[-1, :, :-1] = rng.choice([0.5, 2.0, 6.0, 20.0], m - 1)
    most = [*(rng.uniform(0.1, 0.6) * n * use[i].max() for i in range(r - 1)),
            rng.uniform(0.2, 0.9) * n * use[-1].mean()]  # fmt: skip
    fixed = np.append(rng.uniform(0, 60, m - 1), 0.0) * rng.integers(0, 2)
    names = (*(f"hours{i}" for i in range(r - 1)), "budget")
    return Classes(rng.multinomial(n - c, np.ones(c) / c) + 1, gain, use, np.array(most), names,
                   fixed)  # fmt: skip


def net(classes: Classes, whole: np.ndarray) -> float:
    """What whole customers gain, less the fixed costs of the models that anybody is in."""
    gain = np.where(np.isfinite(classes.gain), classes.gain, 0.0)
    return float((gain * whole).sum() - classes.fixed[whole.sum(axis=0) > 0].sum())


def over(classes: Classes, whole: np.ndarray) -> float:
    """By how much the worst resource is above its limit, fixed costs being paid out of money."""
    used = np.einsum("rcm,cm->r", classes.use, whole)
    used[-1] += classes.fixed[whole.sum(axis=0) > 0].sum()
    return float((used - classes.most).max())


def planned(classes: Classes) -> tuple[np.ndarray, Allocation]:
    """Whole customers (c, m) as the product finds them, and the programme behind."""
    allocation = curve(classes)[1]
    return rounded(classes, allocation.share), allocation


def exact_net(classes: Classes) -> float:
    """The largest net gain there is, by one integer programme of every class, model and set."""
    c, m = classes.gain.shape
    possible = np.isfinite(classes.gain).ravel()
    gain = np.where(possible, classes.gain.ravel(), 0.0)
    ones = np.kron(np.eye(c), np.ones(m))
    counted = np.hstack([ones, np.zeros((c, m))])
    used = np.hstack([classes.use.reshape(len(classes.most), -1), np.zeros((len(classes.most), m))])
    used[-1, c * m :] = classes.fixed
    opened = np.hstack([np.tile(np.eye(m), c), -float(classes.customers.sum()) * np.eye(m)])
    solved = milp(
        np.append(-gain, classes.fixed), integrality=np.ones(c * m + m),
        constraints=[LinearConstraint(counted, classes.customers, classes.customers),
                     LinearConstraint(used, -np.inf, classes.most),
                     LinearConstraint(opened, -np.inf, 0.0)],
        bounds=Bounds(0, np.append(possible * np.repeat(classes.customers, m), np.ones(m))),
        options={"mip_rel_gap": 0},
    )  # fmt: skip
    return -float(solved.fun)


def gap(classes: Classes) -> float:
    """The share of the exact optimum that is lost; 0 where nothing is to be gained."""
    best = exact_net(classes)
    lost = best - net(classes, planned(classes)[0])
    return lost / best if best > 1e-9 else float(lost > 1e-9)
