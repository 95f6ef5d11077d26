"""Smoke tests of one version: what a client may send, sent as the service would hand it on.

Each check is a judgement; one that cannot be made says so, and is no failure. No sentence holds a
value of a row, nor what the model has said of one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.alike import alike
from service.contract.contract import Contract
from service.contract.signature import read_signature
from service.contract.tensors.example_message import example_message
from service.contract.tensors.tensor_answer import as_predictions
from service.contract.tensors.tensor_message import TensorForm
from service.errors import ClientError, ServiceError
from service.staging import BATCHING_TAG, joinable
from service.validation.findings import Judgement, Verdict
from service.validation.smoke.example_requests import ExampleRequests
from service.validation.smoke.formats import FormattedRequest, formatted
from service.validation.trial.version_on_trial import VersionOnTrial

# As `service.host.row_wise.trial` has it for rows that somebody has sent; numbers of 32 bits, whose
# sums come out otherwise for other numbers of rows, are as far apart as the other.
_SAME: Final = 1e-9
_ALIKE: Final = 1e-5
_ROWS_APART: Final = 16
# Nobody's value: a refusal that repeats it would repeat a client's too.
_CANARY: Final = "podium-7f3c9a"
_BROKEN: Final = (
    b'{"dataframe_split": "' + _CANARY.encode() + b'"}',
    b'{"inputs": {"' + _CANARY.encode() + b'": [[{}]]},',
    b'{"' + _CANARY.encode() + b'": 1}',
)


@dataclass(frozen=True, slots=True)
class SmokeTests:
    """The checks of one version.

    Attributes:
        rows: of a large request.
        whole: whether the example is one input, whose rows mean nothing apart.
    """

    version: VersionOnTrial
    rows: int
    whole: bool = False

    @property
    def _rows(self) -> ExampleRequests:
        return ExampleRequests(self.version, self.version.example, whole=self.whole)

    async def judgements(self) -> AsyncIterator[Judgement]:
        """One after the other; after the first, which fails without an example, maybe no other."""
        body = self.version.example
        if not body:
            yield _judged("example", "failed", "There is no input example: log the model with one.")
            return
        first = await self._example(body)
        yield first
        yield await self._refuses()
        if first.verdict != "passed":
            return
        steady = await self._is_steady(body)
        yield await self._formats(steady=steady)
        async for each in self._few_and_many(steady=steady):
            yield each
        yield self._batching()

    async def _example(self, body: bytes) -> Judgement:
        of_whom = (
            "Its input example"
            if self.version.fetched.serving_example is not None
            else "A request made of its signature, for want of an input example,"
        )
        trouble = await self._trouble(body)
        if trouble:
            return _judged("example", "failed", f"{of_whom} is not answered: {trouble}")
        return _judged("example", "passed", f"{of_whom} is answered.")

    async def _refuses(self) -> Judgement:
        for number, body in enumerate(_BROKEN, 1):
            try:
                await self.version.answer(body)
            except ClientError as error:
                said = f"{error} {getattr(error, 'errors', '')}"
                if _CANARY in said:
                    return _judged("refuses", "failed", "A refusal repeats what was sent.")
            except ServiceError as error:
                sentence = f"Broken request {number} is not refused: {error.message}"
                return _judged("refuses", "failed", sentence)
            else:
                return _judged("refuses", "failed", f"Broken request {number} is answered.")
        return _judged("refuses", "passed", "Broken requests are refused, and nothing is repeated.")

    async def _is_steady(self, body: bytes) -> bool:
        """Whether it answers a request twice alike."""
        first, second = await self._answer(body), await self._answer(body)
        return alike(first, second, _SAME)

    async def _formats(self, *, steady: bool) -> Judgement:
        requests = self._requests()
        named = self._tensors()
        names = ", ".join(
            (*(each.form for each in requests), *(("named tensors",) if named else ()))
        )
        answers = []
        for each in requests:
            try:
                answers.append(await self._answer(each.body, each.media_type))
            except ServiceError as error:
                sentence = f"Its example is not answered as {each.form}: {error.message}"
                return _judged("formats", "failed", sentence)
        trouble = await self._as_tensors(named, steady=steady)
        if trouble:
            return _judged("formats", "failed", trouble)
        if not steady:
            sentence = f"It answers {names}; alike or not, for it never answers twice alike."
            return _judged("formats", "passed", sentence)
        for each, answer in zip(requests[1:], answers[1:], strict=True):
            if not alike(answers[0], answer, _SAME):
                sentence = (
                    f"Its example is answered otherwise as {each.form} than as {requests[0].form}."
                )
                return _judged("formats", "failed", sentence)
        return _judged("formats", "passed", f"Its example is answered alike by {names}.")

    def _tensors(self) -> Mapping[str, Any] | None:
        """The example as named tensors, if it is plainly that."""
        document = orjson.loads(self.version.example)
        return example_message(document, self.version.contract.tensors)

    async def _as_tensors(self, message: Mapping[str, Any] | None, *, steady: bool) -> str:
        """What is wrong with the answers in JSON and in raw bytes; empty: nothing."""
        if message is None:
            return ""
        raw = {**message.get("parameters", {}), "binary_data_output": True}
        asked = map(orjson.dumps, (message, {**message, "parameters": raw}))
        try:
            found = [await self.version.answer(each, TensorForm()) for each in asked]
        except ServiceError as error:
            return f"Its example is not answered as named tensors: {error.message}"
        as_json, as_raw = (orjson.loads(as_predictions(each)) for each in found)
        if steady and not alike(as_json, as_raw, _SAME):
            return "Its example is answered otherwise in raw bytes than in JSON."
        return ""

    def _requests(self) -> Sequence[FormattedRequest]:
        contract = self.version.contract
        signature = self.version.fetched.signature
        if not isinstance(contract, Contract) or self.version.fetched.from_type_hint:
            return [FormattedRequest("JSON", "application/json", self.version.example)]
        return formatted(
            orjson.loads(self.version.example),
            read_signature(signature or {}),
            contract.media_types,
        )

    async def _few_and_many(self, *, steady: bool) -> AsyncIterator[Judgement]:
        count = await self._rows.count()
        if count is None:
            sentence = "Its example is one input, whose rows are not asked apart."
            yield _judged("one_row", "passed", sentence)
            return
        many = max(3, self.rows)
        for name, rows in (("one_row", 1), ("two_rows", 2), ("many_rows", many)):
            yield await self._answers(name, rows, count)
        yield await self._rows_apart(min(count, _ROWS_APART), steady=steady)

    async def _answers(self, name: str, rows: int, count: int) -> Judgement:
        body = self._rows.many(rows, count)
        said = "1 row" if rows == 1 else f"{rows} rows"
        trouble = await self._trouble(body)
        if trouble:
            return _judged(name, "failed", f"A request of {said} is not answered: {trouble}")
        return _judged(name, "passed", f"A request of {said} is answered.")

    async def _rows_apart(self, count: int, *, steady: bool) -> Judgement:
        name = "rows_apart"
        if not steady:
            sentence = "It never answers twice alike, so that rows cannot be compared."
            return _judged(name, "passed", sentence)
        # At least two, if need be the same one twice.
        places = range(max(2, count))
        try:
            together = await self._answer(self._rows.many(len(places), count))
            alone = [await self._answer(self._rows.many(1, count, place)) for place in places]
        except ServiceError as error:
            return _judged(name, "failed", f"A row of its example fails: {error.message}")
        if not isinstance(together, list) or len(together) != len(places):
            sentence = "It does not answer with one element a row, so that rows cannot be compared."
            return _judged(name, "passed", sentence)
        same = all(alike([one], row, _ALIKE) for one, row in zip(together, alone, strict=True))
        return self._told_apart(same=same)

    def _told_apart(self, *, same: bool) -> Judgement:
        if same:
            return _judged("rows_apart", "passed", "Rows are answered alone as they are together.")
        joined = self.version.status.row_wise
        sentence = "A row's answer depends on the rows that stand beside it"
        if joined or joinable(self.version.fetched.tags).allowed:
            return _judged("rows_apart", "failed", f"{sentence}, although requests may be joined.")
        return _judged("rows_apart", "passed", f"{sentence}; its requests are never joined.")

    def _batching(self) -> Judgement:
        status = self.version.status
        wished = joinable(self.version.fetched.tags).allowed
        if wished and not status.row_wise:
            sentence = (
                f"The version is tagged {BATCHING_TAG}=rows, and yet {status.row_wise_reason}."
            )
            return _judged("batching", "failed", sentence)
        may = "may be joined" if status.row_wise else "are answered one by one"
        return _judged("batching", "passed", f"Its requests {may}: {status.row_wise_reason}.")

    async def _trouble(self, body: bytes) -> str:
        """Why it is not answered, for people; empty if it is."""
        try:
            await self.version.answer(body)
        except ServiceError as error:
            return error.message
        return ""

    async def _answer(self, body: bytes, media_type: str = "application/json") -> Any:
        return orjson.loads(await self.version.answer(body, media_type))


def _judged(name: str, verdict: Verdict, sentence: str) -> Judgement:
    return Judgement(f"smoke.{name}", verdict, sentence, "smoke")
