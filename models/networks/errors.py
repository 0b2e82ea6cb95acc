"""What goes wrong with networks that are not in the repository."""

from features import MediaError


class ModelError(MediaError):
    """A model that cannot be used. The message says what is wrong and what to do, in one sentence or two."""
