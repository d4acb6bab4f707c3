"""The process: settings, command line, adapters (telegram, discord, web), dispatch, wiring, supervision.

An adapter turns platform events into `Incoming` and hands them to dispatch through `ports.Inbox`; what a handler
says comes back as pages through `ports.Adapter`. Only an adapter's own folder imports its platform's library.
"""
