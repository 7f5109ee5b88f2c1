//! Sessions: one DuckDB connection each, with what belongs to it, whose calls run one after another.
//!
//! A call waits for its [`Turn`], the one queue there is. Its steps run on threads that may block, where they reach the
//! [`Slot`]: connection, live result and plans. What is asked for (`request`) is run (`run`), statement by statement (`execute`), and leaves a
//! [`Live`](live::Live) result there, whose rows go through a `channel` to the [`ResultStream`] (`result`).

mod atomic;
mod bind;
mod cancel;
mod catalogs;
mod channel;
mod cursors;
mod delivery;
mod ended;
mod execute;
mod execution;
mod expand;
#[cfg(test)]
mod explore;
mod flow;
mod handle;
mod import;
mod leaving;
mod live;
mod named;
mod naming;
mod occupancy;
mod owner;
mod pending;
mod place;
mod plan;
mod plans;
mod prepared;
mod pump;
mod ready;
mod recent;
mod request;
mod result;
mod run;
mod script;
mod slot;
mod sql_time;
mod statements;
mod target;
mod transaction;
mod turn;
mod turns;
mod window;

pub use atomic::AccessMode;
pub(crate) use atomic::atomically;
pub(crate) use bind::parameters as bind_parameters;
pub use bind::{Bind, BindBy};
pub use cancel::CancelToken;
pub use cursors::{Cancelled, CursorFault, Cursors, Redeemed};
pub(crate) use ended::retired;
pub use handle::Session;
pub use leaving::{CancelOnDrop, GiveUpOnDrop};
pub use named::{BoundRows, NamedStatement, StatementRoom};
pub(crate) use owner::Owner;
pub use plan::Plan;
pub(crate) use plan::plan;
pub use prepared::PreparedStatement;
pub use request::{Execute, Statement};
pub use result::ResultStream;
pub use script::{Script, lines_before, placed};
pub(crate) use slot::Slot;
pub use target::Target;
pub(crate) use target::visit;
pub use transaction::Transaction;
pub use turn::Turn;
pub(crate) use turns::Turns;
pub use window::Window;
