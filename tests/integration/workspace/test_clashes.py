from __future__ import annotations

import pytest
from tests.integration.mirror_reader import alter
from tests.integration.workspace.conftest import Place, rule

CLOCK = "clock: {starts: created, stops: [closed], within: 1 hour, calendar: %s}"
PEOPLE = ", {email: ann@example.com}"


@pytest.mark.parametrize("name", ["a.yaml", "z.yaml"])
def test_a_copy_of_a_rule_file_is_the_one_that_is_broken(place: Place, name: str) -> None:
    """Of two rules with one id, the one that was there first goes on, whichever file comes first by name."""
    place.now()
    place.rules(name, rule("first", message="{name} again"))
    assert (["first", "second"], [f"rules/{name}"]) == (place.rule_ids(), place.broken())
    assert "rules/one.yaml" in str(place.now().rules.by_id["first"].where)


@pytest.mark.parametrize("name", ["a.yaml", "two.yaml", "z.yaml"])
def test_a_rule_moved_to_another_file_is_never_lost(place: Place, name: str) -> None:
    """While both files hold it, it is in force as it was; when the second is saved, from its new place."""
    place.now()
    place.rules(name, rule("second"), rule("first")) if name == "two.yaml" else place.rules(name, rule("first"))
    assert (["first", "second"], [f"rules/{name}"]) == (place.rule_ids(), place.broken())
    place.rules("one.yaml", rule("other"))
    assert (["first", "other", "second"], []) == (place.rule_ids(), place.broken())


def test_two_rules_that_swap_their_files_are_both_there(place: Place) -> None:
    """What fits together is used, though neither file fits what the other was."""
    place.now()
    place.rules("one.yaml", rule("second"))
    place.rules("two.yaml", rule("first"))
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())


def test_a_rule_taken_from_a_broken_file_waits_for_it(place: Place) -> None:
    """A rule that moves while its old file is broken stays where it was, and both files are told."""
    place.now()
    place.write("rules/one.yaml", "version: [")
    place.rules("three.yaml", rule("first"))
    assert (["first", "second"], ["rules/one.yaml", "rules/three.yaml"]) == (place.rule_ids(), place.broken())


def test_an_inhibitor_that_is_gone_takes_no_rule_with_it(place: Place) -> None:
    """The rule that named it goes on without it, and the file says so until it is changed."""
    place.rules("two.yaml", rule("second", "inhibited_by: [first]"))
    place.now()
    place.rules("one.yaml", rule("other"))
    assert (["other", "second"], ["rules/two.yaml"]) == (place.rule_ids(), place.broken())
    assert () == place.now().rules.by_id["second"].inhibited_by
    place.restart()
    assert (["other", "second"], ["rules/two.yaml"]) == (place.rule_ids(), place.broken())
    place.rules("two.yaml", rule("second"))
    assert [] == place.broken()


def test_a_ring_of_inhibitions_is_laid_to_the_edit_that_closes_it(place: Place) -> None:
    """What was there before goes on as it was."""
    place.rules("two.yaml", rule("second", "inhibited_by: [first]"))
    place.now()
    place.rules("one.yaml", rule("first", "inhibited_by: [second]"))
    assert (["first", "second"], ["rules/one.yaml"]) == (place.rule_ids(), place.broken())
    assert (("first",), ()) == tuple(place.now().rules.by_id[name].inhibited_by for name in ("second", "first"))


def test_a_calendar_that_rules_need_is_not_taken_away(place: Place) -> None:
    """The organisation's edit waits until no rule needs what it removes; then both are used."""
    place.rules("one.yaml", rule("first", CLOCK % "emea"))
    place.now()
    place.organisation(calendar="europe", people=PEOPLE)
    assert (["first", "second"], ["rules/organisation.yaml"]) == (place.rule_ids(), place.broken())
    assert "rules/one.yaml:8 doesn't match it: unknown calendar 'emea'" in place.message()
    assert "emea" in place.now().organisation.calendars
    place.restart()
    assert (["first", "second"], ["rules/organisation.yaml"]) == (place.rule_ids(), place.broken())
    place.rules("one.yaml", rule("first", CLOCK % "europe"))
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())
    assert {"revops@example.com", "ann@example.com"} == set(place.now().organisation.people)


