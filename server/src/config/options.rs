//! Every setting of the server, once.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use serde::Deserialize;

use super::file::one_or_many;
use super::size::ByteSize;
use crate::doors::{PerDoor, with_doors};

pub(super) const ABOUT: &str = "Altertable on your machine: Flight SQL, PostgreSQL, Lakehouse REST and Product Analytics over one \
in-memory DuckDB per user.";

pub(super) const AFTER_HELP: &str = "\
Example:
  altertable-mock --user alice:secret --api-key demo-key

  curl -u alice:secret localhost:15000/query -d '{\"statement\":\"SELECT 42 AS answer\"}'
  curl -H 'X-API-Key: demo-key' localhost:15001/track -d '{\"event\":\"hello\",\"distinct_id\":\"u1\"}'
  psql postgresql://alice:secret@localhost:15003/memory -c 'SELECT 42 AS answer'
  Flight SQL clients connect to localhost:15002, without TLS, as alice with the password secret.

Each flag --some-name may be set by the variable ALTERTABLE_MOCK_SOME_NAME; flags that may be repeated are
comma-separated there, under a plural name: ALTERTABLE_MOCK_USERS=alice:secret,bob:hunter2. Flags win over
variables, and variables over the file of --config. Switches take 1, true, 0 or false in variables. RUST_LOG sets
what is logged (default: info).";

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The form of the answers to `/query`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryStream {
    /// The one that the client reads, by its `User-Agent`.
    #[default]
    Auto,
    /// Columns with names and types.
    Typed,
    /// The one before, with bare names.
    Legacy,
}

