"""What an account is furnished with: properties, pipelines and stages, owners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import RLock

from ros_sync.sandbox.hubspot.definitions import (
    OBJECT_TYPES,
    Owner,
    Pipeline,
    PipelineStage,
    PropertyDefinition,
    standard_properties,
)
from ros_sync.sandbox.hubspot.errors import HubSpotError
from ros_sync.sandbox.hubspot.records import Record


class Schema:
    """The part of an account that describes it. Everything is guarded by the account's one lock."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.properties = {kind: {each.name: each for each in standard_properties(kind)} for kind in OBJECT_TYPES}
        self.pipelines: dict[str, dict[str, Pipeline]] = {"deals": {}}
        self.owners: dict[str, Owner] = {}
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in OBJECT_TYPES}

    # ---- properties

    def define_property(
        self,
        object_type: str,
        name: str,
        type: str,  # noqa: A002  # HubSpot's own word
        field_type: str = "text",
        label: str | None = None,
        options: Sequence[str] = (),
        *,
        calculated: bool = False,
        hidden: bool = False,
    ) -> None:
        """Define a property of the company's own, or anew."""
        with self.lock:
            self.properties[object_type][name] = PropertyDefinition(
                name, type, field_type, label or name, tuple(options), calculated, hidden
            )

    def remove_property(self, object_type: str, name: str) -> None:
        """Delete a property with all its values."""
        with self.lock:
            self.properties[object_type].pop(name, None)
            for record in self.records[object_type].values():
                record.properties.pop(name, None)
                record.history.pop(name, None)

    def hide_property(self, object_type: str, name: str, *, hidden: bool = True) -> None:
        """Take the permission to see a property away, or give it back."""
        with self.lock:
            self.properties[object_type][name].hidden = hidden

    def visible(self, object_type: str, name: str) -> bool:
        """Whether a property exists and may be seen."""
        definition = self.properties[object_type].get(name)
        return definition is not None and not definition.hidden

    # ---- owners

    def add_owner(
        self,
        owner_id: str,
        email: str,
        first_name: str,
        last_name: str,
        teams: Sequence[tuple[str, str]] = (),
        *,
        archived: bool = False,
    ) -> None:
        """Add a user; `teams` are (id, name), the primary one first."""
        with self.lock:
            self.owners[owner_id] = Owner(owner_id, email, first_name, last_name, teams, archived)

    def archive_owner(self, owner_id: str) -> None:
        """Let a user have left."""
        with self.lock:
            self.owners[owner_id].archived = True

    # ---- pipelines

    def add_pipeline(
        self, object_type: str, pipeline_id: str, label: str, stages: Iterable[tuple[str, str, int, Mapping[str, str]]]
    ) -> None:
        """Add a pipeline; stages are (id, label, display order, metadata)."""
        with self.lock:
            made = [PipelineStage(*stage) for stage in stages]
            self.pipelines.setdefault(object_type, {})[pipeline_id] = Pipeline(pipeline_id, label, made)

    def change_pipeline(self, object_type: str, pipeline_id: str, *, label: str) -> None:
        """Rename a pipeline; HubSpotError (404) where there is none."""
        with self.lock:
            self.pipeline(object_type, pipeline_id).label = label

    def remove_pipeline(self, object_type: str, pipeline_id: str) -> None:
        """Delete a pipeline; records keep its id, which then stands for nothing."""
        with self.lock:
            self.pipeline(object_type, pipeline_id)
            del self.pipelines[object_type][pipeline_id]

    def put_stage(
        self,
        object_type: str,
        pipeline_id: str,
        stage_id: str,
        *,
        label: str | None = None,
        display_order: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> PipelineStage:
        """Change what is given of a stage, or add it; its id stays, whatever it is called."""
        with self.lock:
            pipeline = self.pipeline(object_type, pipeline_id)
            old = next((each for each in pipeline.stages if each.id == stage_id), None)
            new = PipelineStage(
                stage_id,
                label or (old.label if old else stage_id),
                display_order if display_order is not None else old.display_order if old else len(pipeline.stages),
                dict(metadata if metadata is not None else old.metadata if old else {"isClosed": "false"}),
            )
            others = [each for each in pipeline.stages if each.id != stage_id]
            pipeline.stages = sorted([*others, new], key=lambda each: each.display_order)
            return new

    def remove_stage(self, object_type: str, pipeline_id: str, stage_id: str) -> None:
        """Delete a stage; records keep its id, which then stands for nothing."""
        with self.lock:
            pipeline = self.pipeline(object_type, pipeline_id)
            pipeline.stages = [each for each in pipeline.stages if each.id != stage_id]

    def pipeline(self, object_type: str, pipeline_id: str) -> Pipeline:
        """A pipeline; HubSpotError (404) where there is none."""
        known = self.pipelines.get(object_type, {}).get(pipeline_id)
        if known is None:
            raise HubSpotError.not_found()
        return known

    def stage(self, pipeline_id: str, stage_id: str) -> PipelineStage | None:
        """A stage of deals; None where there is none."""
        pipeline = self.pipelines["deals"].get(pipeline_id)
        return next((each for each in pipeline.stages if each.id == stage_id), None) if pipeline else None
