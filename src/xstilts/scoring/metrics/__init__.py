"""The metrics' definitions as pure functions: plain sequences in, counts or shares out.

Shares are in [0, 1]; points (0 to 100) are made in `xstilts.scoring.scores` and
`xstilts.scoring.xtreme_evaluate`.
"""
