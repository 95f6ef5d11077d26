"""`POST` and `DELETE /models/{name}/versions/{version}/withdraw`: an operator withdraws it, or not.

What is withdrawn is answered by nobody from this call on (P23): requests to what served it get 410.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.errors import ClientError
from service.following.withdrawing import Withdrawal
from service.http.access import Admin
from service.http.openapi_parts import body_of
from service.http.reload import ADMIN

Withdraw = Callable[[str, str], Awaitable[Withdrawal]]

# MLflow counts from 1, and no number of its has more digits.
_MOST_DIGITS: Final = 18


class WithdrawalReport(BaseModel):
    """How it stands with the version now.

    `withdrawn_by`: who says that it is withdrawn, `operator` (this route) or `tag`; empty: nobody.
    `slots`: whose alias is on it, or that served it. `kept`: whether the next start knows too.
    `cleared`: whether none of its files is left; false while something here still uses them.
    `checked`: whether it is known that there is such a version; false while the registry is silent.
    """

    model: str
    version: str
    withdrawn_by: list[str]
    slots: list[str]
    kept: bool
    cleared: bool
    checked: bool


def withdraw_router(admin: Admin, withdraw: Withdraw, restore: Withdraw) -> APIRouter:
    """The routes; `restore` takes back what `withdraw` has done."""
    router = APIRouter(tags=["models"])
    path = "/models/{name:path}/versions/{version}/withdraw"
    asked: dict[str, Any] = {
        "responses": _REFUSED,
        "openapi_extra": {"security": [{ADMIN: []}]} if admin.exists else None,
    }

    @router.post(path, **asked)
    async def withdraw_version(name: str, version: str, request: Request) -> WithdrawalReport:
        """Withdraws the version, whichever alias is on it; returns when nothing of it is left."""
        admin.require(request)
        return _report(await withdraw(name, _number(version)))

    @router.delete(path, **asked)
    async def restore_version(name: str, version: str, request: Request) -> WithdrawalReport:
        """Takes that back; where the version's tag withdraws it too, that still holds."""
        admin.require(request)
        return _report(await restore(name, _number(version)))

    return router


def _number(version: str) -> str:
    if not (version.isascii() and version.isdigit() and len(version) <= _MOST_DIGITS):
        raise ClientError("A version is named by its number.")
    return version.lstrip("0") or "0"


def _report(withdrawal: Withdrawal) -> WithdrawalReport:
    return WithdrawalReport(
        model=withdrawal.name,
        version=withdrawal.version,
        withdrawn_by=list(withdrawal.sources),
        slots=list(map(str, withdrawal.slots)),
        kept=withdrawal.kept,
        cleared=withdrawal.cleared,
        checked=withdrawal.checked,
    )


# A range, because FastAPI lists a 422 of its own beside any single status.
_REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": body_of("Problem", "The admin token is missing, or no such model or version is here.")
}
