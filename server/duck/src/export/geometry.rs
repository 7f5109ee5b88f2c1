//! GEOMETRY, which DuckDB keeps as well-known binary, as well-known text.

use std::fmt::{self, Write};

use super::casts::{shortest_digits, write_fixed, write_mantissa};
use super::column::Fault;
use super::vector::Bytes;

/// How deep collections may contain each other, as in DuckDB.
const MAX_DEPTH: usize = 16;

/// Prints a geometry.
pub(super) fn geometry(value: &Bytes, out: &mut Vec<u8>) -> Result<(), Fault> {
    // SAFETY: printers are called with values that are not NULL, while their vector lives.
    let wkb = unsafe { value.get() };
    out.extend_from_slice(wkt(wkb)?.as_bytes());
    Ok(())
}

/// Well-known binary as text.
pub(super) fn wkt(wkb: &[u8]) -> Result<String, Fault> {
    let mut reader = Reader { rest: wkb, out: String::new() };
    reader.geometry(0)?;
    Ok(reader.out)
}

/// What a geometry's header says.
#[derive(Clone, Copy)]
struct Header {
    kind: u32,
    /// 1 for Z, 2 for M, 3 for both.
    flags: u32,
}

impl Header {
    fn dimensions(self) -> u32 {
        2 + self.flags.count_ones()
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
}

impl Reader<'_> {
    /// A geometry with its name.
    fn geometry(&mut self, depth: usize) -> Result<(), Fault> {
        const NAMES: [&str; 7] = [
            "POINT",
            "LINESTRING",
            "POLYGON",
            "MULTIPOINT",
            "MULTILINESTRING",
            "MULTIPOLYGON",
            "GEOMETRYCOLLECTION",
        ];
        let header = self.header()?;
        let name = NAMES.get(header.kind.wrapping_sub(1) as usize).ok_or_else(malformed)?;
        self.out.push_str(name);
        self.out.push_str([" ", " Z ", " M ", " ZM "][header.flags as usize]);
        match header.kind {
            1 => self.point(header, true),
            2 => self.list(|it| it.vertex(header).map(drop)),
            3 => self.polygon(header),
            4 => self.list(|it| it.header().and_then(|part| it.point(part, false))),
            5 => self.list(|it| it.header().and_then(|part| it.list(|it| it.vertex(part).map(drop)))),
            6 => self.list(|it| it.header().and_then(|part| it.polygon(part))),
            _ if depth == MAX_DEPTH => {
                Err(Fault::new("collections of geometries contain each other too deeply"))
            }
            _ => self.list(|it| it.geometry(depth + 1)),
        }
    }

    fn header(&mut self) -> Result<Header, Fault> {
        let [byte_order] = self.take()?;
        let meta = u32::from_le_bytes(self.take()?) & 0xffff;
        match byte_order {
            1 if meta < 4000 => Ok(Header { kind: meta % 1000, flags: meta / 1000 }),
            _ => Err(malformed()),
        }
    }

    /// A counted list of parts in parentheses.
    fn list(&mut self, mut part: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        let count = u32::from_le_bytes(self.take()?);
        if count == 0 {
            self.out.push_str("EMPTY");
            return Ok(());
        }
        for i in 0..count {
            self.out.push_str(if i == 0 { "(" } else { ", " });
            part(self)?;
        }
        self.out.push(')');
        Ok(())
    }

    fn polygon(&mut self, header: Header) -> Result<(), Fault> {
        self.list(|it| it.list(|it| it.vertex(header).map(drop)))
    }

    /// A point, which is empty if none of its coordinates is a number.
    fn point(&mut self, header: Header, parentheses: bool) -> Result<(), Fault> {
        let start = self.out.len();
        if self.vertex(header)? {
            self.out.truncate(start);
            self.out.push_str("EMPTY");
        } else if parentheses {
            self.out.insert(start, '(');
            self.out.push(')');
        }
        Ok(())
    }

    /// The coordinates of one vertex; whether none of them is a number.
    fn vertex(&mut self, header: Header) -> Result<bool, Fault> {
        let mut empty = true;
        for i in 0..header.dimensions() {
            let value = f64::from_le_bytes(self.take()?);
            empty &= value.is_nan();
            if i > 0 {
                self.out.push(' ');
            }
            self.coordinate(value)?;
        }
        Ok(empty)
    }

    /// A number without a point where it is whole.
    fn coordinate(&mut self, value: f64) -> Result<(), Fault> {
        if value.is_sign_negative() {
            self.out.push('-');
        }
        let written = match value {
            _ if value.is_nan() => self.out.write_str("nan"),
            _ if value.is_infinite() => self.out.write_str("inf"),
            0.0 => self.out.write_str("0"),
            _ => write_shortest(&mut self.out, value),
        };
        written.map_err(|_| malformed())?;
        if self.out.ends_with(".0") {
            self.out.truncate(self.out.len() - 2);
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or_else(malformed)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn write_shortest(out: &mut String, value: f64) -> fmt::Result {
    let (digits, point) = shortest_digits(value);
    if (-3..=16).contains(&point) {
        return write_fixed(out, &digits, point);
    }
    write_mantissa(out, &digits)?;
    let sign = if point > 0 { '+' } else { '-' };
    write!(out, "e{sign}{:02}", (point - 1).unsigned_abs())
}

fn malformed() -> Fault {
    Fault::new("a geometry is malformed")
}
