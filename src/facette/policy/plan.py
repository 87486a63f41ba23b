"""From what is known to who is handled how: the plan of one date.

The order of precedence for a customer is: who is held out, or is too new in their relationship
model, stays; then rules, the first that fits; then profiles chosen by hand; then who is in a model
of which nothing is known stays in it; then the programme. None of them gives a model that the
customer does not consent to or is excluded from: the next in this order decides, who would have
stayed is free to be moved, and where nothing else is left the customer is served on request.

Who stays, stays for the whole horizon: their models run on, whatever is decided for the others, and
what they cost is no ground for or against giving them to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import narwhals as nw
import numpy as np
import pandas as pd

from facette.errors import BadInput
from facette.expressions import parse
from facette.policy.allocation import (
    Allocation,
    Classes,
    curve,
    given,
    rounded,
)
from facette.policy.calendar import budget_slack, capacity_slack
from facette.policy.grades import money_by_grade, weaker
from facette.policy.knowledge import Knowledge
from facette.policy.reach import NONE, Reach
from facette.policy.relationship import MONTH_DAYS
from facette.settings.policy import Policy
from facette.wording import listed

BUDGET = "budget"
FREE = -1
SEGMENTS = ("segment", "tier", "cell", "grade", "confidence")  # words in names of such columns
NOT_KNOWN = "nothing is known of what it does"
NOT_MOVED = "stays: a change would cost more than it brings"
PROGRAMME, RULE, PROFILE, STAYS, HELD_OUT, NOT_REACHED = (
    "programme", "rule", "chosen profile", "stays", "held out", "not reached"
)  # fmt: skip


@dataclass(frozen=True)
class Others:
    """Customers whom the plan is not for: they go on as today, within the same limits.

    `use`: (r,) of each capacity and of money over the horizon; `models`: (m,) those that somebody
    of them is in; a single 0 each where there is nobody.
    """

    customers: int = 0
    use: np.ndarray = field(default_factory=lambda: np.zeros(1))
    models: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=bool))


@dataclass(frozen=True)
class Base:
    """The n customers of a plan. Arrays of (n,), positions among `reach.ways.names` and cells.

    `scored`: indexed by customer_id, the columns that cells, rules and assumptions read. `today`:
    how each is handled at present, as far as it reaches them. `settled`: who may not be moved yet,
    `held_out`: who stays to be compared with. `others`: whom the plan is not for.
    """

    scored: pd.DataFrame
    reach: Reach
    today: np.ndarray
    settled: np.ndarray
    held_out: np.ndarray
    cell: np.ndarray
    cells: list[str]
    others: Others = field(default_factory=Others)

    def __len__(self) -> int:
        return len(self.scored)

    @property
    def stays(self) -> np.ndarray:
        """(n,) who is handled as today, whatever the plan."""
        made: np.ndarray = self.settled | self.held_out
        return made


@dataclass(frozen=True)
class ByHand:
    """A rule or a chosen profile: by what, its model, and customers (n,) each.

    `fits`: whom it is for; `able`: whom of them the model may be given to; `placed`: whom of these
    it was, none before it having placed them, and none of them staying as they are.
    """

    kind: str
    where: str
    model: str
    reason: str
    fits: np.ndarray
    able: np.ndarray
    placed: np.ndarray


@dataclass(frozen=True)
class Placed:
    """Whom the plan is not free to place: (n,) position of a model or -1, and why in words."""

    model: np.ndarray
    kind: np.ndarray
    reason: np.ndarray
    by_hand: tuple[ByHand, ...]


@dataclass(frozen=True)
class Plan:
    """Who is handled how, and what that is worth.

    `model`: (n,) positions; `kind`, `reason`: why. `gain`: (n,) currency units over the horizon
    against today, `of_effect` what of it is due to effects and not to costs, `grade` how far that
    can be trusted. `curve`: net gain by number of models. `price`: of one more unit of each
    resource that binds. `use`: of each resource, of the plan and today, whom the plan is not for
    included. `classes`, `member`: what the programme saw, `kept`: (r,) what of each resource was
    not its to give. `by_hand`: rules, then chosen profiles.
    """

    base: Base
    model: np.ndarray
    kind: np.ndarray
    reason: np.ndarray
    gain: np.ndarray
    of_effect: np.ndarray
    grade: np.ndarray
    net: float
    allocation: Allocation
    curve: pd.DataFrame
    use: pd.DataFrame
    classes: Classes
    member: np.ndarray
    kept: np.ndarray
    by_hand: tuple[ByHand, ...]

    @property
    def used(self) -> tuple[int, ...]:
        """Positions of the models that the programme draws on."""
        return self.allocation.used

    @property
    def offered(self) -> np.ndarray:
        """(c, m) the models that the programme chose from, class by class."""
        made: np.ndarray = np.isfinite(self.classes.gain)
        return made

    @property
    def changed(self) -> np.ndarray:
        """(n,) who is handled otherwise than today."""
        return self.model != self.base.today

    @property
    def open(self) -> tuple[int, ...]:
        """Positions of the models that the programme draws on, and of being served on request."""
        return tuple(sorted({*self.allocation.used, self.base.reach.ways.on_request}))

    @property
    def first(self) -> np.ndarray:
        """(c,) the first customer of each class."""
        free = np.flatnonzero(self.member >= 0)
        made: np.ndarray = free[np.unique(self.member[free], return_index=True)[1]]
        return made

    def by_grade(self) -> pd.Series:
        """Currency units of effects under each grade."""
        return money_by_grade(self.of_effect, self.grade)

    def fixed_of(self, used: np.ndarray) -> float:
        """Fixed costs, more than today's, if the programme drew on the models `used` (m,)."""
        return float(self.classes.fixed[used].sum()) + running_anyway(self.base)


