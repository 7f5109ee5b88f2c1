//! What flags, variables and the file come to.

use std::ffi::OsString;
use std::io::Write;

use rstest::rstest;

use super::*;
use crate::doors::PerDoor;

fn config(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config> {
    let arguments = std::iter::once("altertable-mock").chain(flags.iter().copied());
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    match read(arguments, variables)? {
        Invocation::Serve(config) => Ok(*config),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case(&["healthcheck"], "127.0.0.1:15000")]
#[case(&["--bind", "::", "-p", "8000", "healthcheck"], "[::1]:8000")]
#[case(&["--bind", "10.0.0.7", "-u", "alice:secret", "healthcheck"], "10.0.0.7:15000")]
fn healthcheck_asks_where_the_server_listens(#[case] flags: &[&str], #[case] address: &str) {
    let arguments = std::iter::once("altertable-mock").chain(flags.iter().copied());
    match read(arguments, []).unwrap() {
        Invocation::Healthcheck(at) => assert_eq!(at.to_string(), address),
        other => panic!("{other:?}"),
    }
}

#[test]
fn healthcheck_needs_a_port_with_a_number() {
    let error = read(["altertable-mock", "-p", "0", "healthcheck"], []).unwrap_err();
    assert!(error.to_string().contains("--lakehouse-port 0"), "{error}");
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = config(&[], &[]).unwrap();
    assert_eq!(config.ports, PerDoor { lakehouse: 15000, analytics: 15001, flight: 15002, postgres: 15003 });
    assert_eq!(config.bind, BindAddresses::Loopback);
    assert_eq!(config.engine.environments, ["production"]);
    assert!(config.engine.users.is_empty() && !config.engine.allow_any_user);
    assert_eq!(config.shutdown_timeout.as_secs(), 10);
}

#[test]
fn only_variables_split_on_commas() {
    let from_flag = config(&["-u", "alice:se,cret", "--user", "bob:x:y"], &[]).unwrap();
    let pairs: Vec<_> =
        from_flag.engine.users.iter().map(|u| (u.name.as_str(), u.password.as_str())).collect();
    assert_eq!(pairs, [("alice", "se,cret"), ("bob", "x:y")]);
    let from_variable = config(&[], &[("ALTERTABLE_MOCK_USERS", " alice:secret , bob:hunter2,, ")]).unwrap();
    assert_eq!(from_variable.engine.users.len(), 2);
    assert_eq!(from_variable.engine.users[1].password, "hunter2");
}

#[rstest]
#[case("ALTERTABLE_MOCK_API_KEYS")]
#[case("ALTERTABLE_MOCK_API_KEY")]
fn api_keys_may_be_plural_or_singular(#[case] name: &str) {
    assert_eq!(config(&[], &[(name, "k1,k2")]).unwrap().engine.api_keys, ["k1", "k2"]);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    assert_eq!(config(&[], &[("ALTERTABLE_MOCK_FLIGHT_PORT", " ")]).unwrap().ports.flight, 15002);
}

#[rstest]
#[case("1", true)]
#[case("true", true)]
#[case("0", false)]
#[case("false", false)]
fn a_switch_takes_numbers_and_words(#[case] value: &str, #[case] expected: bool) {
    let by_variable = config(&[], &[("ALTERTABLE_MOCK_ALLOW_ANY_USER", value)]).unwrap();
    assert_eq!(by_variable.engine.allow_any_user, expected);
    let by_flag = config(&[&format!("--allow-any-user={value}")], &[]).unwrap();
    assert_eq!(by_flag.engine.allow_any_user, expected);
}

#[rstest]
#[case(&[], &[], QueryStream::Auto)]
#[case(&["--query-stream", "typed"], &[], QueryStream::Typed)]
#[case(&["--legacy-query-stream"], &[], QueryStream::Legacy)]
#[case(&["--legacy-query-stream", "--query-stream=legacy"], &[], QueryStream::Legacy)]
#[case(&["--legacy-query-stream=false"], &[("QUERY_STREAM", "legacy")], QueryStream::Auto)]
#[case(&["--query-stream=typed"], &[("LEGACY_QUERY_STREAM", "1")], QueryStream::Typed)]
#[case(&["--legacy-query-stream"], &[("QUERY_STREAM", "typed")], QueryStream::Legacy)]
#[case(&[], &[("LEGACY_QUERY_STREAM", "0")], QueryStream::Auto)]
#[case(&[], &[("LEGACY_QUERY_STREAM", "true")], QueryStream::Legacy)]
fn the_query_stream_has_two_names(
    #[case] flags: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] expected: QueryStream,
) {
    let names: Vec<_> =
        variables.iter().map(|(name, value)| (format!("{VARIABLE_PREFIX}{name}"), *value)).collect();
    let variables: Vec<_> = names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(config(flags, &variables).unwrap().lakehouse.query_stream, expected);
}

#[rstest]
#[case("user = [\"alice:topsecret\", \"bob:x\"]", &["alice", "bob"])]
#[case("user = \"alice:topsecret,\"", &["alice"])]
fn a_repeatable_key_of_the_file_is_an_array_or_one_text(#[case] text: &str, #[case] names: &[&str]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{text}").unwrap();
    let config = config(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
    assert_eq!(config.engine.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), names);
}

#[rstest]
#[case("user = 5", "line 1")]
#[case("user = [{ alice = \"topsecret\" }]", "line 1")]
#[case("flight-port = 1\nuser = [\"alice:topsecret\"", "line 2")]
#[case("user = [\"alice=topsecret\"]", "\"alice…\" has no password")]
fn a_fault_of_the_file_shows_no_password(#[case] text: &str, #[case] expected: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{text}").unwrap();
    let error = config(&["--config", file.path().to_str().unwrap()], &[]).unwrap_err();
    assert!(error.message().contains(expected), "{error}");
    assert!(!error.message().contains("topsecret"), "{error}");
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "flight-port = 1\nlakehouse-port = 1\nanalytics-port = 1\nuser = [\"f:f\"]").unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [("ALTERTABLE_MOCK_FLIGHT_PORT", "2"), ("ALTERTABLE_MOCK_LAKEHOUSE_PORT", "2")];
    let config = config(&["--flight-port", "3", "--config", path], &variables).unwrap();
    assert_eq!(config.ports, PerDoor { flight: 3, lakehouse: 2, analytics: 1, postgres: 15003 });
    assert_eq!(config.engine.users[0].name, "f");
}

#[rstest]
#[case(&["--user", "alice"], "the user \"alice\" has no password: write --user NAME:PASSWORD")]
#[case(&["--user", "a:topsecret", "--user", "a:topsecret2"], "the user \"a\" is declared twice: keep one --user a:…")]
#[case(&["--user", "alice topsecret"], "the user \"alice…\" has no password")]
#[case(&["alice:topsecret"], "'alice:…'")]
#[case(&["--flight-port", "alice:topsecret"], "'alice:…'")]
#[case(&["--user", ":topsecret"], "--user \":…\" has an empty name: write --user NAME:PASSWORD")]
#[case(&["--flight-port", "70000"], "'70000'")]
#[case(&["--api-key", "topsecret", "--api-key", "topsecret"], "--api-key number 2 is given twice")]
#[case(&["--catalog", "memory"], "the catalog name \"memory\" is taken")]
#[case(&["--catalog", "MEMORY"], "the catalog name \"MEMORY\" is taken")]
#[case(&["--catalog", "a", "--catalog", "A"], "--catalog \"A\" is given twice: case makes no difference")]
#[case(&["--catalog", "a", "--attach", "A=/dev/null"], "\"A\" is declared twice; case makes no difference")]
#[case(&["--attach", "a=/dev/null", "--attach", "A=/dev/null"], "\"A\" is declared twice")]
#[case(&["--attach", "Temp=/dev/null"], "the catalog name \"Temp\" is taken")]
#[case(&["--environment", "a", "--environment", "a"], "--environment \"a\" is given twice")]
#[case(&["-u", "a:b", "-k", "k", "--product-analytics", "a=k:production", "--product-analytics", "a=k:production"], "\"a\" is given twice")]
#[case(&["--attach", "pg"], "--attach \"pg\" has to be NAME=FILE")]
#[case(&["--attach", "pg=/does/not/exist"], "cannot read the file /does/not/exist")]
#[case(&["--query-stream", "typed", "--legacy-query-stream"], "keep one of them")]
#[case(&["--query-stream", "new"], "'new'")]
#[case(&["--bind", "localhost"], "--bind \"localhost\" is no IP address")]
#[case(&["--bind", "::1", "--bind", "::1"], "--bind \"::1\" is given twice")]
#[case(&["--tls"], "--tls-ca-file")]
#[case(&["--tls-cert", "x"], "--tls-cert and --tls-key go together")]
#[case(&["--tls", "--tls-ca-file", "x", "--tls-cert", "x", "--tls-key", "y"], "not both")]
#[case(&["--user", "a:b", "--product-analytics", "a=nope:production"], "a key that no --api-key declares")]
#[case(&["--user", "a:b", "-k", "k", "--product-analytics", "a=k:nope"], "the environment \"nope\"")]
#[case(&["--product-analytics", "z=k:production"], "whom no --user declares")]
#[case(&["--analytics-body-limit", "5"], "is below 4000000")]
#[case(&["--tenant-memory-limit", "lots"], "\"lots\" is no size")]
#[case(&["--nonsense"], "--nonsense")]
#[case(&["--config", "/does/not/exist.toml"], "cannot read the configuration file /does/not/exist.toml")]
fn a_fault_is_one_line_that_names_the_thing(#[case] flags: &[&str], #[case] expected: &str) {
    let error = config(flags, &[]).unwrap_err();
    assert!(error.message().contains(expected), "{error}");
    assert_eq!(error.message().lines().count(), 1, "{error}");
    assert!(!error.message().contains("topsecret"), "{error}");
}

#[test]
fn a_bad_variable_is_named() {
    let error = config(&[], &[("ALTERTABLE_MOCK_FLIGHT_PORT", "abc")]).unwrap_err();
    assert!(error.message().starts_with("ALTERTABLE_MOCK_FLIGHT_PORT: "), "{error}");
}

#[test]
fn an_unknown_key_in_the_file_is_named_with_its_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "flight-port = 1\nprot = 2").unwrap();
    let error = config(&["--config", file.path().to_str().unwrap()], &[]).unwrap_err();
    assert!(error.message().contains("line 2") && error.message().contains("prot"), "{error}");
}

