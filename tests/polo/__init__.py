"""The relay's client and the stand-in relay: samples replayed, connections broken, an independent client as witness."""
