"""Who is told, in which message, and what becomes of the message."""

from __future__ import annotations

from datetime import timedelta

from tests.integration.alerts.conftest import MONDAY, Firm

from ros_sync import clock

DAY = timedelta(days=1)
DIGEST = "notify: [{{to: owner, mode: digest}}]"
DIRECT = "notify: [{{to: owner, mode: direct}}]"


def rules(firm: Firm, notify: str) -> None:
    firm.rules(more=notify.replace("{{", "{").replace("}}", "}"))


def test_a_digest_holds_all_of_one_persons_records(firm: Firm) -> None:
    """Two deals of Ann's in one message, one of Bob's in another."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.deal("2")
    firm.deal("3", owner_id="b")
    firm.tick()
    assert [("ann@example.com", ["Deal 1", "Deal 2"]), ("bob@example.com", ["Deal 3"])] == firm.told()


def test_a_digest_says_how_many_and_the_message_without_its_heading(firm: Firm) -> None:
    """The name and the amount stand once, in the heading."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    ((_, document),) = firm.messages()
    item = document.items[0]
    assert ("1 deal needs attention", "Deal 1", "EUR 1,000", "no next step") == (
        document.title, item.heading, item.lead, item.reasons[0].text,
    )  # fmt: skip


def test_nobody_gets_a_second_digest_on_one_day(firm: Firm) -> None:
    """What comes after a delivered digest waits for the next morning, in the reader's zone."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    firm.delivered()
    firm.deal("2")
    firm.tick(MONDAY + timedelta(hours=2))
    same_day = firm.told()
    waits = firm.rows("SELECT record_id, next_notification_at FROM alert WHERE next_notification_at IS NOT NULL")
    assert [("2", clock.to_micros(MONDAY + DAY - timedelta(hours=1)))] == waits
    firm.tick(MONDAY + DAY - timedelta(hours=1, seconds=1))
    early = firm.told()
    firm.tick(MONDAY + DAY - timedelta(hours=1))
    assert 1 == len(same_day) == len(early)
    assert ("ann@example.com", ["Deal 2"]) == firm.told()[1]


def test_a_digest_that_has_not_gone_out_takes_up_what_comes(firm: Firm) -> None:
    """As long as it waits in the outbox, it is one message that grows."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    firm.deal("2")
    firm.tick(MONDAY + timedelta(hours=2))
    assert [("ann@example.com", ["Deal 1", "Deal 2"])] == firm.told()


def test_a_mended_record_is_marked_done_in_the_message_that_told_of_it(firm: Firm) -> None:
    """The same message, a new revision; the last one done turns it into a tick."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.deal("2")
    firm.tick()
    firm.delivered()
    firm.deal("1", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + DAY)
    ((_, half),) = firm.messages()
    firm.deal("2", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + DAY)
    ((_, whole),) = firm.messages()
    assert ([("Deal 2", False), ("Deal 1", True)], True) == ([(i.heading, i.done) for i in half.items], whole.done)
    assert [(3, "waiting")] == firm.rows("SELECT revision, state FROM outbox_message")


def test_what_was_mended_before_anybody_saw_it_is_not_sent(firm: Firm) -> None:
    """The message is taken back from the outbox, and comes again if the alert does."""
    rules(firm, DIRECT)
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + DAY)
    assert [("withdrawn",)] == firm.rows("SELECT state FROM outbox_message")


def test_what_a_rule_finds_at_once_is_one_direct_message(firm: Firm) -> None:
    """Nine leads in one minute are one message, and what is found the next day is another."""
    rules(firm, DIRECT)
    firm.deal("1")
    firm.deal("2")
    firm.tick()
    firm.deal("3")
    firm.tick(MONDAY + DAY)
    assert [("ann@example.com", ["Deal 1", "Deal 2"]), ("ann@example.com", ["Deal 3"])] == firm.told()
    assert "No next step: 2 deals" == firm.messages()[0][1].title


def test_what_else_is_found_on_a_record_joins_the_message_about_it(firm: Firm) -> None:
    """A second rule fires on a deal that Ann was told of, and on one that she was not.

    One message is edited, one is new.
    """
    rules(firm, DIRECT)
    firm.deal("1")
    firm.tick()
    firm.delivered()
    path = firm.folder / "rules.yaml"
    path.write_text(
        path.read_text()
        + """
  - id: no-competitor
    title: No competitor
    applies_to: deal
    notify: [{to: owner, mode: direct}]
    when: [is_open, competitor is missing, name is not "Deal 3"]
    message: "{name}: no competitor"
