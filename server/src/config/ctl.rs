//! The command line of `altertable-mock ctl` (CX-6).

use clap::{Args, Subcommand};

use crate::ctl::KeyValue;

/// Whom to ask, and for what.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct CtlOptions {
    /// Address of the server's Lakehouse door; by default the one that these flags and variables say, on this machine.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) url: Option<String>,
    /// The user to act as; by default the first one that these flags and variables declare.
    #[arg(id = "ctl-user", long = "as", value_name = "NAME:PASSWORD", global = true)]
    pub(crate) user: Option<String>,
    /// A key of the server's --control-key, which opens every tenant.
    #[arg(long, value_name = "KEY", global = true)]
    pub(crate) key: Option<String>,
    /// The tenant that a key acts on.
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) tenant: Option<String>,
    /// Print what the control plane answers, as JSON; of a list, a line for each entry.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: CtlCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// Show all tenants, make one, or remove one (with a key).
    Tenants {
        #[command(subcommand)]
        command: Option<TenantsCommand>,
    },
    /// Return the tenant, or these parts of it, to what it was at start.
    Reset {
        /// data, sessions, journal, faults, clock or tasks; all of them by default.
        parts: Vec<String>,
    },
    /// Add tables and events to what the tenant has: a .sql file, or a folder as --seed takes it.
    Seed {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What a file that is no .sql would be called in a seed's folder: `memory/main/orders.csv`.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Keep the tenant's state under a name.
    Snapshot {
        /// Letters, digits, dots, hyphens and underscores.
        name: String,
    },
    /// Make the tenant's state that of a snapshot.
    Restore {
        /// The snapshot.
        name: String,
    },
    /// Show the tenant's snapshots, or remove one.
    Snapshots {
        #[command(subcommand)]
        command: Option<SnapshotsCommand>,
    },
    /// Show the calls that were made.
    Requests(ListCommand),
    /// Show the events that the tenant's project has received.
    Events(ListCommand),
    /// Have calls fail as the settings say: `fail --on door=lakehouse status=503 times=1`.
    Fail {
        /// A condition that a call has to meet, such as `door=flight`, `statement='^INSERT'`, `headers.x-test=1`.
        #[arg(long = "on", value_name = "KEY=VALUE")]
        on: Vec<KeyValue>,
        /// What happens (`status=503`, `delay_ms=200`, `after.rows=10`), and times, skip, probability or seed.
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<KeyValue>,
    },
    /// Show the rules by which calls fail, and how often each acted; or remove one, or all.
    Faults {
        #[command(subcommand)]
        command: Option<FaultsCommand>,
    },
    /// Show the tenant's clock, or set it.
    Clock {
        #[command(subcommand)]
        command: Option<ClockCommand>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantsCommand {
    /// Make a tenant, and show its credentials: what is not given is made up.
    Add {
        /// Its name.
        user: Option<String>,
        /// Its password.
        #[arg(long)]
        password: Option<String>,
        /// The key of its analytics project.
        #[arg(long)]
        api_key: Option<String>,
        /// An environment of its project; may be given more than once.
        #[arg(long = "environment", value_name = "NAME")]
        environments: Vec<String>,
        /// A tenant that it begins as a copy of.
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// The snapshot of that tenant to begin with, rather than its present state.
        #[arg(long, value_name = "NAME", requires = "from")]
        snapshot: Option<String>,
    },
    /// Remove a tenant with all that it has.
    Remove {
        /// Its name.
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotsCommand {
    /// Remove a snapshot.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListCommand {
    /// Go on with each one that comes, until interrupted.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many of the latest to show.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub(crate) limit: u32,
    /// Only those that meet this condition. Of calls: door, operation, status, statement, error, table, event, session; of
    /// events: event, distinct_id, anonymous_id, device_id, session_id, request.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) conditions: Vec<KeyValue>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultsCommand {
    /// Remove the rule with this id, or all of them.
    Remove {
        /// Its id, as `faults` shows it.
        id: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Set it to a time, from which it goes on: `clock set 2030-01-01T00:00:00Z`.
    Set {
        /// RFC 3339.
        at: String,
    },
    /// Stop it, at a time or where it is.
    Freeze {
        /// RFC 3339.
        at: Option<String>,
    },
    /// Move it ahead: `clock advance P31D`, `PT1H30M`, or a number of milliseconds.
    Advance {
        /// An ISO 8601 duration, or milliseconds.
        by: String,
    },
    /// Return to the machine's.
    Reset,
}
