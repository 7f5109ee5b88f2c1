//! Sessions: one DuckDB connection each, with what belongs to it, whose calls run one after another.
//!
//! [`Session`] (`handle`) queues calls for the connection. What a call has for its turn is the [`Slot`]: connection, live
//! result and plans. A statement (`execute`) leaves a [`Live`](live::Live) result there, whose rows go through a `channel`
//! to the [`ResultStream`] (`result`).

mod bind;
mod cancel;
mod channel;
mod delivery;
mod ended;
mod execute;
mod expand;
mod handle;
mod live;
mod plan;
mod plans;
mod prepared;
mod result;
mod script;
mod slot;
mod statements;
mod target;
mod transaction;
mod turns;
mod window;

pub use bind::{Bind, BindBy};
pub use cancel::{CancelToken, GiveUpOnDrop};
pub use execute::{Execute, Statement};
pub use handle::Session;
pub use plan::Plan;
pub(crate) use plan::plan;
pub use prepared::PreparedStatement;
pub use result::ResultStream;
pub use script::{Script, lines_before, placed};
pub(crate) use slot::Slot;
pub use target::Target;
pub(crate) use target::visit;
pub(crate) use transaction::atomically;
pub(crate) use turns::Turns;
pub use window::Window;
