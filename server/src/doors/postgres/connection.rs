//! A connection between its messages: what each leads to, and what ends it (PW-08, PW-12, PW-28).

use std::time::Duration;

use bytes::Bytes;

use super::client::Client;
use super::execute;
use super::extended;
use super::fault::Halt;
use super::report::{Severity, SqlReport};
use super::simple;
use super::wire::{ClientMessage, Gone, Wire, frontend};

/// What a message leaves to be done.
enum Next {
    /// The next message.
    Continue,
    /// Nothing: the connection ends.
    End,
}

/// Answers a client's messages until it says goodbye, or the server does.
///
/// # Errors
/// `Gone` when there is nobody to say goodbye to.
pub(super) async fn run(client: &mut Client, wire: &mut Wire) -> Result<(), Gone> {
    let mut skips = false;
    wire.flush().await?;
    loop {
        let Some((tag, body)) = next(client, wire).await? else { return Ok(()) };
        if skips && !matches!(tag, b'S' | b'X') && frontend::is_known(tag) {
            continue;
        }
        match handle(client, wire, tag, body, &mut skips).await? {
            Next::Continue => client.running.set(Vec::new()),
            Next::End => return Ok(()),
        }
        if client.session.is_closed() {
            wire.out.report(&SqlReport::farewell());
            return Ok(());
        }
    }
}

/// The next message; none if the server ends the connection.
async fn next(client: &Client, wire: &mut Wire) -> Result<Option<(u8, Bytes)>, Gone> {
    let name = if client.block.is_explicit() {
        "idle_in_transaction_session_timeout"
    } else {
        "idle_session_timeout"
    };
    let patience = client.settings.timeout(name);
    let idle = async {
        tokio::time::sleep(patience.unwrap_or(Duration::MAX)).await;
    };
    let _in_use = client.block.is_explicit().then(|| client.session.in_use());
    let report = tokio::select! {
        biased;
        () = client.door.stop.cancelled() => SqlReport::farewell(),
        () = client.session.closing() => SqlReport::farewell(),
        message = wire.message() => return message.map(Some),
        () = idle, if patience.is_some() => match client.block.is_explicit() {
            true => SqlReport::fatal("25P03", "terminating connection due to idle-in-transaction timeout"),
            false => SqlReport::fatal("57P05", "terminating connection due to idle-session timeout"),
        },
    };
    wire.out.report(&report);
    Ok(None)
}

async fn handle(
    client: &mut Client,
    wire: &mut Wire,
    tag: u8,
    body: Bytes,
    skips: &mut bool,
) -> Result<Next, Gone> {
    if !frontend::is_known(tag) || tag == b'p' {
        wire.out.report(&SqlReport::fatal("08P01", format!("invalid frontend message type {tag}")));
        return Ok(Next::End);
    }
    let outcome = match frontend::read(tag, body) {
        Ok(ClientMessage::Terminate) => return Ok(Next::End),
        Ok(ClientMessage::Sync) => {
            sync(client, wire, std::mem::take(skips)).await?;
            return Ok(Next::Continue);
        }
        Ok(ClientMessage::Query(text)) => {
            let goes_on = simple::query(client, wire, &text).await?;
            return Ok(if goes_on { Next::Continue } else { Next::End });
        }
        Ok(message) => answer(client, wire, message).await,
        Err(malformed) => Err(malformed.into()),
    };
    match outcome {
        Ok(()) => Ok(Next::Continue),
        Err(Halt::Gone) => Err(Gone),
        Err(Halt::Told(report)) => {
            client.note_failure();
            wire.out.report(&report);
            if report.severity == Severity::Fatal {
                return Ok(Next::End);
            }
            if matches!(tag, b'Q' | b'F') {
                // These are answered without a Sync.
                let failed = client.finish_implicit(true).await;
                drop(failed);
                client.ready(wire).await?;
            } else {
                *skips = true;
                // A client may wait for it before it sends the Sync.
                wire.flush().await?;
            }
            Ok(Next::Continue)
        }
    }
}

async fn answer(client: &mut Client, wire: &mut Wire, message: ClientMessage) -> Result<(), Halt> {
    match message {
        ClientMessage::Parse { name, text, types } => {
            extended::parse(client, wire, name, text, types).await?;
        }
        ClientMessage::Bind(bind) => extended::bind(client, wire, bind).await?,
        ClientMessage::Describe(named) => extended::describe(client, wire, named).await?,
        ClientMessage::Execute { portal, limit } => execute::execute(client, wire, &portal, limit).await?,
        ClientMessage::Close(named) => extended::close(client, wire, &named),
        ClientMessage::Flush => wire.flush().await?,
        ClientMessage::FunctionCall => {
            return Err(SqlReport::error("0A000", "function calls are not supported").into());
        }
        // What is left of a COPY that has ended is dropped; the others were handled.
        _ => {}
    }
    Ok(wire.flush_if_full().await?)
}

/// A pipeline ends.
async fn sync(client: &mut Client, wire: &mut Wire, failed: bool) -> Result<(), Gone> {
    if let Err(report) = client.finish_implicit(failed).await
        && !failed
    {
        wire.out.report(&report);
    }
    client.ready(wire).await
}
