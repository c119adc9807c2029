"""What other teams read: alerts, activity and summaries, in Avro and as JSON."""
