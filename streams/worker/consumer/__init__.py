"""Reads records from Kafka and commits offsets. Only this room and ``state`` use the insides of Faust and aiokafka."""
