"""The one expression language: mapped columns, `where`, perimeter, rules, policy, SQL export.

    parse("region == 'West' and tenure_days > 90", where="snapshot.perimeter")

It has `and` / `or` / `not`, comparisons (`=` or `==`, `!=` or `<>`, `<`, `<=`, `>`, `>=`),
`in (..)` or `in [..]`, `not in`, `+ - * /`, `is null`, `is not null`,
`starts_with(column, 'text')`, numbers, 'text' or "text" (a quote is doubled inside), `true`,
`false`, dates and times as ISO text ('2017-03-01', '2017-03-01 12:00'), bare column names and
`` `columns with spaces` ``. Nulls behave as in SQL: what can't be known is null, and `keep` drops
it. Text compares exactly, by code point. `/` is true division, also of integers; division by zero
is null. Nothing is evaluated as Python: the text is parsed, and anything else is refused.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw

from facette.errors import BadInput

if TYPE_CHECKING:
    from narwhals.dtypes import DType
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.expressions import Expr as Node

Schema = Mapping[str, "DType"]
Truth = tuple[nw.Expr, nw.Expr]  # (is true, is false), neither ever null

OFFERS = (
    "and, or, not, = != < <= > >=, in (..), + - * /, is null, starts_with(column, 'text'), "
    "numbers, 'text', true, false, 'ISO dates', column names, `column with spaces`"
)
KEYWORDS = ("==", "!=", "<>", "<=", ">=", "AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE")
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
ARITHMETIC: dict[str, Callable[[nw.Expr, nw.Expr], nw.Expr]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
}
LEAVES = {"column", "literal", "boolean"}
OPERATIONS = {"and", "or", "not", "in", "is", "startswith", "neg", *COMPARISONS, *ARITHMETIC}
INSTANTS = {"date", "time"}
DEEPEST = 100
KINDS: dict[type, str] = {
    nw.String: "text",
    nw.Categorical: "text",
    nw.Enum: "text",
    nw.Boolean: "boolean",
    nw.Date: "date",
    nw.Datetime: "time",
}
WORDS = {
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "time": "a date and time",
}
ISO = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `where` says in which setting it stands, for messages."""

    text: str
    where: str
    tree: Node = field(repr=False, compare=False)

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns it reads."""
        return frozenset(node.name for node in self.tree.walk() if node.key == "column")

    def check(self, columns: Iterable[str]) -> None:
        """Raise BadInput when it reads a column that is not among `columns`."""
        known = list(columns)
        unknown = sorted(self.columns.difference(known))
        if unknown:
            told = ", ".join(f"{name!r}{_nearest(name, known)}" for name in unknown)
            raise BadInput(f"{self.where}: no column {told}")

    def to_narwhals(self, schema: Schema) -> nw.Expr:
        """Its value for each row of a frame with this schema; null where it can't be known.

        The schema is what `collect_schema()` of a narwhals frame gives: column -> data type.
        Raises BadInput on an unknown column, or on an operation between kinds that don't mix.
        """
        self.check(schema)
        with _told_at(self.where):
            _kind(self.tree, schema)
            return _value(self.tree, schema)

    def condition(self, schema: Schema) -> nw.Expr:
        """True in the rows where it is true, false elsewhere, never null.

        Raises BadInput as `to_narwhals` does, and when it is no question of true or false.
        """
        self.check(schema)
        with _told_at(self.where):
            _expect("boolean", self.tree, schema)
            is_true, _ = _truth(self.tree, schema)
        if self.columns:
            return is_true
        some_column = nw.col(next(iter(schema))).is_null()
        return is_true & (some_column | ~some_column)  # `true` alone has no rows to be true in

    def plain(self, texts: Iterable[str]) -> list[Any]:
        """The expression as plain lists, the operation first, for a reader without a parser.

        `texts`: its columns that hold text; the others are numbers. Dates are not told this way.
        """
        return _plain(self.tree, frozenset(texts))

    def conjuncts(self) -> list[Expression]:
        """The conditions that all have to hold: the parts of a chain of `and`, in their order."""
        if self.tree.key != "and":
            return [self]
        return [parse(part, self.where) for part in _parted(self.text)]

    def sql(self, dialect: str = "duckdb") -> str:
        """The same expression as SQL text, for any dialect sqlglot knows.

        Integer columns are taken to be 64 bits wide, as in the contract tables.
        """
        tree = self.tree.copy()
        for node in reversed(list(tree.walk())):
            _make_portable(node)
        return tree.sql(dialect=dialect, identify=True)


def parse(text: str, where: str) -> Expression:
    """Read an expression; `where` names the setting it comes from.

    Raises BadInput on anything outside the language: other functions, subqueries, lambdas,
    attributes, several statements, names beginning with two underscores.
    """
    with _told_at(where):
        try:
            tree = _tree(text)
            _check_allowed(tree)
        except RecursionError:
            raise BadInput(f"{_short(text)} is nested too deeply") from None
    return Expression(text, where, tree)


def _parted(text: str) -> Iterator[str]:
    """The text between the `and`s that stand outside parentheses, as it is written."""
    depth = start = 0
    for token in _language().tokenize(text):
        kind = token.token_type.name
        depth += {"L_PAREN": 1, "L_BRACKET": 1, "R_PAREN": -1, "R_BRACKET": -1}.get(kind, 0)
        if kind == "AND" and depth == 0:
            yield text[start : token.start].strip()
            start = token.end + 1
    yield text[start:].strip()


def keep(frame: Any, text: str, where: str) -> Any:
    """The rows of a frame where the expression is true; null counts as not true.

    The frame may be native or narwhals, eager or lazy; the same type comes back. Raises BadInput
    as `parse` and `Expression.condition` do.
    """
    expression = parse(text, where)
    rows = nw.from_native(frame)
    kept = rows.filter(expression.condition(rows.collect_schema()))
    return kept if rows is frame else kept.to_native()


def _tree(text: str) -> Node:
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        tokens = _language().tokenize(text)
        if any(token.token_type.name == "SEMICOLON" for token in tokens):
            raise BadInput(f"one expression only, without ';': {_short(text)}")
        tree = _language().parser().parse_into(exp.Condition, tokens, text)[0]
    except TokenError:
        raise BadInput(f"a quote is not closed in {_short(text)}") from None
    except ParseError as error:
        near = error.errors[0]["highlight"] if error.errors else text
        told = f"cannot read {_short(text)!r} at {_short(near)!r}"
        raise BadInput(f"{told}; the language has {OFFERS}") from None
    if tree is None:
        raise BadInput("the expression is empty")
    return tree


@cache
def _language() -> Dialect:
    """Tokens of this language only, so that a column may be called `group`, `date` or `end`."""
    from sqlglot import exp, parser, tokens
    from sqlglot.dialects.dialect import Dialect

    class Language(Dialect):
        class Tokenizer(tokens.Tokenizer):
            QUOTES: ClassVar = ["'", '"']
            IDENTIFIERS: ClassVar = ["`"]
            COMMENTS: ClassVar = []
            KEYWORDS: ClassVar = {word: tokens.Tokenizer.KEYWORDS[word] for word in KEYWORDS}

        class Parser(parser.Parser):
            FUNCTIONS: ClassVar = {"STARTS_WITH": exp.StartsWith.from_arg_list}
            FUNCTION_PARSERS: ClassVar = {}
            NO_PAREN_FUNCTION_PARSERS: ClassVar = {}

    return Language()


def _check_allowed(node: Node, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise RecursionError
    if not _is_allowed(node):
        raise BadInput(f"{_show(node)} is not in the language, which has {OFFERS}")
    if node.key not in LEAVES:
        for part in _parts(node):
            _check_allowed(part, depth + 1)


def _is_allowed(node: Node) -> bool:
    match node.key:
        case "column":
            return "table" not in _given(node) and not node.name.startswith("__")
        case "literal":
            return node.is_string or _is_representable(node)
        case "in":
            return "expressions" in _given(node) and all(map(_is_constant, node.expressions))
        case "startswith":
            return bool(node.this.key == "column" and node.expression.is_string)
        case "is":
            return bool(node.expression.key == "null")
    return node.key in {*LEAVES, *OPERATIONS, "paren"}


def _given(node: Node) -> set[str]:
    return {name for name, value in node.args.items() if value}


def _is_constant(node: Node) -> bool:
    return (node.this if node.key == "neg" else node).key in {"literal", "boolean"}


def _is_representable(number: Node) -> bool:
    value = _number(number)
    return abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value)


def _number(literal: Node) -> int | float:
    text = literal.name
    return int(text) if text.isdigit() and len(text) < 20 else float(text)


def _parts(node: Node) -> list[Node]:
    """The operands of an operation, a chain of `and` or of `or` taken as one."""
    if node.key in {"and", "or"}:
        return list(node.flatten())
    if node.key == "is":
        return [node.this]
    return list(node.iter_expressions())


def _kind(node: Node, schema: Schema) -> str:
    """What a node gives: number, text, boolean, date, time, or the name of another type.

    Raises BadInput where an operation is given a kind it doesn't take.
    """
    node = node.unnest()
    if node.key == "column":
        return _kind_of(schema[node.name])
    if node.key == "literal":
        return "text" if node.is_string else "number"
    _check_operands(node, schema)
    return "number" if node.key == "neg" or node.key in ARITHMETIC else "boolean"


def _kind_of(dtype: DType) -> str:
    if dtype.is_numeric():
        return "number"
    return KINDS.get(type(dtype), str(dtype))


def _check_operands(node: Node, schema: Schema) -> None:
    if node.key in {"and", "or", "not"}:
        for part in _parts(node):
            _expect("boolean", part, schema)
    elif node.key in ARITHMETIC or node.key == "neg":
        for part in _parts(node):
            _expect("number", part, schema)
    elif node.key == "startswith":
        _expect("text", node.this, schema)
    elif node.key == "is":
        _kind(node.this, schema)
    elif node.key == "in":
        for item in node.expressions:
            _common_kind(node.this, item, schema)
    elif node.key in COMPARISONS:
        kind = _common_kind(node.this, node.expression, schema)
        if kind == "boolean" and node.key not in {"eq", "neq"}:
            raise BadInput(f"true and false have no order: {_show(node)}")


def _expect(kind: str, node: Node, schema: Schema) -> None:
    found = _kind(node, schema)
    if found != kind:
        raise BadInput(f"{_show(node)} is {_told(found)}, where {_told(kind)} is needed")


def _common_kind(left: Node, right: Node, schema: Schema) -> str:
    """The kind in which two nodes are compared; raises BadInput where there is none."""
    kind, other = _kind(left, schema), _kind(right, schema)
    if kind == other and kind in {*WORDS, "text"}:
        return kind
    if {kind, other} == {"date", "time"}:
        return "time"
    if kind in INSTANTS and _is_text(right):
        _instant(right.unnest(), kind)
        return kind
    if other in INSTANTS and _is_text(left):
        return _common_kind(right, left, schema)
    raise BadInput(f"{_show(left)} is {_told(kind)}, {_show(right)} is {_told(other)}")


def _is_text(node: Node) -> bool:
    return node.unnest().is_string


def _instant(literal: Node, kind: str) -> date:
    """An ISO text as a date or, for the kind `time`, as a date and time of the wall clock."""
    shape = ISO.fullmatch(literal.name)
    try:
        instant = datetime.fromisoformat(literal.name)
    except ValueError:
        shape = None
    if shape is None or (kind == "date" and shape["time"]):
        form = "'2017-03-01'" if kind == "date" else "'2017-03-01' or '2017-03-01 12:00'"
        raise BadInput(f"{_show(literal)} is compared with {_told(kind)}; write it as {form}")
    return instant.date() if kind == "date" else instant


def _value(node: Node, schema: Schema, kind: str | None = None) -> nw.Expr:
    """The value of a node in the kind it is compared in; null where unknown."""
    node = node.unnest()
    if node.key == "column":
        return _column(node.name, schema[node.name], kind)
    if node.key in {"literal", "boolean"}:
        return nw.lit(_constant(node, kind))
    if node.key == "neg":
        return 0 - _value(node.this, schema)
    if node.key in ARITHMETIC:
        left, right = _value(node.this, schema), _value(node.expression, schema)
        return ARITHMETIC[node.key](left, _divisor(right, left) if node.key == "div" else right)
    is_true, is_false = _truth(node, schema)
    return nw.when(is_true | is_false).then(is_true)


def _divisor(number: nw.Expr, of: nw.Expr) -> nw.Expr:
    """The divisor of another number, null where it is zero."""
    # Polars divides a column by a single number through its inverse, one bit off in one row of
    # eight; a divisor that depends on the row is divided by exactly.
    in_each_row = number + of.is_null().cast(nw.Int64)
    return nw.when(number != 0).then(in_each_row)


def _column(name: str, dtype: DType, kind: str | None) -> nw.Expr:
    """A column in the one type of its kind, so that small integers can't wrap around."""
    column = nw.col(name)
    if dtype.is_numeric():
        return column.cast(nw.Int64 if dtype.is_integer() else nw.Float64)
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        return column.cast(nw.String)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone:
        return column.dt.replace_time_zone(None)
    is_day = isinstance(dtype, nw.Date) and kind == "time"
    return column.cast(nw.Datetime("us")) if is_day else column


