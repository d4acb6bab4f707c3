"""One module for each wire dialect: our conversation in, request bodies out; bytes in, our events out. All pure."""
