"""Functions generated from a schema that encode and decode Avro single-object encoding as fastavro does, but faster.

fastavro looks the type of each value up, and tries the branches of each union. Here a schema becomes the source of two
functions that already know it.

The rules:

* The functions are for usual values only. If anything is odd they raise an error, whatever it is, and the caller does
  it again with fastavro, which has the last word: on a value of another type, a missing or unknown field, a number of
  64 bits, bytes that are cut, an array in several blocks, and the like.
* What they do return is what fastavro returns, to the byte. ``tests/wire/test_generated.py`` compares them.
* A schema has records, arrays, unions of null and one type, and the primitive types that ``source`` names.
"""
