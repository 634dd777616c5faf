//! The command line: one file per command.
//!
//! Why it exists: people and scripts use Hvelv through it. Commands that talk to a server are clients
//! like any other: they hold no key and read no store. `init`, `serve` and `check` run on the server's
//! host and only put together what `service::setup` and `rpc::server` give.
//!
//! Exit codes are those of [`Exit`], listed in `hvelv help` too. Results go to standard output, all
//! else to standard error. No message ever holds an identifier, a key or a passphrase.

mod access;
mod alias;
mod application;
mod approval;
mod audit;
mod backup;
mod bridge;
mod budget;
mod case;
mod check;
mod connect;
mod consent;
mod convert;
mod decision;
mod development;
mod disclosure;
mod error;
mod extract;
mod identity;
mod init;
mod innsyn;
mod keys;
mod local;
mod log;
mod order;
mod output;
mod passphrase;
mod pseudonymize;
mod random;
mod registers;
mod reservation;
mod restore;
mod retention;
mod reveal;
mod scan;
mod seal;
mod serve;
mod share;
mod status;
mod subject;
mod synth;
#[cfg(test)]
mod tests;
mod unseal;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use error::{Error, Exit};
pub use output::failure;

use crate::memory::process;

/// Keeps people's identities out of health data: fødselsnummer in, register ID out.
#[derive(Debug, Parser)]
#[command(name = "hvelv", version, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = init::EXAMPLES)]
    Init(init::InitCommand),
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::ServeOptions),
    #[command(after_help = unseal::EXAMPLES)]
    Unseal(unseal::UnsealOptions),
    #[command(after_help = keys::EXAMPLES)]
    Keys(keys::KeysCommand),
    #[command(after_help = seal::EXAMPLES)]
    Seal(seal::SealOptions),
    #[command(after_help = status::EXAMPLES)]
    Status(status::StatusOptions),
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckOptions),
    #[command(after_help = backup::EXAMPLES)]
    Backup(backup::BackupOptions),
    #[command(after_help = restore::EXAMPLES)]
    Restore(restore::RestoreOptions),
    #[command(after_help = restore::RESTORED_EXAMPLES)]
    Restored(restore::RestoredOptions),
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::VerifyOptions),
    #[command(after_help = registers::EXAMPLES)]
    Registers(registers::RegistersOptions),
    #[command(after_help = pseudonymize::EXAMPLES)]
    Pseudonymize(Box<pseudonymize::PseudonymizeOptions>),
    #[command(after_help = alias::EXAMPLES)]
    Alias(Box<alias::AliasCommand>),
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::AuditCommand),
    #[command(after_help = budget::EXAMPLES)]
    Budget(budget::BudgetCommand),
    #[command(after_help = reservation::EXAMPLES)]
    Reservation(reservation::ReservationCommand),
    #[command(after_help = consent::EXAMPLES)]
    Consent(consent::ConsentCommand),
    #[command(after_help = convert::EXAMPLES)]
    Convert(convert::ConvertCommand),
    #[command(after_help = reveal::EXAMPLES)]
    Reveal(reveal::RevealOptions),
    #[command(after_help = innsyn::EXAMPLES)]
    Innsyn(Box<innsyn::InnsynCommand>),
    #[command(after_help = case::EXAMPLES)]
    Case(Box<case::CaseCommand>),
    #[command(after_help = order::EXAMPLES)]
    Order(order::OrderCommand),
    #[command(after_help = retention::EXAMPLES)]
    Retention(retention::RetentionCommand),
    #[command(after_help = access::EXAMPLES)]
    Access(access::AccessCommand),
    #[command(after_help = approval::EXAMPLES)]
    Approval(approval::ApprovalCommand),
    #[command(after_help = application::EXAMPLES)]
    Application(application::ApplicationCommand),
    #[command(after_help = decision::EXAMPLES)]
    Decision(decision::DecisionCommand),
    #[command(after_help = disclosure::EXAMPLES)]
    Disclosure(Box<disclosure::DisclosureCommand>),
    #[command(after_help = bridge::EXAMPLES)]
    Bridge(bridge::BridgeCommand),
    #[command(after_help = extract::EXAMPLES)]
    Extract(extract::ExtractCommand),
    #[command(after_help = identity::EXAMPLES)]
    Identity(identity::IdentityCommand),
    #[command(after_help = synth::EXAMPLES)]
    Synth(synth::SynthOptions),
    #[command(after_help = scan::EXAMPLES)]
    Scan(scan::ScanOptions),
}

/// Runs the command line of this process.
///
/// # Errors
///
/// Why the command did not do what it was asked to. Errors of the command line itself are printed by
/// the parser, and the code is [`Exit::Usage`].
pub fn run() -> Result<Exit, Error> {
    process::keep_to_itself()
        .map_err(|cause| Error::internal(format!("cannot keep memory out of dumps: {cause}")))?;
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(said) => {
            // Help and version are answers, not errors; a reader that went away is neither.
            let _ = said.print();
            return Ok(if said.use_stderr() { Exit::Usage } else { Exit::Success });
        }
    };
    let cli = Cli::from_arg_matches(&matches)
        .map_err(|cause| Error::internal(format!("the parser disagrees with itself: {cause}")))?;
    match &cli.command {
        Command::Access(options) => access::run(options),
        Command::Alias(options) => alias::run(options),
        Command::Approval(options) => approval::run(options),
        Command::Application(options) => application::run(options),
        Command::Audit(options) => audit::run(options),
        Command::Backup(options) => backup::run(options),
        Command::Bridge(options) => bridge::run(options),
        Command::Budget(options) => budget::run(options),
        Command::Case(options) => case::run(options),
        Command::Check(options) => check::run(options),
        Command::Consent(options) => consent::run(options),
        Command::Convert(options) => convert::run(options),
        Command::Decision(options) => decision::run(options),
        Command::Disclosure(options) => disclosure::run(options),
        Command::Extract(options) => extract::run(options),
        Command::Identity(options) => identity::run(options),
        Command::Init(options) => init::run(options),
        Command::Innsyn(options) => innsyn::run(options),
        Command::Keys(options) => keys::run(options),
        Command::Order(options) => order::run(options),
        Command::Pseudonymize(options) => pseudonymize::run(options),
        Command::Registers(options) => registers::run(options),
        Command::Reservation(options) => reservation::run(options),
        Command::Restore(options) => restore::run(options),
        Command::Restored(options) => restore::run_restored(options),
        Command::Retention(options) => retention::run(options),
        Command::Reveal(options) => reveal::run(options),
        Command::Scan(options) => scan::run(options),
        Command::Seal(options) => seal::run(options),
        Command::Serve(options) => serve::run(options),
        Command::Status(options) => status::run(options),
        Command::Synth(options) => synth::run(options),
        Command::Unseal(options) => unseal::run(options),
        Command::Verify(options) => verify::run(options),
    }
}

/// The parser, with the exit codes in its help.
fn command() -> clap::Command {
    let codes: Vec<String> =
        Exit::ALL.iter().map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning())).collect();
    Cli::command().after_help(format!(
        "Examples are in the help of each command: hvelv help pseudonymize.\n\nExit codes:\n{}",
        codes.join("\n")
    ))
}
