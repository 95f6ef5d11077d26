"""`POST` and `DELETE /models/{name}/versions/{version}/withdraw`: an operator withdraws it, or not.

What is withdrawn is answered by nobody from this call on (P23): requests to what served it get 410.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import ClientError
from service.following.sentences import plain
from service.following.withdrawing import Withdrawal
from service.http.access import Admin
from service.http.intake import SmallBodies
from service.http.openapi_parts import refused
from service.http.preparation import LONGEST_TOLD
from service.predicting.request import ClientGone

Withdraw = Callable[[str, str, str], Awaitable[Withdrawal]]
Restore = Callable[[str, str], Awaitable[Withdrawal]]

_LONGEST_BODY: Final = 4096
_WRONG: Final = (
    'The body may be missing, or JSON as in {"reason": "it discriminates"}; the reason has at most '
    f"{LONGEST_TOLD} characters."
)
# MLflow counts from 1, and no number of its has more digits.
_MOST_DIGITS: Final = 18


class WithdrawRequest(BaseModel):
    """Why, for `/models`, the log and the ledger."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=LONGEST_TOLD)] = ""


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


def withdraw_router(admin: Admin, withdraw: Withdraw, restore: Restore) -> APIRouter:
    """The routes; `restore` takes back what `withdraw` has done."""
    router = APIRouter(tags=["models"])
    bodies, secured = SmallBodies(_LONGEST_BODY), admin.security
    path = "/models/{name:path}/versions/{version}/withdraw"

    @router.post(path, responses=_REFUSED, openapi_extra={**secured, "requestBody": _BODY})
    async def withdraw_version(name: str, version: str, request: Request) -> WithdrawalReport:
        """Withdraws the version, whichever alias is on it; returns when nothing of it is left."""
        admin.require(request)
        number, reason = _number(version), await _reason(request, bodies)
        return _report(await withdraw(name, number, reason))

    @router.delete(path, responses=_REFUSED, openapi_extra=secured)
    async def restore_version(name: str, version: str, request: Request) -> WithdrawalReport:
        """Takes that back; where the version's tag withdraws it too, that still holds."""
        admin.require(request)
        return _report(await restore(name, _number(version)))

    return router


async def _reason(request: Request, bodies: SmallBodies) -> str:
    try:
        whole = await bodies.read(request)
        return plain(WithdrawRequest.model_validate_json(whole).reason) if whole else ""
    except (ValidationError, ClientGone):
        # Never the client's own text, which says less than what is meant.
        raise ClientError(_WRONG) from None


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


_BODY: Final[dict[str, Any]] = {
    "required": False,
    "content": {"application/json": {"schema": WithdrawRequest.model_json_schema()}},
}
_REFUSED: Final = refused("The admin token is missing, or no such model or version is here.")
