"""The agents, which turn source messages into sightings and sightings into alerts, and what they need."""
