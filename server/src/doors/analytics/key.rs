//! Where a request carries its API key (AX-02).

use axum::http::HeaderMap;
use axum::http::Uri;
use axum::http::header::AUTHORIZATION;

/// The first key present: `X-API-Key`, then `Authorization: Bearer`, then `?apiKey=`. An empty one counts as absent.
pub(super) fn find(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = text(headers, "x-api-key").map(str::to_owned);
    header.or_else(|| bearer(headers)).or_else(|| parameter(uri)).filter(|key| !key.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, key) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned()).filter(|key| !key.is_empty())
}

fn parameter(uri: &Uri) -> Option<String> {
    let axum::extract::Query(pairs) =
        axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find_map(|(name, value)| (name == "apiKey").then_some(value))
}

/// A header's value as UTF-8, `None` if absent or empty.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?;
    Some(std::str::from_utf8(value.as_bytes()).ok()?.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::header(&[("x-api-key", "h")], "/track", Some("h"))]
    #[case::bearer(&[("authorization", "bEARER b")], "/track", Some("b"))]
    #[case::parameter(&[], "/track?sync&apiKey=p%2B1", Some("p+1"))]
    #[case::header_counts_first(&[("x-api-key", "h"), ("authorization", "Bearer b")], "/track?apiKey=p", Some("h"))]
    #[case::bearer_counts_second(&[("authorization", "Bearer b")], "/track?apiKey=p", Some("b"))]
    #[case::empty_is_absent(&[("x-api-key", ""), ("authorization", "Bearer ")], "/track?apiKey=p", Some("p"))]
    #[case::basic_is_no_key(&[("authorization", "Basic eDp5")], "/track", None)]
    #[case::utf8(&[("x-api-key", "clé")], "/track", Some("clé"))]
    #[case::none(&[], "/track?apikey=p", None)]
    fn the_first_key_present_counts(
        #[case] sent: &[(&'static str, &str)],
        #[case] uri: &str,
        #[case] expected: Option<&str>,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        assert_eq!(find(&headers, &uri.parse().unwrap()).as_deref(), expected);
    }
}
