//! Which form of the query stream a client reads (LQ-22), told by the `User-Agent` of its request.

use http::HeaderMap;
use http::header::USER_AGENT;

use super::state::Lakehouse;
use crate::config::QueryStream;

/// The clients that predate typed columns, each with the last version that does. A bound counts as far as it goes:
/// every 0.6.x is within 0.6.
const LEGACY: &[(&str, &[u64])] = &[
    ("altertable-lakehouse-js", &[0, 2, 2]),
    ("AltertableRuby", &[0, 6]),
    ("altertable-lakehouse-php", &[0, 1]),
    ("altertable-lakehouse", &[0, 2]),
];

impl Lakehouse {
    /// Whether the client that sent these headers is to be answered in the legacy form.
    pub(super) fn answers_legacy(&self, headers: &HeaderMap) -> bool {
        match self.query_stream {
            QueryStream::Typed => false,
            QueryStream::Legacy => true,
            QueryStream::Auto => headers.get(USER_AGENT).is_some_and(|agent| is_legacy(agent.as_bytes())),
        }
    }
}

/// Whether the first product of the agent that the list names is of a version within its bound.
fn is_legacy(agent: &[u8]) -> bool {
    let Ok(agent) = std::str::from_utf8(agent) else { return false };
    products(agent)
        .find_map(|(name, version)| {
            let (_, bound) = LEGACY.iter().find(|(known, _)| *known == name)?;
            Some(is_within(version, bound))
        })
        .unwrap_or(false)
}

/// The products that an agent names (`name/version`, RFC 9110), without what stands in comments.
fn products(agent: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut depth = 0_usize;
    let parts = agent.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth > 0 || c.is_ascii_whitespace(),
        }
        true
    });
    parts.filter_map(|part| part.split_once('/'))
}

fn is_within(version: &str, bound: &[u64]) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Result<Vec<u64>, _> = core.split('.').map(str::parse).collect();
    let Ok(mut numbers) = numbers else { return false };
    numbers.resize(bound.len(), 0);
    numbers.as_slice() <= bound
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("altertable-lakehouse-js/0.2.2", true)]
    #[case("altertable-lakehouse-js/0.1.9 shop/7.0", true)]
    #[case("shop/7.0 (linux) altertable-lakehouse-js/0.2.2", true)]
    #[case("altertable-lakehouse-js/0.2.2-beta.1+build", true)]
    #[case("altertable-lakehouse-js/0.2.3", false)]
    #[case("altertable-lakehouse-js/0.2.10", false)]
    #[case("altertable-lakehouse-js/0.3.0 altertable-lakehouse-js/0.2.2", false)]
    #[case("altertable-lakehouse-js/10.0", false)]
    #[case("AltertableRuby/0.6", true)]
    #[case("AltertableRuby/0.6.14", true)]
    #[case("AltertableRuby/0.7.0", false)]
    #[case("AltertableRuby/1", false)]
    #[case("altertable-lakehouse-php/0.1.0", true)]
    #[case("altertable-lakehouse-php/0.2.0", false)]
    #[case("altertable-lakehouse/0.2.0", true)]
    #[case("altertable-lakehouse/0", true)]
    #[case("altertable-lakehouse/0.3.0", false)]
    #[case("altertable-lakehouse-python/0.1.0", false)]
    #[case("dlt-altertable/0.2.2 python-requests/2.34.2", false)]
    #[case("other/1.0 (altertable-lakehouse-js/0.2.2)", false)]
    #[case("other/1.0 (see (altertable-lakehouse-js/0.2.2 ) here) it/2", false)]
    #[case("altertable-lakehouse-js", false)]
    #[case("altertable-lakehouse-js/", false)]
    #[case("altertable-lakehouse-js/next", false)]
    #[case("not-altertable-lakehouse-js/0.2.2", false)]
    #[case("", false)]
    fn agent_and_version_decide(#[case] agent: &str, #[case] expected: bool) {
        assert_eq!(is_legacy(agent.as_bytes()), expected, "{agent}");
    }

    #[test]
    fn the_contract_lists_the_same_agents() {
        let contract = include_str!("../../../../docs/contract/lakehouse.md");
        let rows = contract.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("| `")?.split_once("/` | ")?;
            Some((name, rest.split(' ').next()?))
        });
        let bound = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let known: Vec<(&str, String)> = LEGACY.iter().map(|(name, last)| (*name, bound(last))).collect();
        assert_eq!(rows.map(|(name, last)| (name, last.to_owned())).collect::<Vec<_>>(), known);
    }
}
