"""A client that offers another protocol goes on in HTTP/1.1, and loses nothing by its offer.

Java's own client offers HTTP/2 with what it sends without TLS (`Upgrade: h2c`), with bodies too. A
server may ignore that (RFC 9110, section 7.8), and so does uvicorn; but its parser, httptools,
takes everything behind such a head for the other protocol, and the request was left without body.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradeIgnored(HttpToolsProtocol):
    """uvicorn's protocol, for which a request that offers another is a request like any other."""

    # Of a request that makes an offer: its head without that, to be read again.
    _plain_head = b""

    def data_received(self, data: bytes) -> None:
        """Reads all of it; what is no HTTP is refused."""
        try:
            while data:
                data = self._left_of(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def on_headers_complete(self) -> None:
        """Begins with the request, unless its head is to be read again."""
        # CONNECT offers nothing: it asks for a tunnel, and its target is refused as no path.
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._plain_head = self._without_offer()
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The parser's word; early, if it believes in the other protocol."""
        if not self._plain_head:
            super().on_message_complete()

    def _left_of(self, data: bytes) -> bytes:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head, self._plain_head = self._plain_head, b""
            # This one would not read on behind a head that also says `Connection: close`.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            return head + data[offer.args[0] :]
        return b""

    def _without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode("ascii"))]
        lines += [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])
