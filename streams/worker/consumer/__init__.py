"""How records come from Kafka and offsets go back; the only room beside state/ that knows Faust and aiokafka."""
