"""What RocksDB and the changelog of the memory hold: keys and values in bytes."""
