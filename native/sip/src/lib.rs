//! The head of a SIP message, read from bytes.
//!
//! A pure function of the bytes: no Python, no socket, no clock, no state but the table of header names that it is made
//! with. What a message means is Python's business (`trunkline.sip.parse`); here is what has to be done to every byte of it:
//!
//! * [`head`]: framing, control characters, folding, an index of the header fields (RFC 3261 §7.3, §25.1);
//! * [`routing`]: the usual forms of Via, From, To and CSeq, recognised at sight. What is not recognised is not refused: it
//!   is left to the grammar in Python, which reads every form and says what is wrong.
//!
//! Everything is linear in the input.
#![forbid(unsafe_code)]

pub mod head;
pub mod routing;

/// Whether a byte may stand in a token (RFC 3261 §25.1).
#[must_use]
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether all of `text` is one token.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// `text` without blanks and tabs at either end.
#[must_use]
pub fn stripped(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