/// Declares [`Options`] and how two layers of it merge, so that no field can be forgotten in either. The doors' ports come
/// between the other options.
macro_rules! options {
    (
        { $($door:ident, $port:ident, $short:literal, $default:literal, $title:literal, $api:literal;)* }
        { $($(#[$before_meta:meta])* $before:ident: $before_ty:ty,)* }
        { $($(#[$meta:meta])* $name:ident: $ty:ty,)* }
    ) => {
        /// The settings as one layer gives them: the flags, the variables, or the file. What is `None` is left to the
        /// next layer.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Options {
            $($(#[$before_meta])* pub $before: Option<$before_ty>,)*
            $(
                #[doc = concat!("Port of ", $api, "; 0 picks a free one [default: ", $default, "].")]
                #[arg(
                    short = $short, long, value_name = "PORT", help_heading = "Where to listen",
                    help = concat!("Port of ", $api, "; 0 picks a free one [default: ", $default, "]"),
                )]
                pub $port: Option<u16>,
            )*
            $($(#[$meta])* pub $name: Option<$ty>,)*
        }

        impl Options {
            fn fill(self, weaker: Self) -> Self {
                Self {
                    $($before: self.$before.or(weaker.$before),)*
                    $($port: self.$port.or(weaker.$port),)*
                    $($name: self.$name.or(weaker.$name),)*
                }
            }

            /// Lets the system pick each door's port.
            pub(crate) fn listen_on_any_port(&mut self) {
                $(self.$port = Some(0);)*
            }

            /// Each door's port.
            pub(super) fn ports(&self) -> PerDoor<u16> {
                PerDoor { $($door: self.$port.unwrap_or($default),)* }
            }
        }
    };
}

with_doors!(options! {
    {
    /// Declare a user, as NAME:PASSWORD (may be repeated). Each user gets a database of its own.
    #[arg(short, long, value_name = "NAME:PASSWORD", action = ArgAction::Append, help_heading = "Who may connect")]
    #[serde(default, deserialize_with = "one_or_many")]
    user: Vec<String>,
    /// Declare an API key for Product Analytics (may be repeated).
    #[arg(short = 'k', long, value_name = "KEY", action = ArgAction::Append, help_heading = "Who may connect")]
    #[serde(default, deserialize_with = "one_or_many")]
    api_key: Vec<String>,
    /// Declare an environment for Product Analytics (may be repeated) [default: production].
    #[arg(short, long, value_name = "NAME", action = ArgAction::Append, help_heading = "Who may connect")]
    #[serde(default, deserialize_with = "one_or_many")]
    environment: Vec<String>,
    /// Accept any user with any password, each pair with a database of its own, and any API key: parallel tests
    /// isolate themselves by picking a name.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "Who may connect")]
    allow_any_user: bool,
    /// Choose the project that a user sees as product_analytics (may be repeated) [default: the first API key and
    /// environment].
    #[arg(long, value_name = "USER=KEY:ENV", action = ArgAction::Append, help_heading = "Who may connect")]
    #[serde(default, deserialize_with = "one_or_many")]
    product_analytics: Vec<String>,
    /// Open the whole control plane to whoever sends this key as a Bearer token (may be repeated).
    #[arg(long, value_name = "KEY", action = ArgAction::Append, help_heading = "Who may connect")]
    #[serde(default, deserialize_with = "one_or_many")]
    control_key: Vec<String>,
    /// Let whoever has an API key read, and wait for, the events of its projects over the control plane.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "Who may connect")]
    control_api_keys: bool,
    /// Have no control plane: /_mock is an unknown path.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "Who may connect")]
    no_control: bool,
    }
    {
    /// Address to listen on (may be repeated) [default: 127.0.0.1, and ::1 where the machine has it].
    #[arg(long, value_name = "ADDRESS", action = ArgAction::Append, help_heading = "Where to listen")]
    #[serde(default, deserialize_with = "one_or_many")]
    bind: Vec<String>,
    /// Serve TLS on the Flight and PostgreSQL ports, beside plaintext, with a throw-away CA written to --tls-ca-file.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "Where to listen")]
    tls: bool,
    /// Where --tls writes the CA certificate (PEM).
    #[arg(long, value_name = "FILE", help_heading = "Where to listen")]
    tls_ca_file: PathBuf,
    /// Serve TLS on the Flight and PostgreSQL ports with this certificate chain (PEM); needs --tls-key.
    #[arg(long, value_name = "FILE", help_heading = "Where to listen")]
    tls_cert: PathBuf,
    /// The private key of --tls-cert (PEM).
    #[arg(long, value_name = "FILE", help_heading = "Where to listen")]
    tls_key: PathBuf,

    /// Attach a further empty, writable catalog for every user (may be repeated).
    #[arg(long, value_name = "NAME", action = ArgAction::Append, help_heading = "What users find")]
    #[serde(default, deserialize_with = "one_or_many")]
    catalog: Vec<String>,
    /// Attach a DuckDB file read-only for every user (may be repeated).
    #[arg(long, value_name = "NAME=FILE", action = ArgAction::Append, help_heading = "What users find")]
    #[serde(default, deserialize_with = "one_or_many")]
    attach: Vec<String>,
    /// Begin each user's database with these tables and events: a .sql file, or a folder (may be repeated); USER=PATH for
    /// one user alone.
    #[arg(long, value_name = "[USER=]PATH", action = ArgAction::Append, help_heading = "What users find")]
    #[serde(default, deserialize_with = "one_or_many")]
    seed: Vec<String>,
    /// Form of the answers to /query: `auto` goes by the client's User-Agent, `legacy` is what clients older than
    /// typed columns expect [default: auto].
    #[arg(long, value_name = "FORM", hide_possible_values = true, help_heading = "What users find")]
    query_stream: QueryStream,
    /// The same as --query-stream legacy.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "What users find")]
    legacy_query_stream: bool,
    /// Add the read-only catalog `altertable`, the former name of product_analytics.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "What users find")]
    legacy_altertable_catalog: bool,
    /// Show each user's calls and events in SQL: the tables requests and events of the read-only catalog `mock`.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "What users find")]
    mock_catalog: bool,
    /// Mark JSON columns over Flight with the extension type arrow.json.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "What users find")]
    arrow_json_extension: bool,

    /// Let SQL read and write the host's files, open the network and load extensions.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "Limits")]
    allow_external_access: bool,
    /// Memory that all users' databases may use together, such as 6GB [default: four fifths of what there is].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    memory_limit: ByteSize,
    /// Memory that each user's database may use, such as 512MB [default: 4GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    tenant_memory_limit: String,
    /// Threads that may work on one statement at once, its own included [default: one per core].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_threads: usize,
    /// Statements of each user that run at once, a thread each; more wait for their turn [default: 256].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_concurrency: usize,
    /// Cancelled statements of each user that may go on in DuckDB before new ones are refused [default: 16].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_lingering_limit: usize,
    /// Statements of all users that run at once, a thread each; more wait for their turn [default: 4096].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    thread_limit: usize,
    /// Threads of the whole process that share the work of longer statements [default: one per core].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    worker_threads: usize,
    /// Size of one SQL text, such as 64MB [default: 64MB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    statement_limit: ByteSize,
    /// Seconds after which a statement is interrupted; 0 sets no limit [default: 0].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    statement_timeout: u64,
    /// Disk that each user's waiting results may take, such as 16GB [default: half of what is free, at most 16GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    tenant_spool_limit: ByteSize,
    /// Sessions that each user may have open [default: 4096].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_session_limit: usize,
    /// Prepared statements that each session may hold [default: 4096].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    session_prepared_limit: usize,
    /// Prepared statements that all sessions of a user may hold [default: 16384].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_prepared_limit: usize,
    /// Flight tickets that each session may hold [default: 4096].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    session_ticket_limit: usize,
    /// Flight tickets that all sessions of a user may hold [default: 65536].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_ticket_limit: usize,
    /// Memory that each user's prepared statements and tickets may take, bound rows included [default: 512MB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    tenant_held_limit: ByteSize,
    /// Users, and API keys, that --allow-any-user may have admitted at a time [default: 10000].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    undeclared_user_limit: usize,
    /// Tenants that may have been made over the control plane at a time [default: 10000].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    tenant_limit: usize,
    /// Memory that each user's query log may take [default: 8MB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    query_log_limit: ByteSize,
    /// Memory that the journal of each user's calls may take, 10000 of them at most [default: 8MB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    journal_limit: ByteSize,
    /// Fault rules that each user may have set over the control plane [default: 100].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    fault_limit: usize,
    /// Memory that each user's snapshots may take together, 100 of them at most [default: 4GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    snapshot_limit: ByteSize,
    /// Loads of each user that may be pending, or remembered for their failure [default: 1000].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    task_limit: usize,
    /// Seconds that the seeds of a user may take; 0 sets no limit [default: 600].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    seed_timeout: u64,
    /// Size of a seed that is sent over the control plane, such as 1GB [default: 1GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    seed_limit: ByteSize,
    /// Files that a seed may have [default: 10000].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    seed_file_limit: usize,
    /// Memory that the events of each Product Analytics project may take [default: 1GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    project_event_limit: ByteSize,
    /// Seconds without use after which a session is discarded [default: 14400].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    session_idle_timeout: u64,
    /// Seconds without use after which an undeclared user's database is dropped [default: 600].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    tenant_idle_timeout: u64,
    /// Largest JSON body of the Lakehouse API, in bytes; uploads have no limit [default: 67108864].
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    json_body_limit: u64,
    /// What an upload with a Content-Encoding may decode to, such as 16GB [default: 16GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    decoded_body_limit: ByteSize,
    /// Different keys that the rows of a JSON body may have [default: 5000].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    row_key_limit: usize,
    /// Columns that one append may add to a table that is there [default: 200].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    new_column_limit: usize,
    /// What a compressed Arrow message may take once decompressed, such as 1GB [default: 1GB].
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    arrow_message_limit: ByteSize,
    /// Largest body of the Product Analytics API, in bytes, at least 4000000 [default: 16777216].
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    analytics_body_limit: u64,
    /// Connections that may be open at a time, all doors together [default: 16384, less where the system allows fewer
    /// open files].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    connection_limit: usize,
    /// Connections that each door may have open at a time [default: a quarter of --connection-limit].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    door_connection_limit: usize,
    /// Connections to the PostgreSQL port that may be without a login at a time; one more ends the oldest [default: a quarter
    /// of the port's].
    #[arg(long, value_name = "N", help_heading = "Limits")]
    login_limit: usize,
    /// Seconds that an HTTP connection may wait for its next request [default: 600].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    idle_connection_timeout: u64,
    /// Seconds after which a peer that the network no longer reaches is taken for lost, on every door [default: 120].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    lost_peer_timeout: u64,
    /// Seconds within which the program ends once it is asked to stop; running calls get most of them [default: 10].
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    shutdown_timeout: u64,

    /// How log lines are written [default: text].
    #[arg(long, value_name = "FORMAT", help_heading = "What it tells")]
    log_format: LogFormat,
    /// Do not answer /metrics.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_parser = BoolishValueParser::new(), value_name = "BOOL", help_heading = "What it tells")]
    no_metrics: bool,
    /// Send a span for each call to this OpenTelemetry collector, over OTLP/HTTP: http://localhost:4318.
    #[arg(long, value_name = "URL", help_heading = "What it tells")]
    otlp_endpoint: String,
    }
});

impl Options {
    /// This layer, completed by a weaker one.
    #[must_use]
    pub fn or(self, mut weaker: Self) -> Self {
        // Two names of one setting: the stronger layer's choice holds, whichever it used.
        if self.query_stream.is_some() || self.legacy_query_stream.is_some() {
            weaker.query_stream = None;
            weaker.legacy_query_stream = None;
        }
        self.fill(weaker)
    }
}
