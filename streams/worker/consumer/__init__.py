"""Reads records from Kafka and commits offsets. Besides ``state`` only this package knows Faust and aiokafka."""
