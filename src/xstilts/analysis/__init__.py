"""What the scores and predictions of an experiment say, and with what certainty.

Everything here reads tables; nothing knows of models.
"""
