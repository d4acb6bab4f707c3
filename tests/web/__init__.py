"""The page over real HTTP and in a real browser, with a recording inbox in dispatch's place."""
