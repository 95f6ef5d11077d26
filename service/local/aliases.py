"""What MLflow's registry says of an alias, asked over REST.

So the front, `up` and the checks stay free of MLflow's client.
"""

import httpx

from service.local.silence import why_silent


class RegistrySilent(Exception):
    """The registry does not tell; the message says why, as a sentence without its full stop.

    `lasting` means that it did not answer at all, so that asking it again costs the wait again.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


async def version_of_alias(asked: httpx.AsyncClient, url: str, name: str, alias: str) -> str | None:
    """The version that the alias is on; None if there is no such model or alias.

    Raises `RegistrySilent` if there is no answer, or none that can be used.
    """
    path = f"{url.rstrip('/')}/api/2.0/mlflow/registered-models/get"
    try:
        answer = await asked.get(path, params={"name": name})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        aliases = answer.raise_for_status().json()["registered_model"].get("aliases", [])
        return next((str(one["version"]) for one in aliases if one["alias"] == alias), None)
    except httpx.HTTPStatusError as error:
        raise RegistrySilent(f"the registry answers {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = why_silent(error)
        raise RegistrySilent(f"the registry cannot be reached: {why}", lasting=True) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegistrySilent("the registry's answer cannot be read") from error
