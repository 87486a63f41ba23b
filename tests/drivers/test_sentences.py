"""Drivers in words say what figures say, in real English and French, and never why."""

import math
import re
from dataclasses import replace

import pytest
from running import settings_of
from small_bank import bank_in, quickly_opened
from small_journey import write_small_journey

from facette.drivers import sentences
from facette.drivers.sentences import Driver, Language, goes_with, sentence_of, told
from facette.snapshots.catalogue import Feature, catalogue
from facette.snapshots.constants import constants
from facette.snapshots.spec import SnapshotSpec, WideSpec
from facette.tables.door import microseconds, read

# thin and firm are the no-break spaces, narrow and wide
THIN, FIRM = "\u202f", "\xa0"
LANGUAGES: tuple[Language, ...] = ("en", "fr")
FEATURES = dict[str, Feature]
UNITS = {
    "currency", "count", "days", "hours", "minutes", "share", "ratio", "nats", "category",
    "contacts", "per 30 days", "number", "yes or no",
}  # fmt: skip
CAUSAL = re.compile(
    r"\b(because|causes?|caused|causing|leads?|led|drives?|drove|driven|due|thanks|owing|"
    r"results?|effects?|therefore|hence|so that|makes? (them|customers)|boosts?|reduces?|raises?|"
    r"parce|car|causes?|causée?s?|grâce|entraîn\w+|provoqu\w+|condui\w+|raison|donc|effets?|"
    r"permet\w*|engendr\w+|augmente\w*|rédui\w+|dû|due à|ainsi)\b",
    re.IGNORECASE,
)
WHOLE_SPEC = SnapshotSpec(
    364, 364, (90,), ("Wine",), ("first_channel", "acquired_at"),
    ("contacts", "contracts", "customers"),
    ("discount", "product", "category", "contact_response", "contact_open", "contact_click",
     "interaction_answer", "interaction_duration", "contract_product"),
    True, 2, 0.4, 56, 0, related=("contacts", "interactions", "surveys", "consents"),
    used_categories=("Wine",), purposes=("request", "complaint", "project"),
    started_channels=("phone", "app", "mail"), has_contact_hours=True,
    contact_channels=("phone", "mail"), questions=("contacted too often", "reason of visit"),
    numeric_questions=("contacted too often",), consent_channels=("mail",),
    event_kinds=("log_in", "balance"), valued_kinds=("balance",),
)  # fmt: skip
WIDE_SPEC = WideSpec(("tenure", "contract_kind", "paperless"), ("contract_kind",), ("paperless",))


@pytest.fixture(scope="module")
def listed() -> FEATURES:
    return catalogue(WHOLE_SPEC)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FEATURES]:
    """The catalogues of a small Complete Journey, a small simulated bank and a wide table."""
    folder = tmp_path_factory.mktemp("told")
    write_small_journey(folder / "complete_journey")
    with quickly_opened():
        bank_in(folder / "bank", customers=300, months=14)
    return {
        "complete_journey": _catalogue_of("complete_journey", folder, "2017-07-01"),
        "bank": _catalogue_of("bank", folder, "2023-12-01"),
        "wide": catalogue(WIDE_SPEC),
        "whole": catalogue(WHOLE_SPEC),
    }


def _catalogue_of(name: str, folder: object, at: str) -> FEATURES:
    settings = settings_of("train", f"data={name}", f"data.path={folder}/{name}")
    tables, t = read(settings.data), microseconds(at, "date")
    spec = constants(tables, t, settings.snapshot, settings.model.churn, settings.data, [])
    return catalogue(spec)


def plain(text: str) -> str:
    return text.replace(THIN, " ").replace(FIRM, " ")


def both(feature: Feature, own: float, base: float, level: str = "") -> tuple[str, str]:
    english, french = (told(feature, own, base, x, "EUR", level) for x in LANGUAGES)
    return english, plain(french)


def levels_of(feature: Feature) -> str:
    return "regular" if feature.family == "mix" else "West"


