"""The made-up languages of `data_source: invitro`: words, sounds, grammar, distances."""
