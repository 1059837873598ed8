"""The root of every error Trunkline raises on purpose.

The tree::

    TrunklineError
    ├── SipError                    trunkline.sip     (a peer's bytes, or a broken rule of RFC 3261)
    ├── SdpError                    trunkline.sdp
    ├── ConfigError                 trunkline.config
    ├── DirectoryError              trunkline.trunk   (an account, number, carrier or route that can't be)
    ├── MediaError                  trunkline.media
    ├── NetError                    trunkline.net
    ├── LiveError                   trunkline.live
    └── StoreError                  trunkline.store

Each room defines its own leaves beside the code that raises them. A refusal of a call is not an exception but
a `trunkline.trunk.verdict.Verdict`.
"""


class TrunklineError(Exception):
    """Root of the tree. `str()` of any of them is one line, fit for a log and for a person."""


class SipError(TrunklineError):
    """A SIP message or exchange that breaks a rule."""


class SdpError(TrunklineError):
    """A session description that can't be read or answered."""


class ConfigError(TrunklineError):
    """A setting that is unknown, malformed or contradicts another one."""


class DirectoryError(TrunklineError):
    """An account, number, carrier or route that can't exist as asked."""


class MediaError(TrunklineError):
    """The media engine refused or failed."""


class NetError(TrunklineError):
    """A listener, connection or name that can't be had."""


class LiveError(TrunklineError):
    """The live state that nodes share can't be read or written."""


class StoreError(TrunklineError):
    """Data at rest can't be read or written."""
