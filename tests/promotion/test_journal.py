"""The journal of an alias: what its params say, and what nobody can make them say."""

from datetime import UTC, datetime

from service.cli.told import MOST_CHARACTERS as OF_A_TEXT
from service.cli.told import origin_of
from service.promotion.journal import Entry, Journal
from service.registry.writer.once import MOST_CHARACTERS
from tests.promotion.writing import CREATED, Writing


def test_entry_is_read_as_it_was_written() -> None:
    """Also what a person has typed."""
    (found,) = Writing().begin("promote", "3", by='Ada "the first" ü').journal.entries
    assert (found.number, found.entry.before, found.entry.to) == (1, None, "3")
    assert found.entry.by == 'Ada "the first" ü'
    assert '"from":null' in found.entry.model_dump_json()


def test_entry_of_the_longest_texts_finds_room_in_a_param() -> None:
    """MLflow cuts what is longer without a word."""
    for text in ("x" * 5000, "\"\\'" * 5000, "\N{GRINNING FACE}\x1b" * 5000):
        told = origin_of({}, text, text, text)
        assert len(told.by) == OF_A_TEXT
        entry = Entry(
            id="0" * 32,
            kind="promote",
            before="9" * 18,
            to="9" * 18,
            created=CREATED,
            by=told.by,
            reason=told.reason,
            link=told.link,
            digest="0" * 64,
            unvalidated=told.reason,
            time=datetime.now(UTC),
            lease_seconds=600.0,
        )
        assert len(entry.model_dump_json()) <= MOST_CHARACTERS


def test_what_the_commands_have_not_written_is_passed_over() -> None:
    """Somebody may log any param; a number that it has taken stays taken."""
    params = {**Writing().promote("1").params, "000002": "{", "alpha": "1", "000003.done": "{}"}
    journal = Journal.of(params)
    assert [each.number for each in journal.entries] == [1]
    assert journal.last == 2


def test_end_that_cannot_be_read_is_none() -> None:
    """The move is open until somebody ends it, or goes on."""
    params = {**Writing().begin("promote", "1").params, "000001.done": "?"}
    assert Journal.of(params).open is not None


def test_open_is_only_the_newest() -> None:
    """Of those before, whoever went on has settled what became of them."""
    writing = Writing().promote("1").begin("promote", "2")
    assert writing.journal.open is not None
    assert writing.begin("promote", "3").end().journal.open is None


def test_alias_is_explained_by_the_last_move() -> None:
    """By either of its ends while it is open, or before where the registry has refused it."""
    done, begun = Writing().promote("1", "2"), Writing().promote("1").begin("promote", "2")
    refused = Writing().promote("1").begin("promote", "2").end(moved=False)
    assert [done.journal.explains(each) for each in ("1", "2", "3", None)] == [0, 1, 0, 0]
    assert [begun.journal.explains(each) for each in ("1", "2", "3", None)] == [1, 1, 0, 0]
    assert [refused.journal.explains(each) for each in ("1", "2", None)] == [1, 0, 0]
    assert Journal().explains(None)
    assert not Journal().explains("1")


def test_older_model_of_that_name_is_another_one() -> None:
    """Its numbers mean other versions; the journal's own go on."""
    writing = Writing().begin("promote", "7", created=1).end().at(None).promote("1")
    journal = writing.journal.since(CREATED)
    assert [each.entry.to for each in journal.entries] == ["1"]
    assert journal.last == 2


def test_move_that_was_never_finished_has_happened_if_the_next_one_found_it() -> None:
    """Nobody else has seen the alias there."""
    left = Writing().promote("1").begin("promote", "2")
    assert [each.entry.to for each in left.promote("3").journal.happened] == ["1", "3"]
    moved = Writing().promote("1").begin("promote", "2").at("2")
    assert [each.entry.to for each in moved.promote("3").journal.happened] == ["1", "2", "3"]
