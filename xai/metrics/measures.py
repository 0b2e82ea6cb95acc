"""The measures by which explanations are checked, each with its thresholds and its words."""

from __future__ import annotations

from xai.score import Level, Measure

_PETSIUK = "Petsiuk et al. 2018, RISE (arXiv:1806.07421): deletion and insertion; Samek et al. 2017 (arXiv:1509.06321): random control"
_ADEBAYO = "Adebayo et al. 2018, Sanity checks for saliency maps (arXiv:1810.03292)"
_RIBEIRO = "Ribeiro et al. 2016, LIME (arXiv:1602.04938)"
_ALVAREZ = "Alvarez-Melis & Jaakkola 2018, On the robustness of interpretability methods (arXiv:1806.08049)"
_LUNDBERG = "Lundberg & Lee 2017, SHAP (arXiv:1705.07874): local accuracy; Erion et al. 2021 (arXiv:1906.10670)"

FAITHFULNESS = Measure(
    "faithfulness",
    "Does it matter to the model?",
    -0.5,
    0.5,
    True,
    0.1,
    0.04,
    {
        Level.GREEN: "Removing what is marked changes the answer much more than removing parts at random.",
        Level.AMBER: "Removing what is marked changes the answer only a little more than removing parts at random.",
        Level.RED: "Removing what is marked changes the answer no more than removing parts at random.",
    },
    _PETSIUK,
    "{signed}",
)
FIT = Measure(
    "fit",
    "Is it complete?",
    0.0,
    1.0,
    True,
    0.75,
    0.5,
    {
        Level.GREEN: "The simple picture behind the colours explains {percent} of what the model does nearby.",
        Level.AMBER: "The simple picture behind the colours explains only {percent} of what the model does nearby.",
        Level.RED: "The simple picture behind the colours misses more than it explains ({percent}): do not read single patches.",
    },
    _RIBEIRO,
)
LEFT_OVER = Measure(
    "left_over",
    "Is it complete?",
    0.0,
    float("inf"),
    False,
    0.02,
    0.1,
    {
        Level.GREEN: "The shares add up to the answer ({percent} is left over).",
        Level.AMBER: "The shares nearly add up to the answer ({percent} is left over).",
        Level.RED: "The shares do not add up to the answer ({percent} is left over).",
    },
    _LUNDBERG,
)
STEADY = Measure(
    "stability",
    "Is it steady?",
    -1.0,
    1.0,
    True,
    0.8,
    0.5,
    {
        Level.GREEN: "Repeated under slightly other conditions, it looks the same.",
        Level.AMBER: "Repeated under slightly other conditions, its details change.",
        Level.RED: "Repeated under slightly other conditions, it looks different.",
    },
    _ALVAREZ,
    "rank correlation {value}",
)
TOP_FIVE = Measure(
    "top_five",
    "Are the strongest patches steady?",
    0.0,
    1.0,
    True,
    0.8,
    0.5,
    {
        Level.GREEN: "Repeated with other random numbers, {percent} of its five strongest patches stay.",
        Level.AMBER: "Repeated with other random numbers, only {percent} of its five strongest patches stay.",
        Level.RED: "Repeated with other random numbers, most of its five strongest patches change ({percent} stay).",
    },
    _ALVAREZ,
)
LEARNED_CLASSIFIER = Measure(
    "sanity_classifier",
    "Does it depend on what was learned?",
    -1.0,
    1.0,
    False,
    0.5,
    0.8,
    {
        Level.GREEN: "With the classifier's knowledge scrambled it looks different, as it must.",
        Level.AMBER: "With the classifier's knowledge scrambled it still looks rather similar.",
        Level.RED: "With the classifier's knowledge scrambled it looks the same: it shows little of what was learned.",
    },
    _ADEBAYO,
    "rank correlation {value}",
)
LEARNED_BACKBONE = Measure(
    "sanity_backbone",
    "Does it depend on how the face is seen?",
    -1.0,
    1.0,
    False,
    0.5,
    0.8,
    {
        Level.GREEN: "With the face network's knowledge scrambled it looks different, as it must.",
        Level.AMBER: "With the face network's knowledge scrambled it still looks rather similar.",
        Level.RED: "With the face network's knowledge scrambled it looks the same: it shows little of what was learned.",
    },
    _ADEBAYO,
    "rank correlation {value}",
)
MEASURES = (FAITHFULNESS, FIT, LEFT_OVER, STEADY, TOP_FIVE, LEARNED_CLASSIFIER, LEARNED_BACKBONE)
