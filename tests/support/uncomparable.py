"""Bytes that tell whoever compares them in a time that depends on them."""


class Uncomparable(bytes):
    """Raises where `==`, `startswith` or a hash is asked of it; `hmac.compare_digest` asks none.

    A subclass on either side of `==` is asked first, so it is seen on both.
    """

    def _refuse(self, *_: object) -> bool:
        raise AssertionError("compared in a time that tells where the first difference is")

    __eq__ = __ne__ = __lt__ = __gt__ = startswith = endswith = _refuse

    def __hash__(self) -> int:
        self._refuse()
        return 0
