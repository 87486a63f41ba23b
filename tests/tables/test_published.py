"""A published file is kept only when it is whole and known; else one line says what to do."""

import io
import resource
import signal
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from web import Reply, Site, served

from facette.errors import BadInput
from facette.settings.data import Published
from facette.tables import published as module
from facette.tables.published import checked_figures, published_file, renamed

SHOP = b"customer,spend\na,1.5\nb,2.0\na,3.0\n"
PAGE = b"\n <!DOCTYPE html><html>Sign in to the network</html>"
Serve = Callable[[dict[str, Any]], Site]


def known(url: str = "http://127.0.0.1/shop.csv", **changed: Any) -> Published:
    """Where the shop's file is had, and its figures."""
    plain: dict[str, Any] = {
        "url": url, "file": "shop.csv", "rows": [3, 3], "distinct": {"customer": 2},
        "sums": {"spend": 6.5}, "tolerance": 1e-6,
    }  # fmt: skip
    return Published(**(plain | changed))


def archive(members: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return kept.getvalue()


def fetch(published: Published) -> Path:
    return published_file(published, "shop", pl.scan_csv)


def refusal(published: Published) -> str:
    """The one line told when nothing can be kept; nothing is."""
    with pytest.raises(BadInput) as error:
        fetch(published)
    assert left() == []
    message = str(error.value)
    assert len(message.splitlines()) == 1
    unpacking = ", unpack shop.csv" if published.member else ""
    assert f"download it yourself{unpacking} and set data.path=…/shop.csv" in message
    return message


def left() -> list[str]:
    return sorted(str(path.relative_to(".")) for path in Path("data/raw/shop").glob("**/*"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    replies: dict[str, Any] = {}
    with served(replies) as site:

        def serving(given: dict[str, Any]) -> Site:
            replies.update(given)
            return site

        yield serving


def test_a_file_with_the_known_figures_is_kept_as_it_came(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP)})
    path = fetch(known(site.url("shop.csv")))
    assert path == Path("data/raw/shop/shop.csv")
    assert path.read_bytes() == SHOP
    assert left() == [str(path)]


def test_a_file_that_was_kept_is_not_downloaded_again(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP)})
    first, second = (fetch(known(site.url("shop.csv"))) for _ in range(2))
    assert first == second
    assert len(site.asked) == 1


def test_the_server_is_told_who_asks(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP)})
    fetch(known(site.url("shop.csv")))
    assert site.asked[0][1]["User-Agent"].startswith("facette/")


def test_a_file_of_unannounced_length_is_kept(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP, announced=-1)})
    assert fetch(known(site.url("shop.csv"))).read_bytes() == SHOP


def test_a_redirect_is_followed(serve: Serve) -> None:
    moved = Reply(status=302, headers={"Location": "/new/shop.csv"})
    site = serve({"shop.csv": moved, "new/shop.csv": Reply(SHOP)})
    assert fetch(known(site.url("shop.csv"))).read_bytes() == SHOP


@pytest.mark.parametrize(
    ("where", "told"),
    [("ftp://127.0.0.1/a.csv", "unknown url type"), ("file:///etc/hostname", "is not allowed")],
)
def test_a_redirect_to_anything_but_a_web_address_is_not_followed(
    serve: Serve, where: str, told: str
) -> None:
    site = serve({"shop.csv": Reply(status=302, headers={"Location": where})})
    assert told in refusal(known(site.url("shop.csv")))


def test_a_redirect_in_circles_is_refused(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(status=302, headers={"Location": "/shop.csv"})})
    assert "HTTP status 302" in refusal(known(site.url("shop.csv")))


def test_the_proxy_of_the_environment_is_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://publisher.invalid/shop.csv"
    site = serve({url: Reply(SHOP)})
    monkeypatch.setenv("http_proxy", site.address)
    monkeypatch.setenv("no_proxy", "")
    assert fetch(known(url)).read_bytes() == SHOP


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_http_status_is_told_and_not_asked_for_again(serve: Serve, status: int) -> None:
    site = serve({"shop.csv": Reply(b"sorry", status=status)})
    url = site.url("shop.csv")
    message = refusal(known(url))
    assert message.startswith(f"{url} cannot be downloaded: HTTP status {status} ")
    assert len(site.asked) == 1


def test_a_web_page_in_place_of_the_file_is_refused(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(PAGE), "shop.zip": Reply(PAGE)})
    for published in (known(site.url("shop.csv")), known(site.url("shop.zip"), member="shop.csv")):
        assert "gave a web page in place of shop.csv; nothing was kept" in refusal(published)


