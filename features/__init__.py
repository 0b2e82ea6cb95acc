"""From the bytes of a recording to the 552 numbers that the classifier sees.

``media`` decodes, ``audio`` computes MFCCs, ``faces`` finds and follows a face, ``video`` turns sampled frames into
ResNet-18 features, and ``extract`` puts everything together. ``space`` says which column is what.
"""

from features.extract import SPACE, Encoders, Features, extract
from features.media import MediaError
from features.space import FeatureSpace, Modality, Standardiser

__all__ = ["SPACE", "Encoders", "FeatureSpace", "Features", "MediaError", "Modality", "Standardiser", "extract"]
