//! Reading and writing SSZ containers, canonically.
//!
//! A container is a fixed part, in which each field of variable length is a 32-bit offset, and then those fields' bytes
//! one after the other. Canonical means: the first offset is the length of the fixed part, offsets never fall, and the
//! last field ends where the container ends.

use std::fmt;

/// Bytes of an offset.
const OFFSET: usize = 4;

/// A container of the protocol.
pub trait Ssz: Sized {
    /// The protocol's name of it.
    const NAME: &'static str;

    /// Reads the container from exactly these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// Writes the container. Limits on lengths are the decoder's business: a value that keeps them reads back equal.
    fn encode(&self) -> Vec<u8>;
}

/// Why bytes aren't the container they should be: which container, which field, what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{container}.{field}: {problem}")]
pub struct DecodeError {
    /// The protocol's name of the container.
    pub container: &'static str,
    /// The protocol's name of the field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: DecodeProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The container ends before the field does.
    Cut {
        /// Bytes the field takes.
        expected: usize,
        /// Bytes that are left for it.
        got: usize,
    },
    /// The first offset isn't the length of the fixed part.
    FirstOffset {
        /// Length of the fixed part.
        expected: usize,
        /// The offset.
        got: u32,
    },
    /// An offset that lies before the one ahead of it, or beyond the container.
    Offset {
        /// The offset before it.
        from: usize,
        /// Length of the container.
        to: usize,
        /// The offset.
        got: u32,
    },
    /// More bytes than the protocol allows.
    TooLong {
        /// Bytes allowed.
        max: usize,
        /// Bytes found.
        got: usize,
    },
    /// Another number of bytes than the one that is allowed.
    Length {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        got: usize,
    },
    /// More items than the protocol allows.
    TooMany {
        /// Items allowed.
        max: usize,
        /// Items found.
        got: usize,
    },
    /// A list whose first offset isn't a positive multiple of four.
    ListOffset {
        /// The offset.
        got: u32,
    },
    /// A boolean that is neither 0 nor 1.
    Bool {
        /// The byte found.
        got: u8,
    },
    /// A number that stands for nothing.
    Unknown {
        /// Largest number with a meaning.
        max: u64,
        /// The number found.
        got: u64,
    },
    /// Bytes that aren't UTF-8.
    Text,
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { expected, got } => write!(f, "expected {expected} bytes, {got} are left"),
            Self::FirstOffset { expected, got } => {
                write!(f, "expected the first offset {expected}, got {got}")
            }
            Self::Offset { from, to, got } => write!(f, "expected an offset from {from} to {to}, got {got}"),
            Self::TooLong { max, got } => write!(f, "expected at most {max} bytes, got {got}"),
            Self::Length { expected, got } => write!(f, "expected {expected} bytes, got {got}"),
            Self::TooMany { max, got } => write!(f, "expected at most {max} items, got {got}"),
            Self::ListOffset { got } => write!(f, "expected a list's first offset, got {got}"),
            Self::Bool { got } => write!(f, "expected 0 or 1, got {got}"),
            Self::Unknown { max, got } => write!(f, "expected a number up to {max}, got {got}"),
            Self::Text => f.write_str("expected UTF-8 text"),
        }
    }
}

/// Reads a container field by field.
pub(super) struct Decoder<'a> {
    container: &'static str,
    bytes: &'a [u8],
    /// What of the fixed part hasn't been read yet.
    rest: &'a [u8],
    fixed_len: usize,
    variable: Vec<VariableField>,
}

struct VariableField {
    name: &'static str,
    offset: u32,
    max: usize,
}

impl<'a> Decoder<'a> {
    /// Starts on a container whose fixed part has `fixed_len` bytes.
    pub(super) fn new<C: Ssz>(bytes: &'a [u8], fixed_len: usize) -> Self {
        let rest = bytes.get(..fixed_len).unwrap_or(bytes);
        Self { container: C::NAME, bytes, rest, fixed_len, variable: Vec::new() }
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let cut = DecodeProblem::Cut { expected: N, got: self.rest.len() };
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| self.error(field, cut))?;
        self.rest = rest;
        Ok(*array)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_le_bytes)
    }

    pub(super) fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [got] => Err(self.error(field, DecodeProblem::Bool { got })),
        }
    }

    /// Reads the offset of a field of at most `max` bytes; its bytes come with [`Self::finish`].
    pub(super) fn offset(&mut self, field: &'static str, max: usize) -> Result<(), DecodeError> {
        let offset = self.array(field).map(u32::from_le_bytes)?;
        self.variable.push(VariableField { name: field, offset, max });
        Ok(())
    }

    /// Returns the bytes of the fields of variable length, in their order.
    pub(super) fn finish<const N: usize>(self) -> Result<[&'a [u8]; N], DecodeError> {
        debug_assert!(
            self.rest.is_empty() && self.variable.len() == N,
            "{} is read as laid out",
            self.container
        );
        let mut fields = [[].as_slice(); N];
        let mut start = self.fixed_len;
        for (position, field) in self.variable.iter().enumerate() {
            if position == 0 && index(field.offset) != start {
                let problem = DecodeProblem::FirstOffset { expected: start, got: field.offset };
                return Err(self.error(field.name, problem));
            }
            let next = self.variable.get(position.saturating_add(1));
            let end = next.map_or(self.bytes.len(), |next| index(next.offset));
            let found = self.bytes.get(start..end).ok_or_else(|| {
                let (name, got) = next.map_or((field.name, field.offset), |next| (next.name, next.offset));
                self.error(name, DecodeProblem::Offset { from: start, to: self.bytes.len(), got })
            })?;
            if found.len() > field.max {
                let problem = DecodeProblem::TooLong { max: field.max, got: found.len() };
                return Err(self.error(field.name, problem));
            }
            if let Some(slot) = fields.get_mut(position) {
                *slot = found;
            }
            start = end;
        }
        Ok(fields)
    }

    fn error(&self, field: &'static str, problem: DecodeProblem) -> DecodeError {
        DecodeError { container: self.container, field, problem }
    }
}