def test_an_empty_file_is_refused(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(b"")})
    assert "gave an empty file" in refusal(known(site.url("shop.csv")))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (SHOP + b"b,0\n", "gave 4 rows where 3 are known; nothing"),
        (SHOP.replace(b"b,", b"c,").replace(b"a,3", b"b,3"), "gave 3 different customer where 2"),
        (SHOP.replace(b"2.0", b"2.5"), "gave 7 as the sum of spend where 6.5 is known"),
        (SHOP.replace(b"spend", b"spent"), "gave no column spend where one is known; did you mean"),
    ],
)
def test_other_content_than_is_known_is_refused(serve: Serve, content: bytes, told: str) -> None:
    site = serve({"shop.csv": Reply(content)})
    assert told in refusal(known(site.url("shop.csv")))


def test_a_file_of_another_kind_is_refused(serve: Serve) -> None:
    published = known(serve({"shop.csv": Reply(SHOP)}).url("shop.csv"))
    with pytest.raises(BadInput, match=r"^[^\n]* gave a file that cannot be read: [^\n]*$"):
        published_file(published, "shop", pl.scan_parquet)
    assert left() == []


def test_a_reader_that_gives_up_in_many_lines_is_told_in_one(serve: Serve) -> None:
    def opened(path: Path) -> pl.LazyFrame:
        raise BadInput("reading it\nneeds a part that is not installed")

    published = known(serve({"shop.csv": Reply(SHOP)}).url("shop.csv"))
    with pytest.raises(BadInput, match=r"^[^\n]*cannot be read: reading it; [^\n]*$"):
        published_file(published, "shop", opened)
    assert left() == []


def test_a_file_with_the_headings_of_another_edition_is_kept(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP.replace(b"customer", b"CustomerID"))})
    published = known(site.url("shop.csv"), also_called={"customer": ["Customer", "CustomerID"]})
    assert fetch(published).is_file()


def test_a_cut_transfer_is_tried_again_then_refused_with_the_bytes_that_came(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(SHOP, announced=1000)})
    message = refusal(known(site.url("shop.csv")))
    assert f"only {len(SHOP)} of 1,000 bytes came (tried 3 times)" in message
    assert len(site.asked) == 3


def test_a_cut_transfer_that_comes_whole_the_next_time_is_kept_whole(serve: Serve) -> None:
    longer = SHOP + b"c,9\n" * 100
    cut, silent, whole = Reply(longer, announced=9999), Reply(status=0), Reply(SHOP)
    site = serve({"shop.csv": [cut, silent, whole]})
    assert fetch(known(site.url("shop.csv"))).read_bytes() == SHOP
    assert len(site.asked) == 3


def test_a_chunked_transfer_that_is_cut_is_refused(serve: Serve) -> None:
    chunked = {"Transfer-Encoding": "chunked", "Connection": "close"}
    body = b"%x\r\n%b\r\n" % (len(SHOP), SHOP)
    site = serve({"shop.csv": Reply(body, headers=chunked, announced=-1)})
    assert "the connection failed" in refusal(known(site.url("shop.csv")))


def test_a_server_that_hangs_up_is_told(serve: Serve) -> None:
    site = serve({"shop.csv": Reply(status=0)})
    assert "(tried 3 times)" in refusal(known(site.url("shop.csv")))
    assert len(site.asked) == 3


def test_no_connection_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        message = refusal(known(f"http://127.0.0.1:{closed.getsockname()[1]}/shop.csv"))
    assert "cannot be downloaded: no connection: Connection refused" in message


@pytest.mark.parametrize("when", ["before", "halfway"])
def test_a_silent_server_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(module, "TRIES", 2)
    site = serve({})
    serve({"shop.csv": Reply(SHOP, **{when: site.hold})})  # type: ignore[arg-type]
    assert "no sign of the server within 0.1 s (tried 2 times)" in refusal(
        known(site.url("shop.csv"))
    )


def test_a_download_without_end_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.0)
    assert "took longer than 0 s" in refusal(known(serve({"a": Reply(SHOP)}).url("a")))


@pytest.mark.parametrize("announced", [None, -1])
def test_a_file_beyond_the_size_limit_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, announced: int | None
) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", len(SHOP) - 1)
    site = serve({"shop.csv": Reply(SHOP, announced=announced)})
    assert f"more than {len(SHOP) - 1} bytes" in refusal(known(site.url("shop.csv")))


def test_a_file_announced_beyond_the_size_limit_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 1000)
    site = serve({})
    serve({"shop.csv": Reply(SHOP, announced=1001, halfway=site.hold)})
    assert "more than 1,000 bytes" in refusal(known(site.url("shop.csv")))


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/a", "shop.csv", ""])
def test_only_web_addresses_are_asked(url: str) -> None:
    assert "is no http or https address" in refusal(known(url))


