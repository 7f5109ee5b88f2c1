//! The values of a line in the text and CSV formats.

use bytes::Bytes;

use super::options::{CopyFormat, CopyOptions};

/// The values of a line, at most one more than are wanted.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn of_line(
    line: &[u8],
    options: &CopyOptions,
    wanted: usize,
) -> Result<Vec<Option<Bytes>>, String> {
    match options.format {
        CopyFormat::Csv => of_csv(line, options, wanted),
        _ => Ok(of_text(line, options, wanted)),
    }
}

fn of_text(line: &[u8], options: &CopyOptions, wanted: usize) -> Vec<Option<Bytes>> {
    let (mut values, mut rest) = (Vec::new(), line);
    loop {
        let end = end_of_text(rest, options.delimiter);
        let raw = &rest[..end];
        values.push((raw != options.null.as_bytes()).then(|| unescaped(raw)));
        if end == rest.len() || values.len() > wanted {
            return values;
        }
        rest = &rest[end + 1..];
    }
}

/// Where the next delimiter is that no backslash stands before.
fn end_of_text(line: &[u8], delimiter: u8) -> usize {
    let mut from = 0;
    while let Some(at) = memchr::memchr2(delimiter, b'\\', &line[from..]) {
        let at = from + at;
        if line[at] == delimiter {
            return at;
        }
        from = (at + 2).min(line.len());
    }
    line.len()
}

fn unescaped(raw: &[u8]) -> Bytes {
    if memchr::memchr(b'\\', raw).is_none() {
        return Bytes::copy_from_slice(raw);
    }
    let (mut value, mut rest) = (Vec::with_capacity(raw.len()), raw);
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            value.push(*byte);
            continue;
        }
        let Some((letter, behind)) = rest.split_first() else {
            value.push(b'\\');
            break;
        };
        rest = behind;
        value.push(match letter {
            b'b' => b'\x08',
            b'f' => b'\x0c',
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => b'\x0b',
            b'0'..=b'7' => number(letter - b'0', &mut rest, 8, 2),
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => number(0, &mut rest, 16, 2),
            letter => *letter,
        });
    }
    value.into()
}

/// A byte by its digits, of which so many more may come; of a larger number its last eight bits.
fn number(first: u8, rest: &mut &[u8], base: u8, most: usize) -> u8 {
    let mut number = first;
    for _ in 0..most {
        let digit = rest.first().and_then(|byte| char::from(*byte).to_digit(base.into()));
        let Some(digit) = digit.and_then(|digit| u8::try_from(digit).ok()) else { break };
        number = number.wrapping_mul(base).wrapping_add(digit);
        *rest = &rest[1..];
    }
    number
}

fn of_csv(line: &[u8], options: &CopyOptions, wanted: usize) -> Result<Vec<Option<Bytes>>, String> {
    let CopyOptions { delimiter, quote, escape, ref null, .. } = *options;
    let (mut values, mut at) = (Vec::new(), 0);
    loop {
        let (mut value, mut was_quoted, begin) = (Vec::new(), false, at);
        let ended = loop {
            match line.get(at) {
                None => break true,
                Some(byte) if *byte == delimiter => break false,
                Some(byte) if *byte == quote => {
                    was_quoted = true;
                    at = quoted(line, at + 1, (quote, escape), &mut value)?;
                }
                Some(byte) => {
                    value.push(*byte);
                    at += 1;
                }
            }
        };
        let is_null = !was_quoted && line[begin..at] == *null.as_bytes();
        values.push((!is_null).then(|| value.into()));
        if ended || values.len() > wanted {
            return Ok(values);
        }
        at += 1;
    }
}

/// Reads what stands in quotes, and gives the place behind them.
fn quoted(line: &[u8], mut at: usize, marks: (u8, u8), value: &mut Vec<u8>) -> Result<usize, String> {
    let (quote, escape) = marks;
    loop {
        let byte = *line.get(at).ok_or("unterminated CSV quoted field")?;
        at += 1;
        if byte == escape
            && let Some(next) = line.get(at).filter(|next| **next == quote || **next == escape)
        {
            value.push(*next);
            at += 1;
        } else if byte == quote {
            return Ok(at);
        } else {
            value.push(byte);
        }
    }
}
