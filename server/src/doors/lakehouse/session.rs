//! The session that a request runs in (LS-02 to LS-05).

use std::ops::Deref;
use std::sync::Arc;

use uuid::Uuid;

use super::response::{ApiError, Result};
use engine::{Session, Tenant};

/// A session for the length of a request.
#[derive(Debug)]
pub(super) struct RequestSession {
    session: Arc<Session>,
    tenant: Arc<Tenant>,
    /// Whether it is closed with the request, because nobody else can name it.
    ephemeral: bool,
}

impl RequestSession {
    /// The session that a request names: minted, found, adopted or renewed.
    ///
    /// # Errors
    /// Internal when no database can be opened.
    pub(super) async fn named(tenant: &Arc<Tenant>, id: Option<Uuid>) -> engine::Result<Self> {
        Ok(Self { session: tenant.rest_session(id).await?, tenant: Arc::clone(tenant), ephemeral: false })
    }

    /// A session that ends with the request (LS-05).
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub(super) async fn ephemeral(tenant: &Arc<Tenant>) -> engine::Result<Self> {
        Ok(Self { session: tenant.open_session().await?, tenant: Arc::clone(tenant), ephemeral: true })
    }

    /// The named session, or one of the request's own.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub(super) async fn named_or_ephemeral(tenant: &Arc<Tenant>, id: Option<Uuid>) -> engine::Result<Self> {
        match id {
            Some(_) => Self::named(tenant, id).await,
            None => Self::ephemeral(tenant).await,
        }
    }
}

impl Deref for RequestSession {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for RequestSession {
    fn drop(&mut self) {
        if !self.ephemeral {
            return self.tenant.sessions().release(&self.session);
        }
        self.tenant.sessions().remove(self.session.id());
        let session = Arc::clone(&self.session);
        // Outside a runtime the server is gone already, and the connection closes with its last user.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { session.close().await });
        }
    }
}

/// An id as its client spells it, such as in upper case: answers repeat that (LQ-20).
#[derive(Debug, Clone)]
pub(super) struct SentId {
    id: Uuid,
    text: String,
}

impl SentId {
    /// Reads the id of a field.
    ///
    /// # Errors
    /// `bad-request`, naming it.
    pub(super) fn read(what: &str, text: String) -> Result<Self> {
        Ok(Self { id: parse_id(what, &text)?, text })
    }

    /// An id of our own making.
    pub(super) fn new(id: Uuid) -> Self {
        Self { id, text: id.to_string() }
    }

    /// The id.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The client's spelling.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Reads the id of a field or path segment.
///
/// # Errors
/// `bad-request`, naming it.
pub(super) fn parse_id(what: &str, text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| ApiError::bad_request(format!("{what} is not a UUID: `{text}`")))
}
