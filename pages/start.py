"""The root of the address: on to the page Analyze, with all that a link says."""

from pages.components.session.entry import go_on

go_on()
