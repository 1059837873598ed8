"""SIP itself (RFC 3261 and friends), pure: messages, transactions, dialogs, digest.

Knows no trunk and no socket. Time comes in through `trunkline.clock`, bytes through `received`.
"""
