//! Bencode (BEP 3) into Python's values: what an rtpengine answers is some 250 of them, every few seconds for every call.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

pyo3::import_exception!(trunkline.media.rtpengine.bencode, BencodeError);
pyo3::import_exception!(trunkline.media.rtpengine.bencode, CutShortError);

/// Characters of a number, its sign included.
const MAX_DIGITS: usize = 20;

/// The one value that begins at `start`, and where it ends. Integers, `bytes`, lists and dictionaries, whose keys are `str`
/// in any order, the last of two equal ones counting. Raises `CutShortError` when more is needed, `BencodeError` when nothing
/// would help, more than `max_depth` containers within each other and more than `max_items` values among it.
#[pyfunction]
#[pyo3(signature = (data, start, *, max_depth, max_items))]
pub(crate) fn decode_bencode<'py>(
    py: Python<'py>,
    data: &[u8],
    start: usize,
    max_depth: usize,
    max_items: usize,
) -> PyResult<(Bound<'py, PyAny>, usize)> {
    let mut reader = Reader { data, at: start.min(data.len()), items_left: max_items };
    let value = reader.value(py, max_depth)?;
    Ok((value, reader.at))
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    items_left: usize,
}

impl Reader<'_> {
    /// `depth_left`: how many containers may still be within each other.
    fn value<'py>(&mut self, py: Python<'py>, depth_left: usize) -> PyResult<Bound<'py, PyAny>> {
        self.items_left = self.items_left.checked_sub(1).ok_or_else(too_large)?;
        match self.peek()? {
            b'i' => {
                self.at += 1;
                Ok(self.number(b'e')?.into_pyobject(py)?.into_any())
            }
            b'l' => {
                let list = PyList::empty(py);
                let within = self.enter(depth_left)?;
                while !self.leaves()? {
                    list.append(self.value(py, within)?)?;
                }
                Ok(list.into_any())
            }
            b'd' => {
                let dictionary = PyDict::new(py);
                let within = self.enter(depth_left)?;
                while !self.leaves()? {
                    let key = PyString::new(py, &String::from_utf8_lossy(self.string()?));
                    dictionary.set_item(key, self.value(py, within)?)?;
                }
                Ok(dictionary.into_any())
            }
            _ => Ok(PyBytes::new(py, self.string()?).into_any()),
        }
    }

    fn enter(&mut self, depth_left: usize) -> PyResult<usize> {
        self.at += 1;
        depth_left.checked_sub(1).ok_or_else(too_large)
    }

    /// Whether the container ends here, which is then passed.
    fn leaves(&mut self) -> PyResult<bool> {
        let ends = self.peek()? == b'e';
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn string(&mut self) -> PyResult<&[u8]> {
        let length = usize::try_from(self.number(b':')?).map_err(|_| wrong("a string of negative length"))?;
        let begin = self.at;
        self.at = begin
            .checked_add(length)
            .filter(|&end| end <= self.data.len())
            .ok_or_else(|| CutShortError::new_err("a string is cut short"))?;
        Ok(&self.data[begin..self.at])
    }

    fn number(&mut self, end: u8) -> PyResult<i128> {
        let rest = &self.data[self.at..];
        let within = &rest[..rest.len().min(MAX_DIGITS + 1)];
        let stop = within.iter().position(|&octet| octet == end);
        let text = &within[..stop.unwrap_or(within.len())];
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        if !digits.iter().all(u8::is_ascii_digit) || (digits.is_empty() && stop.is_some()) {
            return Err(wrong("not a number where one belongs"));
        }
        let Some(stop) = stop else {
            return Err(if text.len() > MAX_DIGITS {
                wrong("a number of too many digits")
            } else {
                CutShortError::new_err("a number is cut short")
            });
        };
        self.at += stop + 1;
        let size = digits.iter().fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        Ok(if digits.len() < text.len() { -size } else { size })
    }

    fn peek(&self) -> PyResult<u8> {
        self.data.get(self.at).copied().ok_or_else(|| CutShortError::new_err("the value is cut short"))
    }
}

fn wrong(words: &'static str) -> PyErr {
    BencodeError::new_err(words)
}

fn too_large() -> PyErr {
    wrong("the value is too deep or too large")
}