def test_a_rule_that_is_ahead_of_its_organisation_waits_for_it(place: Place) -> None:
    """The other order of saving comes to the same."""
    place.rules("one.yaml", rule("first", CLOCK % "emea"))
    place.now()
    place.rules("one.yaml", rule("first", CLOCK % "europe"))
    assert ["rules/one.yaml"] == place.broken()
    place.organisation(calendar="europe")
    assert (["first", "second"], []) == (place.rule_ids(), place.broken())


def test_another_currency_waits_for_the_rules_that_name_the_former(place: Place) -> None:
    """Amounts in one currency are not compared with those of another."""
    place.rules("one.yaml", rule("first", when="amount_home > 100 EUR"))
    place.now()
    place.organisation(currency="USD")
    assert ("EUR", ["rules/organisation.yaml"]) == (place.now().organisation.home_currency, place.broken())


def test_a_property_that_rules_ask_is_not_taken_away(place: Place) -> None:
    """A connector file's edit waits in the same way, and an organisation's edit beside it does not."""
    place.connector(custom="custom.tier: tier")
    place.rules("one.yaml", rule("first", when='custom.tier is "A"'))
    place.now()
    place.connector()
    place.organisation(people=PEOPLE)
    assert (["first", "second"], ["connectors/hubspot.yaml"]) == (place.rule_ids(), place.broken())
    assert "ann@example.com" in place.now().organisation.people


def test_a_removed_connector_file_takes_its_properties_along(place: Place) -> None:
    """The rules that ask for them stop, by name; what they said is left as it is, and the others go on."""
    place.connector(custom="custom.tier: tier")
    place.connector("second.yaml", source="other")
    place.rules("one.yaml", rule("first", when='custom.tier is "A"'))
    place.now()
    (place.folder / "connectors/hubspot.yaml").unlink()
    assert (["second"], ["rules/one.yaml"], False) == (place.rule_ids(), place.broken(), place.now().rules.complete)


def test_two_connector_files_follow_no_source_twice(place: Place) -> None:
    """A copy of a connector file is not used beside it."""
    place.connector()
    place.now()
    place.connector("a copy.yaml")
    assert ["connectors/a copy.yaml"] == place.broken()
    assert ["hubspot.yaml"] == [mapping.file.name for mapping in place.now().followed]


@pytest.mark.parametrize("content", ["", "version: 1\nsource: hub", "version: 1\ncrm: hubspot\nsource: [\n"])
def test_a_broken_connector_file_goes_on_as_it_was(place: Place, content: str) -> None:
    """Also where what is left of it does not say any more which CRM it is for, and after a restart."""
    place.connector()
    place.now()
    place.write("connectors/hubspot.yaml", content)
    for _ in range(2):
        followed = [mapping.source for mapping in place.now().followed]
        assert (["hubspot"], ["connectors/hubspot.yaml"]) == (followed, place.broken())
        place.restart()
    organisation, mappings, unused = place.configuration.followed()
    assert ("Test", ["hubspot"], 1) == (organisation.company.name, [each.source for each in mappings], len(unused))


@pytest.mark.parametrize("content", ["", "version: 1\ncompany: {currency: EURO}\n", "people: [", None])
def test_a_broken_organisation_goes_on_as_it_was(place: Place, content: str | None) -> None:
    """People, calendars and rates stay those of its last good version, and rules are edited beside it."""
    place.organisation(people=PEOPLE)
    place.now()
    if content is None:
        (place.folder / "rules/organisation.yaml").unlink()
    else:
        place.write("rules/organisation.yaml", content)
    place.rules("one.yaml", rule("first", CLOCK % "emea"), rule("third"))
    for _ in range(2):
        people = set(place.now().organisation.people)
        assert (["first", "second", "third"], ["rules/organisation.yaml"]) == (place.rule_ids(), place.broken())
        assert {"revops@example.com", "ann@example.com"} == people
        place.restart()


def test_a_version_that_a_newer_program_refuses_stops_its_own_rules(place: Place) -> None:
    """What was good once and can no longer be read stops by itself; the rules are not all there then."""
    place.now()
    alter(place.engine, "config_version", {"path": "rules/one.yaml"}, text="version: 0")
    place.write("rules/one.yaml", "version: 0")
    place.restart()
    assert (["second"], ["rules/one.yaml"], False) == (place.rule_ids(), place.broken(), place.now().rules.complete)