"""
    )
    firm.deal("2", next_step="demo")
    firm.tick(MONDAY + DAY)
    assert [("ann@example.com", ["Deal 1"]), ("ann@example.com", ["Deal 2"])] == firm.told()
    assert [2, 1] == [len(document.items[0].reasons) for _, document in firm.messages()]


def test_nobody_is_told_of_one_alert_twice(firm: Firm) -> None:
    """Who stands in for the owner and is the manager too hears of it once, and the notice says that they know."""
    rules(firm, "notify: [{{to: owner}}, {{to: manager, mode: digest}}, {{to: meg@example.com, after: 1 day}}]")
    firm.deal("1")
    firm.tick()
    firm.tick(MONDAY + 2 * DAY)
    assert ["ann@example.com", "meg@example.com"] == sorted(recipient for recipient, _ in firm.messages())
    ((reason,),) = firm.rows("SELECT reason FROM alert_notification WHERE message_key IS NULL")
    assert reason.endswith("already notified")


def test_a_new_owner_is_told_and_the_old_one_let_off(firm: Firm) -> None:
    """The deal goes from Ann to Bob: Bob hears of it, and in Ann's message it is done, with his name."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.deal("2")
    firm.tick()
    firm.delivered()
    firm.deal("1", MONDAY + DAY, owner_id="b")
    firm.tick(MONDAY + DAY)
    (_, anns), (bob, bobs) = firm.messages()
    assert [("Deal 2", False), ("Deal 1", True)] == [(item.heading, item.done) for item in anns.items]
    assert ("no next step (now with Bob Seller)", "1 deal needs attention") == (
        anns.items[1].reasons[0].text,
        anns.title,
    )
    assert ("bob@example.com", ["Deal 1"]) == (bob, [item.heading for item in bobs.items])


def test_a_former_owner_who_was_never_told_is_told_of_no_end(firm: Firm) -> None:
    """The deal goes to Bob before Ann's message went out, and he mends it: nothing is left to be said to Ann."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + timedelta(hours=1), owner_id="b")
    firm.tick(MONDAY + timedelta(hours=1))
    firm.deal("1", MONDAY + timedelta(hours=2), owner_id="b", next_step="call")
    firm.tick(MONDAY + timedelta(hours=2))
    assert [("ann@example.com", "withdrawn"), ("bob@example.com", "withdrawn")] == firm.rows(
        "SELECT recipient, state FROM outbox_message ORDER BY recipient"
    )


def test_a_route_added_later_reaches_what_is_open(firm: Firm) -> None:
    """The manager is added to the rule: she hears of the alert that Ann knew of already, and Ann not again."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    firm.delivered()
    rules(firm, "notify: [{{to: owner, mode: digest}}, {{to: manager}}]")
    firm.tick(MONDAY + timedelta(hours=1))
    firm.tick(MONDAY + timedelta(hours=2))
    assert ["ann@example.com", "meg@example.com"] == sorted(recipient for recipient, _ in firm.messages())


def test_an_alert_with_nobody_to_be_told_is_kept_with_its_reason(firm: Firm) -> None:
    """Without a fallback it is written down that nobody is told, and why; with one, it is told at the next tick."""
    path = firm.folder / "organisation.yaml"
    with_fallback = path.read_text()
    path.write_text(with_fallback.replace(", fallback: revops@example.com", ""))
    firm.deal("1", owner_id=None)
    first, second = firm.tick(), firm.tick(MONDAY + timedelta(minutes=5))
    kept = firm.rows("SELECT recipient, reason FROM alert_notification")
    path.write_text(with_fallback)
    firm.tick(MONDAY + timedelta(minutes=10))
    assert (1, 1) == (first.notifications.nobody, second.notifications.nobody)
    assert [("", "the record has no owner; set company.fallback in organisation.yaml")] == kept
    assert ["revops@example.com"] == [recipient for recipient, _ in firm.messages()]
    assert [(1,)] == firm.rows("SELECT count(*) FROM alert_notification")


