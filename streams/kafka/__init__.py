"""Every Kafka client except Faust's: their options, what their errors mean, an admin client, readers."""
