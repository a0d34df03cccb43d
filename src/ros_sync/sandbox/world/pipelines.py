"""The company's pipelines, as its CRM has them; `connectors/export.yaml` says the same to ros-sync."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: open, won or lost; early, mid or late while open; chance of winning in per cent."""

    name: str
    kind: str
    position: str | None
    percent: int
    forecast_category: str


SALES = "Sales"
RENEWALS = "Renewals"
PIPELINES: dict[str, tuple[Stage, ...]] = {
    SALES: (
        Stage("Qualification", "open", "early", 10, "pipeline"),
        Stage("Discovery", "open", "early", 20, "pipeline"),
        Stage("Evaluation", "open", "mid", 40, "best case"),
        Stage("Proposal", "open", "mid", 60, "best case"),
        Stage("Negotiation", "open", "late", 80, "commit"),
        Stage("Closed Won", "won", None, 100, "closed"),
        Stage("Closed Lost", "lost", None, 0, "omitted"),
    ),
    RENEWALS: (
        Stage("Upcoming", "open", "early", 60, "best case"),
        Stage("In Review", "open", "mid", 75, "best case"),
        Stage("Terms Sent", "open", "late", 90, "commit"),
        Stage("Renewed", "won", None, 100, "closed"),
        Stage("Not Renewed", "lost", None, 0, "omitted"),
    ),
}


def open_stages(pipeline: str) -> tuple[Stage, ...]:
    """The open stages of a pipeline, in order."""
    return tuple(stage for stage in PIPELINES[pipeline] if stage.kind == "open")


def closing_stage(pipeline: str, kind: str) -> Stage:
    """The stage in which a deal of that pipeline is won or lost."""
    return next(stage for stage in PIPELINES[pipeline] if stage.kind == kind)
