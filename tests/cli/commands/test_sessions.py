"""A whole session of the original, typed at an app without lcores: every answer is the same."""

from fakes.app import FakeApp
from fakes.console import answer
from fakes.forward import forward_stats, port_stats
from transcripts import masked, printed, session, typed


def test_settings_are_answered_as_the_original_answers() -> None:
    app = FakeApp()
    app.session.result = forward_stats(port_stats(0), port_stats(1))
    original = session("settings")
    ours = "".join(f"testpmd> {line}\n{printed(answer(app, line))}" for line in typed(original))
    assert masked(ours) == masked(original)
