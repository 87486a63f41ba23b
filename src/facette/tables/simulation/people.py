"""Who the customers of a simulated bank are: what of them never changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from facette.settings.data import World
from facette.tables.simulation.chance import Chance, counts, normal, picked
from facette.tables.simulation.world import FAMILIES, family_shares

PEOPLE = 1  # the purpose of their draws
PRIME = 999_999_937  # identifiers are a line modulo a prime: all different, and in no order
BRANCHES = 60
LIFE_STAGES = ("student", "single", "couple", "family", "empty_nest", "retired")
INCOME_BANDS = ("low", "lower_middle", "middle", "upper_middle", "high")
ORIGINS = ("walk_in", "referral", "web", "campaign", "broker")
FIRST_CHANNELS = ("branch", "web")
CONSENTS = ("email", "phone", "mail", "app")
CONSENT_RATES = np.array([0.75, 0.65, 0.85, 0.55])
OCCUPATIONS = ("worker", "employee", "intermediate", "executive", "self_employed", "none")
HOMES = ("tenant", "owner", "lodged")
STAGE_WALLET = np.array([-0.35, -0.10, 0.05, 0.15, 0.15, -0.05])
OCCUPATION_WALLET = np.array([-0.20, -0.05, 0.05, 0.20, 0.40, -0.15])
HOME_WALLET = np.array([-0.15, 0.20, -0.25])
INCOME_UNTOLD = 0.08  # of the customers
YEAR_DAYS = 365.25
LONGEST_TENURE_YEARS = 45  # no bank starts so early that a contract would be from before 1970
NEVER = 1_000_000  # a month that does not come


@dataclass(frozen=True)
class People:
    """n customers. Arrays of (n,) unless said; `joined` is the month, -1 before the first one.

    `wish` (n, 2): closeness and initiative; `held` (n, products): what they begin with; `granted`
    (n, channels of consent). `pilot`, in [0, 1): in the pilot where below its share.
    """

    customer: np.ndarray
    family: np.ndarray
    power: np.ndarray
    expectation: np.ndarray
    wish: np.ndarray
    age: np.ndarray
    life_stage: np.ndarray
    income_band: np.ndarray
    occupation: np.ndarray
    home: np.ndarray
    wallet_log: np.ndarray
    wallet_z: np.ndarray
    share_logit: np.ndarray
    digital: np.ndarray
    distance: np.ndarray
    branch: np.ndarray
    origin: np.ndarray
    first_channel: np.ndarray
    held: np.ndarray
    granted: np.ndarray
    joined: np.ndarray
    tenure_days: np.ndarray
    started_own: np.ndarray
    response_own: np.ndarray
    churn_own: np.ndarray
    acquiescence: np.ndarray
    income_told: np.ndarray
    posting_day: np.ndarray
    pilot: np.ndarray

    def __len__(self) -> int:
        return len(self.family)


def people(
    world: World, wish: np.ndarray, chance: Chance, first: int, n: int, months: int
) -> People:
    """The customers numbered from `first`; `wish` is the matrix that leads from axes to wishes."""
    u = chance.uniforms(PEOPLE, 0, 24, n)
    z = normal(u)
    family = np.searchsorted(np.cumsum(family_shares(world))[:-1], u[0], side="right")
    axes = world.separation * FAMILIES[family] + world.family_spread * z[1:3].T
    age = np.where(u[3] < 0.22, 18 + 14 * u[4], 26 + 64 * u[4] ** 1.25)
    life_stage = _life_stage(age, u[5])
    income = _tied(z[6], axes, world)
    rng = chance.of(PEOPLE, 1)
    occupation, home = _occupation(rng, income, age), _home(rng, income, age)
    wallet = (
        world.wallet_log_year + world.wallet_income * income + world.wallet_own * z[7]
        + STAGE_WALLET[life_stage] + OCCUPATION_WALLET[occupation] + HOME_WALLET[home]
        - 0.00025 * (age - 55) ** 2
    )  # fmt: skip
    wallet_z = (wallet - world.wallet_log_year + 0.1) / np.hypot(
        world.wallet_income, world.wallet_own
    )
    more = np.minimum(counts(u[8], np.full(n, float(world.products_more))), 7)
    digital = z[9] - 0.03 * (age - 45)
    joined = _joined(u[10], u[11], world, months)
    return People(
        customer=_identifiers(chance.seed, np.arange(first, first + n)),
        family=family,
        power=axes[:, 0],
        expectation=axes[:, 1],
        wish=axes @ wish.T + world.wish_own * z[12:14].T,
        age=age,
        life_stage=life_stage,
        income_band=np.searchsorted([-1.1, -0.35, 0.35, 1.1], income + 0.3 * z[14]),
        occupation=occupation,
        home=home,
        wallet_log=wallet,
        wallet_z=wallet_z,
        share_logit=_share(rng, u[15] < world.main_bank_share, wallet_z, world),
        digital=digital,
        distance=np.exp(0.5 * z[16]),
        branch=(u[17] * BRANCHES).astype(int),
        origin=picked(u[18], np.tile([1.0, 0.4, 0.3, 0.2, -0.3], (n, 1))),
        first_channel=(u[19] + 0.12 * digital > 0.6).astype(int),
        held=_held(rng, np.where(joined < 0, 1 + more, 1 + (u[8] > 0.75)), world, age),
        granted=rng.random((n, len(CONSENTS))) < CONSENT_RATES,
        joined=joined,
        tenure_days=_tenure(rng, 1 + more, age, joined),
        started_own=world.started_own * z[20],
        response_own=world.response_own * z[21],
        churn_own=world.churn_own * z[22],
        acquiescence=world.acquiescence * z[23],
        income_told=rng.random(n) > INCOME_UNTOLD,
        posting_day=rng.integers(0, 28, n),
        pilot=rng.random(n),
    )


def customer_ids(numbers: np.ndarray) -> np.ndarray:
    """Identifiers as text."""
    return np.char.mod("C%09d", numbers)


def _identifiers(seed: int, index: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    slope, offset = (int(v) for v in rng.integers(1, PRIME, 2))
    return (slope * index + offset) % PRIME


def _tied(z: np.ndarray, axes: np.ndarray, world: World) -> np.ndarray:
    """Standard normals with the configured correlation with the sum of the axes."""
    spread = np.hypot(world.separation, world.family_spread) * np.sqrt(2)
    tie = world.axes_wallet_correlation
    return tie * axes.sum(axis=1) / spread + np.sqrt(1 - tie**2) * z


def _life_stage(age: np.ndarray, u: np.ndarray) -> np.ndarray:
    conditions = [age < 24, age < 34, age < 62, age >= 62]
    choices = [
        np.where(u < 0.7, 0, 1),
        np.select([u < 0.45, u < 0.75], [1, 2], 3),
        np.select([u < 0.18, u < 0.4, u < 0.8], [1, 2, 3], 4),
        np.where(u < 0.9, 5, 4),
    ]
    return np.select(conditions, choices)


def _occupation(rng: np.random.Generator, income: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Positions among OCCUPATIONS: the better off, the rather executive or self-employed."""
    pull = np.array([0.3, 0.6, 0.3, -0.4, -0.9, -1.0])
    tie = np.outer(income, [-0.8, -0.2, 0.3, 1.0, 0.4, -0.6])
    young = np.outer(age < 24, [0, 0, 0, 0, 0, 1.5])
    return picked(rng.random(len(age)), pull + tie + young)