def excluded(policy: Policy, base: Base) -> np.ndarray:
    """(n, m) to whom a model is never given by `policy.exclusions`.

    Raises:
        BadInput: an exclusion rests on a segment: a segment never closes a door.
    """
    names = base.reach.ways.names
    closed = np.zeros((len(base), len(names)), dtype=bool)
    for i, exclusion in enumerate(policy.exclusions):
        where = f"policy.exclusions[{i}].where"
        columns = parse(exclusion.where, where).columns
        on = [c for c in columns if not {*c.split("_")}.isdisjoint(SEGMENTS)]
        if on:
            raise BadInput(
                f"{where}: rests on {listed(on)}; a segment never closes a door, exclude by what "
                "is known of the customer instead"
            )
        fits = _fits(exclusion.where, where, base.scored)
        for model in exclusion.models:
            closed[fits, names.index(model)] = True
    return closed


def placed(policy: Policy, base: Base, permitted: np.ndarray, known: np.ndarray) -> Placed:
    """Who is placed ahead of the programme.

    `permitted`: (n, m) by consent and exclusions; `known`: (m,) models of which something is.
    """
    ways, n = base.reach.ways, len(base)
    dark = ~known[base.today] & permitted[np.arange(n), base.today]
    model, kind = np.where(dark, base.today, FREE), np.where(dark, STAYS, PROGRAMME).astype(object)
    reason = np.where(dark, NOT_KNOWN, "").astype(object)
    hands, ahead = [], base.stays
    for why, where, fits, name, told in _by_hand(policy, base):
        m = ways.position(name)
        able = fits & permitted[:, m]
        rows, ahead = able & ~ahead, ahead | able
        model[rows], kind[rows], reason[rows] = m, why, told
        hands.append(ByHand(why, where, name, told, fits, able, rows))
    for why, rows, told in (
        (STAYS, base.settled, f"less than {policy.minimum_stay_days} days in it"),
        (HELD_OUT, base.held_out, "held out, to be compared with"),
    ):
        model[rows], kind[rows], reason[rows] = base.today[rows], why, told
    return Placed(model, kind, reason, tuple(hands))


