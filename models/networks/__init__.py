"""Networks: what turns voices and faces into numbers, and numbers into emotions."""

from features import MediaError


class ModelError(MediaError):
    """A model that cannot be used. The message says what is wrong and what to do, in one sentence or two."""