def _constant(node: Node, kind: str | None) -> Any:
    node = node.unnest()
    if node.key == "neg":
        return -_constant(node.this, kind)
    if node.key == "boolean":
        return node.this
    if not node.is_string:
        return _number(node)
    return _instant(node, kind) if kind in INSTANTS else node.name


def _truth(node: Node, schema: Schema) -> Truth:
    """Where a boolean node is true and where it is false.

    Two columns that are never null, as some engines take a comparison with null for false.
    """
    node = node.unnest()
    if node.key in {"and", "or"}:
        return _connected(node, schema)
    if node.key == "not":
        is_true, is_false = _truth(node.this, schema)
        return is_false, is_true
    if node.key == "is":
        is_null = _value(node.this, schema).is_null()
        return is_null, ~is_null
    if node.key in COMPARISONS:
        return _compared(node, schema)
    if node.key == "in":
        return _listed(node, schema)
    if node.key == "startswith":
        column = _value(node.this, schema)
        return _settled(column.str.starts_with(node.expression.name), column)
    value = _value(node, schema)
    return _settled(value, value)


def _connected(node: Node, schema: Schema) -> Truth:
    trues, falses = zip(*(_truth(part, schema) for part in _parts(node)), strict=True)
    every, some = (trues, falses) if node.key == "and" else (falses, trues)
    hold = nw.all_horizontal(*every, ignore_nulls=False)
    found = nw.any_horizontal(*some, ignore_nulls=False)
    return (hold, found) if node.key == "and" else (found, hold)