PAIRS = [(0.62, 0.31), (1.0, 0.4), (0.0, 0.4), (0.3, 0.3), (0.284, 0.191), (12.0, 31.0),
         (1.0, 1.0), (1.4, 900.0), (-3.0, 2.0), (0.004, 0.0)]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("source", ["complete_journey", "bank", "wide", "whole"])
def test_every_feature_is_told_whatever_its_figures(
    real: dict[str, FEATURES], source: str, language: Language
) -> None:
    for feature in real[source].values():
        assert feature.unit in UNITS, feature.name
        for own, base in PAIRS:
            if feature.unit == "nats" and max(own, base) > 5:
                continue
            text = told(feature, own, base, language, "USD", levels_of(feature))
            assert text
            assert not re.search(r"[{}|]|\bnan\b|\binf\b|  |\bNone\b", text), text
            assert not CAUSAL.search(text), text
            if language == "fr":
                assert not re.search(r"[ \xa0][%;:]|\d[ \xa0]%|[«] | »", text), repr(text)


def test_every_feature_of_our_own_has_a_sentence_and_a_clause_in_both_languages(
    real: dict[str, FEATURES],
) -> None:
    every = [f for features in real.values() for f in features.values()]
    assert all(f.english.strip() and f.french.strip() for f in every)
    ours = [f for f in every if f.family != "given" and f.source != f"customers.{f.name}"]
    assert len({f.name for f in ours}) > 150
    assert [f.name for f in ours if f.english == f.french] == []
    assert [
        f.name for f in ours if f.unit != "yes or no" and not (f.clause_en and f.clause_fr)
    ] == []
    assert [f.name for f in ours if f.clause_en and f.clause_en == f.clause_fr] == []
    assert [f.name for f in ours if bool(f.way_en) != bool(f.way_fr)] == []


def test_a_clause_holds_its_figure_once_in_both_languages(real: dict[str, FEATURES]) -> None:
    figured = [f for features in real.values() for f in features.values()
               if f.clause_en and not f.category]  # fmt: skip
    assert figured
    for feature in figured:
        for clause in (feature.clause_en, feature.clause_fr):
            assert len(set(re.findall(r"\{\w+\}", clause))) == 1, feature.name
            assert "{own}" in clause


def test_no_template_states_a_cause(real: dict[str, FEATURES]) -> None:
    texts = [text for words in sentences.WORDS.values() for text in words.values()]
    texts += [text for words in sentences.TIMES.values() for text in words.values()]
    texts += [t for told in sentences.OUTCOMES.values() for three in told.values() for t in three]
    texts += [text for features in real.values() for f in features.values()
              for text in (f.clause_en, f.clause_fr, f.way_en, f.way_fr)]  # fmt: skip
    assert [text for text in texts if CAUSAL.search(text)] == []


@pytest.mark.parametrize(
    "cause",
    ["spends more because of offers", "leads to more value", "drives value up", "due to age",
     "achète plus grâce aux remises", "entraîne plus de valeur", "à cause de l'âge",
     "en raison de l'âge"],
)  # fmt: skip
def test_words_of_cause_would_be_found(cause: str) -> None:
    assert CAUSAL.search(cause)


def test_both_languages_have_the_same_words() -> None:
    for table in (sentences.WORDS, sentences.TIMES, sentences.OUTCOMES):
        assert table["en"].keys() == table["fr"].keys()
    kinds = {*sentences.COMPARED.values(), *(f.compared for f in catalogue(WHOLE_SPEC).values())}
    assert kinds - {""} <= sentences.WORDS["en"].keys()


def test_an_interval_half_as_long_is_told_in_words(listed: FEATURES) -> None:
    assert both(listed["gap_mean_days"], 9, 18) == (
        "buys every 9 days, half the base's interval",
        "achète tous les 9 jours, un intervalle deux fois moins long que pour l'ensemble des"
        " clients",
    )
    assert both(listed["gap_mean_days"], 1, 30)[0].startswith("buys daily, against 30 days")
    assert both(listed["gap_mean_days"], 1, 30)[1].startswith(
        "achète à 1 jour d'intervalle, contre"
    )