def _by_hand(policy: Policy, base: Base) -> Iterator[tuple[str, str, np.ndarray, str, str]]:
    """Kind, where, whom it fits (n,), model and reason of rules, then of chosen profiles."""
    for i, rule in enumerate(policy.rules):
        fits = _fits(rule.where, f"policy.rules[{i}].where", base.scored)
        yield RULE, rule.where, fits, rule.model, rule.reason
    for cell, name in _profiles(policy, base).items():
        yield PROFILE, cell, base.cell == base.cells.index(cell), name, f"profile chosen for {cell}"


def _profiles(policy: Policy, base: Base) -> dict[str, str]:
    absent = [cell for cell in policy.chosen_profiles if cell not in base.cells]
    if absent:
        raise BadInput(
            f"policy.chosen_profiles: no cell {listed(map(repr, absent))} (there are: "
            f"{', '.join(base.cells)})"
        )
    return dict(policy.chosen_profiles)


def _fits(text: str, where: str, scored: pd.DataFrame) -> np.ndarray:
    frame = nw.from_native(scored.reset_index(), eager_only=True)
    expression = parse(text, where=where)
    expression.check(frame.columns)
    told: np.ndarray = frame.select(fits=expression.condition(frame.schema))["fits"].to_numpy()
    return told


def plan(policy: Policy, base: Base, known: Knowledge) -> Plan:
    """The plan of largest net gain that can be carried out.

    Raises:
        BadInput: who may not be moved, and who is placed by rule, alone ask for more than there is.
    """
    reach, ways = base.reach, base.reach.ways
    permitted = reach.permitted & ~excluded(policy, base)
    base = _staying_where_permitted(base, permitted)
    fixed = placed(policy, base, permitted, known.known)
    offered = _offered(permitted & known.known, fixed.model)
    cost, gain = reach.cost(), gains(base, known.effect, policy.switching_cost)
    use = np.stack([*(reach.use(r) for r in range(len(ways.capacities))), cost])
    member, classes = classes_of(policy, base, offered, gain, use)
    kept = _kept(policy, base, use, _least(classes))
    table, allocation = _solved(policy, base, classes, kept)
    table["net"] -= running_anyway(base)
    whole = rounded(classes, allocation.share)
    drawn_on = tuple(int(m) for m in np.flatnonzero(whole.sum(axis=0)))
    allocation = replace(allocation, used=drawn_on)
    score = np.where(offered, known.of_customer - cost, -np.inf)
    free, row = member >= 0, np.arange(len(base))
    model = base.today.copy()
    model[free] = given(whole, member[free], score[free])
    effect = known.effect[base.cell]
    of_effect = effect[row, model] - effect[row, base.today]
    grade = weaker(known.grade[base.cell, model], known.grade[base.cell, base.today])
    return Plan(
        base, model, *_why(base, fixed, model), gain[row, model], of_effect, grade,
        float(gain[row, model].sum()) - _paid(base, model), allocation, table,
        _used(base, classes.resources, policy, model, use, allocation), classes, member, kept,
        fixed.by_hand,
    )  # fmt: skip


def _staying_where_permitted(base: Base, permitted: np.ndarray) -> Base:
    """The base, in which nobody stays in a model that they are excluded from."""
    able = permitted[np.arange(len(base)), base.today]
    return replace(base, settled=base.settled & able, held_out=base.held_out & able)


def _offered(able: np.ndarray, placed_in: np.ndarray) -> np.ndarray:
    """(n, m) what the programme may choose from: `able` (n, m), or what somebody is placed in."""
    offered = able.copy()
    offered[:, -1] = True
    bound = np.flatnonzero(placed_in != FREE)
    offered[bound] = False
    offered[bound, placed_in[bound]] = True
    return offered


