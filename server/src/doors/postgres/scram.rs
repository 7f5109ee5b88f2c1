//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, as PostgreSQL speaks it: the client's user name is empty, and there
//! is no channel binding.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use super::report::{Result, SqlReport};

/// The mechanism's name.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";

const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// What a server knows besides passwords. It makes a salt of each name, whether or not anybody has that name.
pub(super) struct Salts(hmac::Key);

/// An exchange whose first half is done.
pub(super) struct ScramExchange {
    /// What the client is sent.
    pub(super) challenge: String,
    client_first: String,
    nonce: String,
    /// The header of the client's first message, which its last has to repeat.
    header: String,
    salt: Vec<u8>,
}

impl Salts {
    /// Salts of this process.
    pub(super) fn new() -> Result<Self> {
        let mut secret = [0; 32];
        fill(&mut secret)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    fn of(&self, user: &str) -> Vec<u8> {
        hmac::sign(&self.0, user.as_bytes()).as_ref()[..16].to_vec()
    }
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| SqlReport::fatal("XX000", "could not generate random bytes"))
}

fn malformed(why: &str) -> SqlReport {
    SqlReport::fatal("08P01", format!("malformed SCRAM message ({why})"))
}

impl ScramExchange {
    /// Answers the client's first message.
    ///
    /// # Errors
    /// A FATAL report of a message that is none.
    pub(super) fn begin(salts: &Salts, user: &str, message: &str) -> Result<Self> {
        let (header, bare) = split_header(message)?;
        let mut attributes = bare.split(',');
        let (name, nonce) = (attributes.next().unwrap_or_default(), attributes.next().unwrap_or_default());
        if name.starts_with("m=") {
            return Err(SqlReport::fatal("0A000", "client requires an unsupported SCRAM extension"));
        }
        if !name.starts_with("n=") {
            return Err(malformed("Expected attribute \"n\"."));
        }
        let Some(clients) = nonce.strip_prefix("r=").filter(|nonce| is_printable(nonce)) else {
            return Err(malformed("Expected attribute \"r\"."));
        };
        let mut own = [0; 18];
        fill(&mut own)?;
        let nonce = format!("{clients}{}", BASE64.encode(own));
        let salt = salts.of(user);
        let challenge = format!("r={nonce},s={},i={ITERATIONS}", BASE64.encode(&salt));
        Ok(Self { challenge, client_first: bare.to_owned(), nonce, header: header.to_owned(), salt })
    }

    /// Reads the client's last message; what remains is to compare its proof with a password.
    ///
    /// # Errors
    /// A FATAL report of a message that is none, or of another exchange.
    pub(super) fn finish(&self, message: &str) -> Result<Proof> {
        let (before, proof) =
            message.rsplit_once(",p=").ok_or_else(|| malformed("Expected attribute \"p\"."))?;
        let proof =
            BASE64.decode(proof).map_err(|_| malformed("Malformed proof in client-final-message."))?;
        let proof: [u8; 32] =
            proof.try_into().map_err(|_| malformed("Malformed proof in client-final-message."))?;
        let mut attributes = before.split(',');
        let binding = attributes.next().and_then(|text| text.strip_prefix("c="));
        if binding != Some(BASE64.encode(&self.header).as_str()) {
            return Err(SqlReport::fatal(
                "08P01",
                "unexpected SCRAM channel-binding attribute in client-final-message",
            ));
        }
        if attributes.next().and_then(|text| text.strip_prefix("r=")) != Some(self.nonce.as_str()) {
            return Err(SqlReport::fatal("08P01", "invalid SCRAM response (Nonce does not match.)"));
        }
        let signed = format!("{},{},{before}", self.client_first, self.challenge);
        Ok(Proof { signed, proof, salt: self.salt.clone() })
    }
}

/// A client's proof of a password.
pub(super) struct Proof {
    signed: String,
    proof: [u8; 32],
    salt: Vec<u8>,
}

impl Proof {
    /// The server's last message, if the proof is one of this password.
    pub(super) fn check(&self, password: &str) -> Option<String> {
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, &self.salt, password.as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let stored = digest::digest(&digest::SHA256, sign(&salted, b"Client Key").as_ref());
        let signature = sign(stored.as_ref(), self.signed.as_bytes());
        let key: Vec<u8> = self.proof.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let shown = digest::digest(&digest::SHA256, &key);
        if !bool::from(shown.as_ref().ct_eq(stored.as_ref())) {
            return None;
        }
        let server_key = sign(&salted, b"Server Key");
        let signature = sign(server_key.as_ref(), self.signed.as_bytes());
        Some(format!("v={}", BASE64.encode(signature)))
    }
}

/// The header, which says what the client thinks of channel binding, and the rest.
fn split_header(message: &str) -> Result<(&str, &str)> {
    match message.as_bytes().first() {
        Some(b'n' | b'y') => {}
        Some(b'p') => {
            return Err(SqlReport::fatal(
                "08P01",
                "client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data",
            ));
        }
        _ => return Err(malformed("Unexpected channel-binding flag.")),
    }
    let header = message.get(..3).filter(|header| header.ends_with(",,"));
    let header = header.ok_or_else(|| {
        SqlReport::fatal("0A000", "client uses authorization identity, but it is not supported")
    })?;
    Ok((header, &message[3..]))
}

fn is_printable(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_standards_own_exchange_is_proven() {
        let exchange = ScramExchange {
            challenge:
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
                    .to_owned(),
            client_first: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
            header: "n,,".to_owned(),
            salt: BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
        };
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let Ok(proof) = exchange.finish(last) else { panic!("the message is sound") };
        let answer = proof.check("pencil");
        assert_eq!(answer.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert_eq!(proof.check("pencil "), None);
    }

    #[test]
    fn a_name_has_the_same_salt_each_time_and_another_name_another() {
        let salts = Salts::new().unwrap();
        assert_eq!(salts.of("alice"), salts.of("alice"));
        assert_ne!(salts.of("alice"), salts.of("bob"));
    }

    #[test]
    fn messages_that_are_none_are_refused() {
        let salts = Salts::new().unwrap();
        for message in
            ["", "x", "n,,", "n,,n=", "n,,n=,r=", "n,a=b,n=,r=x", "p=tls-unique,,n=,r=x", "n,,m=x,r=y"]
        {
            assert!(ScramExchange::begin(&salts, "alice", message).is_err(), "{message}");
        }
        let exchange = ScramExchange::begin(&salts, "alice", "n,,n=,r=abc").unwrap();
        for message in ["", "c=biws", "c=biws,r=abc,p=AAAA", "c=xxxx,r=abc,p="] {
            assert!(exchange.finish(message).is_err(), "{message}");
        }
    }
}
