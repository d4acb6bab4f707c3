"""The features, by what they say and what the relay was asked."""