def classes_of(
    policy: Policy, base: Base, offered: np.ndarray, gain: np.ndarray, use: np.ndarray
) -> tuple[np.ndarray, Classes]:
    """(n,) the class of each customer, -1 of who stays as they are, and what all of them share.

    Those who stay use up their part of every resource beforehand, the cost of the models they are
    in included: for the programme those models cost nothing more.
    """
    ways = base.reach.ways
    member = np.full(len(base), -1)
    free = np.flatnonzero(~base.stays)
    code = base.cell[free].astype(np.int64)
    for column in (base.today[free], *base.reach.channel[free].T, *offered[free].T):
        code = pd.factorize(code * (int(column.max(initial=0)) + 2) + column + 1)[0]
    member[free] = code
    first = free[np.unique(code, return_index=True)[1]]
    made = Classes(
        np.bincount(code, minlength=len(first)),
        np.where(offered[first], gain[first], -np.inf), use[:, first],
        _limits(policy, base), (*ways.capacities, BUDGET),
        np.where(stayed_in(base), 0.0, _costs(base)),
    )  # fmt: skip
    return member, replace(made, most=made.most - _kept(policy, base, use, _least(made)))


def _least(classes: Classes) -> np.ndarray:
    """(r,) what the classes need of each resource at the least."""
    possible = np.isfinite(classes.gain)
    need = np.where(possible, classes.use, np.inf).min(axis=2) @ classes.customers
    need[-1] += classes.fixed[possible[possible.sum(axis=1) == 1].any(axis=0)].sum()
    return need


def _limits(policy: Policy, base: Base) -> np.ndarray:
    """(r,) of each capacity and of the budget over the horizon, inf where there is no limit."""
    return np.append(base.reach.ways.most, np.inf if policy.budget is None else policy.budget)


def stayed_in(base: Base) -> np.ndarray:
    """(m,) the models of those who stay as they are."""
    return _drawn_on(base, base.today[base.stays])


def _drawn_on(base: Base, model: np.ndarray) -> np.ndarray:
    """(m,) the models of these customers, by their positions, and of whom the plan is not for."""
    made: np.ndarray = np.bincount(model, minlength=len(base.reach.ways.names)) > 0
    return made | base.others.models


def running_anyway(base: Base) -> float:
    """Fixed costs of the models of those who stay, less those of all of today's."""
    return float(base.reach.ways.yearly[stayed_in(base)].sum()) - _fixed(base, base.today)


def _kept(policy: Policy, base: Base, use: np.ndarray, least: np.ndarray) -> np.ndarray:
    """(r,) what of each resource is not the programme's to give.

    Those who stay have their part of it, whom the plan is not for have theirs, the budget pays for
    the models they are in, and where there is a limit the calendar needs a little to spare, as far
    as there is that much beside what the others need at the `least` (r,).
    """
    ways, stays = base.reach.ways, base.stays
    spent = use[:, stays, base.today[stays]].sum(axis=1) + base.others.use
    spent[-1] += ways.yearly[stayed_in(base)].sum()
    months = policy.horizon_days / MONTH_DAYS
    slack = np.append(capacity_slack(ways) * months, budget_slack(ways))
    left = np.maximum(_limits(policy, base) - spent - least, 0.0)
    return spent + np.where(np.isfinite(left), np.minimum(slack, left), 0.0)


def in_use(base: Base) -> np.ndarray:
    """(m,) the models that somebody is handled by today: they are set up already."""
    return _drawn_on(base, base.today)


def gains(
    base: Base, effect: np.ndarray, switching: float, who: np.ndarray | None = None
) -> np.ndarray:
    """(n, m) currency units over the horizon against today, of effects (c, m) and costs.

    `who`: positions of these customers only.
    """
    chosen = np.arange(len(base)) if who is None else who
    cost, today = base.reach.among(chosen).cost(), base.today[chosen]
    row = np.arange(len(chosen))
    own = effect[base.cell[chosen]]
    net: np.ndarray = own - cost - switching * (today[:, None] != np.arange(cost.shape[1]))
    return net - (own[row, today] - cost[row, today])[:, None]


