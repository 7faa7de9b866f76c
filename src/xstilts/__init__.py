"""xstilts: does intermediate-task training help zero-shot cross-lingual transfer?"""

__version__ = "0.1.0"
