"""The page's own modules, asked in the browser that runs them: no model, no click."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.consoles import OpenConsole
from tests.support.services import running_service

BOUNDS = [0.001, 0.01, 0.1]
WORDS = ["podium", "reload", "a b@c", "it's", '"$(id)`id`', "\\n", "-x", "*", "模型", "~"]


@pytest.fixture(scope="module")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenConsole]:
    """The page of a service whose registry does not answer."""
    home = tmp_path_factory.mktemp("modules")
    with running_service(["iris@champion"], "http://127.0.0.1:9", home) as service:
        page = OpenConsole(browser.new_page(), service.url)
        page.open()
        yield page
        page.page.close()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["event: a\ndata: 1\n\n"], [["a", 1]]),
        (["event: a\nda", 'ta: {"x":', " 2}\n", "\n"], [["a", {"x": 2}]]),
        ([": alive\n\n", "data: [1]\n\n"], [["message", [1]]]),
        (["event: a\r\ndata: 1\r", "\n\r\nevent: b\r\ndata: 2\r\n\r\n"], [["a", 1], ["b", 2]]),
        (["data: [1,\ndata: 2]\n\n"], [["message", [1, 2]]]),
        (["event: never\ndata: 1\n"], []),
        (["event: empty\n\ndata: 1\n\n"], [["message", 1]]),
    ],
)
def test_events_are_read_wherever_the_text_is_cut(
    console: OpenConsole, pieces: list[str], expected: list[object]
) -> None:
    """Pieces of a stream end anywhere."""
    read = (
        "(() => { const told = []; const p = new m.EventParser((...it) => told.push(it));"
        " x.forEach((each) => p.feed(each)); return told; })()"
    )
    assert console.module("stream.js", read, pieces) == expected


def test_pauses_before_coming_back_grow_and_are_bounded(console: OpenConsole) -> None:
    """Half a second at first, never more than fifteen, and not all pages at one moment."""
    numbers = "[1, 2, 3, 10, 99].map((n) => [m.pauseBefore(n, 0), m.pauseBefore(n, 1)])"
    pauses = console.module("stream.js", numbers)
    assert pauses == [[0.25, 0.5], [0.5, 1], [1, 2], [7.5, 15], [7.5, 15]]


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ([0, 0, 0, 0], 0.5, None),
        ([10, 0, 0, 0], 0.5, 0.0005),
        ([0, 10, 0, 0], 1, 0.01),
        ([5, 0, 5, 0], 0.75, 0.055),
        ([0, 0, 0, 3], 0.99, 0.1),
    ],
)
def test_quantile_lies_where_its_bucket_says(
    console: OpenConsole, buckets: list[int], share: float, expected: float | None
) -> None:
    """Of the open bucket nothing but its lower bound is known."""
    asked = {"buckets": buckets, "share": share, "bounds": BOUNDS}
    found = console.module("series.js", "m.quantile(x.buckets, x.share, x.bounds)", asked)
    assert found == pytest.approx(expected)


def test_series_are_added_up_and_forgotten_after_a_quarter_of_an_hour(
    console: OpenConsole,
) -> None:
    """A second that is told twice counts once; what is too old is dropped."""
    one = {"model": "m", "alias": "a", "arm": None, "version": "1"}
    stats = [
        {
            "at": at,
            "bounds": BOUNDS,
            "series": [{**one, "points": [[second, 2, 1, 1, [4, 0, 0, 0]]]}],
        }
        for at, second in ((1000, 1000), (1001, 1001), (1001, 1001), (1901, 1901))
    ]
    kept = (
        "(() => { m.clearStats(); x.forEach(m.addStats); const s = m.seriesWhere(() => true);"
        " return [s.length, [...s[0].points.keys()], m.requestsOf(m.totals(s))]; })()"
    )
    assert console.module("series.js", kept, stats) == [1, [1901], 4]
    console.module("series.js", "m.clearStats()")


def test_line_to_copy_means_the_same_words_to_a_shell(console: OpenConsole, tmp_path: Path) -> None:
    """Whatever stands in a name, it is one word, and nothing is run."""
    line = console.module("remedies.js", "m.commandLine(...x)", WORDS)
    script = f"printf '%s\\0' {line}"
    shown = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert shown.stdout.decode().split("\0")[:-1] == WORDS


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a\u202eb", "a\u2028b", "a\x00", "a\x9bb"])
def test_line_that_would_drive_a_terminal_is_not_offered(console: OpenConsole, name: str) -> None:
    """It would be run, or look like another one, when it is pasted."""
    assert console.module("remedies.js", "m.commandLine('podium', x)", name) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://mlflow.example.com/a", "https://mlflow.example.com/a"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://ann:secret@mlflow.example.com", None),
        ("sqlite:///mlflow.db", None),
        ("not an address", None),
    ],
)
def test_link_leads_to_the_web_alone(
    console: OpenConsole, address: str, expected: str | None
) -> None:
    """Not to a script, and not with a password."""
    assert console.module("links.js", "m.webAddress(x)", address) == expected


@pytest.mark.parametrize("ref", ["iris@champion", "a/b@c", "100%@x", "a#b@c", "模 型@x", "a@b@c"])
def test_slots_fragment_names_it_and_no_other(console: OpenConsole, ref: str) -> None:
    """There and back."""
    route = console.module("router.js", "m.routeOf(m.slotHash(x))", ref)
    assert route == {"view": "slot", "ref": ref}


@pytest.mark.parametrize("fragment", ["", "#", "#/", "#/nothing", "#/slot/", "#/slot/%E0%A4%A"])
def test_fragment_that_means_nothing_leads_to_the_slots(
    console: OpenConsole, fragment: str
) -> None:
    """An address that was cut off on its way still shows something."""
    assert console.module("router.js", "m.routeOf(x)", fragment) == {"view": "slots"}
