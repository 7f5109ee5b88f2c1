//! PostgreSQL's settings of a connection: what SET, SHOW and RESET know (PW-33), and which of them clients are told of.

use std::collections::BTreeMap;

use super::report::{Result, SqlReport};

/// The version that clients are told; it begins as PostgreSQL's does, by which they choose what they ask.
pub(super) const SERVER_VERSION: &str = "15.0";

/// A setting: its name as it is shown, its default, and whether it may be changed.
struct Setting(&'static str, &'static str, bool);

/// The settings, those first that clients are told of unasked.
const SETTINGS: &[Setting] = &[
    Setting("server_version", SERVER_VERSION, false),
    Setting("server_encoding", "UTF8", false),
    Setting("client_encoding", "UTF8", true),
    Setting("application_name", "", true),
    Setting("is_superuser", "off", false),
    Setting("session_authorization", "", false),
    Setting("DateStyle", "ISO, MDY", true),
    Setting("IntervalStyle", "postgres", true),
    Setting("TimeZone", "Etc/UTC", true),
    Setting("integer_datetimes", "on", false),
    Setting("standard_conforming_strings", "on", true),
    Setting("default_transaction_read_only", "off", true),
    Setting("in_hot_standby", "off", false),
    Setting("server_version_num", "150000", false),
    Setting("search_path", "\"$user\", public", true),
    Setting("extra_float_digits", "1", true),
    Setting("bytea_output", "hex", true),
    Setting("client_min_messages", "notice", true),
    Setting("statement_timeout", "0", true),
    Setting("lock_timeout", "0", true),
    Setting("idle_in_transaction_session_timeout", "0", true),
    Setting("idle_session_timeout", "0", true),
    Setting("transaction_isolation", "repeatable read", true),
    Setting("default_transaction_isolation", "repeatable read", true),
    Setting("transaction_read_only", "off", true),
    Setting("transaction_deferrable", "off", true),
    Setting("default_transaction_deferrable", "off", true),
    Setting("synchronous_commit", "on", true),
    Setting("row_security", "on", true),
    Setting("check_function_bodies", "on", true),
    Setting("escape_string_warning", "on", true),
    Setting("backslash_quote", "safe_encoding", true),
    Setting("quote_all_identifiers", "off", true),
    Setting("xmloption", "content", true),
    Setting("default_tablespace", "", true),
    Setting("temp_tablespaces", "", true),
    Setting("default_table_access_method", "heap", true),
    Setting("default_toast_compression", "pglz", true),
    Setting("default_with_oids", "off", true),
    Setting("synchronize_seqscans", "on", true),
    Setting("session_replication_role", "origin", true),
    Setting("jit", "off", true),
    Setting("enable_seqscan", "on", true),
    Setting("enable_indexscan", "on", true),
    Setting("enable_hashjoin", "on", true),
    Setting("enable_nestloop", "on", true),
    Setting("enable_mergejoin", "on", true),
    Setting("work_mem", "4MB", true),
    Setting("maintenance_work_mem", "64MB", true),
    Setting("lc_messages", "C.UTF-8", true),
    Setting("lc_monetary", "C.UTF-8", true),
    Setting("lc_numeric", "C.UTF-8", true),
    Setting("lc_time", "C.UTF-8", true),
    Setting("lc_collate", "C.UTF-8", false),
    Setting("lc_ctype", "C.UTF-8", false),
    Setting("max_identifier_length", "63", false),
    Setting("max_index_keys", "32", false),
    Setting("block_size", "8192", false),
];

/// How many of [`SETTINGS`] clients are told of unasked (PW-06).
const REPORTED: usize = 13;

/// What keeping a setting takes beside its name and value, in bytes.
const ENTRY: usize = 100;

/// ClientSettings that are also DuckDB's under that name, and act there.
pub(super) const ACTING: [&str; 2] = ["TimeZone", "search_path"];

/// Whether PostgreSQL has a setting of this name.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|Setting(known, _, _)| known.eq_ignore_ascii_case(name))
}

/// The settings of a connection, by their names in lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientSettings {
    /// What RESET goes back to where the client asked for something at its start.
    start: BTreeMap<String, String>,
    now: BTreeMap<String, String>,
    /// As they were when the open transaction began.
    before: Option<BTreeMap<String, String>>,
    /// Those that are to be as they were before, once the transaction ends.
    local: BTreeMap<String, Option<String>>,
    /// What the client was told last.
    told: BTreeMap<&'static str, String>,
    /// What DuckDB was told last of those that act there.
    acting: BTreeMap<String, String>,
}

