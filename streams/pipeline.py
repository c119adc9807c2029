"""The two pure halves, composed once: worker, backtest, explain and warm-up all call these and nothing below.

``sight`` turns the bytes of one message into sightings and rejected elements; ``detect`` turns a sighting and what is
remembered of its principal into what to remember and what to say.
"""
