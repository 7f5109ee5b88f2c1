//! How a connection begins: TLS, the protocol's version, and what the client asks to start with (PW-02, PW-03).

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;

use super::report::{Result, SqlReport};
use super::server::PostgresDoor;
use super::wire::fields::BodyFields;
use super::wire::{Gone, Malformed, Socket, Wire};
use crate::doors::tls;

const CANCEL: i32 = 80_877_102;
const SSL: i32 = 80_877_103;
const GSS: i32 = 80_877_104;

/// The longest first message, its length not counted.
const LONGEST: usize = 10_000;

/// The longest message of a login.
const LOGIN_MESSAGE: usize = 65_535;

/// The newest minor version that is served.
const NEWEST: i32 = 2;

/// A client that wants to log in.
pub(super) struct Start {
    pub(super) wire: Wire,
    /// The minor version of the protocol that it gets.
    pub(super) minor: i32,
    /// What it asks to start with.
    pub(super) parameters: BTreeMap<String, String>,
}

/// What has come before the first message that counts.
#[derive(Default)]
struct Asked {
    tls: bool,
    gss: bool,
}

/// Reads the beginning of a connection; none where it was a cancel request, which is answered by nothing.
///
/// # Errors
/// The client is told, or is gone.
pub(super) async fn begin(stream: TcpStream, door: &PostgresDoor) -> Result<Option<Start>, Gone> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(Gone);
    }
    let mut asked = Asked::default();
    let mut wire = Wire::new(Socket::Plain(stream), BytesMut::new(), LOGIN_MESSAGE);
    if first[0] == tls::HANDSHAKE {
        asked = Asked { tls: true, gss: true };
        wire = encrypted(wire, door, true).await?;
    }
    loop {
        let (code, body) = packet(&mut wire).await?;
        match code {
            CANCEL => {
                cancel(door, body);
                return Ok(None);
            }
            SSL if !asked.tls => {
                asked.tls = true;
                wire = answer(wire, door, door.tls.is_some()).await?;
            }
            GSS if !asked.gss => {
                asked.gss = true;
                wire = answer(wire, door, false).await?;
            }
            code => return start(wire, code, body).await.map(Some),
        }
    }
}

/// Answers who asks for encryption, before which nothing may have come that was not asked for: whoever stands between may
/// have put it there.
async fn answer(mut wire: Wire, door: &PostgresDoor, encrypts: bool) -> Result<Wire, Gone> {
    wire.out.raw().push(if encrypts { b'S' } else { b'N' });
    wire.flush().await?;
    if !wire.input().is_empty() {
        wire.out.report(&SqlReport::fatal("08P01", "received unencrypted data after SSL request"));
        wire.close().await;
        return Err(Gone);
    }
    if encrypts { encrypted(wire, door, false).await } else { Ok(wire) }
}

/// The connection after its TLS handshake. One that nobody asked for has to name the protocol.
async fn encrypted(wire: Wire, door: &PostgresDoor, names_protocol: bool) -> Result<Wire, Gone> {
    let acceptor = door.tls.clone().ok_or(Gone)?;
    let Socket::Plain(stream) = wire.into_socket() else { return Err(Gone) };
    let stream = acceptor.accept(stream).await?;
    if names_protocol && stream.get_ref().1.alpn_protocol() != Some(super::server::ALPN) {
        return Err(Gone);
    }
    Ok(Wire::new(Socket::Tls(Box::new(stream)), BytesMut::new(), LOGIN_MESSAGE))
}

/// A packet without a letter: the code that it begins with, and the rest.
async fn packet(wire: &mut Wire) -> Result<(i32, Bytes), Gone> {
    loop {
        let input = wire.input();
        if let Some((length, _)) = input.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| Gone)?;
            if !(8..=LONGEST + 4).contains(&length) {
                return Err(Gone);
            }
            if input.len() >= length {
                let mut packet = input.split_to(length).freeze();
                packet.advance(4);
                return Ok((packet.get_i32(), packet));
            }
        }
        wire.fill().await?;
    }
}

fn cancel(door: &PostgresDoor, body: Bytes) {
    let mut fields = BodyFields::new(body);
    if let Ok(process) = fields.long() {
        door.cancels.cancel(process, &fields.rest());
    }
}

async fn start(mut wire: Wire, code: i32, body: Bytes) -> Result<Start, Gone> {
    let (major, minor) = (code >> 16, code & 0xffff);
    match read(major, minor, body) {
        Ok(parameters) => {
            let unknown: Vec<String> =
                parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
            let served = if minor >= NEWEST { NEWEST } else { 0 };
            if minor > NEWEST || minor == 1 || !unknown.is_empty() {
                wire.out.negotiate_version(3 << 16 | served, &unknown);
            }
            Ok(Start { wire, minor: served, parameters })
        }
        Err(report) => {
            wire.out.report(&report);
            wire.close().await;
            Err(Gone)
        }
    }
}

fn read(major: i32, minor: i32, body: Bytes) -> Result<BTreeMap<String, String>> {
    if major != 3 {
        let message =
            format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST}");
        return Err(SqlReport::fatal("0A000", message));
    }
    let layout = |_: Malformed| {
        SqlReport::fatal("08P01", "invalid startup packet layout: expected terminator as last byte")
    };
    let (mut fields, mut parameters) = (BodyFields::new(body), BTreeMap::new());
    loop {
        let name = fields.text().map_err(layout)?;
        if name.is_empty() {
            break;
        }
        let value = fields.text().map_err(layout)?;
        parameters.insert(name, value);
    }
    fields.end().map_err(layout)?;
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_starts_with_is_read_to_its_end() {
        let read = |body: &'static [u8]| read(3, 0, Bytes::from_static(body)).map_err(|report| report.code);
        assert_eq!(read(b"user\0alice\0\0").unwrap().get("user").map(String::as_str), Some("alice"));
        for body in [b"user\0alice\0".as_slice(), b"user\0alice\0\0x", b"user", b""] {
            assert_eq!(read(body), Err("08P01"), "{body:?}");
        }
    }
}