def _home(rng: np.random.Generator, income: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Positions among HOMES: with age and income, the rather their own."""
    owner = -0.6 + 0.5 * income + 0.05 * (np.minimum(age, 65) - 40)
    pull = np.column_stack([np.zeros(len(age)), owner, -0.8 - 0.06 * (age - 25)])
    return picked(rng.random(len(age)), pull)


def _joined(u: np.ndarray, when: np.ndarray, world: World, months: int) -> np.ndarray:
    """-1 for who is there at the start, the month for newcomers, NEVER for leads."""
    new = 1 - np.exp(-world.joining_year * months / 12)
    month = 1 + (when * max(months - 1, 1)).astype(int)
    return np.select([u < world.leads, u < world.leads + new], [NEVER, month], -1)


def _share(
    rng: np.random.Generator, main: np.ndarray, wallet_z: np.ndarray, world: World
) -> np.ndarray:
    n = len(main)
    share = np.where(main, rng.beta(6, 3, n), rng.beta(1.2, 8, n))
    return logit(np.clip(share, 1e-4, 1 - 1e-4)) - world.share_falls_with_wallet * wallet_z


def _held(
    rng: np.random.Generator, wanted: np.ndarray, world: World, age: np.ndarray
) -> np.ndarray:
    """(n, products): an account, and as many others as wanted, by their weight in a wallet."""
    weights = np.log([p["weight"] for p in world.products.values()])
    appeal = weights + rng.gumbel(size=(len(wanted), len(weights)))
    names = list(world.products)
    appeal[:, names.index("home_loan")] -= 0.04 * np.abs(age - 42)
    appeal[:, names.index("account")] = np.inf
    rank = np.argsort(np.argsort(-appeal, axis=1), axis=1)
    return rank < wanted[:, None]


def _tenure(
    rng: np.random.Generator, products: np.ndarray, age: np.ndarray, joined: np.ndarray
) -> np.ndarray:
    """Days since they joined, at the start; the more products, the longer."""
    years = rng.gamma(1.6, (1.7 + 3.0 * (products - 1)) / 1.6)
    years = np.minimum(years, np.minimum(age - 17, LONGEST_TENURE_YEARS))
    return np.where(joined < 0, years * YEAR_DAYS + 1, 0).astype(int)


def age_band(age: np.ndarray) -> np.ndarray:
    """Which of the bands 18-24, 25-34, … 75+ an age is in."""
    return np.searchsorted([25, 35, 45, 55, 65, 75], age, side="right")


AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")


def habit(seed: int, models: int) -> np.ndarray:
    """(branches, models): how far a branch likes to handle customers by each model."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    return rng.normal(size=(BRANCHES, models))


def started_mean(people: People, world: World, project: np.ndarray, mood: np.ndarray) -> np.ndarray:
    """Contacts that a customer starts in a month, on average."""
    log_rate = (
        np.log(world.started_month) + world.started_expectation * people.expectation
        - 0.5 * (world.started_expectation * np.hypot(world.separation, world.family_spread)) ** 2
        + world.started_project * project + people.started_own + 0.15 * mood
    )  # fmt: skip
    return np.exp(np.clip(log_rate, -5, 2.7))
