"""`GET /console/settings`: what the page has to know of the service before anything else."""

from fastapi import APIRouter
from pydantic import BaseModel


class ConsoleReport(BaseModel):
    """What is the same from this process's start to its end.

    `mlflow_url`: what `#/models/NAME` is added to for MLflow's own page of a model; null where
    nobody knows. `admin`: whether there is an admin token; `keys`: whether predictions need a key.
    """

    instance: str
    podium_version: str
    mlflow_url: str | None
    admin: bool
    keys: bool


def console_settings_router(report: ConsoleReport) -> APIRouter:
    """The route; open to anybody, as the page is."""
    router = APIRouter(tags=["console"])

    @router.get("/console/settings")
    async def console_settings() -> ConsoleReport:
        """What the page has to know before anything else."""
        return report

    return router
