//! The command line.
use crate::settings::HELP;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Private one-to-one chat that you host yourself.
#[derive(Parser)]
#[command(name = "sotto", version, after_help = HELP)]
pub struct Cli {
    /// What to do; `serve` if nothing is given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Default, Subcommand)]
pub enum Command {
    /// Serve the site until told to stop
    #[default]
    Serve,
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Look at every part with the settings in force, and say what to do
    Doctor(DoctorArgs),
    /// Ask Sotto, or a part it needs, how it is
    #[command(subcommand)]
    Check(CheckCommand),
    /// Prepare the database server
    #[command(subcommand)]
    Mongodb(MongodbCommand),
    /// Handle the files that a proxy may serve itself
    #[command(subcommand)]
    Assets(AssetsCommand),
    /// Print the API's description (OpenAPI)
    Openapi,
    /// Draw the picture in the standard input, for a server that started this
    #[command(name = adapter_images::PICTURE, hide = true)]
    DrawPicture,
    /// Draw a preview of the image in the standard input, for a server that started this
    #[command(name = adapter_images::PREVIEW, hide = true)]
    DrawPreview,
}

/// How to look.
#[derive(Args)]
pub struct DoctorArgs {
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
    /// How to trust the public URL.
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Which certificates to take.
#[derive(Args)]
pub struct TrustArgs {
    /// Also trust the certificates in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Take any certificate
    #[arg(long)]
    pub insecure: bool,
}

/// What to ask.
#[derive(Subcommand)]
pub enum CheckCommand {
    /// Whether a running Sotto can serve: exit code 0 if so, else 1
    Health(HealthArgs),
    /// Whether the database server that is set can be used
    Mongodb,
    /// Whether the Redis that is set can be used
    Redis,
}

/// What to prepare.
#[derive(Subcommand)]
pub enum MongodbCommand {
    /// Make the server that is set a replica set of one; changes nothing if it is in one
    Initiate(InitiateArgs),
}

/// How to make it.
#[derive(Args)]
pub struct InitiateArgs {
    /// What the replica set is called
    #[arg(long, default_value = "rs0")]
    pub name: String,
    /// Where everybody reaches the server [default: where it is set to be]
    #[arg(long, value_name = "HOST:PORT")]
    pub member: Option<String>,
    /// Also make the user of the connection string in this file, who may use its database alone
    #[arg(long, value_name = "FILE")]
    pub application_uri_file: Option<PathBuf>,
}

/// Whom to ask.
#[derive(Args)]
pub struct HealthArgs {
    /// Where Sotto is [default: where it is set to listen]
    #[arg(long)]
    pub url: Option<String>,
    /// How to trust it.
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// What to do with the files.
#[derive(Subcommand)]
pub enum AssetsCommand {
    /// Write them as they are served below /static/, compressed ones as .gz beside them
    Export(ExportArgs),
}

/// Where they go.
#[derive(Args)]
pub struct ExportArgs {
    /// The folder that a proxy serves as /static/; made if it is not there
    pub dir: PathBuf,
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Make an account
    Create(CreateUserArgs),
    /// List all accounts, in the order in which they joined
    List(OutputArgs),
    /// Show an account, or a sign-up whose address is not proved
    Show(NamedUserArgs),
    /// Keep somebody out: ends their sessions, and they can't sign in
    Disable(NamedUserArgs),
    /// Let somebody in again
    Enable(NamedUserArgs),
    /// Take the address of a sign-up as proved: it becomes an account
    Verify(NamedUserArgs),
    /// Set a password; ends their sessions
    SetPassword(SetPasswordArgs),
    /// Ask somebody who lost their second factor for the password alone
    ResetSecondFactor(NamedUserArgs),
    /// Delete an account for good, or a sign-up
    Delete(DeleteUserArgs),
}

/// How to answer.
#[derive(Args)]
pub struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Whom it is about.
#[derive(Args)]
pub struct NamedUserArgs {
    /// Their username or email address
    #[arg(value_name = "USERNAME|EMAIL")]
    pub user: String,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The password to set.
#[derive(Args)]
pub struct SetPasswordArgs {
    /// Whose.
    #[command(flatten)]
    pub named: NamedUserArgs,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

/// Whom to delete.
#[derive(Args)]
pub struct DeleteUserArgs {
    /// Whom.
    #[command(flatten)]
    pub named: NamedUserArgs,
    /// Really: there is no way back
    #[arg(long, required = true)]
    pub yes: bool,
}

/// The account to make.
#[derive(Args)]
pub struct CreateUserArgs {
    /// Its username
    #[arg(long)]
    pub username: String,
    /// Its email address
    #[arg(long)]
    pub email: String,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Take the address as proved; otherwise its owner proves it at the first sign-in, within a day
    #[arg(long)]
    pub verified: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}
