//! What the `authorization` metadata says (FA-1, FA-6).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use tonic::metadata::MetadataMap;

use engine::{Error, ErrorKind, Result};

/// ADBC sends no padding, others do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials of one call.
pub(super) enum Credentials {
    /// A user and a password.
    Basic { user: String, password: String },
    /// A session's token.
    Bearer(String),
}

/// The credentials in a call's metadata; other metadata is ignored (FA-7).
///
/// # Errors
/// `Unauthenticated` when they are missing or malformed.
pub(super) fn credentials(metadata: &MetadataMap) -> Result<Credentials> {
    metadata.get("authorization").and_then(|value| parse(value.to_str().ok()?)).ok_or_else(refused)
}

/// The refusal of missing or wrong credentials.
pub(super) fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "Authentication failed: invalid credentials")
}

fn parse(header: &str) -> Option<Credentials> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Bearer(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::padded("Basic dXNlcjpwYQ==")]
    #[case::unpadded("Basic dXNlcjpwYQ")]
    #[case::lower_case("basic dXNlcjpwYQ==")]
    fn basic_is_read(#[case] header: &str) {
        let Some(Credentials::Basic { user, password }) = parse(header) else { panic!("not basic") };
        assert_eq!((user.as_str(), password.as_str()), ("user", "pa"));
    }

    #[test]
    fn only_the_first_colon_separates() {
        let header = format!("Basic {}", BASE64.encode("user:pa:ss:"));
        let Some(Credentials::Basic { password, .. }) = parse(&header) else { panic!("not basic") };
        assert_eq!(password, "pa:ss:");
    }

    #[rstest]
    #[case("")]
    #[case("Basic")]
    #[case("Basic !!!")]
    #[case("Basic dXNlcg==")]
    #[case("Digest dXNlcjpwYQ==")]
    fn malformed_headers_are_refused(#[case] header: &str) {
        assert!(parse(header).is_none());
    }
}
