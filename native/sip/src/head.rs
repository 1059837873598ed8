//! Framing and the index of header fields (RFC 3261 §7.3, §7.5, §25.1).
//!
//! Refused: no blank line behind the header fields, too many bytes or fields, control characters (none but TAB and those of a
//! quoted string, RFC 4475 §3.1.1.2), CR or LF alone, a line without a proper header name, a second field of a name that
//! may stand only once. Continuation lines are joined by a single blank (§7.3.1).

use std::borrow::Cow;
use std::collections::HashMap;

use crate::{is_token, stripped};

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is at fault: `message`, `request line`, or a header's name.
    pub element: Cow<'static, str>,
    /// What is wrong with it.
    pub detail: &'static str,
    /// The status to answer with.
    pub status: u16,
}

impl Fault {
    fn new(element: &'static str, detail: &'static str) -> Self {
        Self { element: Cow::Borrowed(element), detail, status: 400 }
    }

    fn too_long(detail: &'static str) -> Self {
        Self { element: Cow::Borrowed("message"), detail, status: 513 }
    }
}

/// The name of a header field: one of the table's, by number, or a peer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// A known header.
    Known(usize),
    /// A token that the table doesn't have, as it came.
    Other(&'a [u8]),
}

/// One header field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Its value, without white space around it.
    pub value: &'a [u8],
}

/// Bounds of a head.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of start line and header fields together.
    pub bytes: usize,
    /// Lines, the start line included.
    pub lines: usize,
}

/// The header names that are known.
#[derive(Debug)]
pub struct Names {
    by_spelling: HashMap<Box<[u8]>, usize>,
    once: Vec<Option<String>>,
}

impl Names {
    /// `spellings`: every usual spelling with its header's number; `once`: the numbers of those that may stand only once,
    /// with the name that a fault gives them.
    #[must_use]
    pub fn new(
        spellings: impl IntoIterator<Item = (Box<[u8]>, usize)>,
        once: impl IntoIterator<Item = (usize, String)>,
    ) -> Self {
        let by_spelling: HashMap<_, _> = spellings.into_iter().collect();
        let count = by_spelling.values().max().map_or(0, |highest| highest + 1);
        let mut names = Self { by_spelling, once: vec![None; count] };
        for (number, name) in once {
            if let Some(place) = names.once.get_mut(number) {
                *place = Some(name);
            }
        }
        names
    }

    /// The number of a name in any spelling.
    #[must_use]
    pub fn number(&self, name: &[u8]) -> Option<usize> {
        self.by_spelling.get(name).or_else(|| self.by_spelling.get(&*name.to_ascii_lowercase())).copied()
    }

    fn read<'a>(&self, line: &'a [u8]) -> Result<Field<'a>, Fault> {
        let improper = || Fault::new("message", "a header field without a proper name");
        let colon = line.iter().position(|&byte| byte == b':').ok_or_else(improper)?;
        let value = stripped(&line[colon + 1..]);
        if let Some(&number) = self.by_spelling.get(&line[..colon]) {
            return Ok(Field { name: Name::Known(number), value });
        }
        let name = line[..colon].trim_ascii_end();
        if !is_token(name) {
            return Err(improper());
        }
        Ok(Field { name: self.number(name).map_or(Name::Other(name), Name::Known), value })
    }

    /// Whether a header may stand only once, and how a fault names it.
    #[must_use]
    pub fn once(&self, number: usize) -> Option<&str> {
        self.once.get(number).and_then(Option::as_deref)
    }
}

/// The head of a message: its lines joined where they were folded. Borrow the fields from it.
#[derive(Debug)]
pub struct Head<'a> {
    text: Cow<'a, [u8]>,
    /// Where the body begins in the bytes that were read.
    pub body_at: usize,
}

impl<'a> Head<'a> {
    /// Frames `data`, whose first line is the start line.
    ///
    /// # Errors
    /// A [`Fault`] of framing, size or a control character.
    pub fn frame(data: &'a [u8], limits: Limits) -> Result<Self, Fault> {
        let end = find_blank_line(data)
            .ok_or_else(|| Fault::new("message", "no blank line ends the header fields"))?;
        if end > limits.bytes {
            return Err(Fault::too_long("header fields too long"));
        }
        let text = &data[..end];
        let mut count = 1;
        let mut folded = false;
        for (number, line) in lines(text).enumerate() {
            check_controls(line)?;
            count = number + 1;
            folded |= number > 0 && matches!(line.first(), Some(b' ' | b'\t'));
        }
        if count > limits.lines {
            return Err(Fault::too_long("too many header fields"));
        }
        let text = if folded { Cow::Owned(unfold(text)?) } else { Cow::Borrowed(text) };
        Ok(Self { text, body_at: end + 4 })
    }

    /// The first line.
    #[must_use]
    pub fn start_line(&self) -> &[u8] {
        lines(&self.text).next().unwrap_or_default()
    }

    /// Its header fields, in order.
    ///
    /// # Errors
    /// A [`Fault`] for a line without a proper name, and for a second field of a name that may stand only once.
    pub fn fields(&self, names: &Names) -> Result<Vec<Field<'_>>, Fault> {
        let mut fields = Vec::with_capacity(24);
        let mut met = 0u128;
        for line in lines(&self.text).skip(1) {
            let field = names.read(line)?;
            if let Name::Known(number) = field.name {
                let bit = 1u128.checked_shl(number as u32).unwrap_or(0);
                if let Some(name) = names.once(number).filter(|_| met & bit != 0) {
                    return Err(Fault {
                        element: Cow::Owned(name.to_owned()),
                        detail: "present more than once",
                        status: 400,
                    });
                }
                met |= bit;
            }
            fields.push(field);
        }
        Ok(fields)
    }
}

