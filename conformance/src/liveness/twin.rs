//! A server that nobody uses but the judge: what it needs for an answer tells how busy the machine is.

use crate::fault::{During as _, Result};
use crate::target::{Addresses, addresses_of};
use altertable_mock::MockServer;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A server in this process, whatever the target is, on threads of its own.
#[derive(Debug)]
pub(super) struct Twin {
    addresses: Addresses,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<oneshot::Receiver<()>>,
}

impl Twin {
    pub(super) async fn start() -> Result<Self> {
        let runtime = altertable_mock::runtime().during("the idle twin")?;
        let (started, server) = oneshot::channel();
        let (stop, told) = oneshot::channel();
        let (over, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let server = MockServer::builder().args(["--allow-any-user"]).ephemeral_ports().start().await;
            let server = match server {
                Ok(server) => server,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(server.addresses())));
            // One that is forgotten stops as well.
            let _ = told.await;
            server.shutdown_for_exit().await;
            let _ = over.send(());
        });
        let at = server.await.during("the idle twin")?.during("the idle twin")?;
        let (stop, stopped) = (Some(stop), Some(stopped));
        Ok(Self { addresses: addresses_of(at), runtime: Some(runtime), stop, stopped })
    }

    pub(super) fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    pub(super) async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(stopped) = self.stopped.take() {
            // One that broke has stopped.
            let _ = stopped.await;
        }
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