@pytest.mark.parametrize("url", ["http://[127/shop.csv", "http://", "http://host:port/a"])
def test_an_address_that_cannot_be_asked_is_refused(url: str) -> None:
    assert "cannot be downloaded" in refusal(known(url)) or "can be asked" in refusal(known(url))


def test_an_interrupted_download_leaves_nothing(serve: Serve) -> None:
    main = threading.main_thread().ident
    assert main is not None
    site = serve({})

    def interrupt() -> None:
        site.closing.wait(0.2)  # by now the main thread waits for the other half
        signal.pthread_kill(main, signal.SIGINT)
        site.hold()

    serve({"shop.csv": Reply(SHOP, halfway=interrupt)})
    with pytest.raises(KeyboardInterrupt):
        fetch(known(site.url("shop.csv")))
    assert left() == []


def test_the_member_of_a_zip_is_kept_alone(serve: Serve) -> None:
    site = serve({"a.zip": Reply(archive({"notes.txt": b"n", "in/shop.csv": SHOP}))})
    path = fetch(known(site.url("a.zip"), member="in/shop.csv"))
    assert path.read_bytes() == SHOP
    assert left() == [str(path)]


def test_the_member_of_a_zip_in_a_zip_is_kept_alone(serve: Serve) -> None:
    inner = archive({"in/shop.csv": SHOP, "in/other.csv": b"x"})
    site = serve({"a.zip": Reply(archive({"readme": b"r", "deep/inner.zip": inner}))})
    path = fetch(known(site.url("a.zip"), member="deep/inner.zip!in/shop.csv"))
    assert path.read_bytes() == SHOP
    assert left() == [str(path)]


def test_a_member_with_a_path_outside_is_written_nowhere_else(serve: Serve, tmp_path: Path) -> None:
    site = serve({"a.zip": Reply(archive({"../../../../shop.csv": SHOP}))})
    path = fetch(known(site.url("a.zip"), member="../../../../shop.csv"))
    outside = [tmp_path.parent / "shop.csv", *tmp_path.glob("**/shop.csv")]
    assert [found for found in outside if found.exists()] == [path.resolve()]


@pytest.mark.parametrize("member", ["shop.csv", "inner.zip!shop.csv"])
def test_a_member_that_is_missing_is_told_with_those_there_are(serve: Serve, member: str) -> None:
    content = archive({"old.csv": SHOP, "inner.zip": archive({"old.csv": SHOP})})
    message = refusal(known(serve({"a.zip": Reply(content)}).url("a.zip"), member=member))
    assert "gave a zip without shop.csv: it holds old.csv" in message


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(b ^ 255 for b in content[middle : middle + 9]) + content[-99:]


@pytest.mark.parametrize(
    "content",
    [
        SHOP,
        archive({"shop.csv": SHOP})[:-30],
        damaged(archive({"shop.csv": bytes(range(256))})),
        archive({"shop.csv": SHOP}).replace(b"\x00\x08\x00", b"\x00\x63\x00"),
        archive({"shop.csv": SHOP}).replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"),
    ],
    ids=["no zip", "cut", "damaged", "unknown compression", "encrypted"],
)
def test_an_unsound_zip_is_refused(serve: Serve, content: bytes) -> None:
    site = serve({"a.zip": Reply(content)})
    message = refusal(known(site.url("a.zip"), member="shop.csv"))
    assert "gave no sound zip with shop.csv" in message


def test_whichever_byte_of_a_zip_is_wrong_nothing_but_the_known_file_is_kept(serve: Serve) -> None:
    sound, refusals = archive({"shop.csv": SHOP}), []
    published = known(serve({}).url("a.zip"), member="shop.csv")
    for place in range(len(sound)):
        serve({"a.zip": Reply(sound[:place] + bytes([sound[place] ^ 255]) + sound[place + 1 :])})
        try:
            path = fetch(published)
        except BadInput as error:
            refusals.append(str(error))
        else:
            assert path.read_bytes() == SHOP
            path.unlink()
        assert left() == []
    assert len(refusals) > len(SHOP)
    assert [told for told in refusals if not told.startswith(published.url)] == []


def test_a_member_that_unpacks_beyond_the_size_limit_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 100_000)
    site = serve({"a.zip": Reply(archive({"shop.csv": b"0" * 100_001}))})
    message = refusal(known(site.url("a.zip"), member="shop.csv"))
    assert "gave shop.csv with more than 100,000 bytes" in message