@pytest.mark.parametrize(
    ("name", "own", "base", "english", "french"),
    [
        ("recency_days", 40, 20, "last bought 40 days ago, twice as long ago as in the base",
         "dernier achat il y a 40 jours, deux fois plus longtemps que pour l'ensemble des clients"),
        ("weekend_share", 0.284, 0.191,
         "makes 28% of purchases at the weekend, against 19% in the base",
         "fait 28 % de ses achats le week-end, contre 19 % pour l'ensemble des clients"),
        ("spend_90d", 310, 120.4, "spent EUR 310 in the last 90 days, against EUR 120 in the base",
         "a dépensé 310 € en 90 jours, contre 120 € pour l'ensemble des clients"),
        ("transactions_90d", 1, 3, "made 1 purchase in the last 90 days, a third as many as in the"
         " base", "a fait 1 achat en 90 jours, trois fois moins que pour l'ensemble des clients"),
        ("transactions_90d", 1.6, 0.8,
         "made 1.6 purchases in the last 90 days, twice as many as in the base",
         "a fait 1,6 achat en 90 jours, deux fois plus que pour l'ensemble des clients"),
        ("active_days_90d", 12, 6, "bought on 12 days of the last 90, twice as many as in the base",
         "a acheté 12 jours sur 90, deux fois plus que pour l'ensemble des clients"),
        ("started_contact_rate", 3, 1, "gets in touch 3 times in 30 days, three times as often as"
         " in the base",
         "prend contact 3 fois en 30 jours, trois fois plus souvent que l'ensemble des clients"),
        ("tenure_days", 2922, 1461, "customer for 8 years, twice as long as in the base",
         "client depuis 8 ans, deux fois plus longtemps que pour l'ensemble des clients"),
        ("category_entropy", math.log(3.4), math.log(2), "spreads spend over the equivalent of 3.4"
         " categories, against 2 in the base", "répartit ses dépenses sur l'équivalent de 3,4"
         " catégories, contre 2 pour l'ensemble des clients"),
        ("response_delay_days", 2.5, 7.5, "answers campaigns after 2.5 days, a third of the base's"
         " delay", "répond aux campagnes au bout de 2,5 jours, un délai trois fois moins long que"
         " pour l'ensemble des clients"),
        ("answer_contacted_too_often", 4.2, 2.1,
         "answered 4.2 to “contacted too often”, against 2.1 in the base",
         "a répondu 4,2 à « contacted too often », contre 2,1 pour l'ensemble des clients"),
    ],
)  # fmt: skip
def test_a_driver_reads_as_a_clause(
    listed: FEATURES, name: str, own: float, base: float, english: str, french: str
) -> None:
    assert both(listed[name], own, base) == (english, french)


def test_categories_are_told_by_their_level(listed: FEATURES) -> None:
    channel, status = listed["first_channel"], listed["status_wine"]
    assert both(channel, 0.62, 0.31, "app_2") == (
        "first channel mostly app_2 (62%, against 31% in the base)",
        "first channel : surtout app_2 (62 %, contre 31 % pour l'ensemble des clients)",
    )
    assert both(channel, 0.4, 0.3, "app")[0] == "first channel app for 40%, against 30% in the base"
    assert both(channel, 1, 0.3, "app")[0] == "first channel app, as 30% of the base"
    assert both(status, 0.7, 0.3, "lapsed")[1].startswith(
        "usage de Wine sur 364 jours : surtout perdu"
    )


def test_a_yes_or_no_is_told_of_one_and_of_many(listed: FEATURES) -> None:
    consent, paperless = listed["consent_mail"], catalogue(WIDE_SPEC)["paperless"]
    assert both(consent, 1, 0.4)[0] == "consent to contacts by mail: yes, as 40% of the base"
    assert both(paperless, 0, 0.4)[0] == "paperless: no, as 60% of the base"
    assert both(consent, 0.62, 0.4)[1] == (
        "accord pour des contacts par mail : oui pour 62 %, contre 40 % pour l'ensemble des clients"
    )


