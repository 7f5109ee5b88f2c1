//! Asks a Flight server through arrow-rs's client for the one row of each line of its input, over one connection.
//! Answers each with the time it took, in microseconds; `make bench` sets that beside the same in process.
//!
//! Usage: small_queries ADDRESS USER PASSWORD

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name: &str| arguments.next().ok_or(format!("{name} is missing"));
    let endpoint = Endpoint::from_shared(format!("http://{}", argument("ADDRESS")?))?;
    let mut client = FlightSqlServiceClient::new(endpoint.tcp_nodelay(true).connect().await?);
    client.handshake(&argument("USER")?, &argument("PASSWORD")?).await?;
    for line in stdin().lines() {
        writeln!(stdout(), "{}", ask(&mut client, line?).await?.as_secs_f64() * 1e6)?;
        stdout().flush()?;
    }
    Ok(())
}

async fn ask(client: &mut FlightSqlServiceClient<Channel>, statement: String) -> Outcome<Duration> {
    let started = Instant::now();
    let info = client.execute(statement, None).await?;
    let ticket = info.endpoint.into_iter().next().and_then(|endpoint| endpoint.ticket).ok_or("no ticket")?;
    let batches: Vec<_> = client.do_get(ticket).await?.try_collect().await?;
    let took = started.elapsed();
    if batches.iter().map(RecordBatch::num_rows).sum::<usize>() != 1 {
        return Err(format!("the server answered {batches:?}").into());
    }
    Ok(took)
}
