"""Every Kafka client except Faust's: how they connect, what their errors mean, an admin client, a reader."""
