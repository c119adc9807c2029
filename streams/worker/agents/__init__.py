"""The agents: source messages become sightings, and sightings become alerts."""