def _solved(
    policy: Policy, base: Base, classes: Classes, kept: np.ndarray
) -> tuple[pd.DataFrame, Allocation]:
    """The curve and the best allocation; fixed costs come out of the budget.

    `kept`: (r,) what is used up beforehand, `own` of it what models cost by themselves.

    Raises:
        BadInput: nothing can be carried out.
    """
    try:
        return curve(classes)
    except ValueError:
        short, own = _too_much(classes, kept), base.reach.ways.yearly[stayed_in(base)].sum()
        ways_out = ["lower policy.holdout or policy.minimum_stay_days"]
        ways_out += ["place fewer by rule"] if policy.rules or policy.chosen_profiles else []
        ways_out += ["plan for more customers"] if base.others.customers else []
        raise BadInput(
            "policy: who stays (too new, held out, not in this plan, or in a model of which "
            f"nothing is known) and who is placed by rule alone use more {listed(short)} than "
            f"there is in {policy.horizon_days} days ({policy.horizon_days / MONTH_DAYS:.1f} "
            f"months); raise it, or {', or '.join(ways_out)}"
            f"{f'. The models they are in cost {own:,.0f} by themselves' if own else ''}"
        ) from None


def _too_much(classes: Classes, kept: np.ndarray) -> list[str]:
    """The resources of which the least possible use is above the limit."""
    wanted, limit = _least(classes) + kept, classes.most + kept
    return [
        f"{name} ({need:,.0f} of {most:,.0f})"
        for name, need, most in zip(classes.resources, wanted, limit, strict=True)
        if need > most
    ] or ["of several resources at once"]


def _paid(base: Base, model: np.ndarray) -> float:
    """Fixed costs of the models in use, less those of today's."""
    return _fixed(base, model) - _fixed(base, base.today)


def _fixed(base: Base, model: np.ndarray) -> float:
    """Fixed costs of the models (n,) in use over the horizon, whom the plan is not for included."""
    return float(fixed_costs(base, model).sum())


def fixed_costs(base: Base, model: np.ndarray) -> np.ndarray:
    """(m,) of each model that somebody is in when customers are in these (n,), else 0."""
    return np.where(_drawn_on(base, model), _costs(base), 0.0)


def _costs(base: Base) -> np.ndarray:
    """(m,) of a model that is used at all, over the horizon, set up where it is new."""
    ways = base.reach.ways
    made: np.ndarray = ways.yearly + np.where(in_use(base), 0.0, ways.set_up)
    return made


def _why(base: Base, fixed: Placed, model: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kind of reason and the reason, in words, for each customer; `model`: what they get."""
    cells = np.array(base.cells, dtype=object)[base.cell]
    kind, reason = fixed.kind.copy(), fixed.reason.copy()
    free = fixed.model == FREE
    reason[free] = "pays most for " + cells[free]
    reason[free & (model == base.today)] = NOT_MOVED
    unreached = free & (base.reach.channel == NONE).all(axis=1)
    kind[unreached], reason[unreached] = NOT_REACHED, "no consent to any channel"
    return kind, reason


def _used(
    base: Base, resources: tuple[str, ...], policy: Policy, model: np.ndarray, use: np.ndarray,
    allocation: Allocation,
) -> pd.DataFrame:  # fmt: skip
    """A row for each resource: what today and the plan use of it, the limit, its shadow price.

    Of the budget that is contacts and the fixed costs of the models in use.
    """
    row, money = np.arange(len(base)), np.arange(len(resources)) == len(resources) - 1
    apart = base.others.use
    return pd.DataFrame(
        {
            "resource": resources,
            "today": apart + use[:, row, base.today].sum(axis=1) + money * _fixed(base, base.today),
            "planned": apart + use[:, row, model].sum(axis=1) + money * _fixed(base, model),
            "limit": _limits(policy, base),
            "price": [allocation.price.get(name, 0.0) for name in resources],
        }
    )
