"""What wrk and k6 print is read as what it says."""

import pytest

from benchmarks.k6 import read_k6
from benchmarks.loads import Seen
from benchmarks.wrk import read_wrk

_WRK = """Running 3s test @ http://127.0.0.1:1/invocations
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    10.21ms    9.60ms 107.61ms   90.91%
    Req/Sec     5.44k     1.30k    7.15k    70.00%
  16321 requests in 3.02s, 3.27MB read
Requests/sec:   5408.21
Transfer/sec:      1.08MB

{"requests": 16321, "duration_us": 3017833, "p50_us": 10874, "p99_us": 44161, "failed": 2}
"""
_K6 = """
{"requests":11675,"p50_ms":1.25,"p99_ms":70.5,"failed":3,"missed":4325}
"""


def test_wrk_is_read_in_milliseconds() -> None:
    """wrk counts microseconds."""
    seen = read_wrk(_WRK)

    assert seen == Seen(16321, 3.017833, 10.874, 44.161, failed=2)
    assert seen.per_second == pytest.approx(5408.2, abs=0.1)


def test_k6_tells_what_it_could_not_send() -> None:
    """A rate that was not kept is another rate."""
    assert read_k6(_K6, 4) == Seen(11675, 4, 1.25, 70.5, failed=3, missed=4325)


@pytest.mark.parametrize("read", [read_wrk, lambda output: read_k6(output, 4)])
def test_other_words_are_an_error(read: object) -> None:
    """They are shown, not taken for figures."""
    with pytest.raises(RuntimeError, match="unable to connect"):
        read("unable to connect to 127.0.0.1:1")  # type: ignore[operator]