impl ClientSettings {
    /// ClientSettings that the server has for a connection itself.
    pub(super) fn own(&mut self, name: &str, value: &str) {
        self.start.insert(name.to_ascii_lowercase(), value.to_owned());
    }

    /// The value of a setting; none of one that there is not.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let key = name.to_ascii_lowercase();
        let set = self.now.get(&key).or_else(|| self.start.get(&key)).map(String::as_str);
        set.or_else(|| find(name).map(|Setting(_, default, _)| *default))
    }

    /// Every setting with its value, in the order of names.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let custom = self.now.keys().chain(self.start.keys()).filter(|name| name.contains('.'));
        let mut names: Vec<String> =
            SETTINGS.iter().map(|Setting(name, _, _)| (*name).to_owned()).chain(custom.cloned()).collect();
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names.dedup();
        names.into_iter().map(|name| (name.clone(), self.get(&name).unwrap_or_default().to_owned())).collect()
    }

    /// The settings that clients are told of and have not been told of as they are.
    pub(super) fn news(&mut self) -> Vec<(&'static str, String)> {
        let reported = SETTINGS[..REPORTED].iter();
        let now = reported.map(|Setting(name, _, _)| (*name, self.get(name).unwrap_or_default().to_owned()));
        let now: Vec<_> = now.filter(|(name, value)| self.told.get(name) != Some(value)).collect();
        self.told.extend(now.iter().cloned());
        now
    }

    /// The value that a setting would get, as it is kept.
    ///
    /// # Errors
    /// 42704 for a setting that there is not, 55P02 for one that cannot be changed, 22023 for a value that it does not take.
    pub(super) fn check(&self, name: &str, value: Option<&str>) -> Result<String> {
        let Some(Setting(shown, default, may_change)) = find(name) else {
            if !name.contains('.') {
                return Err(unknown(name));
            }
            return Ok(value.unwrap_or_default().to_owned());
        };
        if !may_change {
            return Err(SqlReport::error("55P02", format!("parameter \"{shown}\" cannot be changed")));
        }
        let Some(value) = value else {
            let start = self.start.get(&name.to_ascii_lowercase());
            return Ok(start.cloned().unwrap_or_else(|| (*default).to_owned()));
        };
        normal(shown, value, default)
    }

    /// About how much memory the settings will take once this one is set as well: as they are now, as they were before the
    /// transaction, and as the client was told of them.
    pub(super) fn size_with(&self, name: &str, value: &str) -> usize {
        let kept = self.now.iter().map(|(name, value)| ENTRY + name.len() + value.len()).sum::<usize>();
        3 * (kept + ENTRY + name.len() + value.len())
    }

    /// Sets a checked value.
    pub(super) fn set(&mut self, name: &str, value: String, local: bool) {
        let key = name.to_ascii_lowercase();
        let former = self.now.insert(key.clone(), value);
        if self.before.is_some() {
            if local {
                self.local.entry(key).or_insert(former);
            } else {
                self.local.remove(&key);
            }
        }
    }

    /// Sets a value that lasts as long as the connection.
    pub(super) fn set_at_start(&mut self, name: &str, value: String) {
        self.start.insert(name.to_ascii_lowercase(), value);
    }

    /// Everything goes back to what it was at the start.
    pub(super) fn reset_all(&mut self) {
        self.now.clear();
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.before = Some(self.now.clone());
        self.local.clear();
    }

    /// The transaction ends: what was set for it alone goes back, and if it is rolled back, all that was set in it.
    pub(super) fn end(&mut self, committed: bool) {
        let Some(before) = self.before.take() else { return };
        if !committed {
            // A setting of a name of the client's own stays, without a value.
            let own =
                self.now.keys().filter(|name| name.contains('.')).map(|name| (name.clone(), String::new()));
            self.now = own.chain(before).collect();
            self.local.clear();
            return;
        }
        for (name, former) in std::mem::take(&mut self.local) {
            match former {
                Some(value) => self.now.insert(name, value),
                None if name.contains('.') => self.now.insert(name, String::new()),
                None => self.now.remove(&name),
            };
        }
    }

    /// Notes that DuckDB has this value from now on, and tells whether it had another.
    pub(super) fn acted(&mut self, name: &str, value: &str) -> bool {
        let former = self.acting.insert(name.to_ascii_lowercase(), value.to_owned());
        let default = find(name).map_or("", |Setting(_, default, _)| *default);
        former.as_deref().unwrap_or(default) != value
    }

    /// A time in milliseconds; none where it is off.
    pub(super) fn timeout(&self, name: &str) -> Option<std::time::Duration> {
        let millis = milliseconds(self.get(name)?)?;
        (millis > 0).then(|| std::time::Duration::from_millis(millis))
    }
}