def _compared(node: Node, schema: Schema) -> Truth:
    kind = _common_kind(node.this, node.expression, schema)
    left, right = (_value(side, schema, kind) for side in (node.this, node.expression))
    return _settled(COMPARISONS[node.key](left, right), left, right)


def _listed(node: Node, schema: Schema) -> Truth:
    kind = _kind(node.this, schema)
    values = [_constant(item, kind) for item in node.expressions]
    operand = _value(node.this, schema, kind)
    if any(isinstance(value, float) for value in values):
        operand, values = operand.cast(nw.Float64), [float(value) for value in values]
    return _settled(operand.is_in(values), operand)


def _settled(holds: nw.Expr, *operands: nw.Expr) -> Truth:
    known = nw.all_horizontal(*(~operand.is_null() for operand in operands), ignore_nulls=False)
    is_true = known & holds
    return is_true, known & ~is_true


def _plain(node: Node, texts: frozenset[str]) -> list[Any]:
    """The node as a list; `packaged` readers know `null` and `starts` beside the names here."""
    node = node.unnest()
    match node.key:
        case "column":
            return ["text" if node.name in texts else "number", node.name]
        case "literal" | "boolean":
            return ["literal", _constant(node, None)]
        case "is":
            return ["null", _plain(node.this, texts)]
        case "in":
            return [
                "in",
                _plain(node.this, texts),
                [_constant(item, None) for item in node.expressions],
            ]
        case "startswith":
            return ["starts", _plain(node.this, texts), node.expression.name]
    return [node.key, *(_plain(part, texts) for part in _parts(node))]


