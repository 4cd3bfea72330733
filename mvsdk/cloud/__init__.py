"""The local cloud: apps, devices, config and secrets, behind the Microvisor REST API.

    identifiers, passwords, sealing      SIDs; secrets that are compared; secrets that are kept
    data_directory                       what lies on disk, and the lock that keeps a second server out
    database ── store                    SQL in one dialect for two engines; the tables as Python
    blobs                                layers and manifests by their hash
    backup                               everything in one archive
    cohorts, versions                    which devices somebody means
    rollouts, gates                      an app on its way to many devices, and what it depends on
    uploads, deltas                      what becomes of a bundle that arrives; what devices fetch instead of a layer
    http                                 the API: authentication, forms, pages, errors, resources

The cloud meets devices over the wire and imports nothing of the emulator.
The rule that must never break: what a client was told is stored survives the end of the process, however it comes.
"""
