//! `sotto user …`: accounts, beside a running server or without one.
use crate::{
    cli::{CreateUserArgs, NamedUserArgs, OutputArgs, UserCommand},
    parts::Parts,
    settings::Settings,
};
use anyhow::{Context, Result, anyhow};
use application::accounts::{Administer, Known, Named, NewUser};
use domain::{email::Email, registration::Registration, rfc3339, user::User, username::Username};
use serde::Serialize;
use std::io::{BufRead, BufWriter, Write};

/// How many accounts are read at once.
const PAGE: usize = 500;

/// An account or a sign-up as it is printed.
#[derive(Serialize)]
struct Shape<'a> {
    /// `null` for a sign-up: it has none yet.
    id: Option<String>,
    username: &'a str,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    /// `active`, `disabled`, `unproved`, or what was just done to it: `deleted`.
    status: &'static str,
    has_password: bool,
    google_linked: bool,
    /// Whether signing in asks for more than the password; only where one account is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factor: Option<bool>,
    /// When the account was opened, or the sign-up begun.
    joined_at: String,
    disabled_at: Option<String>,
}

/// Runs a command.
pub async fn run(command: UserCommand, settings: &Settings) -> Result<()> {
    match command {
        UserCommand::Create(args) => create(args, settings).await,
        UserCommand::List(args) => list(&args, settings).await,
        UserCommand::Show(args) => {
            let (named, parts) = (parse(&args)?, Parts::open(settings).await?);
            show(&args.output, &parts.administer(), &named).await
        }
        UserCommand::Disable(args) => {
            let (named, parts) = (parse(&args)?, Parts::open(settings).await?);
            let user = parts.administer().disable(&named).await?;
            parts.bus.flush().await;
            print(&args.output, &Shape::of_user(&user), "disabled ")
        }
        UserCommand::Enable(args) => {
            let named = parse(&args)?;
            let user = Parts::open(settings).await?.administer().enable(&named).await?;
            print(&args.output, &Shape::of_user(&user), "enabled ")
        }
        UserCommand::Verify(args) => {
            let named = parse(&args)?;
            let user = Parts::open(settings).await?.administer().verify(&named).await?;
            print(&args.output, &Shape::of_user(&user), "verified ")
        }
        UserCommand::SetPassword(args) => {
            let (named, password) = (parse(&args.named)?, read_password()?);
            let parts = Parts::open(settings).await?;
            let user = parts.administer().set_password(&named, &password).await?;
            parts.bus.flush().await;
            print(&args.named.output, &Shape::of_user(&user), "set the password of ")
        }
        UserCommand::ResetSecondFactor(args) => {
            let named = parse(&args)?;
            let user =
                Parts::open(settings).await?.administer().reset_second_factor(&named).await?;
            print(&args.output, &Shape::of_user(&user), "reset the second factor of ")
        }
        UserCommand::Delete(args) => {
            let (named, parts) = (parse(&args.named)?, Parts::open(settings).await?);
            let known = parts.administer().delete(&named).await?;
            parts.bus.flush().await;
            let shape = Shape { status: "deleted", ..Shape::of(&known) };
            print(&args.named.output, &shape, "deleted ")
        }
    }
}

/// Shows an account, and whether it asks for a second factor.
async fn show(output: &OutputArgs, administer: &Administer, named: &Named) -> Result<()> {
    let known = administer.find(named).await?;
    let second_factor = match &known {
        Known::Account(user) => administer.has_second_factor(user).await?,
        Known::SignUp(_) => false,
    };
    print(output, &Shape { second_factor: Some(second_factor), ..Shape::of(&known) }, "")
}

/// Makes an account.
async fn create(args: CreateUserArgs, settings: &Settings) -> Result<()> {
    let username =
        Username::parse(&args.username).map_err(|error| anyhow!("--username: {error}"))?;
    let email = Email::parse(&args.email).map_err(|error| anyhow!("--email: {error}"))?;
    let password = read_password()?;
    let parts = Parts::open(settings).await?;
    let (name, address) = (username.as_str().to_owned(), Named::Email(email.clone()));
    let new = NewUser { username, email, password, verified: args.verified };
    let id = parts.create_user().execute(new).await?;
    if args.output.json {
        return print(&args.output, &Shape::of(&parts.administer().find(&address).await?), "");
    }
    let mut out = std::io::stdout();
    match id {
        Some(id) => writeln!(out, "created {name} ({id})")?,
        None => writeln!(
            out,
            "created {name}; the address is proved by a code mailed at the first sign-in"
        )?,
    }
    Ok(())
}

/// Prints one page after another, so that there may be any number of accounts.
async fn list(args: &OutputArgs, settings: &Settings) -> Result<()> {
    let administer = Parts::open(settings).await?.administer();
    let mut out = BufWriter::new(std::io::stdout());
    if args.json {
        write!(out, "{{\"users\":[")?;
    }
    let (mut last, mut comma) = (None, "");
    loop {
        let page = administer.list(last, PAGE).await?;
        for user in &page {
            let shape = Shape::of_user(user);
            if args.json {
                write!(out, "{comma}{}", serde_json::to_string(&shape)?)?;
                comma = ",";
            } else {
                writeln!(out, "{}", shape.line())?;
            }
        }
        last = page.last().map(|user| user.id);
        if page.len() < PAGE {
            break;
        }
    }
    if args.json {
        writeln!(out, "]}}")?;
    }
    Ok(out.flush()?)
}

fn parse(args: &NamedUserArgs) -> Result<Named> {
    Named::parse(&args.user)
        .with_context(|| format!("{:?} is neither a username nor an email address", args.user))
}

fn print(args: &OutputArgs, shape: &Shape<'_>, done: &str) -> Result<()> {
    let mut out = std::io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(shape)?)?;
    } else {
        writeln!(out, "{done}{}", shape.line())?;
    }
    Ok(())
}

impl<'a> Shape<'a> {
    fn of(known: &'a Known) -> Self {
        match known {
            Known::Account(user) => Self::of_user(user),
            Known::SignUp(registration) => Self::of_sign_up(registration),
        }
    }

    fn of_user(user: &'a User) -> Self {
        Self {
            id: Some(user.id.to_string()),
            username: user.username.as_str(),
            email: user.email.as_str(),
            first_name: user.first_name.as_str(),
            last_name: user.last_name.as_str(),
            status: if user.disabled_at.is_some() { "disabled" } else { "active" },
            has_password: user.password.is_some(),
            google_linked: user.google.is_some(),
            second_factor: None,
            joined_at: rfc3339(user.joined_at),
            disabled_at: user.disabled_at.map(rfc3339),
        }
    }

    fn of_sign_up(registration: &'a Registration) -> Self {
        Self {
            id: None,
            username: registration.username.as_str(),
            email: registration.email.as_str(),
            first_name: registration.first_name.as_str(),
            last_name: registration.last_name.as_str(),
            status: "unproved",
            has_password: true,
            google_linked: false,
            second_factor: None,
            joined_at: rfc3339(registration.created_at),
            disabled_at: None,
        }
    }

    /// Nothing in it can start a line or move a cursor: names hold no control characters.
    fn line(&self) -> String {
        let id = self.id.as_deref().unwrap_or("-");
        let Self { username, email, status, joined_at, .. } = self;
        let second_factor = match self.second_factor {
            Some(true) => "\tsecond factor",
            Some(false) | None => "",
        };
        format!("{username}\t{email}\t{status}\t{joined_at}\t{id}{second_factor}")
    }
}

fn read_password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password can't be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
