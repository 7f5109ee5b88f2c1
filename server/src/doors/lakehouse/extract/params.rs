//! Query parameters.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::doors::lakehouse::response::{ApiError, Result};

/// The query string's parameters; of a repeated one the last counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    fn read(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The parameter of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that has to be there and not empty.
    ///
    /// # Errors
    /// `bad-request`, naming it.
    pub(crate) fn required(&self, name: &str) -> Result<String> {
        match self.get(name) {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(ApiError::bad_request(format!("the query parameter `{name}` is missing"))),
        }
    }

    /// A comma-separated parameter, blank entries dropped; empty when it is absent.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let entries = self.get(name).unwrap_or_default().split(',').map(str::trim);
        entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// A boolean parameter: `1`, `0`, `true` or `false` (LX-07); without a value it counts as absent.
    ///
    /// # Errors
    /// `bad-request` for anything else.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            Some(other) => Err(ApiError::bad_request(format!(
                "the query parameter `{name}` is `{other}`; it takes 1, 0, true or false"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let params = Params::read("table=a%22b+c&mode=create&mode=append&empty=&keys=a,+b,,c");
        assert_eq!(params.required("table").unwrap(), "a\"b c");
        assert_eq!(params.get("mode"), Some("append"));
        assert_eq!(params.list("keys"), ["a", "b", "c"]);
        assert!(params.list("none").is_empty());
        assert_eq!(params.required("empty").unwrap_err().message(), "the query parameter `empty` is missing");
    }

    #[test]
    fn flags_are_closed() {
        let params = Params::read("a=1&b=false&c=yes&e&f=");
        assert_eq!(params.flag("a").unwrap(), Some(true));
        assert_eq!(params.flag("b").unwrap(), Some(false));
        for absent in ["d", "e", "f"] {
            assert_eq!(params.flag(absent).unwrap(), None);
        }
        assert!(params.flag("c").is_err());
    }
}
