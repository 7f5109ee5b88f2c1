//! The sockets that a door listens on: one port on one address or several.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::Door;
use crate::config::BindAddresses;
use engine::{Error, ErrorKind, Result};

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// How many free ports are tried until one is free on every address.
const TRIES: usize = 16;

/// Where a door listens. Its port is the same on every address.
#[derive(Debug)]
pub(crate) struct Listeners {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// The socket that is asked first: none can keep the others waiting.
    next: usize,
}

impl Listeners {
    /// Listens; port 0 picks a free one.
    ///
    /// # Errors
    /// Config, naming the door, the address and the flag.
    pub(crate) fn bind(bind: &BindAddresses, port: u16, door: &Door) -> Result<Self> {
        let tries = if port == 0 { TRIES } else { 1 };
        let mut outcome = Self::once(bind, port);
        for _ in 1..tries {
            match &outcome {
                Err((_, fault)) if fault.kind() == io::ErrorKind::AddrInUse => {
                    outcome = Self::once(bind, port);
                }
                _ => break,
            }
        }
        outcome.map_err(|(address, fault)| refusal(door, address, &fault))
    }

    fn once(bind: &BindAddresses, port: u16) -> Result<Self, (SocketAddr, io::Error)> {
        let mut listeners = Self { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        match bind {
            BindAddresses::Loopback => {
                listeners.add(Ipv4Addr::LOCALHOST.into(), port, true)?;
                match listeners.add(Ipv6Addr::LOCALHOST.into(), port, true) {
                    // Another program's port is a fault there too: clients would reach that one by `localhost`.
                    Err((address, fault)) if fault.kind() == io::ErrorKind::AddrInUse => {
                        return Err((address, fault));
                    }
                    // A machine without IPv6.
                    Err(_) | Ok(()) => {}
                }
            }
            BindAddresses::Addresses(addresses) => {
                // `::` takes IPv4 as well, unless that is asked for by itself.
                let is_v6_only = addresses.iter().any(IpAddr::is_ipv4);
                for address in addresses {
                    listeners.add(*address, port, is_v6_only)?;
                }
            }
        }
        Ok(listeners)
    }

    /// Listens on one more address, at the first one's port.
    fn add(&mut self, address: IpAddr, port: u16, is_v6_only: bool) -> Result<(), (SocketAddr, io::Error)> {
        let port = self.addresses.first().map_or(port, SocketAddr::port);
        let address = SocketAddr::new(address, port);
        let socket = listen(address, is_v6_only).map_err(|fault| (address, fault))?;
        self.addresses.push(socket.local_addr().map_err(|fault| (address, fault))?);
        self.sockets.push(socket);
        Ok(())
    }

    /// Where it listens; never empty.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next connection, of whichever socket.
    ///
    /// # Errors
    /// The system's.
    pub(crate) async fn accept(&mut self) -> io::Result<TcpStream> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        for step in 0..self.sockets.len() {
            let at = (self.next + step) % self.sockets.len();
            if let Poll::Ready(accepted) = self.sockets[at].poll_accept(context) {
                self.next = at + 1;
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    }
}

fn listen(address: SocketAddr, is_v6_only: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if is_v6_only && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that starts again need not wait until connections of its predecessor are forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn refusal(door: &Door, address: SocketAddr, fault: &io::Error) -> Error {
    let why = match fault.kind() {
        io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => fault.to_string(),
    };
    let way_out = match fault.kind() {
        io::ErrorKind::AddrNotAvailable => "give one of its own with --bind".to_owned(),
        _ => format!("stop it, or choose another port with --{}-port (0 picks a free one)", door.name),
    };
    let message = format!("cannot bind the {} server to {address}: {why}; {way_out}", door.title);
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::super::DOORS;
    use super::*;

    #[tokio::test]
    async fn both_loopbacks_share_a_port_and_neither_keeps_the_other_waiting() {
        let mut listeners = Listeners::bind(&BindAddresses::Loopback, 0, &DOORS[0]).unwrap();
        let addresses = listeners.addresses().to_vec();
        assert_eq!(addresses[0].ip().to_string(), "127.0.0.1");
        assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
        let mut clients = Vec::new();
        for address in addresses.iter().cycle().take(6) {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut families = Vec::new();
        for _ in &clients {
            families.push(listeners.accept().await.unwrap().local_addr().unwrap().is_ipv6());
        }
        if addresses.len() == 2 {
            assert_eq!(families, [false, true, false, true, false, true]);
        }
    }

    #[tokio::test]
    async fn every_address_may_be_named_with_both_families_of_any() {
        let all = BindAddresses::Addresses(vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]);
        match Listeners::bind(&all, 0, &DOORS[0]) {
            Ok(listeners) => assert_eq!(listeners.addresses().len(), 2),
            // A machine without IPv6.
            Err(error) => assert!(error.message().contains("[::]"), "{error}"),
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_the_flag_of_its_door() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Listeners::bind(&BindAddresses::Loopback, port, &DOORS[2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let expected =
            format!("cannot bind the Flight SQL server to 127.0.0.1:{port}: another program listens there");
        assert!(error.message().starts_with(&expected), "{error}");
        assert!(error.message().contains("--flight-port"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_told_as_such() {
        let elsewhere = BindAddresses::Addresses(vec!["192.0.2.1".parse().unwrap()]);
        let error = Listeners::bind(&elsewhere, 0, &DOORS[0]).unwrap_err();
        assert!(
            error
                .message()
                .contains("192.0.2.1:0: this machine has no such address; give one of its own with --bind"),
            "{error}"
        );
    }
}