def test_a_folder_that_cannot_be_written_is_told_in_one_line(serve: Serve) -> None:
    Path("data").write_text("a file where a folder should be")
    site = serve({"shop.csv": Reply(SHOP)})
    message = refusal(known(site.url("shop.csv")))
    assert message.startswith("data/raw/shop/shop.csv cannot be written: Not a directory; ")
    assert site.asked == []


@pytest.mark.parametrize("member", [None, "shop.csv"])
def test_a_disk_that_takes_no_more_is_told_and_nothing_is_left(
    serve: Serve, member: str | None
) -> None:
    long = SHOP + b"d,0\n" * 200_000
    site = serve({"shop": Reply(archive({"shop.csv": long}) if member else long)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(BadInput) as error:
            fetch(known(site.url("shop"), member=member))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value).startswith("data/raw/shop/shop.csv cannot be written: File too large; ")
    assert left() == []
    assert len(site.asked) == 1


def shop(**columns: Any) -> pl.DataFrame:
    plain = {"customer": ["a", "b", "a"], "spend": [1.5, 2.0, 3.0]}
    return pl.DataFrame(plain | columns)


@pytest.mark.parametrize("frame", [shop(), shop().lazy()])
def test_figures_that_agree_are_told_in_one_sentence(frame: pl.DataFrame | pl.LazyFrame) -> None:
    assert checked_figures(frame, known(), "shop.csv") == [
        "shop.csv: as published: 3 rows, 2 different customer, 6.5 as the sum of spend"
    ]


def test_each_figure_that_differs_is_a_sentence() -> None:
    frame = shop(customer=["a", None, "a"], spend=[1.5, 2.0, 1234.25])
    assert checked_figures(frame, known(rows=[4, 5]), "data.path") == [
        "data.path: 3 rows where 4 to 5 are known",
        "data.path: 1 different customer where 2 are known",
        "data.path: 1,237.75 as the sum of spend where 6.5 is known",
    ]


def test_a_column_that_is_missing_is_told_once() -> None:
    published = known(distinct={"spend": 3})
    assert checked_figures(shop().drop("spend"), published, "it") == [
        "it: no column spend where one is known"
    ]


@pytest.mark.parametrize(
    ("rows", "agrees"), [([3, 3], True), ([2, 3], True), ([3, 4], True), ([4, 9], False)]
)
def test_rows_lie_between_the_least_and_the_most(rows: list[int], agrees: bool) -> None:
    assert ("as published" in checked_figures(shop(), known(rows=rows), "it")[0]) == agrees


@pytest.mark.parametrize(
    ("known_sum", "agrees"), [(6.5, True), (6.56, True), (6.44, True), (6.6, False), (-6.5, False)]
)
def test_sums_agree_within_a_share_of_the_known_one(known_sum: float, agrees: bool) -> None:
    published = known(sums={"spend": known_sum}, tolerance=0.01)
    assert ("as published" in checked_figures(shop(), published, "it")[0]) == agrees


def test_a_sum_below_nought_agrees_with_itself() -> None:
    frame = shop(spend=[-1.5, -2.0, -3.0])
    assert "as published" in checked_figures(frame, known(sums={"spend": -6.5}), "it")[0]


def test_numbers_read_as_text_are_summed_and_blanks_are_none() -> None:
    frame = shop(spend=["3.5", " ", "3"])
    assert "as published" in checked_figures(frame, known(), "it")[0]


def test_a_sum_that_is_no_number_differs() -> None:
    frame = shop(spend=[1.5, float("nan"), 3.0])
    assert checked_figures(frame, known(), "it") == [
        "it: nan as the sum of spend where 6.5 is known"
    ]


def test_headings_of_other_editions_become_those_of_the_configuration() -> None:
    published = known(also_called={"customer": ["Client", "CustomerID"], "spend": ["Amount"]})
    frame = shop().rename({"customer": "CustomerID", "spend": "Amount"}).lazy()
    assert renamed(frame, published).collect().equals(shop())


def test_a_heading_that_is_there_is_left_with_its_like() -> None:
    both = shop(CustomerID=[1, 2, 3])
    published = known(also_called={"customer": ["CustomerID"]})
    assert renamed(both.lazy(), published).collect().equals(both)


def test_the_first_of_several_other_headings_is_taken() -> None:
    frame = shop(Client=["x", "y", "z"]).rename({"customer": "Buyer"}).lazy()
    names = renamed(frame, known(also_called={"customer": ["Buyer", "Client"]})).collect().columns
    assert names == ["customer", "spend", "Client"]


def test_what_was_written_is_renamed_with_its_heading() -> None:
    frame = pl.LazyFrame({"CustomerID": [7], "as written: CustomerID": ["007"]})
    published = known(also_called={"customer": ["CustomerID"]})
    assert renamed(frame, published).collect().columns == ["customer", "as written: customer"]
