//! Who asks (LX-02, LX-03).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use uuid::Uuid;

use crate::doors::calls;
use crate::doors::faults;
use crate::doors::http::credentials::pair;
use crate::doors::lakehouse::response::{ApiError, Code};
use crate::doors::lakehouse::state::Lakehouse;
use engine::{Call, CancelOnDrop, Engine, ErrorKind, Tenant, Visit};

/// The tenant of the user who proved a password. Handlers take it first, so that nothing else is checked before.
#[derive(Debug)]
pub(crate) struct Caller(
    pub(crate) Arc<Tenant>,
    /// The call that asks.
    pub(crate) Arc<Call>,
    #[expect(dead_code, reason = "ends with the request")] Visit,
);

impl Caller {
    /// The call is about to take effect, with that statement in that session, if it has any.
    ///
    /// # Errors
    /// `invalid-data` for a call that is not to take effect, whose answer a fault rule makes (FR).
    pub(crate) async fn meet(&self, statement: Option<&str>, session: Option<Uuid>) -> Result<(), ApiError> {
        let Self(tenant, call, _) = self;
        if !call.is_faced() {
            return Ok(());
        }
        if let Some(statement) = statement {
            call.is_about(statement);
        }
        if let Some(session) = session {
            call.names_session(session);
        }
        call.meet().await?;
        let expires = call.acting().is_some_and(|acting| acting.effects().expires);
        if let Some(expired) = session.filter(|_| expires).and_then(|id| tenant.sessions().expire(id)) {
            tokio::spawn(async move { expired.close().await });
        }
        Ok(())
    }

    /// Cancels the call when this is dropped, as it is when the client goes away.
    pub(crate) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop::new(self.1.cancel(), "the client disconnected")
    }
}

impl FromRequestParts<Lakehouse> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Lakehouse) -> Result<Self, ApiError> {
        let tenant = authenticate(&state.engine, &parts.headers)?;
        let call = calls::of(&parts.extensions);
        tenant.admit(&call);
        call.begins(|| faults::head(parts.uri.path(), &parts.headers));
        let visit = tenant.visit();
        Ok(Self(tenant, call, visit))
    }
}

/// The tenant whose credentials the headers carry.
///
/// # Errors
/// `unauthorized`; `limit-exceeded` for one undeclared user too many (LX-13).
pub(crate) fn authenticate(engine: &Engine, headers: &HeaderMap) -> Result<Arc<Tenant>, ApiError> {
    let (user, password) = credentials(headers).ok_or_else(refused)?;
    engine.authenticate(&user, &password).map_err(|error| match error.kind() {
        ErrorKind::LimitExceeded => error.into(),
        _ => refused(),
    })
}

/// The user and password of `Basic` or `Bearer` credentials; the first `:` ends the user's name.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") && !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    pair(encoded.trim())
}

fn refused() -> ApiError {
    ApiError::new(
        Code::Unauthorized,
        "Invalid credentials. Send `Authorization: Basic <base64 of user:password>` for a user that the server was started with (`--user NAME:PASSWORD`).",
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Basic YWxpY2U6c2VjcmV0", Some(("alice", "secret")))]
    #[case("bEaReR YWxpY2U6c2VjcmV0", Some(("alice", "secret")))]
    #[case::with_padding("Basic YTpi", Some(("a", "b")))]
    #[case::padded("Basic YTpiYw==", Some(("a", "bc")))]
    #[case::without_padding("Basic YTpiYw", Some(("a", "bc")))]
    #[case::colons_in_the_password("Basic YTpiOmM6", Some(("a", "b:c:")))]
    #[case::several_blanks("Basic   YTpi ", Some(("a", "b")))]
    #[case::no_colon("Basic YWI=", None)]
    #[case::not_base64("Basic ???", None)]
    #[case::other_scheme("Digest YTpi", None)]
    #[case::no_scheme("YTpi", None)]
    #[case::not_utf8("Basic /zr/", None)]
    fn credentials_are_read(#[case] value: &str, #[case] expected: Option<(&str, &str)>) {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        let found = credentials(&headers);
        assert_eq!(found.as_ref().map(|(user, password)| (user.as_str(), password.as_str())), expected);
    }
}