def _make_portable(node: Node) -> None:
    """Say in the tree what SQL engines would otherwise each take in their own way."""
    from sqlglot import exp

    if node.key == "literal" and not node.is_string and isinstance(_number(node), float):
        # 0.1 is a decimal in some engines; with an exponent it is a double in all
        text = repr(_number(node))
        node.set("this", text if "e" in text else text + "e0")
    elif node.key == "div":
        node.set("expression", exp.func("NULLIF", node.expression, exp.Literal.number(0)))
    if _needs_parentheses(node):
        paren = exp.Paren()
        node.replace(paren)
        paren.set("this", node)


def _needs_parentheses(node: Node) -> bool:
    parent = node.parent
    if parent is None or node.key not in OPERATIONS or parent.key not in OPERATIONS:
        return False
    return node.key != parent.key or node.key not in {"and", "or"}


@contextmanager
def _told_at(where: str) -> Iterator[None]:
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _told(kind: str) -> str:
    return WORDS.get(kind, kind)


def _show(node: Node) -> str:
    from sqlglot.errors import ErrorLevel

    text = node.sql(
        dialect=_language(), normalize_functions=False, unsupported_level=ErrorLevel.IGNORE
    )
    return _short(text)


def _short(text: str, length: int = 80) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _nearest(name: str, known: list[str]) -> str:
    by_lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if near:
        return f" (did you mean {by_lower[near[0]]!r}?)"
    return f" (there are {', '.join(known[:20])}{', …' if len(known) > 20 else ''})"
