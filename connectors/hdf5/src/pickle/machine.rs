//! The stack machine that pickles are programs of: every opcode that makes plain values, and none that does more.

use super::names::is_inert;
use super::{Id, Node, Pickle};
use crate::error::{Result, damaged, unsupported};

/// Reads one pickle of at most `values_max` values.
pub fn read(bytes: &[u8], values_max: usize) -> Result<Pickle<'_>> {
    let mut machine = Machine {
        rest: bytes,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        values_max,
    };
    loop {
        let [opcode] = machine.array()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle {
                root,
                length: bytes.len() - machine.rest.len(),
                nodes: machine.nodes,
            });
        }
        machine.step(opcode)?;
    }
}

struct Machine<'a> {
    rest: &'a [u8],
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
    values_max: usize,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // Constants and numbers.
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Boolean(true)),
            0x89 => self.push(Node::Boolean(false)),
            b'I' => self.written_integer(),
            b'L' => self.written_long(),
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Node::Integer(number.into()))
            }
            b'K' => {
                let [number] = self.array()?;
                self.push(Node::Integer(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Node::Integer(number.into()))
            }
            0x8a | 0x8b => self.long(opcode == 0x8a),
            b'F' => {
                let real = ascii(self.line()?)?.parse();
                self.push(Node::Real(
                    real.map_err(|_| damaged("a pickle holds an odd number"))?,
                ))
            }
            b'G' => {
                let real = f64::from_be_bytes(self.array()?);
                self.push(Node::Real(real))
            }
            // Texts and bytes.
            b'S' => self.quoted(),
            b'V' => {
                let text = raw_unicode(self.line()?)?;
                self.push(Node::OwnedText(text.into()))
            }
            b'T' | b'U' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => self.counted(opcode),
            // Lists, tuples, dictionaries and sets.
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b']' | 0x8f => self.push(Node::List(Vec::new())),
            b')' => self.push(Node::Tuple(Box::default())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b'l' => {
                let items = self.since_mark()?;
                self.push(Node::List(items))
            }
            b't' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Node::Tuple(items.into()))
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let from = self
                    .height()
                    .checked_sub(count)
                    .filter(|&from| from >= self.floor());
                let items = self.stack.split_off(from.ok_or_else(empty)?);
                self.push(Node::Tuple(items.into()))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Node::Dict(pairs(&items)?))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.append(&items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(&[key, value])
            }
            b'u' => {
                let items = self.since_mark()?;
                self.insert(&items)
            }
            _ => self.step_of_names(opcode),
        }
    }

    /// What concerns the stack, the memo, and names with their arguments.
    fn step_of_names(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'0' => self.pop().map(|_| ()),
            b'1' => self.since_mark().map(|_| ()),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'p' => {
                let at = self.written_index()?;
                self.put(at)
            }
            b'q' => {
                let [at] = self.array()?;
                self.put(at.into())
            }
            b'r' => {
                let at = u32::from_le_bytes(self.array()?);
                self.put(at as usize)
            }
            0x94 => self.put(self.memo.len()),
            b'g' => {
                let at = self.written_index()?;
                self.recall(at)
            }
            b'h' => {
                let [at] = self.array()?;
                self.recall(at.into())
            }
            b'j' => {
                let at = u32::from_le_bytes(self.array()?);
                self.recall(at as usize)
            }
            b'c' => {
                let (module, name) = (ascii(self.line()?)?, ascii(self.line()?)?);
                self.global(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match self.nodes.get(id.0 as usize) {
                    Some(Node::Text(text)) => Some((*text).to_owned()),
                    Some(Node::OwnedText(text)) => Some(text.to_string()),
                    _ => None,
                };
                let (Some(module), Some(name)) = (text(module), text(name)) else {
                    return Err(damaged("a pickle refers to something without a name"));
                };
                self.global(&module, &name)
            }
            b'R' | 0x81 => {
                let (arguments, of) = (self.pop()?, self.pop()?);
                self.push(Node::Made {
                    of,
                    arguments,
                    state: None,
                })
            }
            0x92 => {
                let (_, arguments, of) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(Node::Made {
                    of,
                    arguments,
                    state: None,
                })
            }
            b'o' | b'i' => self.instance(opcode),
            b'b' => self.build(),
            0x80 => {
                let [protocol] = self.array()?;
                if protocol > 5 {
                    return Err(unsupported(format!("a pickle is of protocol {protocol}")));
                }
                Ok(())
            }
            // Frames are there for readers of streams.
            0x95 => self.array::<8>().map(|_| ()),
            other => Err(unsupported(format!(
                "a pickle has the opcode {other:#04x}, which is not taken"
            ))),
        }
    }

    fn push(&mut self, node: Node<'a>) -> Result<()> {
        if self.nodes.len() >= self.values_max {
            return Err(unsupported(format!(
                "a pickle has more than {} values",
                self.values_max
            )));
        }
        self.stack.push(Id(self.nodes.len() as u32));
        self.nodes.push(node);
        Ok(())
    }

    fn height(&self) -> usize {
        self.stack.len()
    }

    /// What lies below the last mark is not taken before the mark is.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id> {
        if self.height() <= self.floor() {
            return Err(empty());
        }
        self.stack.last().copied().ok_or_else(empty)
    }

    fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(empty)?;
        Ok(self.stack.split_off(mark.min(self.height())))
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        match self.nodes.get_mut(top.0 as usize) {
            Some(Node::List(list)) => list.extend_from_slice(items),
            // A class of lists with something beside; its items are not asked for.
            Some(Node::Made { .. }) => {}
            _ => return Err(damaged("a pickle appends to something that is no list")),
        }
        Ok(())
    }

    fn insert(&mut self, items: &[Id]) -> Result<()> {
        let (top, pairs) = (self.top()?, pairs(items)?);
        match self.nodes.get_mut(top.0 as usize) {
            Some(Node::Dict(dict)) => dict.extend(pairs),
            Some(Node::Made { .. }) => {}
            _ => {
                return Err(damaged(
                    "a pickle puts keys into something that is no dictionary",
                ));
            }
        }
        Ok(())
    }

    fn put(&mut self, at: usize) -> Result<()> {
        let top = self.top()?;
        // Whoever writes pickles counts; one step in the memo takes at least one value.
        if at > 2 * self.nodes.len() + 256 {
            return Err(damaged("a pickle leaves out places of its memo"));
        }
        if at >= self.memo.len() {
            self.memo.resize(at + 1, None);
        }
        if let Some(place) = self.memo.get_mut(at) {
            *place = Some(top);
        }
        Ok(())
    }

    fn recall(&mut self, at: usize) -> Result<()> {
        let found = self.memo.get(at).copied().flatten();
        self.stack
            .push(found.ok_or_else(|| damaged("a pickle remembers what it never saw"))?);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        if !is_inert(module, name) {
            let refused = format!("a pickle refers to {module}.{name}, which is never loaded");
            return Err(unsupported(refused.chars().take(200).collect::<String>()));
        }
        self.push(Node::Global(Box::new((module.to_owned(), name.to_owned()))))
    }

    /// Instances as protocol 0 and 1 make them.
    fn instance(&mut self, opcode: u8) -> Result<()> {
        let mut items = if opcode == b'i' {
            let (module, name) = (ascii(self.line()?)?, ascii(self.line()?)?);
            let items = self.since_mark()?;
            self.global(module, name)?;
            let mut all = vec![self.pop()?];
            all.extend(items);
            all
        } else {
            self.since_mark()?
        };
        if items.is_empty() {
            return Err(empty());
        }
        let of = items.remove(0);
        self.push(Node::Tuple(items.into()))?;
        let arguments = self.pop()?;
        self.push(Node::Made {
            of,
            arguments,
            state: None,
        })
    }

    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let top = self.top()?;
        if let Some(Node::Made { state: place, .. }) = self.nodes.get_mut(top.0 as usize) {
            *place = Some(state);
            Ok(())
        } else {
            Err(damaged("a pickle gives a state to something that has none"))
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or_else(too_short)
    }

    fn line(&mut self) -> Result<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest).ok_or_else(too_short)?;
        let line = self.take(end)?;
        self.take(1)?;
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn written_index(&mut self) -> Result<usize> {
        let line = ascii(self.line()?)?;
        line.parse()
            .map_err(|_| damaged("a pickle has an odd place in its memo"))
    }

    fn written_integer(&mut self) -> Result<()> {
        match self.line()? {
            b"00" => self.push(Node::Boolean(false)),
            b"01" => self.push(Node::Boolean(true)),
            line => self.integer(ascii(line)?),
        }
    }

    fn written_long(&mut self) -> Result<()> {
        let line = ascii(self.line()?)?;
        self.integer(line.strip_suffix('L').unwrap_or(line))
    }

    fn integer(&mut self, digits: &str) -> Result<()> {
        if let Ok(number) = digits.parse() {
            return self.push(Node::Integer(number));
        }
        let number: &str = digits.strip_prefix('-').unwrap_or(digits);
        if number.is_empty() || number.len() > 100 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(damaged("a pickle holds an odd number"));
        }
        self.push(Node::Large(digits.into()))
    }

    fn long(&mut self, is_short: bool) -> Result<()> {
        let length = if is_short {
            usize::from(self.array::<1>()?[0])
        } else {
            u32::from_le_bytes(self.array()?) as usize
        };
        let bytes = self.take(length)?;
        if length > 16 {
            return Err(unsupported("a pickle holds a number of more than 128 bits"));
        }
        let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
            0xff
        } else {
            0
        };
        let mut wide = [fill; 16];
        wide.iter_mut()
            .zip(bytes)
            .for_each(|(wide, byte)| *wide = *byte);
        let number = i128::from_le_bytes(wide);
        match i64::try_from(number) {
            Ok(number) => self.push(Node::Integer(number)),
            Err(_) => self.push(Node::Large(number.to_string().into())),
        }
    }

    fn counted(&mut self, opcode: u8) -> Result<()> {
        let length = match opcode {
            b'U' | 0x8c | b'C' => u64::from(self.array::<1>()?[0]),
            b'T' | b'X' | b'B' => u32::from_le_bytes(self.array()?).into(),
            _ => u64::from_le_bytes(self.array()?),
        };
        let length = usize::try_from(length).map_err(|_| too_short())?;
        let bytes = self.take(length)?;
        match opcode {
            b'X' | 0x8c | 0x8d => match std::str::from_utf8(bytes) {
                Ok(text) => self.push(Node::Text(text)),
                // Python writes lone surrogates like that.
                Err(_) => self.push(Node::OwnedText(String::from_utf8_lossy(bytes).into())),
            },
            // What Python 2 called a text.
            b'T' | b'U' => match std::str::from_utf8(bytes) {
                Ok(text) => self.push(Node::Text(text)),
                Err(_) => self.push(Node::Bytes(bytes)),
            },
            _ => self.push(Node::Bytes(bytes)),
        }
    }

    /// A text of Python 2, as it would stand in a program.
    fn quoted(&mut self) -> Result<()> {
        let line = self.line()?;
        let odd = || damaged("a pickle holds an odd text");
        let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = line else {
            return Err(odd());
        };
        let (mut bytes, mut rest) = (Vec::with_capacity(inner.len()), inner.iter().copied());
        while let Some(byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            bytes.push(match rest.next().ok_or_else(odd)? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    let (high, low) = (digit().ok_or_else(odd)?, digit().ok_or_else(odd)?);
                    (16 * high + low) as u8
                }
                other @ (b'\\' | b'\'' | b'"') => other,
                _ => return Err(odd()),
            });
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.push(Node::OwnedText(text.into())),
            Err(error) => self.push(Node::OwnedBytes(error.into_bytes().into())),
        }
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(damaged("a pickle has a key without a value"));
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

fn ascii(line: &[u8]) -> Result<&str> {
    std::str::from_utf8(line).map_err(|_| damaged("a pickle has a line that is no text"))
}

/// Characters of one byte, but for `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode(line: &[u8]) -> Result<String> {
    let odd = || damaged("a pickle holds an odd text");
    let (mut text, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        let code = after
            .get(1..1 + digits)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .ok_or_else(odd)?;
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = after.get(1 + digits..).ok_or_else(odd)?;
    }
    Ok(text)
}

fn empty() -> crate::error::Error {
    damaged("a pickle takes more from its stack than there is")
}

fn too_short() -> crate::error::Error {
    damaged("a pickle ends too early")
}
