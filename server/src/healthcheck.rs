//! Asks a running server for its health (LX-14), as a container's health check does: no curl is needed beside the binary.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use engine::{Error, ErrorKind, Result};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than any answer to `/health`; what follows is not read.
const LONGEST_ANSWER: u64 = 16 << 10;

const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Returns if `GET /health` at that address, the Lakehouse door's, answers 200.
///
/// # Errors
/// Unavailable, with the address and what the server said instead, or why it could not be asked.
pub fn ask(address: SocketAddr) -> Result<()> {
    let answer = exchange(address).map_err(|fault| {
        unhealthy(format!("no answer from http://{address}/health: {fault}; is the server running?"))
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(unhealthy(format!("http://{address}/health answers {status}: {body}")))
}

fn exchange(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn unhealthy(message: String) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rstest::rstest;

    use super::*;

    /// A server that reads one request and answers it with `answer`.
    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /health HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[rstest]
    #[case("HTTP/1.1 200 OK\r\n\r\n{}", None)]
    #[case(
        "HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{\"status\":\"unavailable\"}",
        Some("Unavailable: {\"status\":\"unavailable\"}")
    )]
    #[case("200 is not HTTP", Some("answers 200 is not HTTP"))]
    #[case("", Some("answers :"))]
    fn only_status_200_is_healthy(#[case] answer: &'static str, #[case] fault: Option<&str>) {
        let outcome = ask(answering(answer)).map_err(|error| error.to_string());
        match fault {
            None => assert_eq!(outcome, Ok(())),
            Some(fault) => assert!(outcome.as_ref().is_err_and(|text| text.contains(fault)), "{outcome:?}"),
        }
    }

    #[test]
    fn nobody_there_is_told_with_the_address() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = ask(address).unwrap_err().to_string();
        assert!(error.contains(&format!("no answer from http://{address}/health")), "{error}");
    }
}
