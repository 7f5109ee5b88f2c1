//! The event store: events, identities and the ids that lead to them, per project.
//!
//! A *project* is one pair of API key and environment, and shares nothing with any other (AX-04). The store is the
//! source of truth; tenants see a project's contents as the read-only database `product_analytics`.
//!
//! - [`item`]: what one request asks for, already validated.
//! - [`identity`]: the identity model AM, pure and free of locks and clocks.
//! - [`log`]: the append-only event columns.
//! - [`project`]: one project behind one short lock, and the snapshots that readers hold.
//! - [`store`]: the keys, the environments, and the atomic batch.

mod chunked;
mod column;
pub mod identity;
pub mod item;
mod keeping;
mod keyring;
pub mod log;
pub mod project;
mod settings;
pub mod store;
mod traits;
mod uuid_text;
mod watchers;
mod weight;

pub use identity::{IdRef, Identities, Identity, IdentityRef, IdentityView, KnownId};
pub use item::{Action, Alias, Identify, Item, Members, Micros, Receipt, Track};
pub use project::{KeptProject, Snapshot};
pub use settings::Settings;
pub use store::{Access, ProjectHandle, Store, Unapplied};
pub use traits::Traits;
pub use uuid_text::UuidText;
pub use watchers::Viewers;
