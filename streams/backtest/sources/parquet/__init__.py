"""Parquet files, such as those of Amazon Security Lake: each row is a message. It needs the extra ``parquet``."""
