"""The main job: a recording in, a prediction and its explanations out."""

from pages.components.analyze.inputs import choose_recording, say_what_next
from pages.components.analyze.quality import may_be_shown
from pages.components.analyze.result import show_result
from pages.components.models.picker import chosen_model
from pages.components.session.bar import top_bar
from pages.components.session.entry import require_app
from pages.components.session.run import analysis_of

require_app(__file__)
recording, options = choose_recording(top_bar())
if recording is not None:
    analysis = analysis_of(recording, options, chosen_model())
    if analysis is None:
        say_what_next(recording)
    elif may_be_shown(analysis):
        show_result(analysis, recording)
