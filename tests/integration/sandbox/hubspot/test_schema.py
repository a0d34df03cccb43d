"""Properties, pipelines and owners of the sandbox's HubSpot, read and changed by the official client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.sandbox.hubspot.conftest import Sandbox

Refused = Callable[..., Any]


def test_owners(sandbox: Sandbox, refused: Refused) -> None:
    """Owners come with their teams; those who have left only where archived ones are asked for."""
    sandbox.account.add_owner("8", "bo@loom.example", "Bo", "Spinner")
    sandbox.account.archive_owner("8")
    api = sandbox.api.crm.owners.owners_api
    told = api.get_page().results
    assert [(each.id, each.first_name, [team.name for team in each.teams]) for each in told] == [("7", "Ada", ["DACH"])]
    gone = api.get_page(archived=True).results
    assert [(each.id, each.user_id, each.user_id_including_inactive) for each in gone] == [("8", None, 8)]
    refused(404, "OBJECT_NOT_FOUND", api.get_by_id, 8)
    assert api.get_by_id(8, archived=True).email == "bo@loom.example"


def test_pipelines_and_stages(sandbox: Sandbox, refused: Refused) -> None:
    """Pipelines and stages can be made, renamed and ended; a stage's id stays, whatever it is called."""
    pipelines, stages = sandbox.api.crm.pipelines.pipelines_api, sandbox.api.crm.pipelines.pipeline_stages_api
    first = pipelines.get_all("deals").results[0]
    assert [(each.label, each.metadata["isClosed"]) for each in first.stages] == [
        ("Discovery", "false"),
        ("Won", "true"),
    ]
    new = {"label": "Lost", "displayOrder": 2, "metadata": {"isClosed": "true", "probability": "0.0"}}
    lost = stages.create("deals", "default", new)
    stages.update("deals", "default", "won", {"label": "Signed"})
    told = [(each.id, each.label) for each in stages.get_all("deals", "default").results]
    assert told == [("discovery", "Discovery"), ("won", "Signed"), (lost.id, "Lost")]
    made = pipelines.create("deals", {"label": "Renewals", "displayOrder": 1, "stages": [new]})
    assert pipelines.update("deals", made.id, {"label": "Renewal"}).label == "Renewal"
    pipelines.archive("deals", made.id)
    refused(404, "OBJECT_NOT_FOUND", pipelines.get_by_id, "deals", made.id)


def test_properties(sandbox: Sandbox, refused: Refused) -> None:
    """Properties can be made, changed and archived; a hidden one is neither listed nor found."""
    api = sandbox.api.crm.properties
    options = [{"label": each, "value": each, "displayOrder": 0, "hidden": False} for each in ("s", "m")]
    given = {"name": "size", "label": "Size", "type": "enumeration", "fieldType": "select", "groupName": "information"}
    made = api.core_api.create("deals", {**given, "options": options})
    assert (made.hubspot_defined, [each.value for each in made.options]) == (False, ["s", "m"])
    refused(409, "already exists", api.core_api.create, "deals", {**given, "options": []})
    refused(400, "INVALID_OPTION", sandbox.api.crm.deals.basic_api.create, {"properties": {"size": "xl"}})
    assert api.core_api.update("deals", "size", {"label": "How large"}).label == "How large"
    sandbox.account.hide_property("deals", "amount")
    names = {each.name for each in api.core_api.get_all("deals").results}
    assert ("size" in names, "dealname" in names, "amount" in names) == (True, True, False)
    refused(404, "OBJECT_NOT_FOUND", api.core_api.get_by_name, "deals", "amount")
    api.core_api.archive("deals", "size")
    refused(404, "OBJECT_NOT_FOUND", api.core_api.get_by_name, "deals", "size")


def test_batches_of_properties(sandbox: Sandbox) -> None:
    """Definitions can be read, made and archived many at once."""
    api = sandbox.api.crm.properties.batch_api
    given = {"type": "string", "fieldType": "text", "groupName": "information"}
    api.create("deals", {"inputs": [{**given, "name": name, "label": name} for name in ("one", "two")]})
    api.archive("deals", {"inputs": [{"name": "two"}]})
    read = api.read("deals", {"inputs": [{"name": "one"}, {"name": "two"}], "archived": False})
    assert ([each.name for each in read.results], [each.context["name"] for each in read.errors]) == (
        ["one"],
        [["two"]],
    )
    assert [each.name for each in sandbox.api.crm.properties.groups_api.get_all("deals").results] == ["information"]


def test_stages_are_the_options_of_their_property(sandbox: Sandbox) -> None:
    """The definitions of pipeline, stage and owner say what they hold."""
    get = sandbox.api.crm.properties.core_api.get_by_name
    assert [each.value for each in get("deals", "dealstage").options] == ["discovery", "won"]
    assert [each.value for each in get("deals", "pipeline").options] == ["default"]
    assert get("deals", "hubspot_owner_id").referenced_object_type == "OWNER"
