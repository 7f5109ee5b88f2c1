//! What a client sends once it has logged in.

use bytes::Bytes;

use super::fields::{BodyFields, Malformed};

/// A prepared statement or a portal, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Named {
    /// A statement.
    Statement(String),
    /// A portal.
    Portal(String),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum ClientMessage {
    /// Runs statements.
    Query(String),
    /// Prepares a statement.
    Parse { name: String, text: String, types: Vec<u32> },
    /// Makes a portal of a statement and its parameters.
    Bind(BindMessage),
    /// Asks for the columns of something, or its parameters.
    Describe(Named),
    /// Runs a portal, up to so many rows if more than none.
    Execute { portal: String, limit: i32 },
    /// Forgets something.
    Close(Named),
    /// Asks for what is still to be sent.
    Flush,
    /// Ends a pipeline.
    Sync,
    /// Goodbye.
    Terminate,
    /// Calls a function by its number.
    FunctionCall,
    /// Rows of a COPY.
    CopyData(Bytes),
    /// The end of a COPY.
    CopyDone,
    /// Gives a COPY up.
    CopyFail(String),
    /// A password, after which nobody asked any more.
    Password,
}

/// A portal to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct BindMessage {
    pub(in super::super) portal: String,
    pub(in super::super) statement: String,
    pub(in super::super) formats: Vec<i16>,
    pub(in super::super) values: Vec<Option<Bytes>>,
    pub(in super::super) results: Vec<i16>,
}

/// Whether a message has this letter at all.
pub(in super::super) fn is_known(tag: u8) -> bool {
    b"QPBDECHSXFdcfp".contains(&tag)
}

/// Reads a message of a letter that [`is_known`].
pub(in super::super) fn read(tag: u8, body: Bytes) -> Result<ClientMessage, Malformed> {
    let mut fields = BodyFields::new(body);
    let message = match tag {
        b'Q' => ClientMessage::Query(fields.text()?),
        b'P' => {
            let (name, text) = (fields.text()?, fields.text()?);
            ClientMessage::Parse {
                name,
                text,
                types: fields.items(|fields| Ok(fields.long()?.cast_unsigned()))?,
            }
        }
        b'B' => ClientMessage::Bind(BindMessage {
            portal: fields.text()?,
            statement: fields.text()?,
            formats: fields.items(BodyFields::short)?,
            values: fields.items(BodyFields::value)?,
            results: fields.items(BodyFields::short)?,
        }),
        b'D' => ClientMessage::Describe(named(&mut fields, "invalid DESCRIBE message subtype")?),
        b'E' => ClientMessage::Execute { portal: fields.text()?, limit: fields.long()? },
        b'C' => ClientMessage::Close(named(&mut fields, "invalid CLOSE message subtype")?),
        b'H' => ClientMessage::Flush,
        b'S' => ClientMessage::Sync,
        b'X' => ClientMessage::Terminate,
        b'd' => return Ok(ClientMessage::CopyData(fields.rest())),
        b'c' => ClientMessage::CopyDone,
        b'f' => ClientMessage::CopyFail(fields.text()?),
        b'F' => return Ok(ClientMessage::FunctionCall),
        _ => return Ok(ClientMessage::Password),
    };
    fields.end().map(|()| message)
}

fn named(fields: &mut BodyFields, otherwise: &'static str) -> Result<Named, Malformed> {
    let (kind, name) = (fields.byte()?, fields.text()?);
    match kind {
        b'S' => Ok(Named::Statement(name)),
        b'P' => Ok(Named::Portal(name)),
        _ => Err(Malformed::Other(otherwise)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b'Q', b"SELECT 1\0", Ok(ClientMessage::Query("SELECT 1".to_owned())))]
    #[case(b'Q', b"SELECT 1", Err(Malformed::Unterminated))]
    #[case(b'Q', b"SELECT 1\0x", Err(Malformed::Long))]
    #[case(b'Q', b"\xff\0", Err(Malformed::NotUtf8(0xff)))]
    #[case(b'E', b"\0\0\0\0", Err(Malformed::Short))]
    #[case(b'E', b"p\0\0\0\x01\0", Ok(ClientMessage::Execute { portal: "p".to_owned(), limit: 256 }))]
    #[case(b'D', b"Sx\0", Ok(ClientMessage::Describe(Named::Statement("x".to_owned()))))]
    #[case(b'D', b"Xx\0", Err(Malformed::Other("invalid DESCRIBE message subtype")))]
    #[case(b'B', b"\0\0\0\0\0\x01\0\0\0\x05ab", Err(Malformed::Short))]
    #[case(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0", Err(Malformed::Short))]
    #[case(b'S', b"", Ok(ClientMessage::Sync))]
    fn messages_are_read_to_their_ends(
        #[case] tag: u8,
        #[case] body: &'static [u8],
        #[case] expected: Result<ClientMessage, Malformed>,
    ) {
        assert_eq!(read(tag, Bytes::from_static(body)), expected);
    }
}
