//! Holds a server to the behaviour spec from the command line.

use altertable_mock_conformance::choice::Choice;
use altertable_mock_conformance::fault::{During as _, Fault, Result};
use altertable_mock_conformance::outcomes;
use altertable_mock_conformance::quirks::glob;
use altertable_mock_conformance::report::{self, Tally};
use altertable_mock_conformance::run;
use altertable_mock_conformance::spec::{self, Case};
use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Hold any Altertable server to the behaviour spec. Exit code 0: as the spec says; 1: not so; 2: could not run.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Folder of the spec files; the ones this program was built from if not given.
    #[arg(long, global = true)]
    spec: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run cases.
    Run(Box<Run>),
    /// List cases and their clauses.
    List(Which),
    /// Show the steps of cases.
    Explain(Which),
}

#[derive(Args)]
struct Which {
    /// Cases by id; `*` stands for any text.
    case: Vec<String>,
    /// Cases by clause, such as `LQ-*`.
    #[arg(long)]
    clause: Vec<String>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    choice: Choice,
    /// Cases at a time.
    #[arg(long, default_value_t = 16)]
    jobs: usize,
    /// Write JUnit XML here.
    #[arg(long)]
    junit: Option<PathBuf>,
    /// Write a Markdown table here.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Write the outcome of each case here, as JSON.
    #[arg(long, env = "CONFORMANCE_REPORT")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match act(Cli::parse()) {
        Ok(code) => code,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "altertable-conformance: {fault}");
            ExitCode::from(2)
        }
    }
}

fn act(cli: Cli) -> Result<ExitCode> {
    let cases = spec::load_all(&cli.spec.unwrap_or_else(spec::folder))?;
    let mut out = std::io::stdout();
    match cli.command {
        Command::Run(options) => run_cases(&options, &options.which.of(&cases)?),
        Command::List(which) => {
            for case in which.of(&cases)? {
                writeln!(out, "{}  ({})", case.id, case.clauses.join(", ")).during("writing")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Explain(which) => {
            for case in which.of(&cases)? {
                let steps = serde_norway::to_string(&case.steps).during("writing")?;
                let (clauses, flags) = (case.clauses.join(", "), case.server.join(" "));
                writeln!(out, "# {}\n# clauses: {clauses}\n# server:  {flags}\n{steps}", case.id)
                    .during("writing")?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Which {
    fn of(&self, cases: &[Case]) -> Result<Vec<Case>> {
        let by_id =
            |case: &Case| self.case.is_empty() || self.case.iter().any(|pattern| glob(pattern, &case.id));
        let by_clause = |case: &Case| {
            self.clause.is_empty()
                || self.clause.iter().any(|pattern| case.clauses.iter().any(|clause| glob(pattern, clause)))
        };
        let found: Vec<Case> = cases.iter().filter(|case| by_id(case) && by_clause(case)).cloned().collect();
        if found.is_empty() { Err(Fault::new("no case matches; `list` shows them all")) } else { Ok(found) }
    }
}

fn run_cases(options: &Run, cases: &[Case]) -> Result<ExitCode> {
    let target = options.choice.target()?;
    let runtime = altertable_mock::runtime().during("starting")?;
    let started = std::time::Instant::now();
    let results = runtime.block_on(run::run_all(&target, cases, options.jobs, |result| {
        if result.verdict.is_bad() {
            let _ = writeln!(std::io::stdout(), "{}\n", report::told(result));
        }
    }));
    runtime.block_on(target.stop_for_exit());
    let tally = Tally::of(&results);
    let took = started.elapsed().as_secs_f64();
    let Tally { passed, bad, known, skipped } = tally;
    let summary =
        format!("{passed} passed, {bad} failed, {known} known failures, {skipped} skipped in {took:.1} s");
    writeln!(std::io::stdout(), "{summary}").during("writing")?;
    if let Some(path) = &options.junit {
        std::fs::write(path, report::junit(&results)?).during(&path.display().to_string())?;
    }
    if let Some(path) = &options.report {
        std::fs::write(path, report::markdown(&results)).during(&path.display().to_string())?;
    }
    if let Some(path) = &options.json {
        std::fs::write(path, outcomes::json(&results)?).during(&path.display().to_string())?;
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
