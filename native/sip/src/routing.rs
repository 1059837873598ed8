//! The usual forms of what routes a message: Via, From, To, CSeq (RFC 3261 §20.42, §20.20, §20.39, §20.16).
//!
//! Each function recognises a form that the grammar in Python would accept with the same result, or says nothing.

use crate::{is_token, is_token_byte};

/// A Via element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// Upper case.
    pub transport: &'a str,
    /// A name or an IPv4 address, as it came.
    pub host: &'a str,
    /// 1 to 65535.
    pub port: Option<u16>,
    /// In order: name as it came, value.
    pub params: Vec<(&'a str, Option<&'a str>)>,
}

/// `SIP/2.0/TRANSPORT host[:port][;name[=value]…]` without white space but the one blank, and without a comma, which may
/// begin another element. `most` bounds the parameters.
#[must_use]
pub fn via(text: &[u8], most: usize) -> Option<Via<'_>> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains(','))?;
    let (transport, rest) = text.strip_prefix("SIP/2.0/")?.split_once(' ')?;
    if transport.is_empty() || !transport.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut pieces = rest.split(';');
    let (host, port) = host_and_port(pieces.next()?)?;
    let mut params: Vec<(&str, Option<&str>)> = Vec::with_capacity(4);
    for piece in pieces {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (piece, None),
        };
        let known = |met: &(&str, Option<&str>)| met.0.eq_ignore_ascii_case(name);
        if !is_token(name.as_bytes())
            || !value.is_none_or(|value| value.bytes().all(is_value_byte))
            || params.len() + 1 >= most
            || params.iter().any(known)
        {
            return None;
        }
        params.push((name, value));
    }
    Some(Via { transport, host, port, params })
}

/// The tag, if there is one, of `"display" <sip:user@host:port>;tag=…`; display, user, port and tag may be missing.
#[must_use]
pub fn party(text: &[u8]) -> Option<Option<&str>> {
    let rest = match text {
        [b'"', rest @ ..] => {
            let close = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\'))?;
            if rest[close] == b'\\' {
                return None;
            }
            let rest = &rest[close + 1..];
            &rest[rest.iter().position(|&byte| !matches!(byte, b' ' | b'\t'))?..]
        }
        _ => &text[text.iter().position(|&byte| !is_token_byte(byte) && !matches!(byte, b' ' | b'\t'))?..],
    };
    let rest = rest.strip_prefix(b"<")?;
    let close = rest.iter().position(|&byte| byte == b'>')?;
    if !is_plain_uri(&rest[..close]) {
        return None;
    }
    match &rest[close + 1..] {
        [] => Some(None),
        tail => {
            let tag = tail.strip_prefix(b";tag=")?;
            if is_token(tag) { std::str::from_utf8(tag).ok().map(Some) } else { None }
        }
    }
}

/// `number method`, the number at most `most`.
#[must_use]
pub fn cseq(text: &[u8], most: u64) -> Option<(u64, &str)> {
    let (number, method) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    if number.len() > 10 || !is_token(method.as_bytes()) {
        return None;
    }
    let value = decimal(number)?;
    (value <= most).then_some((value, method))
}

/// A SIP or SIPS URI of user, host and port, in lower-case scheme and without escapes.
fn is_plain_uri(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let Some(rest) = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:")) else { return false };
    let place = match rest.split_once('@') {
        Some((user, place)) if !user.is_empty() && user.bytes().all(is_user_byte) => place,
        Some(_) => return false,
        None => rest,
    };
    host_and_port(place).is_some()
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) if port.len() <= 5 => {
            let port = u16::try_from(decimal(port)?).ok()?;
            (host, Some(if port == 0 { return None } else { port }))
        }
        Some(_) => return None,
        None => (text, None),
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    labels.split('.').all(is_label).then_some((host, port))
}

fn decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

const fn is_value_byte(byte: u8) -> bool {
    is_token_byte(byte)
        || matches!(
            byte,
            b'[' | b']'
                | b':'
                | b'/'
                | b'?'
                | b'@'
                | b'&'
                | b'$'
                | b'='
                | b'('
                | b')'
                | b'#'
                | b'{'
                | b'}'
                | b'|'
                | b'^'
        )
}

const fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'*' | b'_' | b'+' | b'\'' | b'~' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_a_usual_via() {
        let read = via(b"SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK-1;Rport", 64).expect("usual");
        assert_eq!((read.transport, read.host, read.port), ("UDP", "192.0.2.1", Some(5080)));
        assert_eq!(read.params, [("branch", Some("z9hG4bK-1")), ("Rport", None)]);
        assert_eq!(via(b"SIP/2.0/TCP pbx.example.com.", 64).expect("usual").port, None);
    }

    #[test]
    fn leaves_an_unusual_via_alone() {
        for text in [
            "SIP / 2.0 / UDP host",
            "SIP/2.0/udp host",
            "SIP/2.0/UDP  host",
            "SIP/2.0/UDP [::1]",
            "SIP/2.0/UDP host:0",
            "SIP/2.0/UDP host:65536",
            "SIP/2.0/UDP host:",
            "SIP/2.0/UDP a..b",
            "SIP/2.0/UDP host;",
            "SIP/2.0/UDP host;a;A",
            "SIP/2.0/UDP host;a=\"x\"",
            "SIP/2.0/UDP host ;a",
            "SIP/2.0/ host",
            "SIP/2.0/UDP host;a=b,c",
        ] {
            assert_eq!(via(text.as_bytes(), 64), None, "{text}");
        }
        assert_eq!(via(b"SIP/2.0/UDP host;a;b;c", 3), None);
    }

    #[test]
    fn recognises_the_tag_of_a_usual_party() {
        assert_eq!(party(b"\"A. B\" <sip:a@example.com>;tag=1"), Some(Some("1")));
        assert_eq!(party(b"Anna B <sips:+49-30@192.0.2.1:5061>"), Some(None));
        assert_eq!(party(b"<sip:example.com>"), Some(None));
        assert_eq!(party("\"\u{e9}\"<sip:a@b>".as_bytes()), Some(None));
    }

    #[test]
    fn leaves_an_unusual_party_alone() {
        for text in [
            "sip:a@b;tag=1",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag=1;x",
            "<sip:a@b>;TAG=1",
            "<sip:a@b> ;tag=1",
            "<sip:a:b@c>",
            "<sip:a%20@b>",
            "<sip:@b>",
            "<sip:a@b@c>",
            "<sip:a@b;user=phone>",
            "<SIP:a@b>",
            "<tel:1>",
            "\"a\\\"\" <sip:a@b>",
            "\"a <sip:a@b>",
            "a\"b\" <sip:a@b>",
            "<sip:a@b",
            "",
        ] {
            assert_eq!(party(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn recognises_a_usual_cseq() {
        assert_eq!(cseq(b"4711 INVITE", 1 << 31), Some((4711, "INVITE")));
        for text in
            ["1", "1  INVITE", " 1 INVITE", "x INVITE", "1 IN VITE", "+1 INVITE", "4294967296 INVITE", "1 "]
        {
            assert_eq!(cseq(text.as_bytes(), (1 << 31) - 1), None, "{text}");
        }
    }
}
