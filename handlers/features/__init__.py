"""One module a command. A feature never imports another: what two share is a service beside this folder."""