/// Reads a list of items of variable length: a table of offsets, then the items.
pub(super) fn decode_list<C: Ssz, T: Ssz>(
    field: &'static str,
    bytes: &[u8],
    max: usize,
) -> Result<Vec<T>, DecodeError> {
    let error = |problem| DecodeError { container: C::NAME, field, problem };
    let Some((first, _)) = bytes.split_first_chunk() else {
        let cut = DecodeProblem::Cut { expected: OFFSET, got: bytes.len() };
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(error(cut)) };
    };
    let got = u32::from_le_bytes(*first);
    let table_len = index(got);
    if table_len == 0 || !table_len.is_multiple_of(OFFSET) {
        return Err(error(DecodeProblem::ListOffset { got }));
    }
    let count = table_len.div_euclid(OFFSET);
    if count > max {
        return Err(error(DecodeProblem::TooMany { max, got: count }));
    }
    let outside = |from, got| error(DecodeProblem::Offset { from, to: bytes.len(), got });
    let table = bytes.get(..table_len).ok_or_else(|| outside(OFFSET, got))?;
    let (offsets, _) = table.as_chunks();
    let mut items = Vec::with_capacity(count);
    let mut start = table_len;
    for position in 1..=count {
        let (end, got) = match offsets.get(position) {
            Some(offset) => {
                let offset = u32::from_le_bytes(*offset);
                (index(offset), offset)
            }
            None => (bytes.len(), got),
        };
        items.push(T::decode(bytes.get(start..end).ok_or_else(|| outside(start, got))?)?);
        start = end;
    }
    Ok(items)
}

/// Takes a field's bytes as text.
pub(super) fn text<C: Ssz>(field: &'static str, bytes: &[u8]) -> Result<String, DecodeError> {
    let text = str::from_utf8(bytes).map_err(|_| DecodeError {
        container: C::NAME,
        field,
        problem: DecodeProblem::Text,
    })?;
    Ok(text.to_owned())
}

/// Takes a field's bytes as an array of exactly that length.
pub(super) fn exactly<C: Ssz, const N: usize>(
    field: &'static str,
    bytes: &[u8],
) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError {
        container: C::NAME,
        field,
        problem: DecodeProblem::Length { expected: N, got: bytes.len() },
    })
}

/// Writes a container field by field.
pub(super) struct Encoder {
    fixed: Vec<u8>,
    variable: Vec<u8>,
    fixed_len: usize,
}

impl Encoder {
    /// Starts a container whose fixed part has `fixed_len` bytes.
    pub(super) fn new(fixed_len: usize) -> Self {
        Self { fixed: Vec::with_capacity(fixed_len), variable: Vec::new(), fixed_len }
    }

    pub(super) fn array(mut self, bytes: &[u8]) -> Self {
        self.fixed.extend_from_slice(bytes);
        self
    }

    pub(super) fn u64(self, number: u64) -> Self {
        self.array(&number.to_le_bytes())
    }

    /// Writes a field of variable length: its offset here, its bytes at the end.
    pub(super) fn variable(mut self, bytes: &[u8]) -> Self {
        let offset = encode_offset(self.fixed_len.saturating_add(self.variable.len()));
        self.variable.extend_from_slice(bytes);
        self.array(&offset)
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        debug_assert_eq!(self.fixed.len(), self.fixed_len, "the container is written as laid out");
        self.fixed.append(&mut self.variable);
        self.fixed
    }
}

/// Writes a list of items of variable length.
pub(super) fn encode_list<T: Ssz>(items: &[T]) -> Vec<u8> {
    let table = items.len().saturating_mul(OFFSET);
    items.iter().fold(Encoder::new(table), |list, item| list.variable(&item.encode())).finish()
}

fn encode_offset(offset: usize) -> [u8; OFFSET] {
    u32::try_from(offset).expect("a message is far smaller than 4 GiB").to_le_bytes()
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
