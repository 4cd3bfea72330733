"""The tables as Python: every function takes a `Connection` and belongs into one `Database.read` or `write`.

    accounts        accounts, API keys, trusted signers, who a request comes from
    users           people who log in at the console
    apps, devices   what the API calls so
    downloads       what a device may fetch
    updates         how far devices are on their way
    rollouts        apps on their way to many devices
    tags            what devices are called and say of themselves
    settings        config and secrets, of an account or a device
    audit           who changed what, in a chain of hashes
    pages           cutting long lists at keys, not at offsets

Nothing here knows HTTP. Times are Unix microseconds; account SIDs come from the authentication, never from a client.
"""