/// A setting that there is not.
pub(super) fn unknown(name: &str) -> SqlReport {
    SqlReport::error("42704", format!("unrecognized configuration parameter \"{name}\""))
}

/// A value as it is kept and shown.
fn normal(name: &str, value: &str, default: &str) -> Result<String> {
    let wrong = || SqlReport::error("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
    let lower = value.to_ascii_lowercase();
    match name {
        "client_encoding" => match lower.replace(|c: char| !c.is_ascii_alphanumeric(), "").as_str() {
            "utf8" | "unicode" => Ok("UTF8".to_owned()),
            "sqlascii" => Ok("SQL_ASCII".to_owned()),
            _ => Err(wrong()),
        },
        "search_path" => Ok(value.split(',').map(quoted).collect::<Vec<_>>().join(", ")),
        "DateStyle" => date_style(&lower).ok_or_else(wrong),
        "IntervalStyle" if lower == "postgres" => Ok(lower),
        "IntervalStyle" => Err(wrong()),
        _ if name.ends_with("_timeout") => milliseconds(&lower).map(|_| value.to_owned()).ok_or_else(wrong),
        "extra_float_digits" => match value.parse::<i32>() {
            Ok(-15..=3) => Ok(value.to_owned()),
            _ => Err(wrong()),
        },
        _ if default == "on" || default == "off" => match lower.as_str() {
            "on" | "true" | "t" | "yes" | "y" | "1" => Ok("on".to_owned()),
            "off" | "false" | "f" | "no" | "n" | "0" => Ok("off".to_owned()),
            _ => Err(wrong()),
        },
        _ => Ok(value.to_owned()),
    }
}

/// The name of a schema as PostgreSQL shows it.
fn quoted(name: &str) -> String {
    let name = name.trim().trim_matches('"');
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Dates are written in the ISO style alone; which of two numbers is the month may be chosen.
fn date_style(value: &str) -> Option<String> {
    let mut order = "MDY";
    for word in value.split([',', ' ']).filter(|word| !word.is_empty()) {
        match word {
            "iso" | "default" => {}
            "mdy" | "us" => order = "MDY",
            "dmy" | "european" => order = "DMY",
            "ymd" => order = "YMD",
            _ => return None,
        }
    }
    Some(format!("ISO, {order}"))
}

fn milliseconds(value: &str) -> Option<u64> {
    let split = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(split);
    let scale = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale).filter(|millis| *millis <= i32::MAX.unsigned_abs().into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("client_encoding", "utf-8", Ok("UTF8"))]
    #[case("client_encoding", "latin1", Err("22023"))]
    #[case("DATESTYLE", "ISO", Ok("ISO, MDY"))]
    #[case("datestyle", "ISO, DMY", Ok("ISO, DMY"))]
    #[case("datestyle", "German", Err("22023"))]
    #[case("statement_timeout", "2s", Ok("2s"))]
    #[case("statement_timeout", "soon", Err("22023"))]
    #[case("server_version", "16", Err("55P02"))]
    #[case("nonsense", "1", Err("42704"))]
    #[case("my.own", "1", Ok("1"))]
    #[case("standard_conforming_strings", "true", Ok("on"))]
    fn values_are_checked(#[case] name: &str, #[case] value: &str, #[case] expected: Result<&str, &str>) {
        let checked = ClientSettings::default().check(name, Some(value));
        assert_eq!(checked.as_deref().map_err(|report| report.code), expected);
    }

    #[test]
    fn what_is_set_in_a_transaction_ends_as_that_does() {
        let mut settings = ClientSettings::default();
        settings.set("my.a", "1".to_owned(), false);
        settings.begin();
        settings.set("my.a", "2".to_owned(), false);
        settings.set("my.b", "3".to_owned(), true);
        assert_eq!((settings.get("my.a"), settings.get("my.b")), (Some("2"), Some("3")));
        let mut committed = settings.clone();
        committed.end(true);
        assert_eq!((committed.get("my.a"), committed.get("my.b")), (Some("2"), Some("")));
        settings.end(false);
        assert_eq!((settings.get("my.a"), settings.get("my.b")), (Some("1"), Some("")));
    }

    #[test]
    fn times_are_told_with_units() {
        let mut settings = ClientSettings::default();
        assert_eq!(settings.timeout("statement_timeout"), None);
        settings.set("statement_timeout", "2min".to_owned(), false);
        assert_eq!(settings.timeout("statement_timeout"), Some(std::time::Duration::from_secs(120)));
    }
}