@pytest.mark.parametrize("base", [18.0, 18.4, 17.3])
def test_a_negligible_difference_is_none(listed: FEATURES, base: float) -> None:
    assert both(listed["gap_mean_days"], 18, base) == (
        "buys every 18 days, as the base", "achète tous les 18 jours, comme l'ensemble des clients",
    )  # fmt: skip


def test_a_mark_is_like_another_only_where_both_are_written_alike(listed: FEATURES) -> None:
    mark = listed["answer_contacted_too_often"]
    assert both(mark, 8, 7.8)[0].endswith("against 7.8 in the base")
    assert both(mark, 8, 8.01)[0].endswith("as the base")


@pytest.mark.parametrize(
    ("own", "word"),
    [(9.4, "half"), (8.6, "half"), (36, "twice"), (6, "a third"), (72, "four times"),
     (10, None), (28, None), (0, None), (-9, None)],
)  # fmt: skip
def test_a_multiple_is_told_in_words_only_where_it_is_clean(
    listed: FEATURES, own: float, word: str | None
) -> None:
    text = both(listed["gap_max_days"], own, 18)[0]
    assert ("against 18 days" in text) is (word is None)
    assert word is None or f"{word} as long as in the base" in text


def test_what_is_not_known_is_said_and_stands_last(listed: FEATURES) -> None:
    gap, weekend = listed["gap_mean_days"], listed["weekend_share"]
    assert both(gap, math.nan, 18) == (
        "no figure for “average days between purchase days”",
        "pas de chiffre pour « jours moyens entre deux jours d'achat »",
    )
    assert both(gap, 9, math.nan)[0] == "buys every 9 days"
    text = sentence_of([Driver(gap, math.nan, 18), Driver(weekend, 0.3, 0.2)], "en", "EUR", most=3)
    assert text.startswith(
        "Makes 30% of purchases at the weekend, against 20% in the base; no figure"
    )


def test_a_sentence_names_the_base_in_full_once(listed: FEATURES) -> None:
    drivers = [Driver(listed["gap_mean_days"], 9, 18), Driver(listed["weekend_share"], 0.28, 0.19),
               Driver(listed["tenure_days"], 100, 50)]  # fmt: skip
    assert sentence_of(drivers, "en", "EUR", most=3) == (
        "Buys every 9 days, half the base's interval; makes 28% of purchases at the weekend, "
        "against 19%; customer for 100 days, twice as long as in the base."
    )
    assert plain(sentence_of(drivers, "fr", "EUR", most=3)) == (
        "Achète tous les 9 jours, un intervalle deux fois moins long que pour l'ensemble des "
        "clients ; fait 28 % de ses achats le week-end, contre 19 % ; client depuis 100 jours, "
        "deux fois plus longtemps que pour l'ensemble."
    )


def test_a_sentence_has_no_more_than_asked_and_none_of_nothing(listed: FEATURES) -> None:
    drivers = [Driver(listed[n], 0.3, 0.2) for n in ("weekend_share", "evening_share", "open_rate")]
    assert sentence_of(drivers, "en", None, most=2).count(";") == 1
    assert sentence_of([], "fr", None, most=2) == ""


def test_features_that_say_nearly_the_same_are_told_once() -> None:
    windows = replace(WHOLE_SPEC, windows_days=(30, 90))
    listed = catalogue(windows)
    drivers = [Driver(listed[n], 0.3, 0.2) for n in (
        "spend_30d", "spend_90d", "discount_rate", "discounted_line_share", "response_rate",
        "responses", "share_wine", "loyalty_wine",
    )]  # fmt: skip
    text = sentence_of(drivers, "en", "EUR", most=8)
    assert text.count(";") == 3
    assert "30 days" in text
    assert "90 days" not in text


def test_answers_by_one_channel_and_not_by_another_stand_side_by_side(listed: FEATURES) -> None:
    phone, mail = listed["phone_response_rate"], listed["mail_response_rate"]
    drivers = [Driver(mail, 0.03, 0.09), Driver(listed["gap_mean_days"], 9, 18),
               Driver(phone, 0.3, 0.1)]  # fmt: skip
    assert sentence_of(drivers, "en", "EUR", most=3) == (
        "Answers campaigns by phone (30%, against 10% in the base), less by mail (3%, against 9%);"
        " buys every 9 days, half the base's interval."
    )
    never = [Driver(phone, 0.3, 0.1), Driver(mail, 0, 0.09)]
    assert plain(sentence_of(never, "fr", "EUR", most=3)) == (
        "Répond aux campagnes par phone (30 %, contre 10 % pour l'ensemble des clients), pas par"
        " mail (0 %, contre 9 %)."
    )


