"""Calls about what the account is furnished with: properties, pipelines and stages, owners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ros_sync.sandbox.hubspot import answers
from ros_sync.sandbox.hubspot.account import HubSpotAccount
from ros_sync.sandbox.hubspot.calls import CREATED, MAX_BATCH, NO_CONTENT, OK, Answer, Call, Json
from ros_sync.sandbox.hubspot.definitions import Pipeline, PropertyDefinition
from ros_sync.sandbox.hubspot.errors import HubSpotError

MAX_OWNERS, DEFAULT_OWNERS = 500, 100  # HubSpot, "Owners": limit
GROUP = {"name": "information", "label": "Information", "displayOrder": 0, "archived": False}


class SchemaCalls:
    """Answers calls about an account's furniture."""

    account: HubSpotAccount

    # ---- owners

    def owners(self, call: Call) -> Answer:
        """GET /crm/v3/owners."""
        limit, after = call.limit(DEFAULT_OWNERS, MAX_OWNERS), call.query.get("after", "")
        wanted = call.query.get("email")
        known = [
            each
            for each in self.account.owners.values()
            if each.archived is call.archived and wanted in (None, each.email)
        ]
        start = int(after) if after.isdigit() else 0
        body: Json = {"results": [answers.owner_json(each) for each in known[start : start + limit]]}
        if start + limit < len(known):
            body["paging"] = answers.paging(str(start + limit), "crm/v3/owners/")
        return OK, body

    def owner(self, call: Call) -> Answer:
        """GET /crm/v3/owners/{id}; users that have left only where archived ones are asked for."""
        known = self.account.owners.get(call.path["id"])
        if known is None or known.archived is not call.archived:
            raise HubSpotError.not_found()
        return OK, answers.owner_json(known)

    # ---- pipelines

    def all_pipelines(self, call: Call) -> Answer:
        """GET /crm/v3/pipelines/{type}."""
        known = self.account.pipelines.get(call.object_type, {})
        return OK, {"results": [answers.pipeline_json(each, place) for place, each in enumerate(known.values())]}

    def one_pipeline(self, call: Call) -> Answer:
        """GET /crm/v3/pipelines/{type}/{id}."""
        return OK, self._told(self._pipeline(call), call)

    def create_pipeline(self, call: Call) -> Answer:
        """POST /crm/v3/pipelines/{type}."""
        body, made = call.mapping(), str(self.account.next_id())
        stages = [
            (
                str(self.account.next_id()),
                str(each["label"]),
                int(each["displayOrder"]),
                dict(each.get("metadata") or {}),
            )
            for each in body.get("stages") or ()
        ]
        self.account.add_pipeline(call.object_type, made, str(body["label"]), stages)
        return CREATED, self._told(self.account.pipeline(call.object_type, made), call)

    def update_pipeline(self, call: Call) -> Answer:
        """PATCH /crm/v3/pipelines/{type}/{id}."""
        pipeline = self._pipeline(call)
        if call.mapping().get("label"):
            self.account.change_pipeline(call.object_type, pipeline.id, label=str(call.mapping()["label"]))
        return OK, self._told(pipeline, call)

    def archive_pipeline(self, call: Call) -> Answer:
        """DELETE /crm/v3/pipelines/{type}/{id}."""
        self.account.remove_pipeline(call.object_type, call.path["id"])
        return NO_CONTENT, None

    def all_stages(self, call: Call) -> Answer:
        """GET /crm/v3/pipelines/{type}/{id}/stages."""
        return OK, {"results": [answers.stage_json(each) for each in self._pipeline(call).stages]}

    def one_stage(self, call: Call) -> Answer:
        """GET /crm/v3/pipelines/{type}/{id}/stages/{stage}."""
        for each in self._pipeline(call).stages:
            if each.id == call.path["stage"]:
                return OK, answers.stage_json(each)
        raise HubSpotError.not_found()

    def create_stage(self, call: Call) -> Answer:
        """POST /crm/v3/pipelines/{type}/{id}/stages."""
        return CREATED, self._put_stage(call, str(self.account.next_id()))

    def update_stage(self, call: Call) -> Answer:
        """PATCH /crm/v3/pipelines/{type}/{id}/stages/{stage}."""
        self.one_stage(call)
        return OK, self._put_stage(call, call.path["stage"])

    def archive_stage(self, call: Call) -> Answer:
        """DELETE /crm/v3/pipelines/{type}/{id}/stages/{stage}."""
        self.one_stage(call)
        self.account.remove_stage(call.object_type, call.path["id"], call.path["stage"])
        return NO_CONTENT, None

    # ---- properties

    def all_properties(self, call: Call) -> Answer:
        """GET /crm/v3/properties/{type}."""
        kind = call.object_type
        known = [] if call.archived else [each for each in self.account.properties[kind].values() if not each.hidden]
        return OK, {"results": [answers.property_json(self.account, kind, each) for each in known]}

    def one_property(self, call: Call) -> Answer:
        """GET /crm/v3/properties/{type}/{name}."""
        return OK, answers.property_json(self.account, call.object_type, self._property(call, call.path["name"]))

    def create_property(self, call: Call) -> Answer:
        """POST /crm/v3/properties/{type}."""
        return CREATED, self._define(call, call.mapping())

    def update_property(self, call: Call) -> Answer:
        """PATCH /crm/v3/properties/{type}/{name}."""
        old, body = self._property(call, call.path["name"]), call.mapping()
        old.label = str(body.get("label") or old.label)
        if "options" in body:
            old.options = tuple(str(each["value"]) for each in body["options"])
        return OK, answers.property_json(self.account, call.object_type, old)

    def archive_property(self, call: Call) -> Answer:
        """DELETE /crm/v3/properties/{type}/{name}; HubSpot's own cannot be archived."""
        self._archive(call, call.path["name"])
        return NO_CONTENT, None

    def batch_read_properties(self, call: Call) -> Answer:
        """POST /crm/v3/properties/{type}/batch/read."""
        kind, names = call.object_type, [str(each["name"]) for each in call.inputs(MAX_BATCH)]
        known = [self.account.properties[kind][name] for name in names if self.account.visible(kind, name)]
        lost = [name for name in names if not self.account.visible(kind, name)]
        errors = (
            [answers.batch_error("OBJECT_NOT_FOUND", "Some properties do not exist", {"name": lost})] if lost else []
        )
        return answers.batch(self.account, [answers.property_json(self.account, kind, each) for each in known], errors)

    def batch_create_properties(self, call: Call) -> Answer:
        """POST /crm/v3/properties/{type}/batch/create."""
        made = [self._define(call, each) for each in call.inputs(MAX_BATCH)]
        return answers.batch(self.account, made, status=CREATED)

    def batch_archive_properties(self, call: Call) -> Answer:
        """POST /crm/v3/properties/{type}/batch/archive."""
        for each in call.inputs(MAX_BATCH):
            self._archive(call, str(each["name"]))
        return NO_CONTENT, None

    def property_groups(self, call: Call) -> Answer:
        """GET /crm/v3/properties/{type}/groups; there is one."""
        assert call.object_type
        return OK, {"results": [GROUP]}

    # ---- inside

    def _pipeline(self, call: Call) -> Pipeline:
        return self.account.pipeline(call.object_type, call.path["id"])

    def _told(self, pipeline: Pipeline, call: Call) -> Json:
        return answers.pipeline_json(pipeline, list(self.account.pipelines[call.object_type]).index(pipeline.id))

    def _put_stage(self, call: Call, stage_id: str) -> Json:
        body = call.mapping()
        stage = self.account.put_stage(
            call.object_type, call.path["id"], stage_id,
            label=body.get("label"), display_order=body.get("displayOrder"), metadata=body.get("metadata"),
        )  # fmt: skip
        return answers.stage_json(stage)

    def _property(self, call: Call, name: str) -> PropertyDefinition:
        if not self.account.visible(call.object_type, name):
            raise HubSpotError.not_found()
        return self.account.properties[call.object_type][name]

    def _define(self, call: Call, body: Mapping[str, Any]) -> Json:
        kind, name = call.object_type, str(body["name"])
        if name in self.account.properties[kind]:
            raise HubSpotError(409, f"A property named '{name}' already exists.", "OBJECT_ALREADY_EXISTS")
        options = [str(each["value"]) for each in body.get("options") or ()]
        field_type, label = str(body.get("fieldType") or "text"), str(body.get("label") or name)
        self.account.define_property(kind, name, str(body["type"]), field_type, label, options)
        return answers.property_json(self.account, kind, self.account.properties[kind][name])

    def _archive(self, call: Call, name: str) -> None:
        if self._property(call, name).standard:
            raise HubSpotError(400, f"{name} is a property of HubSpot's own", "VALIDATION_ERROR")
        self.account.remove_property(call.object_type, name)
