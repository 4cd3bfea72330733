"""What can go wrong with the cloud itself. What a client does wrong is a `Problem` of the API, in `http/problems.py`.

CloudError
├── DataDirectoryError    the folder cannot be used, or its files are not what they should be
├── DataDirectoryInUseError   another server works on it
├── AddressError          the server cannot listen where it should, or may not
├── DatabaseError         the database cannot be opened, or is of a later version
│   └── DatabaseUnreachableError   it is down at present
├── StartError            a server was started and did not come up
├── BlobStoreError        layers cannot be kept where they should be
├── BackupError           a backup cannot be written or restored
├── CertificateRequestError   a device's certificate request cannot be signed
├── NewKeysError          a change of the keys that devices trust cannot be taken
│   └── NewKeysNumberError   it is not the next one
├── UpdateError           a device does not run what it is to run
├── GateError             what a rollout is to depend on cannot be read
├── CohortError           an expression means no devices: it cannot be read
├── StorageFullError      nothing more can be written
├── NotReachableError     a client finds no cloud
└── RefusedError          a cloud does not do what a client asks
"""

from __future__ import annotations

from mvsdk.errors import CloudError


class DataDirectoryError(CloudError):
    """The folder cannot be used, or its files are not what they should be."""


class DataDirectoryInUseError(CloudError):
    """Another server works on the folder."""


class AddressError(CloudError):
    """The server cannot listen where it should, or may not."""


class DatabaseError(CloudError):
    """The database cannot be opened, or is of a later version."""


class DatabaseUnreachableError(DatabaseError):
    """The database is down at present, or the connection broke in the middle of work."""


class StartError(CloudError):
    """A server was started and did not come up."""


class BlobStoreError(CloudError):
    """Layers cannot be kept where they should be."""


class BackupError(CloudError):
    """A backup cannot be written or restored."""


class CertificateRequestError(CloudError):
    """A device's certificate request cannot be signed."""


class NewKeysError(CloudError):
    """A change of the keys that devices trust cannot be taken."""


class NewKeysNumberError(NewKeysError):
    """A change of the keys that devices trust is not the next one."""


class UpdateError(CloudError):
    """A device does not run what it is to run."""


class CohortError(CloudError):
    """An expression cannot be read; `column` (from 1) is where it goes wrong."""

    def __init__(self, what: str, column: int) -> None:
        super().__init__(what, "write for example: tag=kitchen and app<1.4 and not online")
        self.column = column


class GateError(CloudError):
    """A gate cannot be read; `column` (from 1) is where it goes wrong."""

    def __init__(self, what: str, column: int) -> None:
        super().__init__(what, "write for example: crash_rate < 1% and online > 95% for 10m")
        self.column = column


class StorageFullError(CloudError):
    """Nothing more can be written: the disk is full, or the database has reached its limit."""


class NotReachableError(CloudError):
    """A client finds no cloud."""


class RefusedError(CloudError):
    """A cloud does not do what a client asks; `status` is the answer's HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the cloud refuses: {message}", _REMEDIES.get(status, "change what is asked for"))
        self.status = status


_REMEDIES = {
    401: "check the credentials: mvsdk cloud status --show-credentials",
    404: "check the name; the list commands show what there is",
    409: "what is there already is in the way: choose another name, or remove it",
    507: "make room where the cloud keeps its data",
}