fn find_blank_line(data: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = data[from..].iter().position(|&byte| byte == b'\r') {
        if data[from + at..].starts_with(b"\r\n\r\n") {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The lines of `text`, which CRLF separates.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0;
        while let Some(at) = text[from..].iter().position(|&byte| byte == b'\r') {
            let at = from + at;
            if text.get(at + 1) == Some(&b'\n') {
                rest = Some(&text[at + 2..]);
                return Some(&text[..at]);
            }
            from = at + 1;
        }
        rest = None;
        Some(text)
    })
}

fn unfold(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut joined = Vec::with_capacity(text.len());
    for (number, line) in lines(text).enumerate() {
        if number > 0 && matches!(line.first(), Some(b' ' | b'\t')) {
            if number == 1 {
                return Err(Fault::new("request line", "continued on the next line"));
            }
            joined.push(b' ');
            let blanks = line.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
            joined.extend_from_slice(&line[blanks..]);
            continue;
        }
        if number > 0 {
            joined.extend_from_slice(b"\r\n");
        }
        joined.extend_from_slice(line);
    }
    Ok(joined)
}

const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

fn check_controls(line: &[u8]) -> Result<(), Fault> {
    if !line.iter().copied().any(is_control) {
        return Ok(());
    }
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(Fault::new("message", "bare CR or LF"));
    }
    let mut rest = line;
    while let Some(quote) = rest.iter().position(|&byte| byte == b'"') {
        // A quote that never ends quotes nothing, and neither does any behind it.
        let Some(end) = end_of_quoted(&rest[quote + 1..]) else { break };
        if rest[..quote].iter().copied().any(is_control) {
            break;
        }
        rest = &rest[quote + 1 + end..];
    }
    if rest.iter().copied().any(is_control) {
        return Err(Fault::new("message", "control character"));
    }
    Ok(())
}

/// Where a quoted string ends that began right before `text`: behind its closing quote.
fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1000, lines: 6 };

    fn names() -> Names {
        let spellings = [("via", 0), ("Via", 0), ("v", 0), ("to", 1), ("To", 1), ("t", 1)];
        Names::new(
            spellings.map(|(name, number)| (Box::from(name.as_bytes()), number)),
            [(1, "To".to_owned())],
        )
    }

    fn read(text: &str) -> Result<Vec<(String, String)>, Fault> {
        let names = names();
        let head = Head::frame(text.as_bytes(), LIMITS)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = head.fields(&names)?;
        Ok(fields
            .iter()
            .map(|field| match field.name {
                Name::Known(number) => (number.to_string(), text(field.value)),
                Name::Other(name) => (text(name), text(field.value)),
            })
            .collect())
    }

    fn detail(text: &str) -> &'static str {
        read(text).expect_err("a fault").detail
    }

    #[test]
    fn reads_names_in_any_spelling_and_values_without_the_space_around_them() {
        let fields = read("A b c\r\nVIA \t:\t x  y \r\nX-Odd:\r\nt:z\r\n\r\nbody").expect("a head");
        let wanted = [("0", "x  y"), ("X-Odd", ""), ("1", "z")];
        assert_eq!(fields, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(Head::frame(b"A b c\r\n\r\nbody", LIMITS).expect("a head").body_at, 9);
    }

    #[test]
    fn joins_folded_lines() {
        assert_eq!(read("A\r\nX: a\r\n \t b\r\n\tc\r\n\r\n").expect("a head")[0].1, "a b c");
        assert_eq!(detail("A\r\n X: a\r\n\r\n"), "continued on the next line");
    }

    #[test]
    fn refuses_what_is_no_message() {
        assert_eq!(detail("A\r\nX: a\r\n"), "no blank line ends the header fields");
        assert_eq!(detail("A\r\nX a\r\n\r\n"), "a header field without a proper name");
        assert_eq!(detail("A\r\nX@: a\r\n\r\n"), "a header field without a proper name");
        assert_eq!(detail("A\r\n: a\r\n\r\n"), "a header field without a proper name");
        assert_eq!(detail("A\r\nTo: a\r\nt: b\r\n\r\n"), "present more than once");
        assert_eq!(detail("A\r\nX: a\nb\r\n\r\n"), "bare CR or LF");
        assert_eq!(detail("A\r\nX: a\rb\r\n\r\n"), "bare CR or LF");
        assert_eq!(detail(&format!("A\r\n{}\r\n", "X: a\r\n".repeat(6))), "too many header fields");
        assert_eq!(detail(&format!("A\r\nX: {}\r\n\r\n", "a".repeat(1000))), "header fields too long");
    }

    #[test]
    fn control_characters_stand_in_quoted_strings_only() {
        assert_eq!(detail("A\r\nX: \u{1}\r\n\r\n"), "control character");
        assert_eq!(detail("A\r\nX: \"a\" \u{7f} \"b\"\r\n\r\n"), "control character");
        assert_eq!(detail("A\r\nX: \"\\\" \u{1}\r\n\r\n"), "control character");
        assert!(read("A\r\nX: \"a\\\u{1}\" \"\u{2}\"\r\n\r\n").is_ok());
        assert!(read("A\r\nX: \"a\\\" \u{1}\" \\\"\r\n\r\n").is_ok());
    }
}
