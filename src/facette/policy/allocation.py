"""How many customers of each class a relationship model is given to, within what there is.

A class holds customers who are alike to the plan: of one cell, handled alike today, reached by the
same models. With x the customers of a class in a model, the programme is

    maximise   sum gain x - fixed cost of every model used
    subject to sum over models of x = customers of the class,  sum use x <= limit of each resource

For a given set of models it is a linear programme (HiGHS, through SciPy), whose corner solutions
split no more classes than there are resources; so its rounding costs next to nothing but where
customers are few. Which models are worth their fixed cost is found by trying every set of them:
they are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from facette.errors import BadInput

MOST_MODELS = 10  # beside being served on request: a thousand sets of them
NEAR = 1e-3  # of the gain: what rounding may lose before whole numbers are looked for
EQUAL = 1e-9  # of the gain: closer than that, fewer models win
MOST_NODES = 1000  # of branch and bound


@dataclass(frozen=True)
class Classes:
    """What the programme sees of c classes, m models and r resources.

    `customers`: (c,) how many. `gain`: (c, m) currency units a customer over the horizon, against
    today and after the cost of contacts and of switching; -inf where a model is not permitted.
    `use`: (r, c, m) of each resource a customer; `most`: (r,), inf without a limit; `resources`:
    their names, the last one money, out of which `fixed`, (m,) of a model used at all, is paid too.
    The last model is being served on request: it uses nothing.
    """

    customers: np.ndarray
    gain: np.ndarray
    use: np.ndarray
    most: np.ndarray
    resources: tuple[str, ...]
    fixed: np.ndarray


@dataclass(frozen=True)
class Allocation:
    """The best plan found: `share` (c, m) of customers, a whole number each where `whole`.

    `net`: its gain less fixed costs, `price` of each resource that binds: what one more unit of it
    is worth, `used`: positions of the models it draws on.
    """

    share: np.ndarray
    net: float
    price: dict[str, float]
    used: tuple[int, ...]


def best(classes: Classes, among: tuple[int, ...] | None = None) -> Allocation:
    """The allocation of largest net gain over every set of models (`among` these, if given).

    Sets are tried from the largest down. Where money is not what binds, no smaller set gains more
    before fixed costs, and one with all the models that were drawn on gains as much: so only sets
    that lack one of these are looked at further, and none where even that gain is below the best.

    Raises:
        ValueError: nothing can be carried out.
    """
    last, found = len(classes.fixed) - 1, None
    waiting, seen = [tuple(_able(classes, among))], set()
    while waiting:
        models = waiting.pop()
        if models in seen:
            continue
        seen.add(models)
        plan, lacking = with_models(classes, (*models, last)), models
        if plan is not None and classes.resources[-1] not in plan.price:
            lacking = tuple(m for m in models if m in plan.used)
            gain = plan.net + float(classes.fixed[list(models)].sum())
            plan = replace(plan, net=gain - float(classes.fixed[list(lacking)].sum()))
            if found is not None and gain <= found.net:
                continue
        if plan is not None and (found is None or plan.net > found.net):
            found = plan
        waiting += [tuple(m for m in models if m != left) for left in lacking]
    if found is None:
        raise ValueError("no allocation keeps within the limits")
    return found


def curve(classes: Classes) -> tuple[pd.DataFrame, Allocation]:
    """Net gain against the number of different treatments, and the best of all.

    A row for each number of models the company starts something in, from none: `models`, `net`,
    `fixed`, `best` (one is true), `used`. On a tie fewer models win.
    """
    found: dict[int, Allocation] = {}
    for plan, size in _plans(classes):
        if size not in found or plan.net > found[size].net:
            found[size] = plan
    rows = [
        (size, plan.net, float(classes.fixed[list(plan.used)].sum()), plan.used)
        for size, plan in sorted(found.items())
    ]
    table = pd.DataFrame(rows, columns=["models", "net", "fixed", "used"])
    most = table["net"].max()
    table["best"] = table.index == (table["net"] >= most - EQUAL * abs(most)).idxmax()
    return table, found[int(table.loc[table["best"], "models"].iloc[0])]


def _able(classes: Classes, among: tuple[int, ...] | None) -> list[int]:
    """The models beside being served on request that can be given to somebody.

    Raises:
        BadInput: they are too many to try every combination of them.
    """
    last = len(classes.fixed) - 1
    able = [m for m in range(last) if np.isfinite(classes.gain[:, m]).any()]
    chosen = able if among is None else [m for m in able if m in among]
    if len(chosen) > MOST_MODELS:
        raise BadInput(
            f"policy.models: {len(chosen)} are more than the {MOST_MODELS} whose every combination "
            "can be tried; leave some out"
        )
    return chosen


def _plans(classes: Classes) -> Iterator[tuple[Allocation, int]]:
    """The best allocation with each set of models, and the size of the set, the largest first.

    Where money is not what binds, a set with all the models that a larger one drew on gains as much
    before fixed costs: it is not solved again.
    """
    able, last = _able(classes, None), len(classes.fixed) - 1
    solved: list[tuple[set[int], Allocation]] = []  # before fixed costs
    for size in range(len(able), -1, -1):
        for models in combinations(able, size):
            fixed = float(classes.fixed[[*models, last]].sum())
            like = (plan for of, plan in solved if {*plan.used} - {last} <= {*models} <= of)
            if (known := next(like, None)) is not None:
                yield replace(known, net=known.net - fixed), size
            elif (plan := with_models(classes, (*models, last))) is not None:
                if classes.resources[-1] not in plan.price:
                    solved.append(({*models}, replace(plan, net=plan.net + fixed)))
                yield plan, size


def with_models(classes: Classes, models: tuple[int, ...]) -> Allocation | None:
    """The best allocation that draws on these models alone, paying for all of them.

    None where it can't be carried out within the limits.
    """
    limited = np.flatnonzero(np.isfinite(classes.most))
    fixed = float(classes.fixed[list(models)].sum())
    most = classes.most.astype(float)
    most[-1] -= fixed
    if not len(classes.customers):
        empty = np.zeros(classes.gain.shape)
        return None if (most < -1e-6).any() else Allocation(empty, -fixed, {}, ())
    row, column, whose, use = _programme(classes, np.array(models), limited)
    solved = linprog(
        -classes.gain[row, column],
        A_ub=use if len(limited) else None, b_ub=most[limited] if len(limited) else None,
        A_eq=whose, b_eq=classes.customers.astype(float), bounds=(0, None), method="highs-ds",
    )  # fmt: skip
    if solved.status != 0:
        return None
    share = np.zeros(classes.gain.shape)
    share[row, column] = solved.x
    worth = -solved.ineqlin.marginals if len(limited) else []
    names = [classes.resources[r] for r in limited]
    prices = {name: float(price) for name, price in zip(names, worth, strict=True) if price > 0}
    return Allocation(
        share, float(-solved.fun) - fixed, prices, tuple(m for m in models if share[:, m].any())
    )


def _programme(
    classes: Classes, models: np.ndarray, limited: np.ndarray
) -> tuple[np.ndarray, np.ndarray, sparse.csr_array, np.ndarray]:
    """Class and model of each unknown, whose customers it counts, what it uses of the resources."""
    row, column = np.nonzero(np.isfinite(classes.gain[:, models]))
    own = (np.ones(len(row)), (row, np.arange(len(row))))
    whose = sparse.csr_array(own, shape=(len(classes.gain), len(row)))
    return row, models[column], whose, classes.use[limited][:, row, models[column]]


def rounded(classes: Classes, share: np.ndarray) -> np.ndarray:
    """Whole customers (c, m) for the best shares that the programme finds.

    Each share is rounded down; who is left is given, the largest gain first, to a model that the
    shares draw on and for which there is something left of every resource, at last to being served
    on request. Where customers are so few that this loses more than `NEAR` of the net gain, whole
    numbers are looked for by branch and bound (HiGHS, through SciPy), in `MOST_NODES` steps at
    most, among all models.
    """
    used = np.flatnonzero(share.sum(axis=0) > 0)
    left = classes.most.astype(float)
    left[-1] -= classes.fixed[used].sum()
    whole = _one_by_one(classes, share, used, left)
    net, most = _net(classes, whole), _net(classes, share)
    if most - net <= NEAR * abs(most):
        return whole
    exact = _integer(classes)
    return whole if exact is None or _net(classes, exact) <= net else exact


def _net(classes: Classes, share: np.ndarray) -> float:
    """The gain of shares (c, m) less the fixed costs of the models they draw on."""
    gain = np.where(np.isfinite(classes.gain), classes.gain, 0.0)
    return float((gain * share).sum() - classes.fixed[share.sum(axis=0) > 0].sum())


def _one_by_one(
    classes: Classes, share: np.ndarray, used: np.ndarray, limit: np.ndarray
) -> np.ndarray:
    """Shares rounded down, and who is left given one by one; `limit`: (r,) without fixed costs."""
    whole = np.floor(share + 1e-6).astype(np.int64)
    left = limit - np.einsum("rcm,cm->r", classes.use, whole)
    short = classes.customers - whole.sum(axis=1)
    for c in sorted(np.flatnonzero(short), key=lambda c: -classes.gain[c, used].max()):
        for _ in range(short[c]):
            m = _affordable(classes, int(c), used, left)
            whole[c, m] += 1
            left = left - classes.use[:, c, m]
    return whole


def _integer(classes: Classes) -> np.ndarray | None:
    """Whole customers (c, m) by branch and bound, None where none are found.

    Beside the customers of each class and model there is a 0 or 1 for each model: whether it is
    used at all.
    """
    c, m = classes.gain.shape
    limited = np.isfinite(classes.most)
    row, column, whose, use = _programme(classes, np.arange(m), limited)
    if_used = sparse.csr_array((np.ones(len(row)), (column, np.arange(len(row)))))
    if_used.resize(m, len(row))
    paid = np.zeros((int(limited.sum()), m))
    if limited[-1]:
        paid[-1] = classes.fixed
    total = float(classes.customers.sum())
    bounds = [
        LinearConstraint(sparse.hstack([whose, sparse.csr_array((c, m))]), classes.customers,
                         classes.customers),
        LinearConstraint(sparse.hstack([if_used, -total * sparse.eye_array(m)]), -np.inf, 0.0),
        LinearConstraint(np.hstack([use, paid]), -np.inf, classes.most[limited]),
    ]  # fmt: skip
    solved = milp(
        np.append(-classes.gain[row, column], classes.fixed),
        constraints=bounds if limited.any() else bounds[:2], integrality=np.ones(len(row) + m),
        bounds=Bounds(0, np.append(classes.customers[row], np.ones(m))),
        options={"node_limit": MOST_NODES, "mip_rel_gap": NEAR},
    )  # fmt: skip
    if solved.x is None:
        return None
    whole = np.zeros(classes.gain.shape, dtype=np.int64)
    whole[row, column] = np.rint(solved.x[: len(row)]).astype(np.int64)
    return whole


def _affordable(classes: Classes, c: int, used: np.ndarray, left: np.ndarray) -> int:
    fits = [
        m for m in used
        if np.isfinite(classes.gain[c, m]) and (classes.use[:, c, m] <= left + 1e-9).all()
    ]  # fmt: skip
    last = len(classes.fixed) - 1
    return int(max([*fits, last], key=lambda m: classes.gain[c, m]))


def given(whole: np.ndarray, member: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The model of each customer (n,): in a split class, who has most to gain by it comes first.

    `whole`: (c, m) customers; `member`: (n,) the class of each; `score`: (n, m) what each model is
    expected to bring the customer. Customers stand in a fixed order, which decides between equals.
    """
    model = np.argmax(whole, axis=1)[member]
    split = np.flatnonzero((whole > 0).sum(axis=1) > 1)
    order = np.argsort(member, kind="stable")
    ends = np.searchsorted(member[order], [*split, *(split + 1)]).reshape(2, -1)
    for c, first, end in zip(split, *ends, strict=True):
        rows = order[first:end]
        model[rows] = _dealt(whole[c], score[rows])
    return model


def _dealt(places: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Models with the fewest places choose first whom they serve best against the others."""
    model, free = np.full(len(score), -1), np.ones(len(score), dtype=bool)
    offered = sorted(np.flatnonzero(places), key=lambda m: places[m])
    for i, m in enumerate(offered[:-1]):
        others = score[:, offered[i + 1 :]].max(axis=1)
        ahead = np.where(free, score[:, m] - others, -np.inf)
        chosen = np.argsort(-ahead, kind="stable")[: places[m]]
        model[chosen], free[chosen] = m, False
    model[free] = offered[-1]
    return model