@pytest.mark.parametrize("mail", [(0.3, 0.09), (0.091, 0.09), (math.nan, 0.09), (0.3, math.nan)])
def test_what_is_not_on_the_other_side_of_the_base_has_a_clause_of_its_own(
    listed: FEATURES, mail: tuple[float, float]
) -> None:
    drivers = [Driver(listed["phone_response_rate"], 0.3, 0.1),
               Driver(listed["mail_response_rate"], *mail)]  # fmt: skip
    text = sentence_of(drivers, "en", "EUR", most=3)
    assert text.startswith("Answers 30% of campaigns by phone, three times the base's share; ")


def test_names_from_the_data_come_through_as_they_are() -> None:
    odd = "Café & Thé : 50 % ; n° 1"
    spec = replace(WHOLE_SPEC, categories=(odd,), contact_channels=(odd,))
    features = [f for f in catalogue(spec).values() if odd in f.clause_en]
    assert len(features) == 2
    for feature in features:
        for language in LANGUAGES:
            assert odd in told(feature, 0.3, 0.1, language, None)


def test_figures_take_the_form_of_the_language(listed: FEATURES) -> None:
    spend = listed["spend_90d"]
    assert told(spend, 12310.4, 7.5, "en", "USD").startswith("spent USD 12,310 in the last 90 days")
    french = told(spend, 12310.4, 7.5, "fr", "EUR")
    assert french.startswith(f"a dépensé 12{THIN}310{FIRM}€ en 90 jours, contre 7,50{FIRM}€")
    assert f"28{THIN}%" in told(listed["weekend_share"], 0.284, 0.1, "fr", None)
    assert "USD −40.00" in told(spend, -40, 7.5, "en", "USD")
    assert both(listed["weekend_share"], 0.0312, 0.1)[1].startswith("fait 3,1 %")
    between = [Driver(spend, 1, 2), Driver(listed["weekend_share"], 0.3, 0.2)]
    assert f"{THIN}; " in sentence_of(between, "fr", "EUR", most=2)


def test_without_a_currency_an_amount_stands_alone(listed: FEATURES) -> None:
    assert told(listed["spend_90d"], 310, 120, "en", None).startswith("spent 310 in the last")


@pytest.mark.parametrize(
    ("contribution", "outcome", "link", "english", "french"),
    [
        (math.log(1.12), "value", "log", "goes with 12% more expected value",
         "va de pair avec une valeur attendue supérieure de 12 %"),
        (math.log(0.8), "value", "log", "goes with 20% less expected value",
         "va de pair avec une valeur attendue inférieure de 20 %"),
        (140.0, "potential", "identity", "goes with EUR 140 more potential",
         "va de pair avec un potentiel supérieur de 140 €"),
        (-0.018, "churn", "points", "goes with 1.8 points less churn",
         "va de pair avec un risque de départ inférieur de 1,8 point"),
        (0.01, "churn", "points", "goes with 1 point more churn",
         "va de pair avec un risque de départ supérieur de 1 point"),
        (0.001, "churn", "points", "goes with about the same churn",
         "va de pair avec un risque de départ semblable"),
        (0.7, "membership", "log_odds", "speaks for this segment", "plaide pour ce segment"),
        (-0.7, "membership", "log_odds", "speaks against this segment",
         "plaide contre ce segment"),
    ],
)  # fmt: skip
def test_a_contribution_goes_with_more_or_less(
    contribution: float, outcome: sentences.Outcome, link: sentences.Link, english: str, french: str
) -> None:
    assert goes_with(contribution, outcome, link, "en", "EUR") == english
    assert plain(goes_with(contribution, outcome, link, "fr", "EUR")) == french
