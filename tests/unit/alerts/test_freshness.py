from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ros_sync.alerts.freshness import SourceStanding, span

NOON = datetime(2026, 3, 2, 12, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds,stale", [(0, False), (899, False), (900, False), (901, True)])
def test_a_source_is_stale_after_so_many_seconds(seconds: int, stale: bool) -> None:
    """What was read completely 900 seconds ago is fresh, a second later it is stale."""
    standing = SourceStanding("hubspot", NOON - timedelta(seconds=seconds))
    assert stale == standing.is_stale(NOON, 900)


def test_a_source_whose_back_fill_has_not_ended_is_stale() -> None:
    """Half a mirror says nothing."""
    assert SourceStanding("hubspot", None).is_stale(NOON, 2_592_000)


def test_a_source_that_was_read_after_the_moment_is_fresh() -> None:
    """A tick at a moment of the past finds the source read completely since."""
    assert not SourceStanding("hubspot", NOON + timedelta(days=1)).is_stale(NOON, 60)


@pytest.mark.parametrize(
    "standing,words",
    [
        (
            SourceStanding("hubspot", NOON - timedelta(hours=3), trouble="HubSpot answers 503"),
            "hubspot was last fully read 3 h ago (09:12 UTC): HubSpot answers 503",
        ),
        (
            SourceStanding("hubspot", NOON - timedelta(days=2)),
            "hubspot was last fully read 2 days ago (2026-02-28 12:12 UTC)",
        ),
        (
            SourceStanding(
                "hubspot", NOON - timedelta(hours=1), NOON + timedelta(hours=5), "the day's calls are used up"
            ),
            (
                "hubspot was last fully read 1 h ago (11:12 UTC): the day's calls are used up; resumes "
                "automatically at 17:12 UTC"
            ),
        ),
        (SourceStanding("hubspot", None), "hubspot hasn't been fully read yet"),
        (
            SourceStanding("hubspot", None, trouble="the token is refused"),
            "hubspot hasn't been fully read yet: the token is refused",
        ),
    ],
)
def test_a_person_is_told_since_when_and_why(standing: SourceStanding, words: str) -> None:
    """The words say how long ago it was last read completely, when that was, and what keeps it from being read."""
    assert words == standing.words(NOON)


def test_what_anybody_may_read_leaves_the_trouble_out() -> None:
    """The words for a public page hold nothing that the CRM said."""
    standing = SourceStanding("hubspot", NOON - timedelta(hours=3), trouble="contact Zelda is refused")
    assert "hubspot was last fully read 3 h ago (09:12 UTC)" == standing.reading(NOON)


@pytest.mark.parametrize(
    "seconds,words", [(59, "less than 1 min"), (60, "1 min"), (3_599, "59 min"), (86_400, "1 day"), (180_000, "2 days")]
)
def test_a_span_is_told_in_its_largest_unit(seconds: int, words: str) -> None:
    """Seconds, minutes, hours, days."""
    assert words == span(timedelta(seconds=seconds))


@pytest.mark.parametrize("ahead, waits", [(-1, False), (0, False), (1, True)])
def test_a_source_goes_on_at_the_moment_until_which_it_was_parked(ahead: int, waits: bool) -> None:
    """From that very moment on nobody is told that it waits."""
    standing = SourceStanding("hubspot", NOON, NOON + timedelta(microseconds=ahead))
    assert waits == ("resumes automatically" in standing.words(NOON))