def test_one_alert_that_somebody_is_told_of_at_last_leaves_the_others(firm: Firm) -> None:
    """What is written of alerts that nobody can be told of stands for each of them by itself."""
    path = firm.folder / "organisation.yaml"
    path.write_text(path.read_text().replace(", fallback: revops@example.com", ""))
    for each in ("1", "2"):
        firm.deal(each, owner_id=None)
    firm.tick()
    firm.deal("1", MONDAY + timedelta(minutes=5), owner_id="a")
    firm.tick(MONDAY + timedelta(minutes=5))
    query = "SELECT record_id, recipient FROM alert JOIN alert_notification ON alert_id = alert.id ORDER BY record_id"
    assert [("1", "ann@example.com"), ("2", "")] == firm.rows(query)


def test_the_nights_findings_wait_for_the_morning(firm: Firm) -> None:
    """After Monday's digest, what turns up at five past midnight is told at eight, with what turned up by then."""
    rules(firm, DIGEST)
    firm.deal("1")
    firm.tick()
    firm.delivered()
    firm.deal("2", MONDAY + timedelta(hours=15))
    at_night = firm.tick(MONDAY + timedelta(hours=15, minutes=5))
    firm.deal("3", MONDAY + timedelta(hours=22))
    firm.tick(MONDAY + timedelta(hours=22))
    firm.tick(MONDAY + timedelta(hours=23))
    assert 1 == at_night.notifications.later
    assert [("ann@example.com", ["Deal 1"]), ("ann@example.com", ["Deal 2", "Deal 3"])] == firm.told()


def test_the_manager_is_told_when_it_has_lasted(firm: Firm) -> None:
    """After two days, with the owner's name beside the deal."""
    rules(firm, "notify: [{{to: owner}}, {{to: manager, mode: digest, after: 2 days}}]")
    firm.deal("1")
    firm.tick()
    before = firm.told()
    firm.tick(MONDAY + 2 * DAY)
    recipient, document = firm.messages()[-1]
    assert 1 == len(before)
    assert ("meg@example.com", "1 deal in your team needs attention") == (recipient, document.title)
    assert (("Owner", "Ann Seller"),) == document.items[0].facts


def test_a_later_reader_is_told_what_is_true_then(firm: Firm) -> None:
    """An age in the message is the age on the day when it is told, and the first reader's stays as it was."""
    rules(firm, "notify: [{{to: owner}}, {{to: manager, after: 2 days}}]")
    rule = (firm.folder / "rules.yaml").read_text()
    (firm.folder / "rules.yaml").write_text(rule.replace(": no next step", ": created {created:age} ago"))
    firm.deal("1", created_at=clock.to_micros(MONDAY - DAY))
    firm.tick()
    firm.tick(MONDAY + 2 * DAY)
    assert ["created 24 hours ago", "created 3 days ago"] == [
        document.items[0].reasons[0].text for _, document in firm.messages()
    ]


def test_the_manager_is_not_told_of_what_was_mended_in_time(firm: Firm) -> None:
    """Mended on the first day: the manager never hears of it."""
    rules(firm, "notify: [{{to: owner}}, {{to: manager, after: 2 days}}]")
    firm.deal("1")
    firm.tick()
    firm.deal("1", MONDAY + DAY, next_step="demo")
    firm.tick(MONDAY + DAY)
    firm.tick(MONDAY + 3 * DAY)
    assert ["ann@example.com"] == [recipient for recipient, _ in firm.messages()]


def test_a_record_that_nobody_owns_goes_to_the_fallback(firm: Firm) -> None:
    """RevOps is told, and the notice says why."""
    firm.deal("1", owner_id=None, owner_named="Who Knows")
    firm.tick()
    assert ["revops@example.com"] == [recipient for recipient, _ in firm.messages()]
    ((reason,),) = firm.rows("SELECT reason FROM alert_notification")
    assert "Who Knows" in reason


def test_a_hostile_name_is_carried_as_plain_text(firm: Firm) -> None:
    """The document holds the name to the letter; making it harmless is the renderer's work."""
    firm.deal("1", name="<!channel> *free* <http://x|y>")
    firm.tick()
    ((_, document),) = firm.messages()
    assert "<!channel> *free* <http://x|y>" == document.items[0].heading
