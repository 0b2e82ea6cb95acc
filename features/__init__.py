"""From the bytes of a recording to the 552 numbers that the classifier sees.

``media`` decodes, ``audio`` computes MFCCs, ``faces`` finds and follows a face, ``video`` turns sampled frames into
ResNet-18 features, and ``vector`` puts everything together.
"""

from features.media import MediaError
from features.extract import FEATURE_NAMES, N_AUDIO, N_FEATURES, N_VISUAL, Features, extract

__all__ = ["FEATURE_NAMES", "N_AUDIO", "N_FEATURES", "N_VISUAL", "Features", "MediaError", "extract"]
