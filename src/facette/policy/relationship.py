"""Relationship models as a plan reckons with them: arrays in one order, what they cost and use up.

The last one is always *on request*: no contact that the company starts. Nobody is without it, so
that whoever may not be contacted, or for whom no contact pays, is still served when they ask.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256

import numpy as np

from facette.errors import BadInput
from facette.settings.policy import Approach, Policy, RelationshipModel
from facette.wording import listed

MONTH_DAYS = 365.25 / 12
FINEST = 1e-9
SERVE, RISK = "serve", "risk"


@dataclass(frozen=True)
class Ways:
    """The relationship models of a policy, *on request* last, and the channels they use.

    `contacts`: (m,) that the company starts with a customer in the horizon. `order`: (m, k) the
    rank of each channel in a model, -1 where it is not used. `cost`: (k,) currency units of a
    contact; `uses`: (k, r) of each capacity; `most`: (r,) of it in the horizon, inf without a
    limit. `set_up`: (m,) currency units once, `yearly`: (m,) in the horizon, for a model that is
    used at all.
    """

    names: tuple[str, ...]
    approach: tuple[str, ...]
    contacts_a_month: np.ndarray
    contacts: np.ndarray
    order: np.ndarray
    set_up: np.ndarray
    yearly: np.ndarray
    channels: tuple[str, ...]
    consent: tuple[str, ...]
    cost: np.ndarray
    capacities: tuple[str, ...]
    uses: np.ndarray
    most: np.ndarray

    @property
    def on_request(self) -> int:
        """The position of being served on request alone."""
        return len(self.names) - 1

    def position(self, name: str) -> int:
        """Of a relationship model by its name."""
        return self.names.index(name)


def ways(policy: Policy) -> Ways:
    """The relationship models of a policy that `check_policy` lets pass."""
    models, channels = list(policy.models.values()), tuple(policy.channels)
    capacities = tuple(policy.capacity)
    months, years = policy.horizon_days / MONTH_DAYS, policy.horizon_days / 365.25
    monthly = np.array([*(model.contacts_a_month for model in models), 0.0])
    order = np.full((len(models) + 1, len(channels)), -1)
    for row, model in zip(order, models, strict=False):
        for rank, channel in enumerate(model.channels):
            row[channels.index(channel)] = rank
    limits = [policy.capacity[name] for name in capacities]
    return Ways(
        (*policy.models, policy.on_request),
        (*(model.approach.value for model in models), Approach.mass.value),
        monthly, monthly * months, order,
        np.array([*(model.set_up_cost for model in models), 0.0]),
        np.array([*(model.yearly_cost * years for model in models), 0.0]),
        channels, tuple(c.consent or name for name, c in policy.channels.items()),
        np.array([c.cost for c in policy.channels.values()]),
        capacities,
        np.array([[c.uses.get(name, 0.0) for name in capacities] for c in policy.channels.values()]
                 ).reshape(len(channels), len(capacities)),
        np.array([np.inf if limit is None else limit * months for limit in limits]),
    )  # fmt: skip


def policy_version(made_by: str, policy: Policy, *beside: str) -> str:
    """What a plan was made by, and a digest of the policy and of whatever else told it apart."""
    settings = json.dumps([asdict(policy), beside], sort_keys=True, default=str)
    return f"{made_by} policy {sha256(settings.encode()).hexdigest()[:12]}"


def check_policy(policy: Policy) -> None:
    """Refuse a policy that can't be carried out as it is written.

    Raises:
        BadInput: a model or a cap names a channel that is not there, a channel a capacity that is
            not; two models do not differ; a cadence breaks a cap; a rule names a model that is not
            there; a figure is below what it can be.
    """
    if not policy.models:
        raise BadInput("policy.models: there is none; give at least one relationship model")
    if policy.on_request in policy.models:
        raise BadInput(
            f"policy.on_request: '{policy.on_request}' is among policy.models; being served on "
            "request is always there, choose another name for one of them"
        )
    for name, model in policy.models.items():
        _check_model(f"policy.models.{name}", model, policy)
    _check_uses(policy)
    _check_difference(policy)
    _check_pressure(policy)
    _check_cadence(policy)
    _check_named(policy)
    _check_quiet(policy)
    strange = [cost for cost in policy.margin_after if cost not in (SERVE, RISK)]
    if strange:
        raise BadInput(f"policy.margin_after: {listed(strange)}; it may hold {SERVE} and {RISK}")


def _check_model(where: str, model: RelationshipModel, policy: Policy) -> None:
    absent = [name for name in model.channels if name not in policy.channels]
    if absent or not model.channels:
        what = f"{listed(absent)} not among policy.channels" if absent else "no channel"
        raise BadInput(f"{where}.channels: {what} (there are: {', '.join(policy.channels)})")
    for figure in ("contacts_a_month", "reaction_hours", "set_up_cost", "yearly_cost"):
        _check_figure(f"{where}.{figure}", getattr(model, figure))


def _check_figure(where: str, figure: float) -> None:
    if not 0 <= figure < np.inf:
        raise BadInput(f"{where}: {figure:g}; a number of 0 or more is wanted")


def _check_uses(policy: Policy) -> None:
    for name, channel in policy.channels.items():
        figures = {"cost": channel.cost, "serve_cost": channel.serve_cost}
        figures |= {f"uses.{capacity}": used for capacity, used in channel.uses.items()}
        for what, figure in figures.items():
            _check_figure(f"policy.channels.{name}.{what}", figure)
        absent = [capacity for capacity in channel.uses if capacity not in policy.capacity]
        if absent:
            raise BadInput(
                f"policy.channels.{name}.uses: {listed(absent)} not among policy.capacity; add "
                f"policy.capacity.{absent[0]}=null for one without a limit"
            )
    for name, limit in policy.capacity.items():
        if limit is not None:
            _check_figure(f"policy.capacity.{name}", limit)
    if policy.budget is not None:
        _check_figure("policy.budget", policy.budget)
    for name, hours in policy.hours_a_person.items():
        if name not in policy.capacity or not hours > 0:
            raise BadInput(
                f"policy.hours_a_person.{name}: {hours:g}; give hours above 0 of one of "
                f"policy.capacity ({', '.join(policy.capacity)})"
            )


def _check_difference(policy: Policy) -> None:
    """Two models that a customer could not tell apart are one."""
    seen: dict[tuple[object, ...], str] = {}
    for name, model in policy.models.items():
        told = (model.approach, tuple(model.channels), model.starts, model.contacts_a_month,
                model.reaction_hours)  # fmt: skip
        if told in seen:
            raise BadInput(
                f"policy.models: '{seen[told]}' and '{name}' have the same approach, channels, "
                "start, cadence and reaction time: customers would be treated alike; leave one out"
            )
        seen[told] = name


def _check_pressure(policy: Policy) -> None:
    for i, cap in enumerate(policy.pressure.caps):
        if cap.channel is not None and cap.channel not in policy.channels:
            raise BadInput(
                f"policy.pressure.caps[{i}].channel: '{cap.channel}' is not among policy.channels "
                f"(there are: {', '.join(policy.channels)})"
            )
        if cap.most < 0 or cap.days < 1:
            raise BadInput(
                f"policy.pressure.caps[{i}]: {cap.most} contacts in {cap.days} days is no cap; "
                "most is 0 or more, days 1 or more"
            )
    if policy.pressure.cool_down_days < 0:
        raise BadInput("policy.pressure.cool_down_days: below 0; 0 is for none")


def _check_cadence(policy: Policy) -> None:
    for name, model in policy.models.items():
        for cap in policy.pressure.caps:
            if cap.channel is not None and cap.channel not in model.channels:
                continue
            within = contacts_within(cap.days, interval_days(model.contacts_a_month))
            if within > cap.most:
                by = f" by {cap.channel}" if cap.channel else ""
                raise BadInput(
                    f"policy.models.{name}.contacts_a_month: {model.contacts_a_month:g} puts "
                    f"{within} contacts{by} into {cap.days} days, and policy.pressure.caps allows "
                    f"{cap.most}; lower the cadence or raise the cap"
                )


def interval_days(contacts_a_month: float) -> int:
    """Whole days from one contact to the next, never more often than the cadence; 0: none."""
    return int(np.ceil(MONTH_DAYS / contacts_a_month - FINEST)) if contacts_a_month > 0 else 0


def contacts_within(days: int, interval: int) -> int:
    """The most contacts, `interval` days apart, that fall into a window of `days`."""
    return -(-days // interval) if interval else 0


def _check_named(policy: Policy) -> None:
    known = [*policy.models, policy.on_request]
    named = {f"policy.rules[{i}].model": [rule.model] for i, rule in enumerate(policy.rules)}
    named |= {f"policy.exclusions[{i}].models": e.models for i, e in enumerate(policy.exclusions)}
    named |= {f"policy.chosen_profiles.{c}": [m] for c, m in policy.chosen_profiles.items()}
    named |= {"policy.effects.assumed": list(policy.effects.assumed)}
    named |= {"policy.today": [policy.today] if policy.today is not None else []}
    for where, models in named.items():
        absent = [model for model in models if model not in known]
        if absent:
            raise BadInput(
                f"{where}: no relationship model {listed(map(repr, absent))} (there are: "
                f"{', '.join(known)})"
            )
    if any(policy.on_request in exclusion.models for exclusion in policy.exclusions):
        raise BadInput(
            f"policy.exclusions: '{policy.on_request}' can't be excluded: what a customer asks for "
            "is served"
        )


def _check_quiet(policy: Policy) -> None:
    for i, period in enumerate(policy.pressure.quiet):
        try:
            first, last = (date.fromisoformat(str(d)) for d in (period.first, period.last))
        except ValueError:
            raise BadInput(
                f"policy.pressure.quiet[{i}]: {period.first} to {period.last} are not ISO dates"
            ) from None
        if last < first:
            raise BadInput(f"policy.pressure.quiet[{i}]: it ends before it begins")
