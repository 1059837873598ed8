//! The class `HeadReader`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use trunkline_sip::head::{Fault, Head, Limits, Name, Names};
use trunkline_sip::routing;

/// The headers that `read` looks into, in this order.
const ROUTING: [&str; 5] = ["via", "from", "to", "cseq", "content-length"];

/// Reads the heads of SIP messages with one table of header names.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct HeadReader {
    names: Names,
    keys: Vec<Py<PyString>>,
    routing: [usize; ROUTING.len()],
    limits: Limits,
    most_params: usize,
    most_cseq: u64,
}

type Fields<'py> = (Bound<'py, PyDict>, Option<Bound<'py, PyDict>>);
type ViaParts<'py> = (Bound<'py, PyString>, Bound<'py, PyString>, Option<u16>, Bound<'py, PyDict>);

#[pymethods]
impl HeadReader {
    /// `keys`: usual spellings -> key; `once`: keys that may stand only once -> the name that a fault gives them.
    #[new]
    #[pyo3(signature = (keys, once, *, head_bytes, lines, parameters, cseq))]
    fn new(
        keys: Vec<(String, String)>,
        once: Vec<(String, String)>,
        head_bytes: usize,
        lines: usize,
        parameters: usize,
        cseq: u64,
        py: Python<'_>,
    ) -> Self {
        let mut known: Vec<String> = Vec::new();
        let mut number_of = |key: &str| {
            known.iter().position(|one| one == key).unwrap_or_else(|| {
                known.push(key.to_owned());
                known.len() - 1
            })
        };
        let routing = ROUTING.map(&mut number_of);
        let once: Vec<_> = once.into_iter().map(|(key, name)| (number_of(&key), name)).collect();
        let spellings: Vec<_> =
            keys.into_iter().map(|(spelling, key)| (spelling.into_bytes().into(), number_of(&key))).collect();
        Self {
            names: Names::new(spellings, once),
            keys: known.iter().map(|key| PyString::intern(py, key).unbind()).collect(),
            routing,
            limits: Limits { bytes: head_bytes, lines },
            most_params: parameters,
            most_cseq: cseq,
        }
    }

    /// What the head of `data` says, or why it is none.
    #[pyo3(signature = (data))]
    fn read<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
        let head = match Head::frame(data, self.limits) {
            Ok(head) => head,
            Err(fault) => return refusal(py, &fault),
        };
        let fields = match head.fields(&self.names) {
            Ok(fields) => fields,
            Err(fault) => return refusal(py, &fault),
        };
        let first = |number: usize| {
            fields.iter().find(|field| field.name == Name::Known(number)).map(|field| field.value)
        };
        let [via, from, to, cseq, length] = self.routing.map(first);
        let (values, spellings) = self.index(py, &fields)?;
        let via = match via.and_then(|line| routing::via(line, self.most_params)) {
            Some(via) => Some(via_parts(py, &via)?),
            None => None,
        };
        let tag = |line: Option<&[u8]>| line.and_then(routing::party).map(|tag| (tag.map(str::to_owned),));
        let cseq = cseq.and_then(|line| routing::cseq(line, self.most_cseq));
        let body = body(&data[head.body_at..], length).map(|body| PyBytes::new(py, body));
        (text(py, head.start_line())?, values, spellings, body, via, tag(from), tag(to), cseq)
            .into_pyobject(py)
    }
}

impl HeadReader {
    /// Key -> values in order, and the spelling of names that the table doesn't have.
    fn index<'py>(
        &self,
        py: Python<'py>,
        fields: &[trunkline_sip::head::Field<'_>],
    ) -> PyResult<Fields<'py>> {
        let values = PyDict::new(py);
        let mut spellings: Option<Bound<'py, PyDict>> = None;
        for field in fields {
            let key = match field.name {
                Name::Known(number) => self.keys[number].bind(py).clone(),
                Name::Other(name) => {
                    let key = text(py, &name.to_ascii_lowercase())?;
                    let spellings = spellings.get_or_insert_with(|| PyDict::new(py));
                    if !spellings.contains(&key)? {
                        spellings.set_item(&key, text(py, name)?)?;
                    }
                    key
                }
            };
            let value = text(py, field.value)?;
            match values.get_item(&key)? {
                None => values.set_item(key, (value,))?,
                Some(before) => {
                    let more = before
                        .cast::<PyTuple>()?
                        .as_sequence()
                        .concat((value,).into_pyobject(py)?.as_sequence())?;
                    values.set_item(key, more)?;
                }
            }
        }
        Ok((values, spellings))
    }
}

fn refusal<'py>(py: Python<'py>, fault: &Fault) -> PyResult<Bound<'py, PyTuple>> {
    (fault.element.as_ref(), fault.detail, fault.status).into_pyobject(py)
}

fn via_parts<'py>(py: Python<'py>, via: &routing::Via<'_>) -> PyResult<ViaParts<'py>> {
    let params = PyDict::new(py);
    for (name, value) in &via.params {
        params.set_item(name.to_ascii_lowercase(), *value)?;
    }
    let host = PyString::new(py, &via.host.to_ascii_lowercase());
    Ok((PyString::new(py, via.transport), host, via.port, params))
}

/// The body as long as Content-Length says; None where that is no number or more than there is.
fn body<'a>(rest: &'a [u8], length: Option<&[u8]>) -> Option<&'a [u8]> {
    let Some(length) = length else { return Some(rest) };
    if length.is_empty() || length.len() > 10 || !length.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    rest.get(..count)
}

/// Bytes as text: UTF-8, where it is not with surrogate escapes.
fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => {
            PyString::from_encoded_object(&PyBytes::new(py, bytes), Some(c"utf-8"), Some(c"surrogateescape"))
        }
    }
}