#[test]
fn help_and_version_are_printed() {
    for flag in ["--help", "-h", "--version"] {
        let Invocation::Print(text) = read(["altertable-mock", flag], []).unwrap() else { panic!("{flag}") };
        assert!(!text.is_empty());
    }
}

#[test]
fn every_flag_has_a_variable() {
    let command = CommandLine::command();
    for argument in command.get_arguments().filter(|argument| argument.get_long() != Some("config")) {
        let long = argument.get_long().unwrap();
        let name = format!("{VARIABLE_PREFIX}{}", long.to_ascii_uppercase().replace('-', "_"));
        let candidates = [name.clone(), format!("{name}S"), format!("{name}ES")];
        assert!(candidates.iter().any(|name| is_variable_of(name, argument)), "--{long}");
    }
}

#[test]
fn addresses_may_be_several_and_are_checked() {
    let addresses = |config: Config| match config.bind {
        BindAddresses::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect(),
        BindAddresses::Loopback => Vec::new(),
    };
    let by_flags = config(&["--bind", "10.0.0.7", "--bind=::1"], &[]).unwrap();
    assert_eq!(addresses(by_flags), ["10.0.0.7", "::1"]);
    for name in ["ALTERTABLE_MOCK_BIND", "ALTERTABLE_MOCK_BINDS"] {
        assert_eq!(addresses(config(&[], &[(name, "0.0.0.0,::")]).unwrap()), ["0.0.0.0", "::"]);
    }
}

#[test]
fn a_variable_that_no_flag_stands_for_is_noted() {
    let variables = [("ALTERTABLE_MOCK_USER", "alice:secret"), ("ALTERTABLE_MOCK_TLS", "0"), ("OTHER", "1")];
    assert_eq!(config(&[], &variables).unwrap().unknown_variables, ["ALTERTABLE_MOCK_USER"]);
}

#[test]
fn secrets_are_not_in_debug_output() {
    let config = config(&["-u", "alice:topsecret"], &[]).unwrap();
    assert!(!format!("{:?}", config.engine).contains("topsecret"));
}
