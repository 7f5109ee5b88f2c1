//! The PostgreSQL protocol on its port (`docs/contract/postgres.md`), over the engine's sessions.
//!
//! A connection begins in [`start`], logs in, and is then read message by message in [`connection`]: a Query goes to
//! [`simple`], the messages of prepared statements to [`extended`]. What a statement is to this door says [`command`]; most
//! are DuckDB's, whose rows [`encode`] writes and whose parameters [`decode`] reads.

mod cancels;
mod catalog;
mod client;
mod command;
mod connection;
mod copy;
mod cursor;
mod decode;
mod encode;
mod execute;
mod extended;
mod fault;
mod faults;
mod job;
mod login;
mod logins;
mod own;
mod report;
mod run;
mod savepoints;
mod scram;
mod server;
mod settings;
mod simple;
mod sqlstate;
mod start;
mod statement;
mod tag;
mod transaction;
mod types;
mod wire;

pub(crate) use self::server::prepare;
